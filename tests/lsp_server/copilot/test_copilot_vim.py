"""copilot.vim, as of its versions with `textDocument/inlineCompletion` (1.40 and up), in Vim.

Vim sends all of a document with each change, and no answer is awaited before the next key.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "
INVOKED, AUTOMATIC = 1, 2


async def start(client: Any, arguments: tuple[str, ...] = ("--stdio",)) -> Any:
    """``copilot#client#New``: no root, folders as buffers are attached."""
    options = {
        "editorInfo": {"name": "Vim", "version": "9.0.1378"},
        "editorPluginInfo": {"name": "copilot.vim", "version": "1.59.0"},
    }
    result = await client.initialize(
        {
            "initializationOptions": options,
            "workspaceFolders": [],
            "capabilities": {
                "workspace": {"workspaceFolders": True},
                "window": {"showDocument": {"support": True}},
            },
        },
        arguments,
    )
    none = {"proxy": None, "proxyStrictSSL": None}
    settings = {"http": none, "github-enterprise": {"uri": None}}
    client.notify("workspace/didChangeConfiguration", {"settings": settings})
    event = {"added": [client.folder], "removed": []}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    return result


def params(uri: str, tick: int, line: int, character: int, kind: int = AUTOMATIC) -> dict[str, Any]:
    """``copilot#Complete``; the document is as ``Attach`` describes it."""
    return {
        "textDocument": {"uri": uri, "version": tick, "languageId": "python"},
        "position": {"line": line, "character": character},
        "formattingOptions": {"insertSpaces": True, "tabSize": 4},
        "context": {"triggerKind": kind},
    }


async def complete(client: Any, *where: Any) -> list[Any]:
    """``s:HandleTriggerResult`` takes an object with items, an array or nothing."""
    result = await client.result("textDocument/inlineCompletion", params(*where))
    return result["items"] if result else []


async def test_typing_cycling_and_taking(client: Any, supplier: Any) -> None:
    result = await start(client)
    assert result["serverInfo"] == {"name": "polypilot", "version": version("polypilot")}
    uri = client.open("a.py", CODE, version=3)
    client.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})
    (item,) = await complete(client, uri, 3, 1, 4)
    client.notify("textDocument/didShowCompletion", {"item": item})
    assert item["insertText"] == "return a + b"
    assert item["range"]["start"] == item["range"]["end"] == {"line": 1, "character": 4}

    # Each key: all of the text, the request before cancelled, the preview shown again.
    for tick, typed in ((4, "r"), (5, "re"), (6, "ret")):
        client.change(uri, tick, f"{CODE}{typed}\n")
        number, answer = client.send(
            "textDocument/inlineCompletion", params(uri, tick, 1, 4 + len(typed))
        )
        client.notify("$/cancelRequest", {"id": number})
        assert {"result", "error"} & (await client.soon(answer)).keys()
    (item,) = await complete(client, uri, 6, 1, 7)
    assert item["insertText"] == "urn a + b"
    assert len(supplier.completions) == 1

    # <M-]>: `triggerKind` 1 with the same params; what is new is put behind what is shown.
    cycled = await complete(client, uri, 6, 1, 7, INVOKED)
    texts = [each["insertText"] for each in cycled]
    assert texts[0] == "urn a + b"
    assert len(set(texts)) == len(texts) >= 2

    # <M-Right>: the first word, as a length of the item; then <Tab>: its command.
    part = {"item": item, "acceptedLength": len("urn")}
    client.notify("textDocument/didPartiallyAcceptCompletion", part)
    client.change(uri, 7, f"{CODE}return\n")
    (item,) = await complete(client, uri, 7, 1, 10)
    assert item["insertText"] == " a + b"
    assert await client.result("workspace/executeCommand", item["command"]) is None
    assert len([each for each in supplier.completions if not each.json.get("temperature")]) == 1


async def test_its_commands(client: Any) -> None:
    """``:Copilot status``, ``version``, ``disable``, ``panel``, ``setup``, ``signout``."""
    await start(client)
    uri = client.open("a.py", CODE, version=3)
    await client.state("Normal")
    assert (await client.result("checkStatus", {})) == {"status": "OK", "user": "Team (coder)"}
    versions = await client.result("getVersion", {})
    assert versions["version"] == version("polypilot")
    assert versions["runtimeVersion"].startswith("python/3.")

    editor = {"enableAutoCompletions": False, "disabledLanguages": [{"languageId": "gitcommit"}]}
    client.notify("notifyChangeConfiguration", {"settings": editor})
    # A client that is switched off does not ask; one that asks all the same is answered.
    assert await complete(client, uri, 3, 1, 4)

    panel = {**params(uri, 3, 1, 4), "partialResultToken": 1}
    items = (await client.result("textDocument/copilotPanelCompletion", panel))["items"]
    assert items[0]["insertText"] == "return a + b"
    assert len(items) >= 2
    assert await client.result("workspace/executeCommand", items[1]["command"]) is None
    older = {**params(uri, 2, 1, 4)}
    assert await client.result("textDocument/copilotPanelCompletion", older) == {"items": []}

    assert await client.result("signOut", {}) == {"status": "NotSignedIn"}
    assert "user" not in await client.result("checkStatus", {})
    how = await client.result("signInInitiate", {})
    assert how["verificationUri"]
    confirmed = await client.result("signInConfirm", {"userCode": how["userCode"]})
    assert confirmed == {"status": "OK", "user": "Team (coder)"}
    # What it can't say is answered too, and breaks nothing.
    exception = {"transaction": "autoload/copilot", "platform": "other"}
    assert (await client.error("telemetry/exception", exception))["code"] == -32601
    assert await client.stop() == 0


@pytest.mark.parametrize("arguments", [("--stdio",), ("--stdio", "--debug")])
async def test_every_way_it_is_started(client: Any, arguments: tuple[str, ...]) -> None:
    assert (await start(client, arguments))["capabilities"]["inlineCompletionProvider"] == {}
    await client.state("Normal")
    assert await client.stop() == 0
