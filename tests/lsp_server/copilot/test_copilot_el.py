"""copilot.el: 0.7 (2026), which completes with `textDocument/inlineCompletion`, and 0.3 (2025).

``jsonrpc.el`` gives a request up after ten seconds, and asks with ``{}`` where it has no params.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "


async def start(client: Any, capabilities: dict[str, Any], **more: Any) -> Any:
    """``copilot--start-server``."""
    options = {
        "editorInfo": {"name": "Emacs", "version": "30.1"},
        "editorPluginInfo": {"name": "copilot.el", "version": "0.7.0"},
    }
    result = await client.initialize(
        {"capabilities": capabilities, "initializationOptions": options, **more}
    )
    client.notify("workspace/didChangeConfiguration", {"settings": {}})
    return result


async def start_0_7(client: Any) -> Any:
    inline = {"inlineCompletion": {"dynamicRegistration": False}}
    return await start(
        client,
        {"workspace": {"workspaceFolders": True}, "textDocument": inline},
        rootUri=client.folder["uri"],
        workspaceFolders=[client.folder],
    )


def inline(uri: str, line: int, character: int, kind: int) -> dict[str, Any]:
    """``copilot--inline-completion-params``."""
    return {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "formattingOptions": {"tabSize": 4, "insertSpaces": True},
        "context": {"triggerKind": kind},
    }


async def test_typing_and_taking_by_words(client: Any, supplier: Any) -> None:
    await start_0_7(client)
    uri = client.open("a.py", CODE, version=0)
    client.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})
    found = await client.result("textDocument/inlineCompletion", inline(uri, 1, 4, 2))
    item = found["items"][0]
    assert item["insertText"] == "return a + b"
    here = {"line": 1, "character": 4}
    # The first word is taken: nothing but the item's command is sent back.
    client.notify(
        "textDocument/didPartiallyAcceptCompletion",
        {"item": {"command": item["command"]}, "acceptedLength": len("return")},
    )
    client.change(uri, 1, "return", {"start": here, "end": here})
    # The rest of it is in the overlay; the next request gets it too, and nobody is asked.
    rest = await client.result("textDocument/inlineCompletion", inline(uri, 1, 10, 2))
    assert rest["items"][0]["insertText"] == " a + b"
    command = {key: item["command"][key] for key in ("title", "command", "arguments")}
    assert await client.result("workspace/executeCommand", command) is None
    assert len(supplier.completions) == 1
    assert b"ignored" not in client.stderr


async def test_a_request_that_is_given_up(client: Any) -> None:
    """``copilot--cancel-completion`` before each new one, and -32800 is passed over."""
    await start_0_7(client)
    uri = client.open("a.py", CODE, version=0)
    number, answer = client.send("textDocument/inlineCompletion", inline(uri, 1, 4, 2))
    client.notify("$/cancelRequest", {"id": number})
    outcome = await client.soon(answer)
    assert "result" in outcome or outcome["error"]["code"] == -32800
    again = await client.result("textDocument/inlineCompletion", inline(uri, 1, 4, 1))
    assert again["items"][0]["insertText"] == "return a + b"


async def test_0_3_completes_by_lines(client: Any, supplier: Any) -> None:
    """``copilot--generate-doc``, ``notifyShown``, ``notifyRejected`` at each key."""
    await start(client, {"workspace": {"workspaceFolders": True}})
    uri = client.open("a.py", CODE, version=0)
    status = await client.result("checkStatus", {"dummy": "checkStatus"})
    assert status == {"status": "OK", "user": "Team (coder)"}

    def doc(version: int, character: int) -> dict[str, Any]:
        return {
            "doc": {
                "version": version,
                "tabSize": 4,
                "indentSize": 4,
                "insertSpaces": True,
                "path": str(client.workspace / "a.py"),
                "uri": uri,
                "relativePath": "a.py",
                "languageId": "python",
                "position": {"line": 1, "character": character},
            }
        }

    (found,) = (await client.result("getCompletions", doc(0, 4)))["completions"]
    assert found["text"] == "    return a + b"
    assert await client.result("notifyShown", {"uuid": found["uuid"]}) == "OK"
    for version, typed in ((1, "r"), (2, "re")):
        # `copilot-clear-overlay` says that it was turned down, though it is only shown anew.
        assert await client.result("notifyRejected", {"uuids": [found["uuid"]]}) == "OK"
        client.change(uri, version, CODE + typed)
        (found,) = (await client.result("getCompletions", doc(version, 4 + len(typed))))[
            "completions"
        ]
        assert found["text"] == "    return a + b"
        assert await client.result("notifyShown", {"uuid": found["uuid"]}) == "OK"
    assert len(supplier.completions) == 1
    cycled = (await client.result("getCompletionsCycling", doc(2, 6)))["completions"]
    assert len({each["text"] for each in cycled}) >= 2
    assert await client.result("notifyAccepted", {"uuid": cycled[1]["uuid"]}) == "OK"
    # `copilot-diagnose`: no text, version 0.
    asked = {"doc": {**doc(0, 0)["doc"], "source": "\n", "position": {"line": 0, "character": 0}}}
    assert await client.result("getCompletions", asked) == {"completions": []}


async def test_login_of_one_who_needs_no_key(client: Any) -> None:
    """``copilot-login``, ``copilot-logout``."""
    await start_0_7(client)
    found = await client.result("signInInitiate", {})
    assert found == {"status": "AlreadySignedIn", "user": "Team (coder)"}
    assert await client.result("signOut", {}) == {"status": "NotSignedIn"}
    found = await client.result("signInInitiate", {})
    assert {"status", "userCode", "verificationUri"} <= found.keys()
    assert (await client.result("signInConfirm", {"userCode": found["userCode"]}))["status"] == "OK"
    assert (await client.result("checkStatus", {}))["user"] == "Team (coder)"
