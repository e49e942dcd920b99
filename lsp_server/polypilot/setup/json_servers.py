"""Our part of a configuration in JSON that has a server for each language."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from polypilot.setup.json_edit import JsonMember, is_ours
from polypilot.setup.json_text import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.setup.json_text import Value

_PLACE = "servers"


@dataclass(frozen=True, slots=True)
class JsonServers:
    """The same server for several languages."""

    server: Mapping[str, Value]
    languages: tuple[str, ...]
    named: bool = False
    written: tuple[str, ...] | None = None
    """The languages that we wrote it for; None: that is not known any more."""

    def put(self, text: str) -> str:
        """See :class:`polypilot.setup.values.Edit`."""
        for language in self.languages:
            text = self._member(language).put(text)
        return text

    def take(self, text: str) -> str:
        """See :class:`polypilot.setup.values.LanguagesEdit`."""
        for language in self._taken(text):
            text = self._member(language).take(text)
        return text

    @property
    def unnamed(self) -> JsonServers:
        """See :class:`polypilot.setup.values.LanguagesEdit`."""
        return replace(self, named=False)

    def parts(self, text: str) -> dict[str, str]:
        """See :class:`polypilot.setup.values.LanguagesEdit`: a language's name is enough."""
        return {name: "" for name, server in _servers(text).items() if is_ours(server)}

    def knowing(self, parts: Mapping[str, str]) -> JsonServers:
        """See :class:`polypilot.setup.values.LanguagesEdit`."""
        return replace(self, written=tuple(parts))

    def _taken(self, text: str) -> tuple[str, ...]:
        if self.named:
            return self.languages
        written = self.written
        if written is None:
            # Those as we write them; the program may be another installation's.
            servers = _servers(text).items()
            written = tuple(name for name, each in servers if self._as_written(each))
        return tuple(dict.fromkeys((*self.languages, *written)))

    def _as_written(self, server: Value) -> bool:
        if not is_ours(server):
            return False
        members = cast("dict[str, Value]", server)
        ours, theirs = cast("list[str]", self.server["command"]), members["command"]
        arguments = cast("list[Value]", theirs)[1:] if isinstance(theirs, list) else []
        return arguments == ours[1:] and {**members, "command": ours} == self.server

    def _member(self, language: str) -> JsonMember:
        return JsonMember((_PLACE, language), dict(self.server))


def _servers(text: str) -> dict[str, Value]:
    data = parse(text, comments=False).value if text.strip() else None
    found = cast("dict[str, Value]", data).get(_PLACE) if isinstance(data, dict) else None
    return cast("dict[str, Value]", found) if isinstance(found, dict) else {}
