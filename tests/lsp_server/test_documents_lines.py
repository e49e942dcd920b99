"""The line store against a reference that does everything the slow and obvious way."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polypilot.workspace.lines import Lines
from polypilot.workspace.text_units import Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

# Every kind of break, characters that Python (but not the protocol) breaks lines at, widths
# from one to four bytes, and both halves of a pair on their own.
PIECES = [
    *("\r", "\n", "\r\n", "a", "bc", "\t", "\x0b", "\x0c", "\x1c", "\x85", "é", "\u2028", "\u2029"),
    *("\ufeff", "中", "\U0001d4b3", "👍🏽", "\ud83d", "\udc4d", "\ud83d\udc4d"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
POSITIONS = st.tuples(st.integers(-1, 30), st.integers(-1, 40))
EDITS = st.lists(st.tuples(POSITIONS, POSITIONS, TEXTS), max_size=12)


class Reference:
    """A document as one string."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.encoding = encoding
        self.text = merge_halves(text)

    def lines(self) -> list[str]:
        return re.split(r"\r\n|\n|\r", self.text)

    def starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer(r"\r\n|\n|\r", self.text))]

    def offset(self, line: int, character: int) -> int:
        lines = self.lines()
        if line >= len(lines):
            return len(self.text)
        line = max(line, 0)
        units = column = 0
        for each in lines[line]:
            units += self.units(each)
            if units > character:
                break
            column += 1
        return self.starts()[line] + (column if character >= 0 else 0)

    def units(self, character: str) -> int:
        if self.encoding == "utf-32":
            return 1
        if self.encoding == "utf-16":
            return 2 if ord(character) > 0xFFFF else 1
        return len(character.encode("utf-8", "surrogatepass"))

    def replace(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        low, high = sorted((self.offset(*start), self.offset(*end)))
        self.text = merge_halves(self.text[:low] + text + self.text[high:])


def merge_halves(text: str) -> str:
    return re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda m: chr(0x10000 + ((ord(m[0][0]) - 0xD800) << 10) + ord(m[0][1]) - 0xDC00),
        text,
    )


def check_same(lines: Lines, reference: Reference) -> None:
    expected = reference.lines()
    assert lines.text == reference.text
    assert lines.length == len(reference.text)
    assert lines.line_count == len(expected)
    assert [lines.line(n) for n in range(lines.line_count)] == expected


def check_places(lines: Lines, reference: Reference, positions: Sequence[tuple[int, int]]) -> None:
    starts = reference.starts()
    for line, character in positions:
        place, column = lines.seek(line, character)
        offset = reference.offset(line, character)
        assert lines.offset(place) == offset
        number = max(n for n, start in enumerate(starts) if start <= offset)
        assert lines.line_of(place) == number
        assert column == lines.column(place) == offset - starts[number]
        before = reference.text[starts[number] : offset]
        assert lines.character(place) == sum(map(reference.units, before))
        assert lines.offset(lines.place(offset)) == offset
        for limit in (0, 1, 3, 1000):
            assert lines.after(place, limit) == reference.text[offset : offset + limit]
            first = max(offset - limit, 0)
            if reference.text[max(first - 1, 0) : first + 1] == "\r\n" and first < offset:
                first += 1
            assert lines.before(place, limit) == reference.text[first:offset]


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(text=TEXTS, edits=EDITS, probes=st.lists(POSITIONS, max_size=6), block=st.integers(2, 24))
def test_edits_give_the_same_text_as_the_reference(
    encoding: Encoding,
    text: str,
    edits: list[tuple[tuple[int, int], tuple[int, int], str]],
    probes: list[tuple[int, int]],
    block: int,
):
    lines, reference = Lines(text, encoding, block=block), Reference(text, encoding)
    check_same(lines, reference)
    for start, end, new in edits:
        lines.replace(lines.seek(*start)[0], lines.seek(*end)[0], new)
        reference.replace(start, end, new)
        check_same(lines, reference)
        check_places(lines, reference, probes)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(max_examples=12_000, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    encoding=st.sampled_from(ENCODINGS),
    text=TEXTS,
    edits=st.lists(st.tuples(POSITIONS, POSITIONS, TEXTS), min_size=9, max_size=12),
    block=st.integers(2, 64),
)
def test_a_hundred_thousand_edits_give_the_same_text(
    encoding: Encoding,
    text: str,
    edits: list[tuple[tuple[int, int], tuple[int, int], str]],
    block: int,
):
    lines, reference = Lines(text, encoding, block=block), Reference(text, encoding)
    for start, end, new in edits:
        lines.replace(lines.seek(*start)[0], lines.seek(*end)[0], new)
        reference.replace(start, end, new)
    check_same(lines, reference)


@given(text=TEXTS, block=st.integers(2, 24))
def test_blocks_never_end_inside_a_break_or_a_pair(text: str, block: int):
    lines = Lines(text, "utf-16", block=block)
    for left, right in pairwise(lines._blocks):  # pyright: ignore[reportPrivateUsage] -- not visible otherwise
        assert not (left.endswith("\r") and right.startswith("\n"))
        assert all(0 < len(each) <= 2 * block + 1 for each in (left, right))


@pytest.mark.parametrize("block", range(2, 9))
@pytest.mark.parametrize(("left", "right"), [("\r", "\n"), ("\ud83d", "\udc4d")])
def test_what_belongs_together_meets_across_blocks(left: str, right: str, block: int):
    for text, new in ((f"abc{left}" * 6, right), (f"{right}abc" * 6, left)):
        for offset in range(len(text) + 1):
            lines, reference = Lines(text, "utf-16", block=block), Reference(text, "utf-16")
            lines.replace(lines.place(offset), lines.place(offset), new)
            reference.text = merge_halves(text[:offset] + new + text[offset:])
            check_same(lines, reference)


def test_an_edit_that_ends_on_a_blocks_edge_joins_what_follows():
    lines = Lines("abcd\nefghijk", "utf-16", block=4)
    lines.replace((0, 3), (0, 4), "\r")
    assert lines.text == "abc\r\nefghijk"
    assert lines.line_count == 2


def test_a_carriage_return_and_a_newline_become_one_break_when_they_meet():
    lines = Lines("a\rX\nb", "utf-16")
    assert lines.line_count == 3
    lines.replace(lines.seek(1, 0)[0], lines.seek(1, 1)[0], "")
    assert lines.text == "a\r\nb"
    assert lines.line_count == 2
    lines.replace(lines.place(2), lines.place(2), "-")  # between them means before both
    assert lines.text == "a-\r\nb"


def test_halves_of_a_pair_become_one_character_when_they_meet():
    lines = Lines("\ud83d-\udc4d", "utf-16")
    lines.replace(lines.seek(0, 1)[0], lines.seek(0, 2)[0], "")
    assert lines.text == "👍"
    assert lines.length == 1
    assert lines.seek(0, 1) == ((0, 0), 0)
    assert lines.seek(0, 2) == ((0, 1), 1)


@pytest.mark.parametrize("text", ["a\x0cb\nc\n", "a\u2028b\nc\n", "a\x85b\x1db\nc\n"])
def test_only_the_protocols_breaks_break_lines(text: str):
    lines = Lines(text, "utf-16")
    lines.replace(lines.seek(1, 0)[0], lines.seek(1, 1)[0], "C")
    assert lines.text == text.replace("c", "C")
    assert lines.line_count == 3


def test_a_missing_line_is_an_index_error():
    lines = Lines("a\n", "utf-16")
    assert lines.line(1) == ""
    for missing in (2, -1):
        with pytest.raises(IndexError):
            lines.line(missing)
