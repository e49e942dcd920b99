"""What an editor tells of suggestions reaches the engine; what is malformed breaks nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.lsp.connection import Connection
from polypilot.lsp.features.outcome import Outcomes, register_outcomes
from polypilot.lsp.server import PolypilotServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from polypilot_providers.testing import ScriptedServer

SHOW = "textDocument/didShowCompletion"
PART = "textDocument/didPartiallyAcceptCompletion"
TEXT = "a😀é漢\r\nb"
"""In UTF-16: a 1, smile 2, e 1, han 1, return and feed 2, b 1."""


@dataclass
class Recorded:
    """Stands where the backend and its engine do, and notes what they are told."""

    told: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])

    @property
    def engine(self) -> Recorded:
        return self

    def shown(self, suggestion_id: str) -> None:
        self.told.append(("shown", suggestion_id))

    def accepted(self, suggestion_id: str) -> None:
        self.told.append(("accepted", suggestion_id))

    def partially_accepted(self, suggestion_id: str, chars: int) -> None:
        self.told.append(("part", suggestion_id, chars))

    def dismissed(self, suggestion_id: str) -> None:
        self.told.append(("dismissed", suggestion_id))

    async def aclose(self) -> None:
        return


class Wire:
    """An editor's end of a server that has only these features."""

    def __init__(self) -> None:
        self.backend = Recorded()
        self.outcomes = Outcomes()
        self.replies: list[Any] = []

        async def make(_start: object) -> Any:
            return self.backend

        self.server: PolypilotServer[Any] = PolypilotServer(make, lambda _: None)
        # Three members of a sink are all that is used.
        self.server.protocol.sink = self  # pyright: ignore[reportAttributeAccessIssue] - the test's own sink
        self.congested = False
        register_outcomes(self.server, self.outcomes)
        self._connection = Connection(self.server, lambda _: None)
        self._heard = asyncio.Event()

    def put(self, data: bytes) -> None:
        self.replies.append(json.loads(data.partition(b"\r\n\r\n")[2]))
        self._heard.set()

    async def drained(self) -> None:
        return

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._connection.feed(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: Any) -> None:
        self.send(method=method, params=params)

    async def ask(self, method: str, params: Any) -> Any:
        number = len(self.replies) + 1
        self.send(id=number, method=method, params=params)
        async with asyncio.timeout(30):
            while not self.replies or self.replies[-1].get("id") != number:
                self._heard.clear()
                await self._heard.wait()
        return self.replies[-1]

    async def run(self, command: str, *arguments: Any) -> Any:
        params = {"command": command, "arguments": list(arguments)}
        return await self.ask("workspace/executeCommand", params)


@pytest.fixture
async def wire() -> AsyncGenerator[Wire]:
    made = Wire()
    result = await made.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    commands = result["result"]["capabilities"]["executeCommandProvider"]["commands"]
    assert set(commands) == {
        "polypilot.accepted",
        "polypilot.partiallyAccepted",
        "polypilot.dismissed",
    }
    made.notify("initialized", {})
    yield made
    await made.server.protocol.finish(1)
    await made.server.aclose(5)


def item(*arguments: Any, text: str = TEXT) -> dict[str, Any]:
    """An item as it was given, which a client sends back whole."""
    place = {"line": 0, "character": 0}
    return {
        "insertText": text,
        "range": {"start": place, "end": place},
        "command": {"title": "t", "command": "polypilot.accepted", "arguments": list(arguments)},
    }


async def test_shown(wire: Wire) -> None:
    wire.notify(SHOW, {"item": item("s1")})
    await wire.run("polypilot.accepted", "s1")
    assert wire.backend.told == [("shown", "s1"), ("accepted", "s1")]


@pytest.mark.parametrize(
    ("units", "chars"),
    [(0, 0), (1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5), (7, 6), (8, 7), (99, 7), (-1, 0)],
)
async def test_a_length_in_utf_16_is_told_in_characters(wire: Wire, units: int, chars: int) -> None:
    wire.notify(PART, {"item": item("s1"), "acceptedLength": units})
    await wire.run("polypilot.accepted", "s2")
    assert wire.backend.told == [("part", "s1", chars), ("accepted", "s2")]
    wire.outcomes.command("s1", TEXT)
    reply = await wire.run("polypilot.partiallyAccepted", "s1", units)
    if units < 0:
        assert reply["error"]["code"] == -32602
    else:
        assert wire.backend.told[2:] == [("part", "s1", chars)]


@pytest.mark.parametrize(("units", "chars"), [(0, 0), (5, 0), (6, 0), (7, 1), (8, 1), (9, 2)])
async def test_the_menus_part_of_an_item_is_not_the_suggestions(
    wire: Wire, units: int, chars: int
) -> None:
    text = "prét😀" + TEXT  # five characters of UTF-16 width 6
    command = wire.outcomes.command("s1", text, lead=5)
    told = item(*(command.arguments or ()), text=text)
    wire.notify(PART, {"item": told, "acceptedLength": units})
    await wire.run("polypilot.partiallyAccepted", "s1", units)
    assert wire.backend.told == [("part", "s1", chars)] * 2


async def test_an_item_may_be_told_of_as_its_command_alone(wire: Wire) -> None:
    """As Emacs' copilot.el does."""
    command = wire.outcomes.command("s1", "pre" + TEXT, lead=3)
    told = {"command": {"command": command.command, "arguments": command.arguments}}
    wire.notify(SHOW, {"item": told})
    wire.notify(PART, {"item": told, "acceptedLength": 3 + 4})
    unknown = {"command": {"title": "t", "command": "polypilot.accepted", "arguments": ["s9"]}}
    wire.notify(PART, {"item": unknown, "acceptedLength": 4})
    await wire.run("polypilot.accepted", "s2")
    assert wire.backend.told == [("shown", "s1"), ("part", "s1", 3), ("accepted", "s2")]


async def test_dismissed(wire: Wire) -> None:
    assert (await wire.run("polypilot.dismissed", "s1"))["result"] is None
    assert wire.backend.told == [("dismissed", "s1")]


MALFORMED: list[Any] = [
    None,
    [],
    5,
    {},
    {"item": None},
    {"item": {}},
    {"item": {"insertText": {"kind": "snippet", "value": "x"}}},
    {"item": {"insertText": "x", "command": "no"}},
    {"item": {"insertText": "x"}, "acceptedLength": 1},
    {"item": item(), "acceptedLength": 1},
    {"item": item(5), "acceptedLength": 1},
    {"item": item("s", "x"), "acceptedLength": 1},
    {"item": item("s", -1), "acceptedLength": 1},
]


@pytest.mark.parametrize("method", [SHOW, PART])
@pytest.mark.parametrize("params", MALFORMED)
async def test_what_is_malformed_is_ignored(wire: Wire, method: str, params: Any) -> None:
    wire.notify(method, params)
    await wire.run("polypilot.accepted", "s2")
    assert wire.backend.told == [("accepted", "s2")]


@pytest.mark.parametrize("length", [None, "1", 1.5, {}])
async def test_a_length_that_is_none_is_ignored(wire: Wire, length: Any) -> None:
    wire.notify(PART, {"item": item("s1"), "acceptedLength": length})
    await wire.run("polypilot.accepted", "s2")
    assert wire.backend.told == [("accepted", "s2")]


async def test_a_malformed_notification_leaves_its_document_in_sync(wire: Wire) -> None:
    document = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "x"}
    wire.notify("textDocument/didOpen", {"textDocument": document})
    wire.notify(SHOW, {"textDocument": {"uri": "file:///a.py"}})
    await wire.run("polypilot.dismissed", "s1")  # all before it has been read
    assert wire.server.documents.current("file:///a.py") is not None
    wire.notify("textDocument/didChange", {"textDocument": {"uri": "file:///a.py"}})
    await wire.run("polypilot.dismissed", "s1")
    assert wire.server.documents.current("file:///a.py") is None


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("polypilot.accepted", [5]),
        ("polypilot.accepted", []),
        ("polypilot.dismissed", [None]),
        ("polypilot.dismissed", ["a", "b"]),
        ("polypilot.partiallyAccepted", ["a"]),
        ("polypilot.partiallyAccepted", [1, 1]),
        ("polypilot.partiallyAccepted", ["a", "1"]),
        ("polypilot.partiallyAccepted", ["a", True]),
    ],
)
async def test_a_command_with_wrong_arguments_is_refused(
    wire: Wire, command: str, arguments: list[Any]
) -> None:
    assert (await wire.run(command, *arguments))["error"]["code"] == -32602
    assert wire.backend.told == []


async def test_only_the_newest_items_are_kept(wire: Wire) -> None:
    for number in range(1000):
        wire.outcomes.command(f"s{number}", "text")
    assert (await wire.run("polypilot.partiallyAccepted", "s0", 1))["result"] is None
    assert wire.backend.told == []
    await wire.run("polypilot.partiallyAccepted", "s999", 1)
    assert wire.backend.told == [("part", "s999", 1)]


async def test_the_rest_is_offered_after_a_part_without_a_new_request(
    editor: Any, settings: Callable[..., None], supplier: Callable[[str], Awaitable[ScriptedServer]]
) -> None:
    server = await supplier("'😀' + b")
    settings(server.url)
    await editor.start()
    uri = editor.open("a.py", "x = \n")
    (whole,) = (await editor.complete(uri, 0, 4, 2))["items"]
    editor.notify(SHOW, {"item": whole})
    place = {"line": 0, "character": 4}
    change = {"range": {"start": place, "end": place}, "text": "'😀'"}
    editor.notify(PART, {"item": whole, "acceptedLength": 4})
    editor.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]},
    )
    (rest,) = (await editor.complete(uri, 0, 8, 2))["items"]
    assert rest["insertText"] == " + b"
    assert rest["command"]["arguments"] == whole["command"]["arguments"]
    assert len(server.requests) == 1
