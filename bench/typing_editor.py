"""An editor's side: a document that is typed into, and what each key was answered with.

Positions are code points (``utf-32``), so that an offset in a line is a position.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_server import Reply, Server

AUTOMATIC, INVOKED = 2, 1


@dataclass(slots=True)
class Key:
    """A key, and what came of it. Times are the event loop's, in seconds."""

    at: float
    before: str
    """The document before the cursor when it was pressed."""
    behind: str
    until: float = math.inf
    """When the next one was pressed."""
    number: int = 0
    """The request's."""
    answered: float | None = None
    text: str = ""
    """What would stand behind the cursor if the answer were accepted; empty: none was given."""
    eats: int = 0
    """How many characters behind the cursor the answer replaces."""
    items: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reply: asyncio.Future[Reply] | None = None
    failed: bool = False
    """It was answered with an error that is not about having been cancelled."""


class Document:
    """A document in the editor, with a cursor, that is typed into."""

    def __init__(self, server: Server, uri: str, before: str = "", behind: str = "") -> None:
        self.server = server
        self.uri = uri
        self.before = before
        self.behind = behind
        self._version = 1
        self._newest: Key | None = None
        self._line = before.count("\n")
        item = {"uri": uri, "languageId": "python", "version": 1, "text": before + behind}
        server.notify("textDocument/didOpen", {"textDocument": item})

    @property
    def position(self) -> dict[str, int]:
        """The cursor."""
        column = len(self.before) - self.before.rfind("\n") - 1
        return {"line": self._line, "character": column}

    def become(self, before: str, behind: str = "") -> None:
        """Be another text altogether, in one change."""
        self._version += 1
        self.before, self.behind, self._line = before, behind, before.count("\n")
        self._change([{"text": before + behind}])

    def insert(self, text: str) -> None:
        """Type or paste at the cursor."""
        here = self.position
        self._version += 1
        self._change([{"range": {"start": here, "end": here}, "text": text}])
        self.before += text
        self._line += text.count("\n")

    def back(self, count: int) -> None:
        """Delete so many characters before the cursor, all in its line."""
        end = self.position
        start = {"line": end["line"], "character": end["character"] - count}
        self._version += 1
        self._change([{"range": {"start": start, "end": end}, "text": ""}])
        self.before = self.before[:-count]

    def ask(self, trigger: int = AUTOMATIC) -> Key:
        """Ask at the cursor; the request before is cancelled, as editors do."""
        self.cancel()
        key = Key(asyncio.get_running_loop().time(), self.before, self.behind)
        params = {"textDocument": {"uri": self.uri}, "position": self.position}
        key.reply = self.server.start(
            "textDocument/inlineCompletion", {**params, "context": {"triggerKind": trigger}}
        )
        key.number = self.server.last
        key.reply.add_done_callback(lambda done: _answer(key, done))
        self._newest = key
        return key

    def cancel(self) -> None:
        """Cancel the newest request, unless it has been answered."""
        if self._newest is not None and self._newest.answered is None:
            self.server.notify("$/cancelRequest", {"id": self._newest.number})
        self._newest = None

    def take(self, key: Key) -> None:
        """Accept a key's first suggestion, and say so."""
        self.behind = self.behind[key.eats :]
        item = key.items[0]
        self._version += 1
        self._change([{"range": item["range"], "text": item["insertText"]}])
        self.before += key.text
        self._line += key.text.count("\n")
        if command := item.get("command"):
            params = {"command": command["command"], "arguments": command.get("arguments", [])}
            self.server.start("workspace/executeCommand", params)

    def close(self) -> None:
        """Close it."""
        self.cancel()
        self.server.notify("textDocument/didClose", {"textDocument": {"uri": self.uri}})

    def _change(self, changes: list[dict[str, Any]]) -> None:
        document = {"uri": self.uri, "version": self._version}
        params = {"textDocument": document, "contentChanges": changes}
        self.server.notify("textDocument/didChange", params)


def _answer(key: Key, done: asyncio.Future[Reply]) -> None:
    """Fill in a key's answer."""
    if done.cancelled():
        return
    key.answered, reply = done.result()
    error: dict[str, Any] = reply.get("error") or {}
    key.failed = error.get("code", -32800) not in {-32800, -32801}
    result: dict[str, Any] = reply.get("result") or {}
    key.items = result.get("items", [])
    if key.items:
        key.text, key.eats = shown(key.items[0], key.before, key.behind)


def shown(item: dict[str, Any], before: str, behind: str) -> tuple[str, int]:
    """What an item puts behind the cursor, and how much of what stands there it replaces.

    An item that changes what stands before the cursor puts nothing there.
    """
    place, text = item["range"], item["insertText"]
    start = _offset(before, place["start"])
    typed = before[start:]
    if not text.startswith(typed):
        return "", 0
    return text[len(typed) :], _offset(before + behind, place["end"]) - len(before)


def _offset(text: str, position: dict[str, int]) -> int:
    """The place of a position."""
    at = 0
    for _ in range(position["line"]):
        at = text.index("\n", at) + 1
    return at + position["character"]
