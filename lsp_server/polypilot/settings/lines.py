"""On which line of a TOML file a key stands.

tomllib does not say, and tomlkit costs a tenth of a second to import; this scan runs only
when there is something to report. It relies on the text having passed tomllib.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(
    r'''(?P<string>"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:\\.|[^"\\\n])*"|'[^'\n]*')'''
    r"""|(?P<newline>\n)|(?P<comment>\#[^\n]*)|(?P<open>[\[{])|(?P<close>[\]}])"""
    r"""|(?P<equals>=)|(?P<dot>\.)|(?P<bare>[A-Za-z0-9_-]+)|(?P<other>.)""",
    re.DOTALL,
)

Path = tuple[str, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of every table header and key, as written; the first of several."""
    return _Scan().run(text)


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """Line of ``path``, or of the nearest thing above it (keys of an inline table)."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


class _Scan:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.table: Path = ()
        self.words: list[str] = []
        self.in_header = self.in_value = False
        self.depth = 0
        self.start = 1

    def run(self, text: str) -> dict[Path, int]:
        line = 1
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup or ""
            if kind == "newline":
                self._end_of_line()
            elif self.in_value:
                self.depth += (kind == "open") - (kind == "close")
            else:
                self._key_token(kind, match.group(), line)
            line += match.group().count("\n")
        self._end_of_line()
        return self.lines

    def _key_token(self, kind: str, token: str, line: int) -> None:
        if kind in {"string", "bare"}:
            if not self.words and not self.in_header:
                self.start = line
            self.words.append(_unquote(token))
        elif kind == "open":
            self.in_header, self.start = True, line
        elif kind == "equals":
            self.lines.setdefault((*self.table, *self.words), self.start)
            self.in_value, self.words = True, []

    def _end_of_line(self) -> None:
        if self.in_value:
            self.in_value = self.depth > 0
        elif self.in_header:
            self.table = tuple(self.words)
            self.lines.setdefault(self.table, self.start)
            self.in_header = False
        if not self.in_value:
            self.words = []


def _unquote(token: str) -> str:
    if token[0] not in "\"'":
        return token
    value = tomllib.loads(f"k = {token}")["k"]
    return str(value)
