"""The items of ``textDocument/inlineCompletion``: where they go, and what they are known by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polypilot.completion.values import Trigger
from polypilot.lsp.features.asking import TriggerKinds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot_providers.testing import ScriptedServer

    Supplier = Callable[[str], Awaitable[ScriptedServer]]

CODE = "def add(a, b):\n    "
INVOKED, AUTOMATIC = Trigger.INVOKED, Trigger.AUTOMATIC
ENCODINGS = ("utf-8", "utf-16", "utf-32")


def width(text: str, encoding: str) -> int:
    """Code units."""
    if encoding == "utf-32":
        return len(text)
    return len(text.encode(encoding.replace("16", "16-le"))) // (2 if encoding == "utf-16" else 1)


def at(line: int, start: int, end: int) -> dict[str, Any]:
    """A range in one line."""
    return {
        "start": {"line": line, "character": start},
        "end": {"line": line, "character": end},
    }


def in_encoding(encoding: str) -> dict[str, Any]:
    """A client's capabilities."""
    return {"general": {"positionEncodings": [encoding]}}


@pytest.mark.parametrize(
    ("kinds", "triggers"),
    [
        ((1, 2, 1), (INVOKED, AUTOMATIC, INVOKED)),
        ((2, 1, 0, 1), (AUTOMATIC, INVOKED, INVOKED, INVOKED)),
        ((0, 1, 1, 0), (INVOKED, AUTOMATIC, AUTOMATIC, INVOKED)),
        ((0, 1, 2, 1), (INVOKED, AUTOMATIC, AUTOMATIC, INVOKED)),
        ((3, -1), (AUTOMATIC, AUTOMATIC)),
    ],
)
def test_trigger_kinds_of_the_released_protocol_and_of_its_drafts(
    kinds: tuple[int, ...], triggers: tuple[Trigger, ...]
) -> None:
    client = TriggerKinds()
    assert tuple(map(client.trigger, kinds)) == triggers


async def test_a_draft_client_that_types_in_a_word_is_not_answered(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", "x = abc\n")
    assert (await editor.complete(uri, 0, 4, 0))["items"]
    assert await editor.complete(uri, 0, 5, 1) is None  # automatic: a word goes on here


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
async def test_an_item_stands_at_the_cursor_in_every_encoding(
    editor: Any, settings: Callable[..., None], supplier: Supplier, encoding: str, eol: str
) -> None:
    server = await supplier("漢 + '😀'")
    settings(server.url)
    result = await editor.start(**in_encoding(encoding))
    assert result["capabilities"]["positionEncoding"] == encoding
    before = "é = '😀é' + "
    uri = editor.open("a.py", f"# 😀{eol}{before}{eol}x = 1{eol}")
    here = width(before, encoding)
    (item,) = (await editor.complete(uri, 1, here))["items"]
    assert item["insertText"] == "漢 + '😀'"
    assert item["range"] == at(1, here, here)
    assert "filterText" not in item
    assert before.rstrip() in str(server.requests[0].json)


async def test_a_character_beyond_the_line_is_its_end(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    (item,) = (await editor.complete(uri, 1, 400))["items"]
    assert item["range"] == at(1, 4, 4)


async def test_there_is_nothing_where_there_is_no_document(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    for unknown in ("file:///no.py", "vscode-notebook-cell:/n.ipynb#1", "untitled:1", "", "x"):
        assert await editor.complete(unknown, 0, 0) is None
    assert await editor.complete(uri, 2, 0) is None
    assert await editor.complete(uri, 2**31 - 1, 2**31 - 1) is None
    assert completing.requests == []
    assert (await editor.complete(uri, 1, 4))["items"]


async def test_a_cell_of_a_notebook_is_completed(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    book = (editor.workspace / "n.ipynb").as_uri()
    cell = book.replace("file:", "vscode-notebook-cell:") + "#1"
    document = {"uri": cell, "languageId": "python", "version": 1, "text": CODE}
    editor.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": book,
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": [{"kind": 2, "document": cell}],
            },
            "cellTextDocuments": [document],
        },
    )
    (item,) = (await editor.complete(cell, 1, 4))["items"]
    assert item["range"] == at(1, 4, 4)


# --- an item of the completion menu is selected


def selected(text: str, start: int, end: int, line: int = 0) -> dict[str, Any]:
    return {"selectedCompletionInfo": {"text": text, "range": at(line, start, end)}}


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_suggestion_goes_on_with_the_selected_item(
    editor: Any, settings: Callable[..., None], supplier: Supplier, encoding: str
) -> None:
    server = await supplier("(self)")
    settings(server.url)
    await editor.start(**in_encoding(encoding))
    before, typed = "'😀'.", "pr"
    uri = editor.open("a.py", before + typed)
    start = width(before, encoding)
    here = start + width(typed, encoding)
    found = await editor.complete(uri, 0, here, 2, **selected("prét😀", start, here))
    (item,) = found["items"]
    assert item["insertText"] == "prét😀(self)"
    assert item["range"] == at(0, start, here)
    assert "filterText" not in item  # what was typed begins it
    assert before + "prét😀" in str(server.requests[0].json)


async def test_what_a_fuzzy_menu_found_is_not_filtered_away(
    editor: Any, settings: Callable[..., None], supplier: Supplier
) -> None:
    server = await supplier("(x)")
    settings(server.url)
    await editor.start()
    uri = editor.open("a.py", "a.pt")
    (item,) = (await editor.complete(uri, 0, 4, 2, **selected("print", 2, 4)))["items"]
    assert (item["insertText"], item["filterText"]) == ("print(x)", "pt(x)")


async def test_a_selected_item_that_replaces_the_rest_of_its_word(
    editor: Any, settings: Callable[..., None], supplier: Supplier
) -> None:
    server = await supplier("(x)")
    settings(server.url)
    await editor.start()
    uri = editor.open("a.py", "a.prawn\n")
    (item,) = (await editor.complete(uri, 0, 4, 2, **selected("print", 2, 7)))["items"]
    assert (item["insertText"], item["range"]) == ("print(x)", at(0, 2, 7))
    assert "awn" not in str(server.requests[0].json)


@pytest.mark.parametrize(
    "info",
    [
        selected("print", 3, 4, line=1),
        selected("a\nb", 2, 4),
        selected("print", 0, 1),
        selected("print", 4, 2),
    ],
)
async def test_nothing_is_offered_for_a_selected_item_elsewhere(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, info: Any
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", "a.pr\nsecond\n")
    assert await editor.complete(uri, 0, 4, 2, **info) is None
    assert completing.requests == []


async def test_a_selection_that_is_there_already_changes_nothing(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    """Neovim sends what is selected in visual mode, several lines too."""
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    text = "add(a, b):\n    "
    info = {"text": text, "range": {**at(0, 4, 4), "end": {"line": 1, "character": 4}}}
    (item,) = (await editor.complete(uri, 1, 4, 1, selectedCompletionInfo=info))["items"]
    assert (item["insertText"], item["range"]) == ("return a + b", at(1, 4, 4))
