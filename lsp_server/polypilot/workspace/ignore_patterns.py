"""gitignore patterns, matched in linear time.

The translation follows gitignore(5) and what git does where that is silent; a test compares
it with git itself. It departs from git on purpose in two ways, both toward excluding more:
case and Unicode normalisation are ignored, and an unclosed bracket is a literal one.

A path is matched by itself, not by its parents: whether a parent is excluded is asked
first, as git does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace.linear import PatternError, PatternSet
from polypilot.workspace.roots import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_PATTERNS = 5_000
MAX_LENGTH = 2_000
_SAID_KEPT = 2_000
# A NUL, which no name has, marks a folder at the end of the text that is matched.
_FOLDER = "\0"
_FOLDER_END = r"\x00"
_ONE = r"[^/\x00]"
_ANY_FOLDERS = r"(?:[^\x00]*/)?"
_CLASSES = {
    name: f"[:{name}:]"
    for name in ("alnum", "alpha", "blank", "cntrl", "digit", "graph", "print", "punct")
} | {"space": "[:space:]", "xdigit": "[:xdigit:]", "upper": "[:alpha:]", "lower": "[:alpha:]"}
_SPECIAL = re.compile(r"[*?\[\\]")
_PUNCTUATION = re.compile(r"([^\w\s]|_)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the last matching pattern says."""

    excluded: bool
    pattern: str
    index: int


class Rules:
    """An ordered list of patterns; the last that matches decides.

    Raises:
        PatternError: there are too many patterns, or one is too long or too complex.
    """

    __slots__ = ("_lines", "_said", "_set")

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines: list[tuple[str, bool]] = []
        expressions: list[str] = []
        for line in lines:
            if len(line) > MAX_LENGTH or len(expressions) >= MAX_PATTERNS:
                raise PatternError("too many patterns, or one is too long")
            translated = translate(line)
            if translated is not None:
                expression, negated = translated
                expressions.append(expression)
                self._lines.append((line.strip(), negated))
        self._set = PatternSet(expressions) if expressions else None
        self._said: dict[str, Decision | None] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def decide(self, parts: Sequence[str], *, folder: bool) -> Decision | None:
        """What the patterns say of one path, given as folded components; None: nothing.

        If the engine gives up, the answer is that the path is excluded.
        """
        if self._set is None:
            return None
        path = "/".join(parts) + (_FOLDER if folder else "")
        if path in (said := self._said):
            return said[path]
        if len(said) >= _SAID_KEPT:
            self._said = {}  # not cleared: another thread may be between the lines above
        decision = self._said[path] = self._ask(self._set, path)
        return decision

    def _ask(self, patterns: PatternSet, path: str) -> Decision | None:
        found = patterns.matching(path)
        if found is None:
            return Decision(True, "(the patterns are too complex)", len(self._lines))
        if not found:
            return None
        index = max(found)
        pattern, negated = self._lines[index]
        return Decision(not negated, pattern, index)


def translate(line: str) -> tuple[str, bool] | None:
    """A pattern as an expression, and whether it negates; None for blanks and comments."""
    line = _trimmed(line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    glob = line[1:] if negated else line
    folder = glob.endswith("/")
    glob = glob[:-1] if folder else glob
    if not glob:
        return None
    anchored = "/" in glob
    body = _Glob(glob.removeprefix("/"), negated=negated, anchored=anchored).expression()
    lead = "" if anchored else _ANY_FOLDERS
    return rf"(?s)\A{lead}{body}{_FOLDER_END if folder else _FOLDER_END + '?'}\z", negated


def _trimmed(line: str) -> str:
    """Without the line's end and the spaces before it, unless they are escaped."""
    line = line.rstrip("\r\n")
    while line.endswith(" "):
        bare = line.rstrip(" ")
        slashes = len(bare) - len(bare.rstrip("\\"))
        if slashes % 2:
            return bare + " "
        line = bare
    return line


class _Glob:
    """Translates one glob from left to right."""

    def __init__(self, glob: str, *, negated: bool, anchored: bool) -> None:
        self._glob = glob
        self._anchored = anchored
        self._at = 0
        self._negated = negated
        self._out: list[str] = []

    def expression(self) -> str:
        glob = self._glob
        while self._at < len(glob):
            char = glob[self._at]
            if char == "*":
                self._stars()
            elif char == "?":
                self._put(_ONE, 1)
            elif char == "[":
                self._bracket()
            elif char == "\\" and self._at + 1 < len(glob):
                self._put(_literal(glob[self._at + 1]), 2)
            else:
                self._put(_literal(char), 1)
        return "".join(self._out)

    def _put(self, expression: str, width: int) -> None:
        self._out.append(expression)
        self._at += width

    def _stars(self) -> None:
        glob, start = self._glob, self._at
        end = start
        while glob[end : end + 1] == "*":
            end += 1
        # git compares the text before the first special character by itself and hands the
        # rest to its matcher, which then sees these stars at a pattern's start.
        first = not _SPECIAL.search(glob, 0, start)
        whole = (first or glob[start - 1] == "/") and glob[end : end + 1] in {"", "/"}
        if end - start > 1 and whole and self._anchored:
            if end == len(glob):
                self._put(r"[^\x00]*", end - start)
            else:
                self._put(_ANY_FOLDERS, end - start + 1)
        else:
            self._put(_ONE + "*", end - start)

    def _bracket(self) -> None:
        """``[...]``; without its closing bracket a literal one."""
        glob = self._glob
        at = self._at + 1
        inverted = glob[at : at + 1] in {"!", "^"}
        at += inverted
        pieces: list[str] = []
        first = True
        while at < len(glob) and (first or glob[at] != "]"):
            first = False
            piece, at = self._class_piece(at)
            pieces.append(piece)
        if at >= len(glob):
            self._put(r"\[", 1)
            return
        content = "".join(pieces)
        if inverted:
            # Without case, "[!A-Z]" would not match "a" any more: an exclusion keeps case.
            expression = rf"[^/\x00{content}]" if self._negated else rf"(?-i:[^/\x00{content}])"
        else:
            expression = f"[{content}]" if content else r"[^\x00-\x{10FFFF}]"
        self._put(expression, at + 1 - self._at)

    def _class_piece(self, at: int) -> tuple[str, int]:
        """One member of a bracket expression, and where the next begins."""
        glob = self._glob
        if glob.startswith("[:", at):
            end = glob.find(":]", at + 2)
            if end >= 0:
                return _CLASSES.get(glob[at + 2 : end], ""), end + 2
        low, at = self._class_char(at)
        if glob[at : at + 1] == "-" and glob[at + 1 : at + 2] not in {"", "]"}:
            high, at = self._class_char(at + 1)
            return _range(low, high), at
        return _range(low, low), at

    def _class_char(self, at: int) -> tuple[str, int]:
        glob = self._glob
        if glob[at] == "\\" and at + 1 < len(glob):
            at += 1
        return glob[at], at + 1


def _range(low: str, high: str) -> str:
    """A character range without the slash, which a bracket never matches."""
    if low <= "/" <= high:
        below = _range(low, ".") if low <= "." else ""
        return below + (_range("0", high) if high >= "0" else "")
    if low > high:
        return ""
    if _is_raw(low) or _is_raw(high):
        return "?"
    return rf"\x{{{ord(low):x}}}-\x{{{ord(high):x}}}"


def _is_raw(char: str) -> bool:
    """A byte of a name that is no text; `PatternSet` sees a question mark for it."""
    return "\ud800" <= char <= "\udfff"


def _literal(char: str) -> str:
    if _is_raw(char):
        return r"\?"
    return _PUNCTUATION.sub(r"\\\1", fold(char)) if char.isascii() else fold(char) or ""
