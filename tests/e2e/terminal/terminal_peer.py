"""A language server in the test's hands, behind a real editor.

`tests/e2e/neovim/relay.py` stands for the `polypilot` program; it passes every byte on to here.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOUND_S = 20.0
POLL_S = 0.01

Message = dict[str, Any]
T = TypeVar("T")


def poll(look: Callable[[], T], what: str | Callable[[], str], bound: float = BOUND_S) -> T:
    """The first true value of `look`; the test fails when none comes within the bound."""
    deadline = time.monotonic() + bound
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            pytest.fail(f"not within {bound} s: {text}")
        threading.Event().wait(POLL_S)


class Peer:
    """The server: what it has an answer for is answered at once, the rest waits for `reply`.

    `received` holds every byte that came.
    """

    def __init__(self, folder: Path, encoding: str) -> None:
        self.encoding = encoding
        self.capabilities: Message = {}  # laid over the ordinary ones
        self.received = bytearray()
        self.messages: list[Message] = []
        # By the message, not its number: an editor may count anew for every server it starts.
        self._answered: list[Message] = []
        self.answers: dict[str, Callable[[Any], Any]] = {
            "initialize": self._initialize,
            "shutdown": lambda _: None,
            "workspace/executeCommand": lambda _: None,
        }
        self.connections = 0
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self.address = folder / "relay.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _initialize(self, _: Any) -> Message:
        commands = ["polypilot.accepted", "polypilot.dismissed"]
        return {
            "serverInfo": {"name": "scripted", "version": "1"},
            "capabilities": {
                "positionEncoding": self.encoding,
                "textDocumentSync": {"openClose": True, "change": 2, "save": True},
                "inlineCompletionProvider": {},
                "executeCommandProvider": {"commands": commands},
                "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
                "experimental": {"polypilot": {"version": 1, "chat": True, "select": True}},
                **self.capabilities,
            },
        }

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._connection = connection
                self._read(connection)
                connection.close()

    def _read(self, connection: socket.socket) -> None:
        buffer = b""
        with suppress(OSError):
            while data := connection.recv(65536):
                self.received += data
                buffer += data
                while frame := re.match(rb"(?:[^\r]+\r\n)*?Content-Length: (\d+)\r\n", buffer):
                    start = buffer.index(b"\r\n\r\n") + 4
                    end = start + int(frame[1])
                    if len(buffer) < end:
                        break
                    self._take(json.loads(buffer[start:end]))
                    buffer = buffer[end:]

    def _take(self, message: Message) -> None:
        method = message.get("method")
        with self._lock:
            self.messages.append(message)
        if method in self.answers and "id" in message:
            self.reply(message, self.answers[method](message.get("params")))
        elif method == "exit":
            self.hang_up()

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode()
        assert self._connection is not None, "no editor is connected"
        self._connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def reply(self, request: Message, result: Any) -> None:
        self._answered.append(request)
        self._send({"id": request["id"], "result": result})

    def refuse(self, request: Message, error: Message) -> None:
        self._answered.append(request)
        self._send({"id": request["id"], "error": error})

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any, ident: str | int) -> None:
        """A request of the server's; `wait_result` has the editor's answer."""
        self._send({"id": ident, "method": method, "params": params})

    def wait_result(self, ident: str | int) -> Any:
        def look() -> list[Message]:
            with self._lock:
                return [m for m in self.messages if m.get("id") == ident and "method" not in m]

        return poll(look, f"the answer to {ident}")[0].get("result")

    def progress(self, request: Message, **value: Any) -> None:
        token = request["params"]["partialResultToken"]
        self.notify("$/progress", {"token": token, "value": value})

    def hang_up(self) -> None:
        """Ends the server's process."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def all(self, method: str) -> list[Message]:
        with self._lock:
            return [each for each in self.messages if each.get("method") == method]

    def wait(self, method: str, count: int = 1) -> Message:
        """The `count`-th message of that method, waited for if need be."""
        return poll(lambda: self.all(method)[count - 1 : count], f"{method} number {count}")[0]

    def open_at(self, line: int, character: int, kind: int | None = None) -> Message:
        """The unanswered request for suggestions at that place, waited for.

        `kind` is the wanted `triggerKind`: 1 invoked, 2 automatic.
        """
        here = {"line": line, "character": character}

        def look() -> list[Message]:
            return [
                each
                for each in self.all("textDocument/inlineCompletion")
                if not any(each is one for one in self._answered)
                and each["params"]["position"] == here
                and kind in {None, each["params"]["context"]["triggerKind"]}
            ]

        def what() -> str:
            seen = [each["params"] for each in self.all("textDocument/inlineCompletion")]
            return f"a request for suggestions at {line}:{character}; there are {seen[-3:]}"

        return poll(look, what)[-1]

    def offer_at(self, line: int, character: int, *items: Message) -> Message:
        """Answers the unanswered request at that place, waited for; returns it."""
        request = self.open_at(line, character)
        self.reply(request, {"items": list(items)})
        return request

    def document(self, uri: str) -> str:
        """The text that the editor's messages make of a document: what the server would have."""
        text: str = ""
        with self._lock:
            messages = list(self.messages)
        for message in messages:
            params: Message = message.get("params") or {}
            document: Message = params.get("textDocument") or {}
            if document.get("uri") != uri:
                continue
            if message.get("method") == "textDocument/didOpen":
                text = document["text"]
            elif message.get("method") == "textDocument/didChange":
                for change in params["contentChanges"]:
                    text = self._changed(text, change)
        return text

    def _changed(self, text: str, change: Message) -> str:
        if "range" not in change:
            return change["text"]
        start, stop = (self._offset(text, change["range"][end]) for end in ("start", "end"))
        return text[:start] + change["text"] + text[stop:]

    def _offset(self, text: str, position: Message) -> int:
        lines = text.split("\n")
        line: int = position["line"]
        character: int = position["character"]
        assert line < len(lines), (position, text)
        before = sum(len(each) + 1 for each in lines[:line])
        if self.encoding == "utf-8":
            encoded = lines[line].encode()
            assert character <= len(encoded), (position, text)
            return before + len(encoded[:character].decode())
        assert character <= len(lines[line]), (position, text)
        return before + character

    def close(self) -> None:
        self.hang_up()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(BOUND_S)
        if self._connection is not None:
            self._connection.close()


def item(text: str, ident: str = "i-1", **more: Any) -> Message:
    """A suggestion as the server gives it."""
    command = {"title": "", "command": "polypilot.accepted", "arguments": [ident]}
    return {"insertText": text, "command": command, **more}


def span(line: int, start: int, end: int) -> Message:
    """A range within one line."""
    return {
        "start": {"line": line, "character": start},
        "end": {"line": line, "character": end},
    }
