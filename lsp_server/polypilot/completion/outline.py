"""The outline of a file's definitions: what one has to know to use them.

By indentation or braces, no grammar: signatures, the first line of what documents them, and
whole bodies where they are short.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot.completion.context_visits import family_of
from polypilot_prompts.context import indent_width, unix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHARS = 1_200
"""Of one outline."""
_BODY = 5
"""Lines of a body that is short enough to be shown."""
_SIGNATURE = 12
"""Lines of the longest signature."""
_MEMBERS = 30
_SCANNED = 200_000
"""Characters of a file that are looked at."""
_LINE = 200
_BRACED = 300
"""Lines of a definition that are looked at for its end."""

_PYTHON = re.compile(
    r"^(?:(?:async[ ]+)?def|class)[ ]+(?P<def>\w+)|^(?P<var>[A-Za-z_]\w*)[ ]*(?::[^=\n]+)?=(?!=)"
    r"|^type[ ]+(?P<type>\w+)"
)
_JS = re.compile(
    r"^(?:export\s+)?(?P<default>default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?"
    r"(?:function\b\*?|class|interface|type|enum|const\s+enum|const|let|var|namespace)"
    r"\s*(?P<name>[\w$]+)?|^export\s+default\b(?P<other>)"
)
_C = re.compile(
    r"^(?:\#\s*define\s+(?P<macro>\w+)|typedef\b|struct\b|enum\b|union\b|class\b|template\b"
    r"|namespace\b|extern\b(?!\s*\"C\")|static\b|inline\b|[A-Za-z_][\w\s*&:<>,]*\()"
)
_MEMBER = re.compile(r"\s+(?:(?:async[ ]+)?def[ ]+(?P<def>\w+)|(?P<field>[a-z_]\w*)[ ]*:(?!=))")
_QUOTES = ('"""', "'''", 'r"""', "r'''")


def outline(text: str, language: str, names: Sequence[str] = ()) -> str:
    """The definitions of ``names`` in a file's text, or of all public ones; may be empty."""
    lines = unix(text[:_SCANNED]).split("\n")
    make = _OUTLINES.get(family_of(language))
    found: list[str] = []
    room = CHARS
    for piece in make(lines, frozenset(names)) if make else ():
        room -= len(piece) + 1
        if room < 0:
            break
        found.append(piece)
    return "\n".join(found)


def defined(text: str, language: str, names: Sequence[str]) -> set[str]:
    """Which of the names the file defines itself."""
    finder = {"python": _PYTHON, "js": _JS}.get(family_of(language))
    if finder is None:
        return set(names)
    found = {_name(finder, line) for line in unix(text[:_SCANNED]).split("\n")}
    return found & set(names)


def _name(finder: re.Pattern[str], line: str) -> str:
    """The name that a line defines; empty if it defines none."""
    match = finder.match(line)
    if match is None:
        return ""
    groups = match.groupdict()
    if groups.get("default") or groups.get("other") is not None:
        return "default"
    return next((value for value in groups.values() if value), "")


def _wanted(name: str, names: frozenset[str]) -> bool:
    return name in names if names else bool(name) and not name.startswith("_")


# --- Python


def _python(lines: list[str], names: frozenset[str]) -> Iterator[str]:
    for at, line in enumerate(lines):
        match = _PYTHON.match(line)
        if match is None or not _wanted(_name(_PYTHON, line), names):
            continue
        if match["def"] is None:
            yield "\n".join(_clipped(lines[at : _statement_end(lines, at)][:_BODY]))
            continue
        start = at
        while start and lines[start - 1].startswith("@"):
            start -= 1
        yield "\n".join(_clipped([*lines[start:at], *_python_block(lines, at)]))


def _python_block(lines: list[str], at: int) -> list[str]:
    """A definition's signature, its docstring's first line, and its body or its members."""
    head = _statement_end(lines, at)
    end = _block_end(lines, head, indent_width(lines[at]))
    shown = lines[at:head]
    if end - head <= _BODY:
        return shown + [line for line in lines[head:end] if line.strip()]
    doc, after = _docstring(lines, head)
    if not lines[at].lstrip().startswith("class"):
        return [*shown, *doc]
    return [*shown, *doc, *_members(lines, after, end, indent_width(lines[at]))]


def _members(lines: list[str], start: int, end: int, outer: int) -> Iterator[str]:
    """Fields and methods of a class, without the methods that are its own business."""
    depth = next((indent_width(line) for line in lines[start:end] if line.strip()), 0)
    told = 0
    at = start
    while at < end and told < _MEMBERS:
        match = _MEMBER.match(lines[at])
        if match is None or indent_width(lines[at]) != depth or depth <= outer:
            at += 1
            continue
        head = _statement_end(lines, at)
        name = match["def"] or match["field"]
        if not name.startswith("_") or name in {"__init__", "__call__"}:
            told += 1
            yield from lines[at:head]
        at = max(head, at + 1)


def _statement_end(lines: list[str], at: int) -> int:
    """The line after a statement: after its brackets are closed."""
    depth = 0
    for number in range(at, min(at + _SIGNATURE, len(lines))):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", lines[number])
        depth += sum(bare.count(c) for c in "([{") - sum(bare.count(c) for c in ")]}")
        if depth <= 0 and not bare.rstrip().endswith("\\"):
            return number + 1
    return min(at + _SIGNATURE, len(lines))


def _block_end(lines: list[str], start: int, outer: int) -> int:
    """The line after the lines that are indented more than ``outer``."""
    end = start
    for number in range(start, len(lines)):
        if lines[number].strip():
            if indent_width(lines[number]) <= outer:
                break
            end = number + 1
    return end


def _docstring(lines: list[str], at: int) -> tuple[list[str], int]:
    """Its first line as a docstring of its own, and the line after all of it."""
    if at >= len(lines) or not lines[at].lstrip().startswith(_QUOTES):
        return [], at
    first = lines[at].rstrip()
    quotes = first.lstrip().removeprefix("r")[:3]
    if first.count(quotes) > 1:
        return [first], at + 1
    for number in range(at + 1, len(lines)):
        if quotes in lines[number]:
            return [first + quotes], number + 1
    return [first + quotes], len(lines)


# --- languages with braces


def _javascript(lines: list[str], names: frozenset[str]) -> Iterator[str]:
    for at, line in enumerate(lines):
        name = _name(_JS, line)
        if not name or not (_wanted(name, names) or (not names and line.startswith("export"))):
            continue
        exported = line.startswith("export")
        if names or exported:
            yield "\n".join(_clipped([*_comment_above(lines, at), *_braces(lines, at)]))


def _c(lines: list[str], names: frozenset[str]) -> Iterator[str]:
    del names  # a header is included as a whole
    at = 0
    while at < len(lines):
        if _C.match(lines[at]) is None:
            at += 1
            continue
        end = _braced_end(lines, at)
        if not lines[at].startswith(("namespace", "extern")):
            yield "\n".join(_clipped([*_comment_above(lines, at), *_braces(lines, at)]))
            at = end
        else:
            at += 1


def _braces(lines: list[str], at: int) -> list[str]:
    """A definition: whole if it is short or made of members only, else its first lines."""
    end = _braced_end(lines, at)
    whole = lines[at:end]
    data = re.search(r"\b(?:interface|type|enum|struct|union)\b", lines[at])
    if len(whole) <= (_MEMBERS if data else _BODY + 2):
        return whole
    if re.search(r"\bclass\b", lines[at]):
        return [lines[at], *_braced_members(whole), "}"]
    for number, line in enumerate(whole[:_SIGNATURE]):
        if line.rstrip().endswith(("{", "=>", ";")):
            return whole[: number + 1]
    return whole[:1]


def _braced_members(whole: list[str]) -> Iterator[str]:
    inside = [line for line in whole[1:-1] if not line.rstrip().endswith(("public:", "private:"))]
    depth = min((indent_width(line) for line in inside if line.strip()), default=0)
    told = 0
    for line in inside:
        text = line.strip()
        begins = indent_width(line) == depth and text[:1] not in {"}", "/", "*", "@", "#", ")", ""}
        if begins and not text.startswith(("private ", "_")) and told < _MEMBERS:
            told += 1
            yield line


def _braced_end(lines: list[str], at: int) -> int:
    """The line after the braces that open at a line, or after the statement without any."""
    depth = 0
    last = min(at + _BRACED, len(lines))
    for number in range(at, last):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`|//.*", "", lines[number])
        depth += sum(bare.count(c) for c in "{([") - sum(bare.count(c) for c in "})]")
        if depth <= 0 and not bare.rstrip().endswith((",", "=", "\\", "|")):
            return number + 1
    return last


def _comment_above(lines: list[str], at: int) -> list[str]:
    """What documents a definition, if it is one line or a block whose first words stand alone."""
    above = lines[at - 1].strip() if at else ""
    if above.startswith("//") or (above.startswith("/*") and above.endswith("*/")):
        return [lines[at - 1]]
    if not above.endswith("*/"):
        return []
    for number in range(at - 2, max(-1, at - 40), -1):
        if lines[number].strip().startswith("/*"):
            words = lines[number].strip().lstrip("/*").strip()
            return [f"/** {words or lines[number + 1].strip().lstrip('*').strip()} */"]
    return []


_OUTLINES = {"python": _python, "js": _javascript, "c": _c}


def _clipped(lines: list[str]) -> list[str]:
    return [line.rstrip()[:_LINE] for line in lines]
