from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.similar import (
    FILE_CHARS,
    Corpus,
    Ranked,
    choose,
    neighbourhood,
    whole_lines,
    windows_of,
)


def block(topic: str, lines: int = 60) -> str:
    return "".join(
        f"{topic}_value_{n} = compute_{topic}(load_{topic}, {n})\n" for n in range(lines)
    )


def corpus(**files: str) -> Corpus:
    found = Corpus()
    for name, text in files.items():
        found.put(name, f"{name}.py", text)
    return found


# --- the text to compare with


def test_the_query_is_the_last_lines_and_the_whole_words_of_the_cursors():
    prefix = "".join(f"line{n}\n" for n in range(100)) + "result = loa"
    assert neighbourhood(prefix) == "\n".join([*(f"line{n}" for n in range(40, 100)), "result"])


def test_the_query_stays_while_a_word_is_typed():
    assert len({neighbourhood("one\r\ntwo = " + part) for part in ("", "l", "lo", "load")}) == 1
    assert neighbourhood("one\ntwo = load(") != neighbourhood("one\ntwo = ")


# --- windows


@pytest.mark.parametrize(
    ("text", "limit", "head"),
    [
        ("ab\ncd\n", 6, "ab\ncd\n"),
        ("ab\ncd\nef", 5, "ab\n"),
        ("ab\ncd\nef", 6, "ab\ncd\n"),
        ("abcd", 2, ""),
    ],
)
def test_a_text_is_cut_behind_a_line(text: str, limit: int, head: str):
    assert whole_lines(text, limit) == head


def test_windows_begin_at_round_line_numbers_and_overlap():
    found = windows_of("a", "a.py", block("alpha", 100))
    assert [window.first for window in found] == [0, 20, 40]
    assert [window.text.count("\n") + 1 for window in found] == [60, 60, 60]


def test_windows_of_a_part_have_the_lines_they_have_in_the_file():
    text = block("alpha", 100)
    part = "".join(text.splitlines(keepends=True)[30:])
    found = windows_of("a", "a.py", part, first=30)
    assert [window.first for window in found] == [30, 40]
    assert found[1].text == "\n".join(text.splitlines()[40:100])


def test_a_window_without_words_is_none():
    assert windows_of("a", "a.py", "\n" * 200) == []
    assert windows_of("a", "a.py", "") == []


def test_only_the_head_of_a_long_text_is_looked_at_in_whole_lines():
    text = block("alpha", 1000)
    last = windows_of("a", "a.py", text)[-1]
    assert text.startswith(last.text[-200:], text.index(last.text[-200:]))
    assert last.text.endswith(")")
    assert last.first * len(text) / 1000 < FILE_CHARS


@given(st.text(alphabet="ab_ \n\r\té😀", max_size=300), st.integers(0, 50))
def test_every_window_is_whole_lines_of_the_text(text: str, first: int):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for window in windows_of("a", "a.py", text, first):
        at = window.first - first
        assert window.text.split("\n")[-1] in lines
        assert lines[at : at + 60] or not window.text


# --- ranking


def test_the_window_about_the_same_thing_comes_first():
    found = corpus(other=block("beta"), same=block("gamma") + block("alpha"))
    best = found.rank(neighbourhood(block("alpha", 20)))[0].window
    assert (best.name, best.first) == ("same", 60)


def test_a_window_that_shares_hardly_a_word_is_left_out():
    assert corpus(other="alpha = beta\n").rank("alpha beta") == []
    assert corpus(other="alpha = beta + gamma\n").rank("alpha beta gamma")


def test_a_rare_word_counts_for_more_than_a_common_one():
    common = "alpha beta gamma delta\n"
    files = {f"common{n}": common for n in range(8)}
    found = corpus(**files, rare="alpha beta omega delta\n")
    assert found.rank("alpha beta gamma omega delta")[0].window.name == "rare"


def test_equal_windows_are_ordered_by_path():
    ranked = corpus(b=block("alpha"), a=block("alpha")).rank(block("alpha", 5))
    assert [each.window.name for each in ranked] == ["a", "b"]
    assert ranked[0].score == ranked[1].score


def test_a_file_put_in_again_replaces_what_it_was():
    found = corpus(a=block("alpha"), b=block("beta"))
    found.put("a", "a.py", block("gamma"))
    found.drop("unknown")
    fresh = corpus(b=block("beta"), a=block("gamma"))
    query = block("gamma", 9) + block("alpha", 9)
    assert list(found.matches(query)) == list(fresh.matches(query))
    found.keep({"a"})
    assert "a" in found
    assert "b" not in found
    assert list(found.matches(query)) == list(corpus(a=block("gamma")).matches(query))


def test_files_may_go_while_a_comparison_rests():
    found = corpus(a=block("alpha"), b=block("alpha"))
    steps = found.matches(block("alpha", 5))
    next(steps)
    found.keep(())
    assert [len(some) for some in steps] == [1]
    assert list(found.matches("alpha")) == []


def test_the_order_in_which_files_come_makes_no_difference():
    files = {
        f"f{n}": block(
            random.Random(n).choice(  # noqa: S311 - made-up text
                ["alpha", "beta", "gamma"]
            ),
            90,
        )
        for n in range(9)
    }
    query = block("alpha", 30)
    first = corpus(**files).rank(query)
    assert first == corpus(**dict(reversed(files.items()))).rank(query)


def test_no_process_ranks_otherwise_than_another():
    code = (
        "import random; from polypilot_prompts.similar import Corpus, choose\n"
        "made = random.Random(7); words = [f'word{n}' for n in range(300)]\n"
        "text = lambda: '\\n'.join(' '.join(made.choices(words, k=9)) for _ in range(120))\n"
        "c = Corpus()\n"
        "for n in range(12): c.put(str(n), f'{n}.py', text())\n"
        "r = c.rank(text()); print([(e.window.spot, repr(e.score)) for e in r])\n"
        "print([w.spot for w in choose(r)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


# --- choosing


def ranked(*scores: tuple[str, int, float]) -> list[Ranked]:
    window = windows_of("x", "x.py", "alpha beta gamma\n")[0]
    return [
        Ranked(replace(window, name=name, path=name, first=first), score)
        for name, first, score in scores
    ]


def spots(*args: object, **how: object) -> list[tuple[str, int]]:
    return [window.spot for window in choose(*args, **how)]  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (handed on)


def test_each_file_gives_its_best_window_and_four_files_do():
    found = ranked(("a", 0, 9), ("a", 20, 8), ("b", 0, 7), ("c", 0, 6), ("d", 0, 5), ("e", 0, 4))
    assert spots(found) == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]
    assert spots(found, limit=2) == [("a", 0), ("b", 0)]
    assert spots([]) == []


def test_a_chosen_window_stays_while_it_is_nearly_as_good():
    found = ranked(("a", 20, 10), ("a", 0, 9.5), ("b", 0, 7))
    assert spots(found, [("a", 0)]) == [("a", 0), ("b", 0)]
    found = ranked(("a", 20, 10), ("a", 0, 8.5), ("b", 0, 7))
    assert spots(found, [("a", 0)]) == [("a", 20), ("b", 0)]


def test_a_chosen_file_stays_until_it_has_fallen_two_places_behind():
    found = ranked(*((name, 0, 20 - n) for n, name in enumerate("abcdefg")))
    assert spots(found, [("f", 0), ("a", 0)]) == [("f", 0), ("a", 0), ("b", 0), ("c", 0)]
    assert spots(found, [("g", 0), ("a", 0)]) == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]
    assert spots(found, [("gone", 0)]) == [("a", 0), ("b", 0), ("c", 0), ("d", 0)]


def test_those_that_stay_keep_their_order():
    found = ranked(("a", 0, 4), ("b", 0, 3), ("c", 0, 2))
    assert spots(found, [("c", 0), ("b", 0), ("a", 0)]) == [("c", 0), ("b", 0), ("a", 0)]


def test_typing_on_does_not_change_the_choice_from_key_to_key():
    made = random.Random(3)  # noqa: S311 - made-up text
    words = [f"name{n}" for n in range(120)]
    files = {
        f"f{n}": "\n".join(" ".join(made.choices(words, k=6)) for _ in range(120))
        for n in range(12)
    }
    found = corpus(**files)
    text = "\n".join(" ".join(made.choices(words, k=6)) for _ in range(60))
    before: list[tuple[str, int]] = []
    held = fresh = 0
    last: list[tuple[str, int]] = []
    for step in range(40):
        text += "\n" + " ".join(made.choices(words, k=6))
        order = found.rank(neighbourhood(text))
        now, plain = spots(order, before), spots(order)
        held += now != before
        fresh += plain != last
        before, last = now, plain
        assert len({name for name, _ in now}) == len(now) == 4, step
    assert held < fresh
