"""What follows the handshake: settings asked for and told, folders, documents that go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.workspace.ignore_state import IGNORE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer

CODE = "def add(a, b):\n    "
DYNAMIC = {"didChangeConfiguration": {"dynamicRegistration": True}}
REGISTER = "client/registerCapability"
BOUND = 30


@pytest.mark.parametrize("answer", [{"result": None}, {"error": {"code": -32601, "message": "no"}}])
async def test_changes_of_settings_are_registered_for_where_the_editor_wants_that(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, answer: Any
) -> None:
    settings(completing.url)
    editor.answers[REGISTER] = answer
    await editor.start(workspace=DYNAMIC)
    (registration,) = (await editor.asked(REGISTER))["registrations"]
    assert registration["method"] == "workspace/didChangeConfiguration"
    assert registration["registerOptions"] == {"section": "polypilot"}
    assert registration["id"]
    assert (await editor.result("polypilot/status"))["state"] == "ready"


@pytest.mark.parametrize(
    "workspace",
    [
        None,
        {},
        {"didChangeConfiguration": {}},
        {"didChangeConfiguration": {"dynamicRegistration": False}},
        {"didChangeWatchedFiles": {}},
        {"didChangeWatchedFiles": {"dynamicRegistration": False}},
    ],
)
async def test_nothing_is_registered_where_the_editor_does_not_say_so(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, workspace: Any
) -> None:
    settings(completing.url)
    await editor.start(**({} if workspace is None else {"workspace": workspace}))
    assert editor.all(REGISTER) == []


async def test_ignore_files_are_watched_where_the_editor_wants_that(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    # One refusal does not spoil the other: they are asked for one by one.
    watching = {"didChangeWatchedFiles": {"dynamicRegistration": True}}
    await editor.start(workspace={**DYNAMIC, **watching})
    registered = {
        each["method"]: each["registerOptions"]
        for number in range(2)
        for each in (await editor.asked(REGISTER, number))["registrations"]
    }
    assert registered.keys() == {
        "workspace/didChangeConfiguration",
        "workspace/didChangeWatchedFiles",
    }
    (watcher,) = registered["workspace/didChangeWatchedFiles"]["watchers"]
    assert watcher.keys() == {"globPattern"}  # created, changed and deleted, that is
    pattern = watcher["globPattern"]
    assert pattern.startswith("**/{")
    assert pattern.endswith("}")
    assert set(pattern[4:-1].split(",")) == {*IGNORE_NAMES, ".polypilot.toml"}


async def test_a_workspace_file_that_is_told_of_as_changed_is_read(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start(workspace={"didChangeWatchedFiles": {"dynamicRegistration": True}})
    assert len((await editor.asked(REGISTER))["registrations"]) == 1

    def distrusted(message: Any) -> bool:
        return message.get("method") == "polypilot/status" and not message["params"]["trusted"]

    folder = {"uri": editor.workspace.as_uri(), "trusted": True}
    assert (await editor.result("polypilot/trust", folder))["trusted"]
    assert (await editor.result("polypilot/status"))["trusted"]
    before = sum(map(distrusted, editor.received))
    file = editor.workspace / ".polypilot.toml"
    file.write_text("[privacy]\nexclude = ['a.py']\n", "utf-8")
    editor.notify(
        "workspace/didChangeWatchedFiles", {"changes": [{"uri": file.as_uri(), "type": 1}]}
    )
    # Nobody has asked for anything that would have looked at the file.
    await editor.until(distrusted, before)


async def test_the_start_does_not_wait_for_the_registration(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start(workspace=DYNAMIC)  # it never answers
    uri = editor.open("a.py", CODE)
    assert (await editor.complete(uri, 1, 4))["items"]


@pytest.mark.parametrize(
    "answer",
    [
        {"result": [{"completion": {"enabled": False}}]},
        {"result": [None]},
        {"result": []},
        {"error": {"code": 1, "message": "no"}},
    ],
)
async def test_settings_are_pulled(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, answer: Any
) -> None:
    settings(completing.url)
    editor.answers["workspace/configuration"] = answer
    await editor.start(workspace={"configuration": True})
    assert (await editor.asked("workspace/configuration"))["items"] == [{"section": "polypilot"}]
    uri = editor.open("a.py", CODE)
    off = answer == {"result": [{"completion": {"enabled": False}}]}
    assert ((await editor.complete(uri, 1, 4)) is None) is off


async def test_settings_are_pushed_or_pulled_again(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    editor.answers["workspace/configuration"] = {"result": [{}]}
    await editor.start(workspace={"configuration": True})
    uri = editor.open("a.py", CODE)
    off = {"completion": {"enabled": False}}
    editor.notify("workspace/didChangeConfiguration", {"settings": {"polypilot": off}})
    async with asyncio.timeout(BOUND):
        while await editor.complete(uri, 1, 4) is not None:
            pass
    for payload in (None, {"polypilot": None}):
        before = len(editor.all("workspace/configuration"))
        editor.notify("workspace/didChangeConfiguration", {"settings": payload})
        await editor.asked("workspace/configuration", before)
    async with asyncio.timeout(BOUND):
        while await editor.complete(uri, 1, 4) is None:
            pass


async def test_folders_come_and_go(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    more = editor.workspace / "more"
    more.mkdir()
    added = {"added": [{"uri": more.as_uri(), "name": "more"}], "removed": []}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": added})
    trusted = {"uri": more.as_uri(), "trusted": True}
    assert (await editor.result("polypilot/trust", trusted))["uri"] == more.as_uri()
    removed = {"added": [], "removed": [{"uri": more.as_uri(), "name": "more"}]}
    editor.notify("workspace/didChangeWorkspaceFolders", {"event": removed})
    assert (await editor.error("polypilot/trust", trusted))["data"]["code"] == "trust"


async def test_a_closed_document_is_forgotten(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert (await editor.complete(uri, 1, 4, 2))["items"]
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    uri = editor.open("a.py", CODE)
    assert (await editor.complete(uri, 1, 4, 2))["items"]
    assert len(completing.requests) == 2


async def test_cells_that_go_are_forgotten(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    book = (editor.workspace / "n.ipynb").as_uri()
    cells = [f"vscode-notebook-cell{book[4:]}#{n}" for n in (1, 2)]

    def opened() -> None:
        notebook = {
            "uri": book,
            "notebookType": "jupyter",
            "version": 1,
            "cells": [{"kind": 2, "document": each} for each in cells],
        }
        texts = [
            {"uri": each, "languageId": "python", "version": 1, "text": CODE} for each in cells
        ]
        params = {"notebookDocument": notebook, "cellTextDocuments": texts}
        editor.notify("notebookDocument/didOpen", params)

    async def ask(cell: str) -> int:
        assert (await editor.complete(cell, 1, 4, 2))["items"]
        return len(completing.requests)

    opened()
    assert [await ask(cell) for cell in cells] == [1, 2]
    array = {"start": 1, "deleteCount": 1}
    identifier = {"uri": book, "version": 2}
    changes: list[Any] = [
        {"structure": {"array": array, "didClose": [{"uri": cells[1]}]}},
        {"structure": {"array": {"start": 0, "deleteCount": 0}}},
        {},
        None,
    ]
    for cells_change in changes:
        change = {} if cells_change is None else {"cells": cells_change}
        params = {"notebookDocument": identifier, "change": change}
        editor.notify("notebookDocument/didChange", params)
    assert await editor.complete(cells[1], 1, 4) is None
    closing = {"notebookDocument": {"uri": book}, "cellTextDocuments": [{"uri": cells[0]}]}
    editor.notify("notebookDocument/didClose", closing)
    opened()
    assert [await ask(cell) for cell in cells] == [3, 4]
