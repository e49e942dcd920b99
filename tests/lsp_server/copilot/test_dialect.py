"""What every client of Copilot's may rely on: answers, states, and the engine behind them."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import Stall, Wait, reply, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Started = Callable[..., Awaitable[Any]]

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "
POSITION = {"line": 0, "character": 0}
DOC = {"uri": "file:///a.py", "position": POSITION}
TURN = {"request": "hi", "response": "", "turnId": ""}

MALFORMED: dict[str, list[Any]] = {
    "setEditorInfo": [{}, {"editorInfo": None}, {"editorInfo": {"version": "1"}}, [1], "x"],
    "checkStatus": [{"options": 1}, "x", [1]],
    "signInConfirm": [{"userCode": 5}, ["x"]],
    "getCompletions": [
        {},
        {"doc": None},
        {"doc": {"position": POSITION}},
        {"doc": {**DOC, "uri": 5}},
        {"doc": {**DOC, "position": {"line": 0}}},
        {"doc": {**DOC, "position": {"line": "0", "character": 0}}},
        {"doc": {**DOC, "position": {"line": 0.5, "character": 0}}},
        {"doc": {**DOC, "version": "1"}},
        [],
        [DOC],
        5,
    ],
    "getCompletionsCycling": [{}, {"doc": []}],
    "getPanelCompletions": [{}, {"doc": DOC}, {"doc": DOC, "panelId": 1}, {"panelId": "1"}],
    "textDocument/copilotPanelCompletion": [
        {},
        {"textDocument": {"uri": "file:///a.py"}},
        {"textDocument": {}, "position": POSITION},
        {"textDocument": {"uri": "x", "version": "1"}, "position": POSITION},
        {"textDocument": {"uri": "x"}, "position": POSITION, "partialResultToken": {}},
    ],
    "notifyShown": [{}, {"uuid": 1}, {"uuid": None}],
    "notifyAccepted": [{}, {"uuid": []}, {"uuid": "x", "acceptedLength": "1"}],
    "notifyRejected": [{}, {"uuids": "x"}, {"uuids": [1]}, {"uuids": None}],
    "conversation/create": [
        {},
        {"workDoneToken": "t"},
        {"turns": [TURN]},
        {"workDoneToken": None, "turns": [TURN]},
        {"workDoneToken": "t", "turns": [{"response": "x"}]},
        {"workDoneToken": "t", "turns": [TURN], "capabilities": {"skills": "x"}},
        {"workDoneToken": "t", "turns": [TURN], "references": [{"uri": "x"}]},
        {"workDoneToken": "t", "turns": [TURN], "model": 1},
    ],
    "conversation/turn": [
        {},
        {"workDoneToken": "t", "message": "x"},
        {"workDoneToken": "t", "conversationId": "x"},
        {"workDoneToken": 1.5, "conversationId": "x", "message": "x"},
    ],
    "conversation/destroy": [{}, {"conversationId": 1}],
    "git/commitGenerate": [{}, {"changes": "x"}, {"changes": [1]}, {"changes": None}],
}
TOLD: dict[str, list[Any]] = {
    "textDocument/didFocus": [{}, {"textDocument": None}, {"textDocument": {"uri": 1}}, "x"],
    "notifyChangeConfiguration": [{}, None, "x", {"settings": 1}, {"settings": {"github": []}}],
    "textDocument/didShowCompletion": [{}, {"item": None}, {"item": {"command": 1}}],
    "textDocument/didPartiallyAcceptCompletion": [{}, {"item": {}, "acceptedLength": "1"}],
}


def doc(uri: str, line: int, character: int, **more: Any) -> dict[str, Any]:
    return {"doc": {"uri": uri, "position": {"line": line, "character": character}, **more}}


def inline(uri: str, line: int, character: int, kind: int = 2) -> dict[str, Any]:
    return {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": kind},
    }


# -- answers ---------------------------------------------------------------------------------


async def test_malformed_params_are_refused_and_nothing_is_lost(
    client: Any, started: Started, supplier: Any
) -> None:
    await started()
    uri = client.open("a.py", CODE)
    for method, wrong in MALFORMED.items():
        for params in wrong:
            error = await client.error(method, params)
            assert error["code"] == -32602, (method, params, error)
            assert CODE not in error["message"]
    for method, wrong in TOLD.items():
        for params in wrong:
            client.notify(method, params)
    # What was said before still holds, and the connection goes on.
    (found,) = (await client.result("getCompletions", doc(uri, 1, 4)))["completions"]
    assert found["text"] == "    return a + b"
    assert len(supplier.completions) == 1
    assert supplier.chats == []
    assert b"Traceback" not in client.stderr


async def test_there_are_params_for_every_method_of_ours() -> None:
    from polypilot.lsp import copilot_names  # noqa: PLC0415 - the only test of the table

    assert copilot_names.PARAMS.keys() <= {*MALFORMED, *TOLD}


async def test_methods_that_are_not_known_are_answered(client: Any, started: Started) -> None:
    """Of the 158 requests of GitHub's server, those that need GitHub, and made-up ones."""
    await started()
    unknown = [
        "auth/listAvailableTokens",
        "checkFileStatus",
        "checkQuota",
        "context/registerProviders",
        "conversation/modes",
        "conversation/registerTools",
        "copilot/byok/listApiKeys",
        "copilot/codeReview/reviewChanges",
        "debug/diagnostics",
        "getUserInfo",
        "mcp/getTools",
        "signInWithGithubToken",
        "telemetry/exception",
        "textDocument/copilotInlineEdit",
        "no/such/method",
        "",
    ]
    for method in unknown:
        assert (await client.error(method, {"x": 1}))["code"] == -32601, method
    for method in ("github/didChangeAuth", "copilot/didChangeToken", "no/such", "$/x"):
        client.notify(method, {"x": 1})
    assert (await client.result("checkStatus", {}))["status"] == "OK"
    assert client.all("didChangeStatus")[-1]["kind"] == "Normal"


@pytest.mark.parametrize("nothing", [None, {}, {"_": True}, {"dummy": "x"}, []])
async def test_a_client_may_write_no_params_as_it_likes(
    client: Any, started: Started, nothing: Any
) -> None:
    await started()
    for method in ("getVersion", "signIn", "copilot/models", "conversation/templates"):
        assert await client.result(method, nothing)


async def test_where_nothing_can_be_offered(client: Any, started: Started, supplier: Any) -> None:
    await started()
    uri = client.open("a.py", CODE, version=5)
    nothing: dict[str, Any] = {"completions": []}
    for unknown in ("file:///no.py", "", "copilot:///1", "untitled:1"):
        for method in ("getCompletions", "getCompletionsCycling"):
            assert await client.result(method, doc(unknown, 0, 0)) == nothing
    assert await client.result("getCompletions", doc(uri, 9, 0)) == nothing
    client.received.clear()
    panel = {**doc(uri, 9, 0), "panelId": "p"}
    assert (await client.result("getPanelCompletions", panel))["solutionCountTarget"]
    assert await client.until(lambda: client.all("PanelSolutionsDone")) == [
        {"panelId": "p", "status": "OK"}
    ]
    # The client knows of no panel before the answer.
    order = [each.get("method", "answer") for each in client.received]
    assert order == ["answer", "PanelSolutionsDone"]
    assert client.all("PanelSolution") == []
    assert supplier.completions == []
    # A character beyond the line is its end.
    (found,) = (await client.result("getCompletions", doc(uri, 1, 400)))["completions"]
    assert found["position"] == {"line": 1, "character": 4}


async def test_a_panel_says_what_is_wrong(client: Any, started: Started, supplier: Any) -> None:
    await started()
    supplier.script = reply(400, {"error": {"message": "no such model"}})
    uri = client.open("a.py", CODE)
    await client.result("getPanelCompletions", {**doc(uri, 1, 4), "panelId": "p"})
    (done,) = await client.until(lambda: client.all("PanelSolutionsDone"))
    assert done["status"] == "Error"
    assert done["message"]


# -- one engine ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ")", "  # sum", " 漢😀"])
async def test_what_is_offered_is_what_inline_completion_offers(
    client: Any, started: Started, supplier: Any, suffix: str
) -> None:
    await started()
    uri = client.open("a.py", f"{CODE}{suffix}\nprint(1)\n")
    (item,) = (await client.result("textDocument/inlineCompletion", inline(uri, 1, 4)))["items"]
    (found,) = (await client.result("getCompletions", doc(uri, 1, 4)))["completions"]
    assert found["displayText"] == item["insertText"]
    assert found["text"] == f"    {item['insertText']}{suffix}"
    assert found["uuid"] == item["command"]["arguments"][0]
    assert len(supplier.completions) == 1
    # And the other way round: what the one has asked for, the other is given, as it is typed.
    client.change(uri, 2, f"{CODE}return{suffix}\nprint(1)\n")
    (found,) = (await client.result("getCompletions", doc(uri, 1, 10)))["completions"]
    (item,) = (await client.result("textDocument/inlineCompletion", inline(uri, 1, 10)))["items"]
    assert (found["displayText"], item["insertText"]) == (" a + b", " a + b")
    assert len(supplier.completions) == 1


async def test_the_same_choice_of_several(client: Any, started: Started, supplier: Any) -> None:
    await started()
    uri = client.open("a.py", CODE)
    cycled = (await client.result("getCompletionsCycling", doc(uri, 1, 4)))["completions"]
    asked = inline(uri, 1, 4, 1)
    items = (await client.result("textDocument/inlineCompletion", asked))["items"]
    assert [each["displayText"] for each in cycled] == [each["insertText"] for each in items]
    panel = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 4}}
    same = (await client.result("textDocument/copilotPanelCompletion", panel))["items"]
    assert same == items
    assert len(supplier.completions) == 3


async def test_a_newer_request_of_either_kind_takes_the_turn(
    client: Any, started: Started, supplier: Any
) -> None:
    """The engine has one ask in a document at a time, whoever asks."""
    await started()
    supplier.script = stream(Stall())
    uri = client.open("a.py", CODE)
    _, older = client.send("getCompletions", doc(uri, 1, 4))
    await supplier.wait_for_requests(len(supplier.requests) + 1)
    _, newer = client.send("textDocument/inlineCompletion", inline(uri, 1, 4))
    assert (await client.soon(older))["result"] == {"completions": []}
    _, newest = client.send("getCompletions", doc(uri, 1, 4))
    assert (await client.soon(newer))["result"] is None
    assert len(supplier.completions) == 1
    assert not newest.done()


async def test_what_must_not_be_sent_is_not_sent_this_way_either(
    client: Any, started: Started, supplier: Any
) -> None:
    (client.workspace / ".gitignore").write_text("secret.py\n", "utf-8")
    await started()
    uri = client.open("secret.py", CODE)
    for method in ("getCompletions", "getCompletionsCycling"):
        assert await client.result(method, doc(uri, 1, 4)) == {"completions": []}
    await client.result("getPanelCompletions", {**doc(uri, 1, 4), "panelId": "p"})
    await client.until(lambda: client.all("PanelSolutionsDone"))
    assert supplier.completions == []


async def test_suggestions_of_several_lines_keep_the_line_whole(
    client: Any, started: Started, supplier: Any
) -> None:
    supplier.completion = "if a:\n        return b\n    return a"
    await started()
    uri = client.open("a.py", "def add(a, b):\n    \n\nx = 1\n")
    (found,) = (await client.result("getCompletionsCycling", doc(uri, 1, 4)))["completions"][:1]
    assert found["text"].startswith("    if a:\n        return b")
    assert found["text"] == "    " + found["displayText"]
    assert found["range"]["end"] == {"line": 1, "character": 4}


# -- states ----------------------------------------------------------------------------------


async def test_states_of_a_request(client: Any, started: Started, supplier: Any) -> None:
    await started()
    go_on = asyncio.Event()
    supplier.script = stream(Wait(go_on), b"data: [DONE]\n\n")
    uri = client.open("a.py", CODE)
    _, answer = client.send("getCompletions", doc(uri, 1, 4))
    await client.state("Normal", busy=True)
    go_on.set()
    await client.soon(answer)
    await client.state("Normal")
    # A supplier that refuses, and then does not.
    supplier.script = reply(401, {"error": {"message": "Incorrect API key provided."}})
    client.change(uri, 2, CODE + "x = ")
    await client.result("getCompletionsCycling", doc(uri, 1, 8))
    told = await client.state("Error")
    assert told["message"].startswith("Polypilot: ")
    supplier.script = None
    client.change(uri, 3, CODE + "y = ")
    assert (await client.result("getCompletionsCycling", doc(uri, 1, 8)))["completions"]
    assert (await client.state("Normal"))["message"] == ""


async def test_equal_states_are_told_once(client: Any, started: Started) -> None:
    await started()
    for _ in range(3):
        await client.result("polypilot/pause", {"paused": True})
    await client.state("Inactive")
    await client.result("polypilot/pause", {"paused": False})
    await client.state("Normal")
    told = [(each["kind"], each["busy"]) for each in client.all("didChangeStatus")]
    assert all(one != other for one, other in pairwise(told))


async def test_signed_out_stays_so_whatever_is_under_way(
    client: Any, started: Started, supplier: Any
) -> None:
    await started()
    uri = client.open("a.py", CODE)
    await client.result("signOut", {})
    await client.state("Inactive")
    client.received.clear()
    # It is asked for by hand: our own status says "busy", this client's stays what it is.
    assert (await client.result("getCompletionsCycling", doc(uri, 1, 4)))["completions"]
    await client.result("polypilot/pause", {"paused": False})
    assert supplier.completions
    assert any(each["state"] == "busy" for each in client.all("polypilot/status"))
    assert client.all("didChangeStatus") == client.all("statusNotification") == []


async def test_other_clients_are_spared_the_states(client: Any) -> None:
    await client.initialize({"capabilities": {}, "workspaceFolders": [client.folder]})
    await client.until(lambda: client.all("polypilot/status"))
    await client.result("checkStatus", {})
    assert client.all("didChangeStatus") == client.all("statusNotification") == []


async def test_a_change_of_the_model_alone_leaves_what_else_the_editor_said(
    client: Any, started: Started, supplier: Any
) -> None:
    await started()
    ours = {"privacy": {"exclude": ["*.py"]}, "completion": {"model": "talker"}}
    client.notify("workspace/didChangeConfiguration", {"settings": {"polypilot": ours}})
    await client.completes_with("talker")
    for model, told in (("team/coder", "coder"), ("", "talker")):
        chosen = {"github": {"copilot": {"selectedCompletionModel": model}}}
        client.notify("workspace/didChangeConfiguration", {"settings": chosen})
        await client.completes_with(told)
        uri = client.open(f"{told}.py", CODE)
        assert (await client.result("getCompletions", doc(uri, 1, 4)))["completions"] == []
        assert supplier.completions == []
    # And what it says anew holds.
    client.notify("workspace/didChangeConfiguration", {"settings": {"polypilot": {}}})
    while not (await client.result("getCompletions", doc(uri, 1, 4)))["completions"]:
        pass


async def test_a_model_that_the_users_file_does_not_allow_is_not_chosen(
    client: Any, started: Started, supplier: Any
) -> None:
    """An editor's settings may come with a repository: they choose among what the user named."""
    await started()
    chosen = {"github": {"copilot": {"selectedCompletionModel": "openai/gpt-5"}}}
    for method in ("workspace/didChangeConfiguration", "notifyChangeConfiguration"):
        client.notify(method, {"settings": chosen})
    told = await client.until(
        lambda: [each for each in client.all("didChangeStatus") if each["kind"] == "Error"]
    )
    assert "does not list" in told[0]["message"]
    assert ".." not in told[0]["message"]
    uri = client.open("a.py", CODE)
    await client.result("getCompletions", doc(uri, 1, 4))
    assert supplier.completions[-1].json["model"] == "coder"
