"""Neovim's own client, Sublime's LSP-copilot, and Helix built with inline completion.

Each from its start to a suggestion that is taken.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "


async def test_neovim_with_the_configuration_of_nvim_lspconfig(client: Any) -> None:
    """Neovim 0.12, ``lsp/copilot.lua`` of 2026: inline completion and ``:LspCopilotSignIn``."""
    info = {"name": "Neovim", "version": "0.12.0"}
    client.will_answer("workspace/configuration", [None])
    client.will_answer("client/registerCapability")
    client.will_answer("window/workDoneProgress/create")
    result = await client.initialize(
        {
            "clientInfo": info,
            "rootUri": client.folder["uri"],
            "workspaceFolders": [client.folder],
            "capabilities": {
                "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
                "textDocument": {"inlineCompletion": {"dynamicRegistration": False}},
                "workspace": {
                    "configuration": True,
                    "didChangeConfiguration": {"dynamicRegistration": False},
                    "didChangeWatchedFiles": {"dynamicRegistration": True},
                    "workspaceFolders": True,
                },
                "window": {"workDoneProgress": True, "showDocument": {"support": True}},
            },
            "initializationOptions": {"editorInfo": info, "editorPluginInfo": info},
        }
    )
    telemetry = {"telemetry": {"telemetryLevel": "all"}}
    client.notify("workspace/didChangeConfiguration", {"settings": telemetry})
    assert result["capabilities"]["inlineCompletionProvider"] == {}
    uri = client.open("a.py", "é = '😀'\n" + CODE, version=0)
    asked = {
        "textDocument": {"uri": uri},
        "position": {"line": 2, "character": 4},
        "context": {"triggerKind": 2},
    }
    (item,) = (await client.result("textDocument/inlineCompletion", asked))["items"]
    # Both commands that it runs must be among those that it was told of.
    commands = result["capabilities"]["executeCommandProvider"]["commands"]
    assert item["command"]["command"] in commands
    assert await client.result("workspace/executeCommand", item["command"]) is None

    found = await client.result("signIn", {})
    assert found == {"status": "AlreadySignedIn", "user": "Team (coder)"}
    assert (await client.result("signOut", {}))["status"] == "NotSignedIn"
    found = await client.result("signIn", {})
    assert found["status"] == "PromptUserDeviceFlow"
    assert found["command"]["command"] in commands
    assert found["code"] == found["userCode"]
    finished = await client.result("workspace/executeCommand", found["command"])
    assert finished == {"status": "OK", "user": "Team (coder)"}


async def test_lsp_copilot_of_sublime_text(client: Any, supplier: Any) -> None:
    """LSP-copilot of 2025: ``on_ready`` and both completion requests for each key."""
    client.will_answer("workspace/configuration", [{}])
    await client.initialize(
        {
            "clientInfo": {"name": "Sublime Text LSP", "version": "2.2.0"},
            "rootUri": client.folder["uri"],
            "workspaceFolders": [client.folder],
            "capabilities": {
                "general": {"positionEncodings": ["utf-16"]},
                "workspace": {"configuration": True, "workspaceFolders": True},
            },
            "initializationOptions": {},
        }
    )
    assert (await client.result("getVersion", {}))["version"]
    assert (await client.result("checkStatus", {}))["status"] == "OK"
    info = {"name": "LSP-copilot", "version": "unknown"}
    editor = {"editorInfo": {"name": "vscode", "version": "4180"}, "editorPluginInfo": info}
    assert await client.result("setEditorInfo", editor) == "OK"
    await client.state("Normal")
    uri = client.open("a.py", CODE, version=9)
    doc = {
        "source": CODE,
        "tabSize": 4,
        "indentSize": 1,
        "insertSpaces": True,
        "path": str(client.workspace / "a.py"),
        "uri": uri,
        "relativePath": "a.py",
        "languageId": "python",
        "position": {"line": 1, "character": 4},
        "version": 9,
    }
    _, first = client.send("getCompletions", {"doc": doc})
    _, second = client.send("getCompletionsCycling", {"doc": doc})
    older = (await client.soon(first))["result"]["completions"]
    found = (await client.soon(second))["result"]["completions"]
    assert [each["displayText"] for each in older] in ([], ["return a + b"])  # who was quicker?
    assert found[0]["text"] == "    return a + b"
    assert found[0]["displayText"] == "return a + b"
    # The newer of two asks goes on with what the older one has sent.
    assert len([each for each in supplier.completions if not each.json.get("temperature")]) == 1
    assert await client.result("notifyAccepted", {"uuid": found[0]["uuid"]}) == "OK"
    assert await client.result("conversation/preconditions", {}) == {"status": "ok", "results": []}


async def test_helix_built_with_inline_completion(client: Any) -> None:
    """Helix with pull request 14876: LSP alone, with ``config`` as initialization options."""
    info = {"name": "Helix", "version": "25.07"}
    result = await client.initialize(
        {
            "clientInfo": {"name": "helix", "version": "25.07"},
            "rootUri": client.folder["uri"],
            "workspaceFolders": [client.folder],
            "capabilities": {
                "general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
                "textDocument": {"inlineCompletion": {}},
                "workspace": {"workspaceFolders": True, "executeCommand": {}},
            },
            "initializationOptions": {"editorInfo": info, "editorPluginInfo": info},
        }
    )
    assert result["capabilities"]["positionEncoding"] == "utf-16"
    uri = client.open("a.py", CODE, version=0)
    asked = {
        "textDocument": {"uri": uri},
        "position": {"line": 1, "character": 4},
        "context": {"triggerKind": 2},
    }
    (item,) = (await client.result("textDocument/inlineCompletion", asked))["items"]
    assert item["insertText"] == "return a + b"
    assert await client.result("workspace/executeCommand", item["command"]) is None
