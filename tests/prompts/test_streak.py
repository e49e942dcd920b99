from __future__ import annotations

import random  # noqa: TC003  (hypothesis reads the annotation)
from dataclasses import replace

import pytest
from filter_support import TEXTS, arrives_alike, specs
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_prompts.postprocess import End, Filter, Filtered, FilterSpec

LINE = FilterSpec("x = ", "\n", block=False, streak=5)
BLOCK = FilterSpec("def f():", "\n", streak=5)


def fed(text: str, spec: FilterSpec, *, cut: bool = False) -> Filter:
    results: list[tuple[Filtered, tuple[str, ...], str]] = []
    machine = Filter(spec)
    for size in (1, 2, 5, 1000):
        machine = Filter(spec)
        for at in range(0, len(text), size):
            if machine.feed(text[at : at + size]):
                break
        results.append((machine.finish(cut=cut), machine.parts(), machine.text))
    assert results.count(results[0]) == len(results), results
    return machine


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1", ("1",)),
        ("1\n", ("1",)),
        ("1\ny = 2", ("1", "\ny = 2")),
        ("1  \ny = 2  \nz", ("1", "\ny = 2", "\nz")),
        ("1\n\n\ny = 2\n\nz", ("1", "\n\n\ny = 2", "\n\nz")),
        ("1\n\n\n\ny = 2", ("1",)),
        ("\ny = 2", ("", "\ny = 2")),
        ("\n\ny = 2", ("", "\n\ny = 2")),
        # a line that opens a block is offered with it
        ("1\nif a:\n    b\n\n    c\n\nd", ("1", "\nif a:\n    b\n\n    c", "\n\nd")),
        ("1\nif (a) {\n    b;\n}\nc;", ("1", "\nif (a) {\n    b;\n}", "\nc;")),
        ("1\nif a:\n    b\nelse:\n    c\nd", ("1", "\nif a:\n    b\nelse:\n    c", "\nd")),
        ("1\nif a:\nb", ("1", "\nif a:", "\nb")),
        ("1\ncase 2:\n    a\ncase 3:\n    b", ("1", "\ncase 2:\n    a", "\ncase 3:\n    b")),
        ("1\nif (a &&\n    b) {\n  c\n}\nd", ("1", "\nif (a &&", "\n    b) {\n  c\n}", "\nd")),
        ("1\nf(a,\n  b)\nc", ("1", "\nf(a,", "\n  b)", "\nc")),
        # no more lines than wanted; a block left open is offered no further than begun
        ("1\na\nb\nc\nd\ne\nf", ("1", "\na", "\nb", "\nc", "\nd", "\ne")),
        (
            "1\nif a:\n    b\n    c\n    d\n    e\n    f",
            ("1", "\nif a:\n    b\n    c\n    d\n    e"),
        ),
        ("1\n\nif (a) {\n    b\n    c\n    d\n    e\n    f", ("1", "\n\nif (a) {")),
        # what ends it
        ("1\na\n```\nb", ("1", "\na")),
        ("1\na\na\na\na\na", ("1", "\na", "\na", "\na")),
        ("1\na\nfoo foo foo foo foo foo foo\nb", ("1", "\na")),
    ],
)
def test_the_parts_behind_a_line(text: str, parts: tuple[str, ...]):
    assert fed(text, LINE).parts() == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("\n    a\n\n    b\n\n\ndef g():\n    c\n", ("\n    a\n\n    b", "\n\n\ndef g():\n    c")),
        ("\n    a\nb\nc", ("\n    a", "\nb", "\nc")),
        ("\n    a\n```\nb", ("\n    a",)),
    ],
)
def test_the_parts_behind_a_block(text: str, parts: tuple[str, ...]):
    machine = fed(text, BLOCK)
    assert machine.parts() == parts
    assert machine.text.rstrip() == "".join(parts)


@pytest.mark.parametrize(
    ("text", "suffix", "parts"),
    [
        ("1\na\nb\nc", "\nb\n", ("1", "\na")),
        ("1\na\nretur", "\n\nreturn b\n", ("1", "\na")),
        ("1\na\nretur\nc", "\n\nreturn b\n", ("1", "\na", "\nretur", "\nc")),
        ("1\na", ")\n", ("1",)),
        ("1\na", "  \nb", ("1", "\na")),
    ],
)
def test_what_stands_below_ends_the_streak(text: str, suffix: str, parts: tuple[str, ...]):
    assert fed(text, replace(LINE, suffix=suffix)).parts() == parts


@pytest.mark.parametrize(
    ("text", "spec", "end"),
    [
        ("1\na", replace(LINE, suffix="\nx = 1\n"), End.SUFFIX),
        ("foo " * 9 + "\na", LINE, End.REPETITION),
        ("1STOP\na", replace(LINE, stops=("STOP",)), End.STOP),
        ("12345678\na", replace(LINE, max_chars=4), End.TOO_LONG),
        ("\n    a\n    b\nc", replace(BLOCK, max_lines=3), End.TOO_LONG),
    ],
)
def test_no_streak_behind_a_part_that_was_ended_early(text: str, spec: FilterSpec, end: End):
    machine = fed(text, spec)
    assert machine.finish().end is end
    assert len(machine.parts()) == 1
    assert machine.done
    assert machine.settled


def test_a_stop_string_ends_the_streak_behind_its_last_line():
    assert fed("1\na\nbSTOPc", replace(LINE, stops=("STOP",))).parts() == ("1", "\na", "\nb")
    assert fed("1\n" + "a" * 99, replace(LINE, max_chars=9)).parts() == ("1",)


def test_a_line_that_was_begun_when_the_stream_was_cut_is_left_out():
    assert fed("1\na\nretur", LINE, cut=True).parts() == ("1", "\na")
    assert fed("1\na\n", LINE, cut=True).parts() == ("1", "\na")


def test_the_first_part_is_settled_before_the_stream_is_done():
    machine = Filter(BLOCK)
    assert not machine.feed("\n    a\n")
    assert (machine.settled, machine.done, machine.parts()) == (False, False, ())
    assert not machine.feed("b ")
    assert (machine.settled, machine.done, machine.parts()) == (True, False, ("\n    a",))
    assert (machine.preview(), machine.partial(), machine.text) == (
        "\n    a",
        "\n    a",
        "\n    a\nb ",
    )
    assert not machine.feed("=:\n  c\nd")
    assert machine.parts() == ("\n    a",)
    machine.feed(" ")
    assert machine.parts() == ("\n    a", "\nb =:\n  c")


def test_without_a_streak_the_stream_is_done_when_the_first_part_is():
    machine = Filter(replace(LINE, streak=0))
    assert not machine.settled
    assert machine.feed("1\na\n")
    assert (machine.settled, machine.parts(), machine.text) == (True, ("1",), "1\n")


def test_parts_have_the_document_s_line_breaks():
    machine = fed("1\na\n\nb", replace(LINE, eol="\r\n"))
    assert machine.parts() == ("1", "\r\na", "\r\n\r\nb")
    assert machine.text == "1\r\na\r\n\r\nb"


@pytest.mark.parametrize(
    ("text", "prefix", "suffix", "shown"),
    [
        ("foo(ba", "x = ", "\n", "foo("),
        ("foo(bar)", "x = ", "\n", "foo(bar)"),
        ("foo bar", "x = ", "\n", "foo"),
        ("caf\u00e9 e\u0301", "x = ", "\n", "caf\u00e9"),
        ("\u4f60\u597d\uff0c\u4e16", "x = ", "\n", "\u4f60\u597d\uff0c"),
        ("\n    a\n    b.c(", "def f():", "\n", "\n    a\n    b.c("),
        ("\n    a\n    retu", "def f():", "\n", "\n    a"),
        ("\n    a\n``", "def f():", "\n", "\n    a"),
        ("\n    a\n    b = ", "def f():", "\n    b = 1\n", "\n    a"),
        ("f(a) ", "x = ", ")\n", "f(a) "),
        ("", "x = ", "\n", ""),
    ],
)
def test_what_can_be_shown_of_an_unfinished_line(text: str, prefix: str, suffix: str, shown: str):
    machine = Filter(FilterSpec(prefix, suffix))
    machine.feed(text)
    assert machine.partial() == shown


SPECS = specs(streak=st.sampled_from([0, 1, 3, 5]))


@settings(deadline=None, max_examples=300)
@given(TEXTS, SPECS, st.randoms(use_true_random=False))
def test_however_the_stream_is_split_the_parts_are_the_same(
    text: str, spec: FilterSpec, rng: random.Random
):
    early = arrives_alike(text, spec, rng)
    assert not {"\x1b", "\u202e", "\ud83d"} & set(early)


@settings(deadline=None, max_examples=300)
@given(TEXTS, SPECS)
def test_a_streak_leaves_the_first_part_as_it_is(text: str, spec: FilterSpec):
    alone = Filter(replace(spec, streak=0))
    alone.feed(text)
    machine = Filter(spec)
    machine.feed(text)
    assert machine.finish() == alone.finish()
    parts = machine.parts()
    assert machine.text.startswith("".join(parts)) or spec.streak == 0 or len(parts) == 1
    lines = sum(bool(line.strip()) for part in parts[1:] for line in part.splitlines())
    assert lines <= spec.streak
    for part in parts[1:]:
        assert part.startswith(spec.eol)
        assert part.rstrip() == part
