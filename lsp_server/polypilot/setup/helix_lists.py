"""The languages' lists of servers in the text of a ``languages.toml``.

tomlkit, given the whole file, would move the tables of servers that stand between languages. So it
is given one list at a time, and where the lists are is found in the text. Whoever changes a file
so compares what both texts mean.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from polypilot.setup.values import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tomlkit import TOMLDocument

_HEADER = re.compile(r"^[ \t]*\[\[?[^\[\]\n]+\]\]?[ \t\r]*(?:#[^\n]*)?$", re.MULTILINE)
_LANGUAGE = re.compile(r"[ \t]*\[\[[ \t]*language[ \t]*\]\]")
_NAME = re.compile(
    r"^[ \t]*name[ \t]*=[ \t]*(?P<quote>[\"'])(?P<name>[^\"'\n]*)(?P=quote)[^\n]*(?:\n|\Z)",
    re.MULTILINE,
)
_LIST = re.compile(r"^[ \t]*language-servers[ \t]*=[ \t]*(?=\[)", re.MULTILINE)
_PIECE = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|#[^\n]*|[\[\]]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a language's name, and its list if it has one, are."""

    name: str
    table: int
    """Where the table's header begins."""
    stop: int
    """Where the next table's does."""
    below_name: int
    start: int = -1
    end: int = -1


def places(text: str) -> dict[str, Place]:
    """The languages that the text has tables for; the first of each."""
    found: dict[str, Place] = {}
    for place in tables(text):
        found.setdefault(place.name, place)
    return found


def tables(text: str) -> list[Place]:
    """The languages' tables, as they follow each other."""
    found: list[Place] = []
    for start, end in _tables(text):
        name = _NAME.search(text, start, end)
        if name is None:
            continue
        place = Place(name["name"], start, end, name.end())
        listed = _LIST.search(text, start, end)
        if listed is not None:
            place = replace(place, start=listed.start(), end=_closed(text, listed.end()))
        found.append(place)
    return found


def with_server(text: str, place: Place, server: str) -> str:
    """``text`` with a server more in a language's list."""
    document, servers = _parsed(text, place)
    servers.append(server)
    return _put_back(text, place, document)


def without_server(text: str, place: Place, server: str) -> str:
    """``text`` without a server in a language's list: its name, or a table with that name."""
    document, servers = _parsed(text, place)
    for each in reversed(range(len(servers))):
        if named(servers[each]) == server:
            del servers[each]
    return _put_back(text, place, document)


def named(server: object) -> str:
    """The name of a server in a list: it is one, or a table with one and what it is used for."""
    if isinstance(server, Mapping):
        return str(cast("Mapping[str, object]", server).get("name"))
    return str(server)


def _parsed(text: str, place: Place) -> tuple[TOMLDocument, list[object]]:
    import tomlkit  # noqa: PLC0415 - 0.1 s that only a change of a list needs

    document = tomlkit.parse(text[place.start : place.end])
    return document, cast("list[object]", document["language-servers"])


def _put_back(text: str, place: Place, document: TOMLDocument) -> str:
    return text[: place.start] + document.as_string() + text[place.end :]


def _tables(text: str) -> Iterator[tuple[int, int]]:
    """Where each ``[[language]]`` begins and the next table does."""
    ends = [*(match.start() for match in _HEADER.finditer(text)), len(text)]
    for start, end in itertools.pairwise(ends):
        if _LANGUAGE.match(text, start):
            yield start, end


def _closed(text: str, at: int) -> int:
    """Where the list that begins there ends."""
    depth = 0
    for piece in _PIECE.finditer(text, at):
        depth += {"[": 1, "]": -1}.get(piece.group(), 0)
        if depth == 0:
            return piece.end()
    raise SetupError("a list of servers has no end")
