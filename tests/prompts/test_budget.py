from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_prompts.budget import Budget, cut_prefix, cut_suffix, estimate, fit
from polypilot_prompts.context import CursorContext, Snippet


def numbered(count: int, start: int = 0) -> str:
    return "".join(f"line number {n:05d}\n" for n in range(start, start + count))


def test_three_bytes_are_a_token():
    assert [estimate(text) for text in ("", "a", "abc", "abcd", "日本", "é")] == [0, 1, 1, 2, 2, 1]


def test_what_fits_stays_whole():
    context = CursorContext("a\nb", "c\nd", line=1)
    fitted = fit(context, [Snippet("x.py", "x")], Budget(tokens=1000))
    assert (fitted.prefix, fitted.suffix) == ("a\nb", "c\nd")
    assert [s.path for s in fitted.snippets] == ["x.py"]


def test_snippets_are_taken_best_first_and_ordered_by_path():
    snippets = [Snippet(name, "x" * 300) for name in ("c", "b", "a", "d")]
    fitted = fit(CursorContext("p", "s"), snippets, Budget(tokens=1400))
    assert [s.path for s in fitted.snippets] == ["a", "b", "c"]


def test_a_snippet_that_does_not_fit_is_cut_to_whole_lines_from_its_start():
    window = numbered(60)
    snippets = [Snippet("a.py", "x\n" * 20), Snippet("b.py", window), Snippet("c.py", "x")]
    fitted = fit(CursorContext("p", "s"), snippets, Budget(tokens=1000))
    first, cut = fitted.snippets  # no more is taken after one that was cut
    assert (first.path, cut.path) == ("a.py", "b.py")
    assert window.startswith(cut.text)
    assert cut.text.endswith("\n")
    assert cut.text.count("\n") >= 20
    assert sum(estimate(s.path + s.text) + 12 for s in fitted.snippets) <= 250
    one_more = numbered(cut.text.count("\n") + 1)
    assert estimate("a.py" + "x\n" * 20) + estimate("b.py" + one_more) + 24 > 250


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_fewer_than_eight_lines_are_left_out_and_the_next_is_tried(eol: str):
    window = numbered(60).replace("\n", eol)
    eight = window[: len(f"line number 00000{eol}") * 8]
    snippets = [Snippet("b.py", window), Snippet("z.py", "small")]
    fitting = estimate("b.py") + estimate(eight) + 12

    def taken(room: int) -> list[str]:
        budget = Budget(tokens=room * 2, snippets=0.5)
        return [s.text for s in fit(CursorContext("p", "s"), snippets, budget).snippets]

    assert taken(fitting) == [eight]
    assert taken(fitting - 1) == ["small"]


def test_a_long_line_in_a_snippet_is_not_cut_inside():
    snippets = [Snippet("a", "x" * 9_000), Snippet("b", "y\n" * 7 + "x" * 9_000), Snippet("c", "z")]
    assert fit(CursorContext("p", "s"), snippets, Budget(tokens=1000)).snippets == (snippets[2],)


def test_suffix_is_cut_at_a_line_end():
    suffix = numbered(100)
    cut = cut_suffix(suffix, 50)
    assert suffix.startswith(cut)
    assert cut.endswith("\n")
    assert 0 < estimate(cut) <= 50


def test_a_long_first_line_of_the_suffix_is_cut_inside():
    assert cut_suffix("x" * 1000 + "\n", 10) == "x" * 30
    assert estimate(cut_suffix("é" * 1000 + "\n", 10)) <= 10
    assert cut_suffix("x" * 1000, 0) == ""


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_prefix_starts_at_a_line_whose_number_is_a_multiple_of_the_step(eol: str):
    prefix = numbered(200).replace("\n", eol) + "tail"
    cut = cut_prefix(CursorContext(prefix, "", line=200), 500)
    assert prefix.endswith(cut)
    first = int(cut.split()[2])
    assert first % 16 == 0
    assert estimate(cut) <= 500


def test_keys_on_one_line_keep_the_head_of_the_prompt():
    heads: list[str] = []
    budget = Budget(tokens=700)
    for typed in range(60):
        context = CursorContext(numbered(200) + "x" * typed, "\nrest\n", line=200)
        fitted = fit(context, (), budget)
        assert estimate(fitted.prefix) <= 700
        heads.append(fitted.prefix[:400])
    assert len(set(heads)) <= 2  # it moves once, when the line has outgrown the room
    assert heads[0] == heads[20]


def test_new_lines_move_the_head_only_once_per_step():
    starts: list[str] = []
    for count in range(200, 264):
        context = CursorContext(numbered(count), "", line=count)
        starts.append(cut_prefix(context, 500).split("\n")[0])
    assert len(set(starts)) <= 64 // 16 + 1


def test_a_window_gives_the_same_head_as_the_whole_document():
    whole = numbered(300)
    expected = cut_prefix(CursorContext(whole, "", line=300), 500)
    for width in (3000, 3001, 3010):
        window = whole[-width:]
        assert cut_prefix(CursorContext(window, "", line=300), 500) == expected


def test_half_a_line_at_the_window_start_is_not_sent():
    cut = cut_prefix(CursorContext("rest of a line\nb\nc", "", line=10), 100)
    assert cut == "b\nc"


def test_a_smaller_step_is_taken_when_no_multiple_fits():
    prefix = numbered(25) + "t"
    cut = cut_prefix(CursorContext(prefix, "", line=25), 45)
    assert cut.startswith("line number 00018")  # 16 does not fit, and 20 is a third of what does


def test_a_larger_step_moves_the_start_less_often():
    def starts(step: int) -> int:
        cuts = (
            cut_prefix(CursorContext(numbered(count), "", line=count), 2000, step=step)
            for count in range(600, 920)
        )
        return len({cut.split("\n")[0] for cut in cuts})

    assert Budget().step_lines == 64
    assert starts(64) <= 320 / 64 + 1
    assert starts(16) > 3 * starts(64)


def test_without_a_line_that_starts_well_the_first_that_fits_is_taken():
    prefix = "a" * 90 + "\n" + "b" * 9
    assert cut_prefix(CursorContext(prefix, "", line=1), 20) == "b" * 9


def test_a_line_that_alone_is_too_long_is_cut_at_steady_places():
    starts: set[int] = set()
    for typed in range(100):
        line = "x" * (5000 + typed)
        cut = cut_prefix(CursorContext(line, "", line=0, column=len(line)), 500)
        assert estimate(cut) <= 500
        starts.add(len(line) - len(cut))
    assert len(starts) <= 2
    assert all(start % 256 == 0 for start in starts)


def test_a_window_into_a_long_line_counts_from_the_true_start():
    line = "abcdefgh" * 1000
    whole = cut_prefix(CursorContext(line, "", line=0, column=8000), 500)
    window = cut_prefix(CursorContext(line[-3000:], "", line=0, column=8000), 500)
    assert whole == window


def test_a_long_line_within_a_tiny_budget():
    line = "x" * 1000
    assert cut_prefix(CursorContext(line, "", line=0, column=1000), 20) == "x" * 60
    assert cut_prefix(CursorContext(line, "", line=0, column=1000), 0) == ""


def test_a_short_window_inside_a_line_is_kept():
    context = CursorContext("tail", "", line=3, column=400)
    assert cut_prefix(context, 100) == "tail"


def test_an_empty_prefix_stays_empty():
    assert cut_prefix(CursorContext("", "", line=0), 100) == ""
    assert cut_prefix(CursorContext("", ""), 100) == ""


TEXT = st.text(st.sampled_from("ab \n\r\té😀\ud800"), max_size=300)


@settings(deadline=None)
@given(TEXT, TEXT, st.integers(0, 60), st.integers(0, 40))
def test_fitting_never_exceeds_the_budget_nor_invents_text(
    before: str, after: str, tokens: int, line: int
):
    context = CursorContext(before, after, line=line, column=len(before))
    fitted = fit(context, [Snippet("a", after)], Budget(tokens=tokens))
    assert before.endswith(fitted.prefix)
    assert after.startswith(fitted.suffix)
    used = estimate(fitted.prefix) + estimate(fitted.suffix)
    used += sum(estimate(s.text) for s in fitted.snippets)
    assert used <= tokens


def test_shares_are_data():
    context = CursorContext(numbered(400), numbered(400), line=400)
    default = fit(context, (), Budget(tokens=1000))
    more = fit(context, (), replace(Budget(tokens=1000), suffix=0.5))
    assert estimate(default.suffix) <= 150 < estimate(more.suffix) <= 500
    assert estimate(default.prefix) > 500
