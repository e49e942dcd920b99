"""A suggestion whose beginning was given while its rest was still being written."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import ScriptedServer, Wait, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

GREW = "polypilot/completionGrew"
CAPABLE = {"experimental": {"polypilot": {"completionGrew": True}}}
CODE = "def add(a, b):\n"
BEGINNING = "\n    c = a + b"
REST = "\n    return c"


def _event(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": reason}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()


@asynccontextmanager
async def slow(go_on: asyncio.Event) -> AsyncGenerator[ScriptedServer]:
    """A supplier that writes the first line of a block, and the rest when it may go on."""
    end = (_event("", "stop"), b"data: [DONE]\n\n")
    script = stream(_event(BEGINNING + "\n    ret"), Wait(go_on), _event("urn c\n"), *end)
    async with ScriptedServer(script) as server:
        yield server


async def _text(editor: Any, uri: str) -> tuple[str, list[Any]]:
    """What is suggested behind the first line, and the item's id."""
    (item,) = (await editor.complete(uri, 0, len(CODE) - 1, 2))["items"]
    return item["insertText"], item["command"]["arguments"][:1]


async def test_the_editor_is_told_and_gets_the_whole_without_a_request(
    editor: Any, settings: Callable[..., None]
) -> None:
    go_on = asyncio.Event()
    async with slow(go_on) as supplier:
        settings(supplier.url)
        await editor.start(**CAPABLE)
        uri = editor.open("a.py", CODE)
        beginning, name = await _text(editor, uri)
        assert beginning == BEGINNING
        assert editor.all(GREW) == []
        go_on.set()
        assert await editor.asked(GREW) == {"uri": uri}
        assert await _text(editor, uri) == (BEGINNING + REST, name)
        assert len(supplier.requests) == 1
        assert editor.all(GREW) == [{"uri": uri}]


@pytest.mark.parametrize(
    "experimental",
    [None, 5, {"polypilot": {"version": 1}}, {"polypilot": {"completionGrew": 1}}],
)
async def test_an_editor_that_did_not_ask_for_it_is_not_told(
    editor: Any, settings: Callable[..., None], experimental: Any
) -> None:
    go_on = asyncio.Event()
    async with slow(go_on) as supplier:
        settings(supplier.url)
        await editor.start(experimental=experimental)
        uri = editor.open("a.py", CODE)
        assert (await _text(editor, uri))[0] == BEGINNING
        await _whole(editor, go_on)
        assert (await _text(editor, uri))[0] == BEGINNING + REST
        assert editor.all(GREW) == []


async def test_not_after_a_key(editor: Any, settings: Callable[..., None]) -> None:
    go_on = asyncio.Event()
    async with slow(go_on) as supplier:
        settings(supplier.url)
        await editor.start(**CAPABLE)
        uri = editor.open("a.py", CODE)
        assert (await _text(editor, uri))[0] == BEGINNING
        place = {"line": 0, "character": len(CODE) - 1}
        change = {"range": {"start": place, "end": place}, "text": "\n"}
        document = {"uri": uri, "version": 2}
        editor.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )
        await _whole(editor, go_on)
        (item,) = (await editor.complete(uri, 1, 0, 2))["items"]
        assert item["insertText"] == (BEGINNING + REST)[1:]
        assert len(supplier.requests) == 1
        assert editor.all(GREW) == []


async def _whole(editor: Any, go_on: asyncio.Event) -> None:
    """Returns when all of the suggestion has arrived."""

    def spent(message: Any) -> bool:
        told = message.get("method") == "polypilot/status" and message["params"]["spent"]
        return bool(told) and told[0]["requests"] == 1

    go_on.set()
    await editor.until(spent)
