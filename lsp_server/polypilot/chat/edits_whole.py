"""Blocks that are said to be a file, and may be only a part of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot.chat.edits_lines import find_all
from polypilot.chat.edits_values import EditError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMENT = re.compile(r"[ \t]*(?:#|//|--|;|%|/\*|<!--|\{/\*)[ \t]*(?P<text>.*)")
_DOTS = re.compile(r"[ \t]*(?:\.{3,}|…)[ \t]*(?:\*/\}?|-->)?[ \t]*")
_FILLER = re.compile(
    r"[.…\[( \t]*(?:(?:the|your|all|other|more|keep|same|and|of)[ \t]+)*"
    r"(?:rest|existing|remaining|unchanged|previous|other|omitted|same|snip(?:ped)?)\b",
    re.IGNORECASE,
)
_MEANT = re.compile(
    r"\.{3}|…|\b(?:unchanged|omitted|remains?|as before|as above|stays?|snip(?:ped)?"
    r"|here|code|file|functions?|methods?|imports?|implementation)\b",
    re.IGNORECASE,
)
_BELONGS = re.compile(
    r"[ \t]*(?:[{})\]]|(?:end|else|elif|elsif|except|rescue|finally|ensure|catch|fi|done|esac)\b)"
)
"""A line that goes on with what a line of the same indent has opened."""
_CLOSES = re.compile(
    r"[ \t]*(?:[})\]][})\];,]*|(?:end|fi|done|esac)\b;?)[ \t]*(?:(?:#|//|--|/\*).*)?"
)
"""Nothing of it comes behind such a line."""
_PARTS = 2
_LEAST_GONE = 10
_ANCHOR = 3


def stands_for_code(line: str, language: str) -> bool:
    """Whether a line says that code is left out: ``# ... existing code ...`` and the like."""
    comment = _COMMENT.fullmatch(line)
    if comment is not None:
        text = comment["text"]
        filler = _FILLER.match(text)
        return bool(_DOTS.fullmatch(text) or (filler and _MEANT.search(text)))
    # Bare dots are code in Python.
    return language not in {"python", "py", "pyi"} and bool(_DOTS.fullmatch(line))


def whole(old: Sequence[str], new: Sequence[str], language: str) -> list[str]:
    """The lines of a file that is to be as ``new`` says; what that leaves out, stays.

    Raises:
        EditError: it is only a part, and it is not clear of what.
    """
    marks = [number for number, line in enumerate(new) if stands_for_code(line, language)]
    # The old text may have such lines of its own.
    marks = [number for number in marks if new[number] not in old]
    gone = len(old) - len(new)
    if marks:
        return _filled(old, new, marks)
    if gone > _LEAST_GONE and len(new) * _PARTS < len(old):
        return _merged(old, [_trimmed(new)], first=False, last=False)
    return list(new)


def fitted(old: Sequence[str], new: Sequence[str], language: str) -> list[str]:
    """The lines of a file with code in it that was not said to be the file.

    Raises:
        EditError: it is not clear where it belongs.
    """
    if not any(map(str.strip, old)) or any(stands_for_code(line, language) for line in new):
        return whole(old, new, language)
    part = _trimmed(new)
    try:
        return _merged(old, [part], first=False, last=False)
    except EditError:
        begin = _anchor(old, part, 0, end=False)
        end = _extent(old, begin)
        if end - begin == 1 or _extent(part, 0) != len(part):
            raise
        return [*old[:begin], *part, *old[end:]]


def _extent(lines: Sequence[str], begin: int) -> int:
    """Behind the last line of what the line at ``begin`` opens, by their indents."""
    depth = _depth(lines[begin])
    end = begin + 1
    for number in range(begin + 1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if _depth(line) < depth or (_depth(line) == depth and not _BELONGS.match(line)):
            break
        end = number + 1
        if _depth(line) == depth and _CLOSES.fullmatch(line):
            break
    return end


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _filled(old: Sequence[str], new: Sequence[str], marks: list[int]) -> list[str]:
    parts: list[Sequence[str]] = []
    begin = 0
    for mark in [*marks, len(new)]:
        parts.append(new[begin:mark])
        begin = mark + 1
    first, last = any(map(str.strip, parts[0])), any(map(str.strip, parts[-1]))
    kept = [part for part in map(_trimmed, parts) if part]
    if not kept:
        raise EditError("it holds nothing but a sign for the code that is there")
    return _merged(old, kept, first=first, last=last)


def _trimmed(part: Sequence[str]) -> Sequence[str]:
    while part and not part[0].strip():
        part = part[1:]
    while part and not part[-1].strip():
        part = part[:-1]
    return part


def _merged(
    old: Sequence[str], parts: Sequence[Sequence[str]], *, first: bool, last: bool
) -> list[str]:
    """Each part in place of what stands between its first and its last lines.

    ``first``, ``last``: the file begins with the first part and ends with the last one.
    """
    made: list[str] = []
    at = 0
    for number, part in enumerate(parts):
        begin = 0 if first and number == 0 else _anchor(old, part, at, end=False)
        end = len(old) if last and number == len(parts) - 1 else _anchor(old, part, begin, end=True)
        made += [*old[at:begin], *part]
        at = end
    if last and old and not old[-1]:
        made.append("")
    return made + list(old[at:])


def _anchor(old: Sequence[str], part: Sequence[str], start: int, *, end: bool) -> int:
    """Where in the file a part begins or ends, by its own first or last lines."""
    bare = [line.rstrip() for line in old]
    for count in range(min(_ANCHOR, len(part)), 0, -1):
        wanted = [line.rstrip() for line in (part[-count:] if end else part[:count])]
        places = find_all(bare, wanted, start) if any(wanted) else []
        if len(places) == 1:
            return places[0] + (count if end else 0)
    raise EditError(
        "it shows only a part of the file, and it is not clear which",
        code="edit_unmatched",
        cure="ask for a diff, or for SEARCH and REPLACE",
    )
