"""When it is known what kind of line begins, and what is done about lines that never say."""

from __future__ import annotations

import re

from polypilot_prompts.neutral_links import LIMIT

_MARKERS = re.compile(r"[ \t>*+\-0-9.)_|:=#]*")
_NUMBER = re.compile(r"[ \t]*[0-9]+(?=[.)])|[ \t]*")
_FENCE = re.compile(r"`+|~+")
_SHORTEST_FENCE = 3
_LONGEST_FENCE = 100
_IN_FENCE = re.compile(r"[ \t>]*")


def decided(line: str, *, complete: bool) -> tuple[str, bool]:
    """The line, and whether what has come of it says which blocks it begins.

    That takes all of it where it may be a fence, a rule or the like. A line that leaves it open
    for too long gets a backslash, with which it is text.
    """
    spaces = len(line) - len(line.lstrip(" \t"))
    if spaces > LIMIT:
        line = line[:LIMIT] + line[spaces:]
    markers = _end(_MARKERS, line, 0)
    if markers > LIMIT:
        return _escaped(line, _end(_NUMBER, line, 0)), True
    fence = _FENCE.match(line, markers)
    if fence is None:
        return line, complete or markers < len(line)
    length = fence.end() - markers
    if length < _SHORTEST_FENCE:
        return line, complete or fence.end() < len(line)
    again = line.find("`", fence.end()) if line[markers] == "`" else -1
    if length > _LONGEST_FENCE or (again if again != -1 else len(line)) > LIMIT:
        return _escaped(line, markers), True
    return line, complete or again != -1


def _escaped(line: str, at: int) -> str:
    return f"{line[:at]}\\{line[at:]}"


def decided_in_fence(line: str, char: str, *, complete: bool) -> str | None:
    """As much of a line below an open fence as says whether it ends it; None: more is needed."""
    begin = _end(_IN_FENCE, line, 0)
    end = begin
    while line[end : end + 1] == char:
        end += 1
    end += len(line[end:]) - len(line[end:].lstrip(" \t")) if end < len(line) else 0
    if end > LIMIT:
        return line[:LIMIT]
    return line if complete or end < len(line) else None


def _end(pattern: re.Pattern[str], line: str, at: int) -> int:
    found = pattern.match(line, at)
    assert found is not None  # noqa: S101 - all of them match nothing as well
    return found.end()


def drop_columns(line: str, columns: int) -> str:
    """A line without its first columns; a tab that reaches over their end leaves spaces."""
    column = 0
    for at, char in enumerate(line):
        if column >= columns:
            return " " * (column - columns) + line[at:]
        column += 4 - column % 4 if char == "\t" else 1
    return " " * max(0, column - columns)


def place_in(line: str, flat: str, at: int, mark: str) -> str:
    """The line with ``mark`` where ``flat``, the same with tabs as spaces, has place ``at``."""
    ink = sum(char != " " for char in flat[:at])
    place = [number for number, char in enumerate(line) if char not in " \t"][ink]
    return line[:place] + mark + line[place:]
