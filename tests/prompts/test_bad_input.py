"""What a model or supplier may send instead of the missing text: nothing wrong is shown."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from polypilot_prompts.postprocess import End, Filter, Filtered, FilterSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

TAG = "<MISSING>"
LINE = FilterSpec("x = ", "\nprint(x)\n", block=False)
BLOCK = FilterSpec("def f():\n    a()\n    ", "\n\nprint(x)\n")
CHAT = replace(BLOCK, chat=True, open_tag=TAG, stops=("</MISSING>",))
SPECS = [LINE, BLOCK, CHAT, replace(LINE, streak=5), replace(CHAT, streak=5, block=False)]


def fed(chunks: Iterable[str], spec: FilterSpec) -> Filtered:
    machine = Filter(spec)
    for chunk in chunks:
        if machine.feed(chunk):
            break
    return machine.finish()


def whole(text: str, spec: FilterSpec) -> str:
    """The shown text, which is the same however the answer is split."""
    results = {
        fed((text[at : at + size] for at in range(0, len(text), size)), spec).text
        for size in (1, 3, 50, 100_000)
    }
    assert len(results) == 1, results
    return results.pop()


ENDLESS = {
    "one word": lambda: itertools.repeat("word"),
    "words": lambda: itertools.repeat("foo bar "),
    "numbers": lambda: (f"{number} " for number in itertools.count()),
    "a ruler": lambda: itertools.repeat("-"),
    "blanks": lambda: itertools.repeat(" "),
    "line breaks": lambda: itertools.repeat("\n"),
    "carriage returns": lambda: itertools.repeat("\r"),
    "lines": lambda: (f"    call_{number}()\n" for number in itertools.count()),
    "equal lines": lambda: itertools.repeat("    call()\n"),
    "thinking": lambda: itertools.chain(["<think>"], itertools.repeat("hm. ")),
    "talk": lambda: itertools.repeat("Sure, I can do that.\n"),
    "an announcement": lambda: itertools.chain(["Here is"], itertools.repeat(" the code")),
    "ticks": lambda: itertools.repeat("`"),
    "a fence": lambda: itertools.chain(["```"], itertools.repeat("python")),
    "half characters": lambda: itertools.repeat("\ud83d"),
    "nulls": lambda: itertools.repeat("\0"),
    "brackets": lambda: itertools.repeat("("),
}


def held(thing: object, seen: set[int] | None = None) -> int:
    """Characters in all strings that a machine holds, itself and its parts."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, str):
        return len(thing)
    return sum(held(part, seen) for part in _parts(thing))


def _parts(thing: object) -> Iterator[object]:
    if isinstance(thing, dict):
        yield from thing.values()  # pyright: ignore[reportUnknownVariableType]  any values
    elif isinstance(thing, (list, tuple)):
        yield from thing  # pyright: ignore[reportUnknownVariableType]  any items
    elif type(thing).__module__.startswith("polypilot_prompts"):
        for name in [*getattr(thing, "__dict__", {}), *getattr(thing, "__slots__", ())]:
            yield getattr(thing, name, None)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", ENDLESS)
def test_an_answer_without_end_is_ended_and_never_held_whole(name: str, spec: FilterSpec):
    machine = Filter(spec)
    read = 0
    for chunk in itertools.islice(ENDLESS[name](), 100_000):
        read += len(chunk)
        if machine.feed(chunk):
            break
        if read % 5000 < len(chunk):
            assert held(machine) < 4 * spec.max_chars
    assert machine.done
    assert read <= 8 * spec.max_chars + 20
    assert len(machine.finish().text) <= spec.max_chars
    assert machine.feed("more")
    assert held(machine) < 4 * spec.max_chars


def test_a_line_that_goes_in_circles_is_ended_long_before_it_is_too_long():
    machine = Filter(LINE)
    words = 0
    while not machine.feed("and so on "):
        words += 1
    assert words * 10 <= 600
    assert machine.finish() == Filtered("", End.REPETITION)


def work(chunks: Iterable[str], spec: FilterSpec) -> int:
    """Calls made, those of built-in functions included, while the chunks are fed."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    machine = Filter(spec)
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for chunk in chunks:
            machine.feed(chunk)
    finally:
        sys.setprofile(before)
    assert not machine.done
    return calls


@pytest.mark.parametrize("kind", ["one line", "many lines", "thinking", "blanks"])
def test_the_work_for_each_chunk_does_not_grow(kind: str):
    spec = replace(CHAT, block=True, max_chars=80_000, max_lines=10**6)

    def chunks(count: int) -> Iterable[str]:
        return {
            "one line": [f"name{number} + " for number in range(count)],
            "many lines": [f"call_{number}()\n    " for number in range(count)],
            "thinking": ["<think>", *["hm "] * count],
            "blanks": [" "] * count,
        }[kind]

    few, many = work(chunks(500), spec), work(chunks(1500), spec)
    assert many < 4 * few  # three times the chunks


@pytest.mark.parametrize(
    ("text", "spec", "shown"),
    [
        ("", LINE, ""),
        ("\n\n\n", BLOCK, ""),
        ("caf\ufffd", LINE, "caf"),
        ("\ufffd", LINE, ""),
        ("1 \ud83d", LINE, "1"),
        # the suffix, again
        ("\nprint(x)\n", LINE, ""),
        ("\n\nprint(x)\n", BLOCK, ""),
        ("1\nprint(x)\n", replace(LINE, block=True), "1"),
        ("y\n\nprint(x)", BLOCK, "y"),
        # a fence
        ("```python\n1\n```", replace(CHAT, prefix="x = ", block=False), "1"),
        ("```python\nb()\n```\nThis calls b.", CHAT, "b()"),
        ("```\n```", CHAT, ""),
        # prose
        ("I'm sorry, I can't help with that.", CHAT, ""),
        ("There is nothing to complete.", CHAT, ""),
        ("The code is already complete.\n\nIt needs nothing else.", CHAT, ""),
        ("I'm sorry, I can't.", replace(CHAT, prefix="x = ", block=False), ""),
        ("No completion needed.", replace(CHAT, prefix=""), ""),
        ("Sorry, I misread it.\n\nHere it is:\n\n```python\nb()\n```", CHAT, "b()"),
        ("Okay, they want a call.\nThat is b.\n</think>\nb()", CHAT, "b()"),
        ("</think>\n\nb()", CHAT, "b()"),
        ("Sure: <MISSING>b()</MISSING>", CHAT, "b()"),
        ("b()\nThis code calls the function b.", replace(CHAT, prefix="\n"), "b()"),
        ("b()\nLet me know if you need more!", replace(CHAT, prefix="\n"), "b()"),
        # the lines before the cursor, again
        ("import re", FilterSpec("import os\nimport re\n", "\n"), ""),
        ("a()\n}", FilterSpec("f() {\n    ", "\n}\n"), "a()"),
    ],
)
def test_nothing_wrong_is_shown(text: str, spec: FilterSpec, shown: str):
    assert whole(text, spec) == shown


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, I can't do that.",
        "This is a sentence about the quick brown fox.",
        "The end\nof it",
        "Sure",
        "Sure!\nNot code at all.",
    ],
)
def test_what_only_may_have_been_said_to_the_user_is_kept(text: str):
    inside = FilterSpec('"""\n', "\n", chat=True, open_tag=TAG)
    assert whole(text, inside) == text
    quoted = FilterSpec('x = "', '"\n', chat=True, block=False)
    assert whole(text, quoted) == text.partition("\n")[0]
    if "sorry" not in text:
        assert whole(text, replace(CHAT, prefix="")) == text


def test_talk_without_an_end_is_shown_to_nobody():
    machine = Filter(CHAT)
    ended = False
    for _ in range(200):
        ended = ended or machine.feed("I cannot do this for you.\n")
    assert ended
    assert machine.finish() == Filtered("", End.STOP)


def test_a_streak_has_neither_remarks_nor_lines_in_another_layout():
    spec = replace(LINE, chat=True, streak=5, suffix="\n\nresult = call(a, b)\n")
    machine = Filter(spec)
    machine.feed("1\na\nThis code sets x to one.\nb\n")
    assert (machine.done, machine.finish(), machine.parts()) == (
        True,
        Filtered("1", End.LINE),
        ("1", "\na"),
    )
    machine = Filter(spec)
    machine.feed("1\na\nresult = call(a,b)\nb\n")
    assert machine.done
    machine.finish()
    assert machine.parts() == ("1", "\na")
    machine = Filter(spec)
    assert machine.feed("1\na\n" + "and so on " * 60)
    machine.finish()
    assert machine.parts() == ("1", "\na")


def test_tokens_that_go_in_a_circle_are_cut_whatever_their_layout():
    text = "\n    f(a, b);\n    f(a,b);\n    f( a, b);\n    f(a, b );\n    f (a, b);\n    g();"
    result = fed([text], FilterSpec("def f():", "\n"))
    assert result == Filtered("\n    f(a, b);", End.REPETITION)


def test_near_duplicates_of_the_following_lines_are_dropped():
    suffix = "\n    total = add(first, second)\n    return total\n"
    spec = FilterSpec("def f():\n    a()", suffix)
    assert whole("\n    b()\n    total = add(first,second)\n    return total", spec) == "\n    b()"
    assert whole("\n    b()\n    total = add(first, third)", spec) == (
        "\n    b()\n    total = add(first, third)"
    )
    lines = "\n    go(a,b,c)\n    total = add(first, second)\n    return total"
    below = "\n    go(a, b, c)\n    total = add(first, second)\n    return total\n"
    assert whole(lines, replace(spec, suffix=below)) == ""


def test_a_block_keeps_the_closing_line_that_the_document_lacks():
    spec = FilterSpec("f() {\n    if (a) {\n        b();\n        ", "\n\ng() {\n}\n")
    assert whole("c();\n    }\n    d();\n}\n", spec) == "c();\n    }"
    text = "c();\n    } else {\n        d();\n    }\n    e();\n"
    assert whole(text, spec) == "c();\n    } else {\n        d();\n    }"
    closed = replace(spec, suffix="\n    }\n}\n")
    assert whole("c();\n    }\n    d();\n}\n", closed) == "c();"


def test_lines_before_the_cursor_are_not_previewed_while_they_may_be_said_again():
    above = "first = compute(1)\nsecond = compute(2)\nthird = compute(3)\n"
    machine = Filter(FilterSpec(above, "\n"))
    machine.feed("first = compute(1)\nsecond = ")
    assert (machine.preview(), machine.partial()) == ("", "")
    machine.feed("compute(2)\nthird = compute(3)\n")
    assert machine.finish() == Filtered("", End.REPETITION)
    other = Filter(FilterSpec(above, "\n"))
    other.feed("first = compute(1)\nsecond = other(2)\nx ")
    assert other.preview() == "first = compute(1)\nsecond = other(2)"
