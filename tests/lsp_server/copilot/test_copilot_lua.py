"""copilot.lua, as of the release made for server 1.507.0 (2026), in the order of its source.

It is a client of Neovim's own: the editor tells of documents in what it has agreed on with the
server, the plugin counts in UTF-16 whatever that is.
"""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "
WHOLE = "    return a + b"


def initialize(client: Any) -> dict[str, Any]:
    """``prepare_client_config``: Neovim's capabilities, with the workspace's replaced."""
    return {
        "clientInfo": {"name": "Neovim", "version": "0.11.4"},
        "rootUri": client.folder["uri"],
        "rootPath": str(client.workspace),
        "workspaceFolders": [client.folder],
        "trace": "off",
        "capabilities": {
            "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
            "textDocument": {"synchronization": {"didSave": True}},
            "window": {
                "showDocument": {"support": True},
                "showMessage": {"messageActionItem": {"additionalPropertiesSupport": True}},
                "workDoneProgress": True,
            },
            "workspace": {"workspaceFolders": True},
        },
        "initializationOptions": {
            "editorInfo": {"name": "Neovim", "version": "0.11.4"},
            "editorPluginInfo": {"name": "copilot.lua", "version": "1.507.0"},
        },
    }


def settings(model: str = "") -> dict[str, Any]:
    """``get_workspace_configurations``."""
    return {
        "settings": {
            "github": {"copilot": {"selectedCompletionModel": model}},
            "enableAutoCompletions": True,
            "disabledLanguages": [{"languageId": "."}, {"languageId": "help"}],
        }
    }


async def start(client: Any) -> Any:
    """From the start to the moment at which the plugin takes the server as initialised."""
    client.will_answer("window/workDoneProgress/create")
    result = await client.initialize(initialize(client))
    telemetry = {"telemetry": {"telemetryLevel": "all"}, "advanced": {"timeout": 30000}}
    client.notify("workspace/didChangeConfiguration", {"settings": telemetry})  # Neovim itself
    client.notify("workspace/didChangeConfiguration", settings())
    client.notify("$/setTrace", {"value": "off"})
    return result


def doc_params(uri: str, version: int, line: int, character: int) -> dict[str, Any]:
    """``get_doc_params``; the ``_`` keeps an empty table from becoming an array."""
    position = {"line": line, "character": character}
    doc = {
        "uri": uri,
        "version": version,
        "relativePath": "a.py",
        "insertSpaces": True,
        "tabSize": 4,
        "indentSize": 4,
        "position": position,
    }
    text_document = {"uri": uri, "version": version, "relativePath": "a.py"}
    return {"doc": doc, "textDocument": text_document, "position": position, "_": True}


async def test_from_the_start_to_an_accepted_suggestion(client: Any, supplier: Any) -> None:
    result = await start(client)
    assert result["capabilities"]["positionEncoding"] == "utf-16"
    uri = client.open("a.py", CODE, version=3)
    assert await client.result("checkStatus", {"_": True}) == {
        "status": "OK",
        "user": "Team (coder)",
    }
    await client.state("Normal")

    # InsertEnter, and 75 ms later the first request.
    asked = doc_params(uri, 3, 1, 4)
    (choice,) = (await client.result("getCompletions", asked))["completions"]
    assert choice["text"] == WHOLE
    assert choice["displayText"] == "return a + b"
    assert choice["range"] == {
        "start": {"line": 1, "character": 0},
        "end": {"line": 1, "character": 4},
    }
    assert choice["position"] == {"line": 1, "character": 4}
    assert choice["docVersion"] == 3
    assert await client.result("notifyShown", {"uuid": choice["uuid"], "_": True}) == "OK"

    # The user types what is shown: the request before is cancelled, and nobody is asked again.
    number, _ = client.send("getCompletions", asked)
    client.notify("$/cancelRequest", {"id": number})
    client.change(
        uri, 4, "ret", {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 4}}
    )
    (same,) = (await client.result("getCompletions", doc_params(uri, 4, 1, 7)))["completions"]
    assert (same["text"], same["displayText"]) == (WHOLE, "urn a + b")
    assert len(supplier.completions) == 1

    # <M-]>: the same params once more.
    cycled = await client.result("getCompletionsCycling", doc_params(uri, 4, 1, 7))
    texts = [each["text"] for each in cycled["completions"]]
    assert texts[0] == WHOLE
    assert len(set(texts)) == len(texts) >= 2
    assert all(text.startswith("    ret") for text in texts)

    # The suggestion is taken, its length in UTF-16 of the whole line.
    accepted = {"uuid": same["uuid"], "acceptedLength": len(WHOLE), "_": True}
    assert await client.result("notifyAccepted", accepted) == "OK"
    client.change(
        uri,
        5,
        WHOLE,
        {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 7}},
    )
    again = await client.result("getCompletions", doc_params(uri, 5, 1, len(WHOLE)))
    assert again["completions"] == [] or again["completions"][0]["text"] != WHOLE

    # Another one is turned down.
    client.change(uri, 6, CODE + "x = 1\n    ")
    (other,) = (await client.result("getCompletions", doc_params(uri, 6, 2, 4)))["completions"]
    rejected = {"uuids": [other["uuid"]], "_": True}
    assert await client.result("notifyRejected", rejected) == "OK"
    assert await client.stop() == 0


async def test_the_line_stays_whole_behind_the_cursor(client: Any, supplier: Any) -> None:
    """``remove_common_suffix`` and the text edit count on both ends of the line."""
    supplier.completion = "a, b"
    await start(client)
    uri = client.open("a.py", "print()\n", version=2)
    (choice,) = (await client.result("getCompletions", doc_params(uri, 2, 0, 6)))["completions"]
    assert choice["text"] == "print(a, b)"
    assert choice["displayText"] == "a, b"
    assert choice["range"]["end"] == {"line": 0, "character": 7}


async def test_positions_are_in_utf_16_though_neovim_offers_others(
    client: Any, supplier: Any
) -> None:
    supplier.completion = "漢"
    await start(client)
    before = "é = '😀' + "
    uri = client.open("a.py", before + ")\n", version=2)
    here = len(before.encode("utf-16-le")) // 2
    asked = doc_params(uri, 2, 0, here)
    (choice,) = (await client.result("getCompletions", asked))["completions"]
    assert choice["text"] == f"{before}漢)"
    assert choice["range"]["end"] == {"line": 0, "character": here + 1}
    assert supplier.completions[0].json["prompt"].endswith(before.rstrip())
    # Accepted word by word: a length in UTF-16 that ends before the suggestion does.
    part = {"uuid": choice["uuid"], "acceptedLength": here, "_": True}
    assert await client.result("notifyAccepted", part) == "OK"


async def test_a_request_about_an_older_text_gets_nothing(client: Any, supplier: Any) -> None:
    await start(client)
    uri = client.open("a.py", CODE, version=7)
    assert await client.result("getCompletions", doc_params(uri, 6, 1, 4)) == {"completions": []}
    assert supplier.completions == []
    # `:w` raises Neovim's number without a change.
    assert (await client.result("getCompletions", doc_params(uri, 8, 1, 4)))["completions"]


async def test_the_panel(client: Any) -> None:
    """``panel:refresh``: the count first, then each solution, then the end."""
    await start(client)
    uri = client.open("a.py", CODE + "  # sum\n", version=3)
    panel_id = f"1:copilot://{client.workspace}/a.py"
    asked = {**doc_params(uri, 3, 1, 4), "panelId": panel_id}
    number, future = client.send("getPanelCompletions", asked)
    done = await client.until(lambda: client.all("PanelSolutionsDone"))
    assert done == [{"panelId": panel_id, "status": "OK"}]
    count = (await client.soon(future))["result"]["solutionCountTarget"]
    order = [each.get("method") or each["id"] for each in client.received]
    assert order.index(number) < order.index("PanelSolution")
    found = client.all("PanelSolution")
    assert 2 <= len(found) <= count
    first = found[0]
    assert first["panelId"] == panel_id
    assert first["completionText"] == "return a + b"
    assert first["displayText"] == "    return a + b  # sum"
    assert first["range"] == {
        "start": {"line": 1, "character": 4},
        "end": {"line": 1, "character": 4},
    }
    assert len({each["solutionId"] for each in found}) == len(found)
    assert [each["score"] for each in found] == sorted(
        (each["score"] for each in found), reverse=True
    )
    taken = {"uuid": found[1]["solutionId"], "_": True}
    assert await client.result("notifyAccepted", taken) == "OK"


async def test_a_model_is_chosen(client: Any, supplier: Any) -> None:
    """``:Copilot model select``, and ``copilot_model`` of a configuration made for GitHub's."""
    await start(client)
    uri = client.open("a.py", CODE, version=3)
    models = await client.result("copilot/models", {"_": True})
    offered = {each["id"]: each for each in models if "completion" in each["scopes"]}
    assert offered["team/coder"]["default"] is True
    assert offered["team/talker"]["default"] is False
    assert all(each["modelName"] for each in models)
    client.notify("workspace/didChangeConfiguration", settings("team/talker"))
    await client.completes_with("talker")
    await client.result("getCompletions", doc_params(uri, 3, 1, 4))
    assert supplier.completions[-1].json["model"] == "talker"
    assert (await client.result("checkStatus", {"_": True}))["user"] == "Team (talker)"
    # GitHub's own ids mean nothing here; an empty one is the choice of the user's file.
    client.notify("workspace/didChangeConfiguration", settings("gpt-41-copilot"))
    assert (await client.result("checkStatus", {"_": True}))["user"] == "Team (talker)"
    client.notify("workspace/didChangeConfiguration", settings(""))
    await client.completes_with("coder")
    assert (await client.result("checkStatus", {"_": True}))["user"] == "Team (coder)"
    assert "talker" not in client.config.read_text("utf-8").partition("[chat]")[0]


async def test_signing_out_and_in_again(client: Any, supplier: Any) -> None:
    """``auth.signout`` and ``auth.signin``."""
    await start(client)
    await client.state("Normal")
    uri = client.open("a.py", CODE, version=3)
    checks = {"options": {"localChecksOnly": True}, "_": True}
    assert (await client.result("checkStatus", checks))["user"] == "Team (coder)"
    assert await client.result("signOut", {"_": True}) == {"status": "NotSignedIn"}
    assert "signed out" in (await client.state("Inactive"))["message"]
    assert await client.result("checkStatus", {"_": True}) == {"status": "NotSignedIn"}
    assert await client.result("getCompletions", doc_params(uri, 3, 1, 4)) == {"completions": []}
    assert supplier.completions == []

    how = await client.result("signInInitiate", {"_": True})
    assert how["userCode"] == "polypilot auth"
    assert how["verificationUri"] == client.config.as_uri()
    confirmed = await client.result("signInConfirm", {"userCode": how["userCode"], "_": True})
    assert confirmed == {"status": "OK", "user": "Team (coder)"}
    await client.state("Normal")
    assert (await client.result("getCompletions", doc_params(uri, 3, 1, 4)))["completions"]
