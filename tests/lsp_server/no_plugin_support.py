"""An editor without a plugin, as far as documents go: buffers, their edits, and when it tells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polypilot_providers.testing import Wait, stream

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from polypilot_providers.testing import Step

Message = dict[str, Any]

CAPABILITIES: Message = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
}
"""What Neovim and Helix say, as far as it matters here."""


def said(*pieces: str | asyncio.Event, reason: str = "stop") -> list[Step]:
    """A chat answer in these pieces; an event is waited for."""
    steps: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str):
            steps.append(_event({"delta": {"content": piece}}))
        else:
            steps.append(Wait(piece))
    return stream(*steps, _event({"delta": {}, "finish_reason": reason}), b"data: [DONE]\n\n")


def _event(choice: Message) -> bytes:
    return f"data: {json.dumps({'id': 'c', 'choices': [{'index': 0, **choice}]})}\n\n".encode()


@dataclass
class Buffer:
    """One document of the editor's. Positions are UTF-16."""

    uri: str
    text: str
    version: int = 1
    """Of the text; the editor counts every change, told or not."""
    changes: list[Message] = field(default_factory=list[Message])
    """Not told yet."""
    steps: list[str] = field(default_factory=list[str])
    """What undo goes back to."""

    def offset(self, position: Message) -> int:
        """Characters before a position."""
        at = 0
        for _ in range(position["line"]):
            found = [
                where + len(mark)
                for mark in ("\r\n", "\n")
                if (where := self.text.find(mark, at)) != -1
            ]
            if not found:
                return len(self.text)
            at = min(found)
        end = self.text.find("\n", at)
        line = self.text[at : len(self.text) if end == -1 else end].removesuffix("\r")
        units = line.encode("utf-16-le")[: 2 * position["character"]]
        return at + len(units.decode("utf-16-le"))

    def edit(self, span: Message, new: str) -> None:
        """Make an edit, own or not; it is told of later."""
        self.steps.append(self.text)
        start, end = self.offset(span["start"]), self.offset(span["end"])
        self.text = self.text[:start] + new + self.text[end:]
        self.version += 1
        self.changes.append({"range": span, "text": new})

    def type(self, line: int, character: int, text: str) -> None:
        """The user types."""
        here = {"line": line, "character": character}
        self.edit({"start": here, "end": here}, text)


class Desk:
    """The editor. Stands between the server and the tests' usual editor, which it goes on to use.

    ``tells``: ``before`` the answer to an edit it tells of it, ``late`` only when asked to
    (`tell`), as an editor that collects changes; ``whole``: as ``before``, the whole text.
    ``checks``: how it treats an edit for another version: ``refuse``, ``drop`` (it says that it
    was made), ``ignore`` the version.
    """

    def __init__(self, editor: Any, tells: str = "before", checks: str = "refuse") -> None:
        self.editor = editor
        self.tells = tells
        self.checks = checks
        self.buffers: dict[str, Buffer] = {}
        self.edits: list[Message] = []
        """The params of every ``workspace/applyEdit``."""
        self.before_edit: Callable[[], None] = lambda: None
        """Called when an edit has come and is not made yet; for one time."""
        self.after_edit: Callable[[], None] = lambda: None
        """Called when an edit was made and answered; for one time."""
        self.refuses = False
        self.congested = False
        self.choice: str | None = None
        """What the user takes of what is offered."""
        self.shown: list[Message] = []
        editor.server.protocol.sink = self

    # -- the server's end --------------------------------------------------------------------

    def put(self, data: bytes) -> None:
        message = json.loads(data.partition(b"\r\n\r\n")[2])
        self.editor.put(data)
        match message.get("method") if "id" in message else None:
            case "workspace/applyEdit":
                self._apply(message)
            case "window/workDoneProgress/create":
                self.answer(message, None)
            case "window/showDocument":
                self.shown.append(message["params"])
                self.answer(message, {"success": True})
            case "window/showMessageRequest":
                chosen = None if self.choice is None else {"title": self.choice}
                self.answer(message, chosen)
            case _:
                pass

    async def drained(self) -> None:
        return None

    def answer(self, message: Message, result: Any) -> None:
        self.editor._send({"id": message["id"], "result": result})

    def _apply(self, message: Message) -> None:
        self.edits.append(message["params"])
        act, self.before_edit = self.before_edit, lambda: None
        act()
        edit = message["params"]["edit"]
        for each in edit.get("documentChanges", ()):
            document = each["textDocument"]
            if not self._takes(message, document):
                return
            self._make(self.buffers[document["uri"]], each["edits"])
        for uri, edits in edit.get("changes", {}).items():
            self._make(self.buffers[uri], edits)
        self.answer(message, {"applied": True})
        act, self.after_edit = self.after_edit, lambda: None
        act()

    def _takes(self, message: Message, document: Message) -> bool:
        version = document["version"]
        current = self.buffers[document["uri"]].version
        if self.refuses:
            self.answer(message, {"applied": False, "failureReason": "read only"})
            return False
        if version is None or version == current or self.checks == "ignore":
            return True
        self.answer(message, {"applied": self.checks == "drop"})
        return False

    def _make(self, buffer: Buffer, edits: list[Message]) -> None:
        for each in edits:
            buffer.edit(each["range"], each["newText"])
        if self.tells != "late":
            self.tell(buffer)

    # -- the user's end ----------------------------------------------------------------------

    def open(self, name: str, text: str, language: str = "markdown") -> Buffer:
        """A document that is on the disk as well."""
        path = self.editor.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        buffer = Buffer(path.as_uri(), text)
        self.buffers[buffer.uri] = buffer
        item = {"uri": buffer.uri, "languageId": language, "version": 1, "text": text}
        self.editor.notify("textDocument/didOpen", {"textDocument": item})
        return buffer

    def tell(self, buffer: Buffer) -> None:
        """Tell the server of what has changed."""
        changes, buffer.changes = buffer.changes, []
        if self.tells == "whole" and changes:
            changes = [{"text": buffer.text}]
        if changes:
            document = {"uri": buffer.uri, "version": buffer.version}
            params = {"textDocument": document, "contentChanges": changes}
            self.editor.notify("textDocument/didChange", params)

    def close(self, buffer: Buffer) -> None:
        self.editor.notify("textDocument/didClose", {"textDocument": {"uri": buffer.uri}})

    async def actions(
        self,
        buffer: Buffer,
        first: tuple[int, int],
        last: tuple[int, int] | None = None,
        **context: Any,
    ) -> list[Message]:
        """What is offered at a place; an editor tells of its changes before it asks."""
        self.tell(buffer)
        start, end = (
            {"line": line, "character": character} for line, character in (first, last or first)
        )
        params: Message = {
            "textDocument": {"uri": buffer.uri},
            "range": {"start": start, "end": end},
            "context": {"diagnostics": [], **context},
        }
        return await self.editor.result("textDocument/codeAction", params) or []

    async def run(self, action: Message) -> None:
        """Execute an action's command; it is answered at once."""
        command = action if isinstance(action["command"], str) else action["command"]
        params = {"command": command["command"], "arguments": command["arguments"]}
        assert await self.editor.result("workspace/executeCommand", params) is None

    async def do(self, title: str, buffer: Buffer, *place: tuple[int, int], **context: Any) -> None:
        """Take the action with that title."""
        offered = await self.actions(buffer, *place, **context)
        (action,) = [each for each in offered if each["title"] == f"Polypilot: {title}"]
        await self.run(action)

    async def over(self, after: int = 0) -> Message:
        """The end of a piece of work, the first or a later one."""

        def ended(message: Message) -> bool:
            progress = message.get("method") == "$/progress"
            return progress and message["params"]["value"].get("kind") == "end"

        return (await self.editor.until(ended, after))["params"]["value"]

    def messages(self) -> list[str]:
        """What the user was told."""
        return [each["message"] for each in self.editor.all("window/showMessage")]
