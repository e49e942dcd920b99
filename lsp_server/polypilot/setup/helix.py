"""Our part of Helix's ``languages.toml``: a server, and its name in the languages' lists.

A list of a language replaces Helix's own, so it begins with the servers that the language has
already.
"""

from __future__ import annotations

import copy
import re
import tomllib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from polypilot.setup.helix_lists import named, places, tables, with_server, without_server
from polypilot.setup.values import SetupError, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.setup.helix_lists import Place

SERVER = "polypilot"
_MARK = "# by `polypilot setup helix`"
_UNSAFE = "it can't be changed without touching the rest of it"
_HEAD = f"[[language]]  {_MARK}\n"
_TABLE = re.compile(
    rf"(?:(?<=\n)\n)?^\[language-server\.{SERVER}\]  {_MARK}\ncommand = [^\n]*\n"
    r"args = \[\"--stdio\"\]\nconfig = [^\n]*\n",
    re.MULTILINE,
)
_OWN = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)
_BELOW = re.compile(r"[ \t]*\[\[?[ \t]*language[ \t]*\.")


@dataclass(frozen=True, slots=True)
class HelixLanguages:
    """The server's table, and the languages it is for."""

    program: str
    languages: Mapping[str, tuple[str, ...]]
    """A language and the servers that it has without us."""
    named: bool = False
    written: Mapping[str, str] = field(default_factory=dict[str, str])
    """The languages that we were put into, and the line that we wrote if there was none."""

    def put(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`."""
        before = _loaded(text)
        expected = self._expected(before)
        if before == expected:
            return text
        rows: list[str] = []
        for name, servers in self.languages.items():
            if SERVER in _servers(before, name):
                continue
            place = places(text).get(name)
            if place is None:
                rows.append(_row_text(name, servers))
            elif place.start >= 0:
                text = with_server(text, place, SERVER)
            else:
                text = _line_added(text, place.below_name, servers)
        text = self._table_in(text, before)
        text = _ended(text) + "".join(rows) if rows else text
        if _loaded(text) != expected:
            raise SetupError(_UNSAFE)
        return text

    def take(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`."""
        before = _loaded(text)
        if SERVER not in before.get("language-server", {}):
            return text
        if not _TABLE.search(text):
            raise SetupError(
                "its table [language-server.polypilot] is not as it was written",
                cure="Remove it, and polypilot from the lists of servers, yourself",
            )
        gone: set[str] = set()
        for place in reversed(tables(text)):
            if self.named and place.name not in self.languages:
                continue
            if SERVER in _listed(text, place):
                if self._as_written(text, place):
                    gone.add(place.name)
                text = self._without(text, place)
        if not any(SERVER in _names(row) for row in _rows(_loaded(text)) if self.named):
            text = _TABLE.sub("", text)
        if _others(_loaded(text), gone) != _others(before, gone):
            raise SetupError(_UNSAFE)
        return text

    @property
    def unnamed(self) -> HelixLanguages:
        """See :class:`polypilot.setup.values.LanguagesEdit`."""
        return replace(self, named=False)

    def parts(self, text: str) -> dict[str, str]:
        """See :class:`polypilot.setup.values.LanguagesEdit`: a line that has our mark."""
        _loaded(text)
        found = [each for each in tables(text) if SERVER in _listed(text, each)]
        return {
            each.name: _bare(_line(text, each)) if _is_marked(text, each) else ""
            for each in reversed(found)
        }

    def knowing(self, parts: Mapping[str, str]) -> HelixLanguages:
        """See :class:`polypilot.setup.values.LanguagesEdit`."""
        return replace(self, written=parts)

    def _as_written(self, text: str, place: Place) -> bool:
        """Whether a language's list is all ours, and nothing in it the user's."""
        line = f"language-servers = {_list(self.languages.get(place.name, ()))}"
        known = {line, self.written.get(place.name, line)}
        return _is_marked(text, place) and _bare(_line(text, place)) in known

    def _without(self, text: str, place: Place) -> str:
        """``text`` without what of a language's table is ours."""
        ours, row = self._as_written(text, place), _is_row(text, place)
        end = place.start + len(_line(text, place))
        if ours and row and not _has_own(text, place, end):
            blank = text[: place.table].endswith("\n\n")
            return text[: place.table - blank] + text[end:]
        if ours:
            text = text[: place.start] + text[end:]
        else:
            rest = text[place.end : end].replace(f"  {_MARK}", "")
            text = without_server(text[: place.end] + rest + text[end:], place, SERVER)
        if row:
            text = text[: place.table] + "[[language]]\n" + text[place.table + len(_HEAD) :]
        return text

    def _expected(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """What the file will mean."""
        data = copy.deepcopy(dict(before))
        table = {"command": self.program, "args": ["--stdio"], "config": options()}
        data.setdefault("language-server", {})[SERVER] = table
        rows = _rows(data)
        if rows or self.languages:
            data["language"] = rows
        for name, servers in self.languages.items():
            if not any(each.get("name") == name for each in rows):
                rows.append({"name": name})
            row = next(each for each in rows if each.get("name") == name)
            if SERVER not in _names(row):
                row["language-servers"] = [*row.get("language-servers", servers), SERVER]
        return data

    def _table_in(self, text: str, before: Mapping[str, Any]) -> str:
        table = (
            f"[language-server.{SERVER}]  {_MARK}\n"
            f"command = {_quoted(self.program)}\n"
            'args = ["--stdio"]\n'
            "config = { polypilot = { completion = { menu = true } } }\n"
        )
        if SERVER not in before.get("language-server", {}):
            text = _ended(text)
            return f"{text}\n{table}" if text else table
        if not _TABLE.search(text):
            raise SetupError(
                "it has a table [language-server.polypilot] of your own", cure="Change that one"
            )
        return _TABLE.sub(lambda old: ("\n" if old[0].startswith("\n") else "") + table, text)


def _line(text: str, place: Place) -> str:
    """A language's list, with what stands behind it."""
    end = text.find("\n", place.end)
    return text[place.start : end + 1 if end >= 0 else len(text)]


def _bare(line: str) -> str:
    return line.replace(_MARK, "").rstrip()


def _is_row(text: str, place: Place) -> bool:
    """Whether a language's table was written by us."""
    return text.startswith(_HEAD, place.table)


def _is_marked(text: str, place: Place) -> bool:
    return _is_row(text, place) or _line(text, place).rstrip().endswith(_MARK)


def _has_own(text: str, place: Place, end: int) -> bool:
    """Whether the user has put anything into a table of ours, whose list ends there."""
    above = text[place.table + len(_HEAD) : place.start] != f"name = {_quoted(place.name)}\n"
    below = _OWN.search(text, end, place.stop) or _BELOW.match(text, place.stop)
    return above or below is not None


def _listed(text: str, place: Place) -> list[str]:
    """The servers in a language's list."""
    return _names(tomllib.loads(text[place.start : place.end])) if place.start >= 0 else []


def _row_text(name: str, servers: tuple[str, ...]) -> str:
    return f"\n[[language]]  {_MARK}\nname = {_quoted(name)}\nlanguage-servers = {_list(servers)}\n"


def _line_added(text: str, at: int, servers: tuple[str, ...]) -> str:
    """A list for a language whose table has none, below its name."""
    before = _ended(text[:at])
    return f"{before}language-servers = {_list(servers)}  {_MARK}\n{text[at:]}"


def _list(servers: tuple[str, ...]) -> str:
    return f"[{', '.join(_quoted(each) for each in (*servers, SERVER))}]"


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _loaded(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"it does not parse: {error}") from None


def _rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = data.get("language", [])
    servers = data.get("language-server", {})
    if not isinstance(rows, list) or not isinstance(servers, dict):
        raise SetupError("its languages or servers are not tables")
    return cast("list[dict[str, Any]]", rows)


def _servers(data: Mapping[str, Any], name: str) -> list[str]:
    none: list[str] = []
    return next((_names(row) for row in _rows(data) if row.get("name") == name), none)


def _names(row: Mapping[str, Any]) -> list[str]:
    """The servers of a language: each is a name, or a table with one and what it is used for."""
    return [named(each) for each in cast("list[object]", row.get("language-servers", []))]


def _others(data: Mapping[str, Any], gone: set[str]) -> dict[str, Any]:
    """What a file means, but for us and for lists that are gone with us."""
    rest = copy.deepcopy(dict(data))
    rest.get("language-server", {}).pop(SERVER, None)
    for row in _rows(rest):
        if row.get("name") in gone:
            row.pop("language-servers", None)
        elif "language-servers" in row:
            listed = cast("list[object]", row["language-servers"])
            row["language-servers"] = [each for each in listed if named(each) != SERVER]
    rest["language"] = [row for row in _rows(rest) if len(row) > 1]
    return {key: value for key, value in rest.items() if value}
