from __future__ import annotations

import difflib

from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.recent import (
    CHARS,
    HUNK_LINES,
    Edit,
    Hunk,
    differing,
    hunks,
    pack,
    render,
)

TEXT = [f"line {n}" for n in range(40)]


def changed(*edits: tuple[int, int, list[str]], text: list[str] = TEXT) -> list[str]:
    now = list(text)
    for start, end, lines in reversed(edits):
        now[start:end] = lines
    return now


def test_a_changed_line_is_shown_between_three_lines_on_each_side():
    assert hunks(TEXT, changed((10, 11, ["new"])), first=100) == [
        Hunk(
            110,
            (
                " line 7",
                " line 8",
                " line 9",
                "-line 10",
                "+new",
                " line 11",
                " line 12",
                " line 13",
            ),
        )
    ]


def test_the_same_text_has_no_hunks():
    assert hunks(TEXT, TEXT) == []
    assert hunks([], []) == []
    assert hunks([], ["a"]) == [Hunk(0, ("+a",))]
    assert hunks(["a"], []) == [Hunk(0, ("-a",))]


def test_changes_close_together_are_one_hunk_and_others_are_not():
    close = hunks(TEXT, changed((10, 11, ["a"]), (14, 15, ["b"])))
    assert [hunk.line for hunk in close] == [10]
    assert " line 12" in close[0].lines
    far = hunks(TEXT, changed((10, 11, ["a"]), (30, 31, [])))
    assert [hunk.line for hunk in far] == [10, 30]


def test_blanks_alone_are_no_edit():
    assert hunks(TEXT, changed((10, 10, ["", "  "]))) == []
    assert hunks(TEXT, changed((10, 11, ["    line 10"]))) == []
    assert hunks(TEXT, changed((10, 11, ["line  1 0"]), (11, 11, [""]))) == []


def test_a_long_hunk_is_cut_and_shows_what_is_new():
    (hunk,) = hunks(TEXT, changed((5, 25, [f"new {n}" for n in range(20)])))
    assert len(hunk.lines) == HUNK_LINES
    assert sum(line.startswith("-") for line in hunk.lines) == HUNK_LINES // 2
    assert sum(line.startswith("+") for line in hunk.lines) == HUNK_LINES // 2
    assert max(map(len, hunks(["a"], ["x" * 9999])[0].lines)) < 200


def test_a_rewritten_part_is_one_change():
    old = ["x", *(f"old {n}" for n in range(200)), "y"]
    new = ["x", *(f"new {n}" for n in range(200)), "y"]
    (hunk,) = hunks(old, new)
    assert hunk.line == 1
    assert hunk.lines[0] == "-old 0"
    assert hunk.lines[-1] == "+new 4"


def test_two_edits_far_apart_in_a_long_text_are_two_changes():
    text = [f"line {n}" for n in range(5000)]
    now = changed((10, 11, ["a"]), (4990, 4991, ["b"]), text=text)
    assert [hunk.line for hunk in hunks(text, now)] == [10, 4990]


def test_the_latest_that_fit_are_packed():
    edits = [Edit("a", Hunk(n, ("+" + "x" * 99,))) for n in range(30)]
    assert pack(edits) == edits[:8]
    assert pack(edits, room=250) == edits[:2]
    assert pack([Edit("a", Hunk(0, ("+" + "x" * CHARS,))), *edits]) == []
    assert pack([]) == []


def test_a_diff_is_in_the_files_order_and_without_numbers():
    assert render([Hunk(9, ("+b",)), Hunk(1, (" x", "-a"))]) == "@@\n x\n-a\n@@\n+b"
    assert render([]) == ""


def test_moved_pieces_are_found_in_order():
    assert list(differing("abcdef", "abXdef")) == [(2, 3, 2, 3)]
    assert list(differing("abc", "cab")) == [(0, 2, 0, 0), (3, 3, 1, 3)]
    assert list(differing("abc", "abc")) == []


LINES = st.lists(st.sampled_from(["a", "b", "c", "d = 1", "", "x"]), max_size=25)


@given(LINES, LINES)
def test_what_differs_and_what_is_left_give_the_new_text(old: list[str], new: list[str]):
    made: list[str] = []
    at = 0
    for start, end, low, high in differing(old, new):
        made += old[at:start]
        assert len(made) == low
        made += new[low:high]
        at = end
    assert made + old[at:] == new


@given(LINES, LINES)
def test_a_hunk_holds_only_lines_of_the_two_texts(old: list[str], new: list[str]):
    for hunk in hunks(old, new):
        assert len(hunk.lines) <= HUNK_LINES
        assert all(line[1:] in (old if line[0] == "-" else new) for line in hunk.lines)
        assert hunk.line <= len(new)
        assert hunk.size == len("@@\n" + "\n".join(hunk.lines)) + 1


@given(LINES, LINES)
def test_a_diff_misses_nothing_but_blanks(old: list[str], new: list[str]):
    plain = [line for line in difflib.ndiff(old, new) if line[0] in "+-" and line[2:].strip()]
    if not hunks(old, new):
        removed = "".join(line[2:] for line in plain if line[0] == "-")
        added = "".join(line[2:] for line in plain if line[0] == "+")
        assert sorted(removed) == sorted(added)
