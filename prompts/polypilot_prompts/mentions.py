"""Mentions in a message, such as ``#file:src/a.py``: what each is, and where one stands.

A mention is meant for us only where it can't be anything else. In code, in a word, in a
heading, a colour or an issue's number the sign ``#`` is text, and so is a word that we don't
know.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Takes = Literal["nothing", "maybe", "something"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mention."""

    name: str
    description: str
    """For a list to choose from."""
    takes: Takes = "nothing"
    """Whether an argument follows behind a colon."""
    limit: int = 8_000
    """The most tokens that it adds to a message, estimated."""
    choices: tuple[str, ...] = ()
    """The arguments that there are, where they are few."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("selection", "what is selected", limit=50_000),
        Kind("buffer", "the document in front, with unsaved changes", limit=50_000),
        Kind("file", "a file, or lines of it: #file:src/a.py:10-20", "something", 50_000),
        Kind("open", "all open documents", limit=30_000),
        Kind("diagnostics", "errors and warnings", "maybe", 6_000, ("all",)),
        Kind("diff", "what git says has changed", "maybe", 20_000, ("staged", "unstaged")),
        Kind("commits", "subjects of the last commits", limit=1_000),
        Kind("symbol", "where a name is defined", "something", 6_000),
        Kind("search", "the places of the workspace that match best", "something", 8_000),
        Kind("tree", "the folders and files of the workspace", "maybe", 4_000),
    )
}
"""All kinds by name, in the order of a list to choose from."""

MOST = 32
"""Mentions of one message that count; what is behind them is text."""
_LONGEST = 1_000
"""Characters of an argument."""

_MENTION = re.compile(r"(?<![^\s(\[{<\"'\u201c\u2018\u201e\u00ab,;.!?])#([a-z]+)(?![A-Za-z0-9_])")
_BARE = re.compile(rf"[^\s\"`]{{1,{_LONGEST}}}")
_QUOTED = re.compile(rf'"([^"\n]{{1,{_LONGEST}}})"')
_LINES = re.compile(r":([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?(?![0-9A-Za-z_])")
_LINES_AT_END = re.compile(_LINES.pattern + r"\Z")
_TRAILING = ".,;:!?'\u201d\u2019\u201c\u00bb>]}"
_OPENED_BY = {")": "("}


@dataclass(frozen=True, slots=True)
class Mention:
    """One mention. ``text[start:end]`` is how it was written."""

    kind: str
    argument: str
    """Without quotes and lines; empty: none."""
    start: int
    end: int
    first_line: int | None = None
    """1-based, of a file; None: the whole of it."""
    last_line: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for mentions of the same thing."""
        return (self.kind, self.argument, self.first_line, self.last_line)


def parse(text: str) -> tuple[Mention, ...]:
    """The mentions of a message in Markdown, in order, at most `MOST`."""
    if "#" not in text:
        return ()
    code = code_ranges(text)
    starts = [start for start, _ in code]
    found: list[Mention] = []
    behind = 0
    for match in _MENTION.finditer(text):
        at = match.start()
        inside = bisect_right(starts, at) - 1
        if at < behind or (inside >= 0 and at < code[inside][1]):
            continue
        mention = _mention(text, match)
        if mention is not None:
            behind = mention.end
            found.append(mention)
            if len(found) == MOST:
                break
    return tuple(found)


def without_mentions(text: str, mentions: Iterable[Mention]) -> str:
    """The text with the mentions taken out, for a look at what else was written."""
    pieces: list[str] = []
    at = 0
    for each in mentions:
        pieces.append(text[at : each.start])
        at = each.end
    return "".join([*pieces, text[at:]])


def _mention(text: str, match: re.Match[str]) -> Mention | None:
    kind = KINDS.get(match[1])
    end = match.end()
    if kind is None or text[end : end + 1] in {"-", "/"}:
        return None
    bare = Mention(kind.name, "", match.start(), end)
    follows = text[end : end + 1] == ":" and not text[end + 1 : end + 2].isspace()
    if not follows or end + 1 == len(text):
        return None if kind.takes == "something" else bare
    if kind.takes == "nothing":
        return None
    mention = _quoted(text, bare) if text.startswith('"', end + 1) else _unquoted(text, bare)
    if mention is None:
        return None if kind.takes == "something" else bare
    return mention


def _quoted(text: str, bare: Mention) -> Mention | None:
    match = _QUOTED.match(text, bare.end + 1)
    if match is None or not match[1].strip():
        return None
    mention = replace(bare, argument=match[1].strip(), end=match.end())
    lines = _LINES.match(text, match.end()) if bare.kind == "file" else None
    return _with_lines(mention, lines, lines.end()) if lines else mention


def _unquoted(text: str, bare: Mention) -> Mention | None:
    match = _BARE.match(text, bare.end + 1)
    argument = _trimmed(match[0]) if match else ""
    if not argument:
        return None
    mention = replace(bare, argument=argument, end=bare.end + 1 + len(argument))
    lines = _LINES_AT_END.search(argument) if bare.kind == "file" else None
    if lines is None or not lines.start():
        return mention
    return _with_lines(replace(mention, argument=argument[: lines.start()]), lines, mention.end)


def _with_lines(mention: Mention, lines: re.Match[str], end: int) -> Mention:
    first = int(lines[1])
    last = int(lines[2]) if lines[2] else first
    return replace(mention, end=end, first_line=min(first, last), last_line=max(first, last))


def _trimmed(argument: str) -> str:
    """Without the punctuation of the sentence around it."""
    end = len(argument)
    while end:
        last = argument[end - 1]
        opened = _OPENED_BY.get(last)
        if opened is not None:
            if argument.count(opened, 0, end) >= argument.count(last, 0, end):
                break
        elif last not in _TRAILING:
            break
        end -= 1
    return argument[:end]


# -- code in Markdown --------------------------------------------------------------------

_FENCE = re.compile(r"^ {0,3}(?:>[ \t]{0,4})*(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_BLANK = re.compile(r"\n[ \t\r]*(?=\n)")
"""A blank line: a code span does not reach over one."""
_TICKS = re.compile(r"(?<!\\)`+")


def code_ranges(text: str) -> list[tuple[int, int]]:
    """Where code stands in a Markdown text: fenced blocks and code spans, in order.

    A block that is not closed goes to the end, a span that is not closed is none.
    """
    found: list[tuple[int, int]] = []
    at = 0
    for start, end in _fenced(text):
        found += _spans(text, at, start)
        found.append((start, end))
        at = end
    return found + list(_spans(text, at, len(text)))


def _fenced(text: str) -> Iterator[tuple[int, int]]:
    opened: tuple[int, str] | None = None
    for match in _FENCE.finditer(text):
        marks, rest = match[1], match[2]
        if opened is None:
            if marks[0] == "~" or "`" not in rest:
                opened = (match.start(), marks)
        elif marks[0] == opened[1][0] and len(marks) >= len(opened[1]) and not rest.strip():
            yield opened[0], match.end()
            opened = None
    if opened is not None:
        yield opened[0], len(text)


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for blank in (*_BLANK.finditer(text, start, end), None):
        below = blank.start() if blank else end
        yield from _pairs(list(_TICKS.finditer(text, start, below)))
        start = below


def _pairs(runs: Sequence[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Each run of backticks with the next one of the same length. Linear in their number."""
    closers: dict[int, list[int]] = {}
    for index, run in enumerate(runs):
        closers.setdefault(run.end() - run.start(), []).append(index)
    index = 0
    while index < len(runs):
        run = runs[index]
        same = closers[run.end() - run.start()]
        later = bisect_right(same, index)
        if later == len(same):
            index += 1
            continue
        closer = same[later]
        yield run.start(), runs[closer].end()
        index = closer + 1


# -- what fits ---------------------------------------------------------------------------


def shares(sizes: Sequence[int], budget: int) -> list[int]:
    """How much of ``budget`` each gets: the small ones all, the biggest are cut to the same."""
    left, given = budget, [0] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda index: sizes[index])
    for done, index in enumerate(order):
        given[index] = min(sizes[index], left // (len(order) - done))
        left -= given[index]
    return given
