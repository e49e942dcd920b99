"""The prompt shown by part, and the problems that the editor tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polypilot.workspace.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer

EXPLAIN, TELL = "polypilot/explainCompletion", "polypilot/diagnostics"
CODE = "def add(a, b):\n    \n\nprint(add(1, 2))\n"
SECRET = "sk-ant-api03-" + "a1B2" * 24


def where(uri: str, line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


async def test_the_prompt_is_what_would_be_sent(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    shown = await editor.result(EXPLAIN, where(uri, 1, 4))
    assert completing.requests == []
    assert shown.keys() == {"provider", "model", "mode", "budget", "tokens", "parts"}
    assert (shown["provider"], shown["model"]) == ("team", "coder")
    assert all(part.keys() == {"name", "tokens", "text"} for part in shown["parts"])
    assert shown["tokens"] == sum(part["tokens"] for part in shown["parts"]) <= shown["budget"]
    text = "".join(part["text"] for part in shown["parts"])
    assert "def add(a, b):" in text
    assert "print(add(1, 2))" in text
    assert (await editor.complete(uri, 1, 4, 2))["items"]
    sent: Any = completing.requests[0].json
    assert all(sent[key].strip() in text for key in ("prompt", "suffix"))


async def test_a_prompt_of_the_moment_of_the_request(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    asked = editor.ask(EXPLAIN, where(uri, 1, 4))
    editor.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": "EDITED"}]},
    )
    shown = (await editor.reply(asked))["result"]
    assert "EDITED" not in str(shown)
    assert "def add" in str(shown)


async def test_what_may_not_be_sent_is_not_shown_as_sent(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", f"KEY = '{SECRET}'\n\n")
    assert SECRET not in str(await editor.result(EXPLAIN, where(uri, 1, 0)))
    hidden = editor.open(".env", "X=1\n")
    error = await editor.error(EXPLAIN, where(hidden, 0, 0))
    assert error["data"]["code"] == "excluded"


@pytest.mark.parametrize("uri", ["file:///nowhere.py", "x", ""])
async def test_a_document_that_is_not_open_has_no_prompt(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, uri: str
) -> None:
    settings(completing.url)
    await editor.start()
    assert (await editor.error(EXPLAIN, where(uri, 0, 0)))["code"] == -32803
    assert (await editor.error(EXPLAIN, {"textDocument": {"uri": uri}}))["code"] == -32602


def problem(line: int, message: str, **more: Any) -> dict[str, Any]:
    place = {"line": line, "character": 0}
    return {"range": {"start": place, "end": place}, "message": message, **more}


async def told(editor: Any) -> Any:
    """The server's store, once all that was sent has been taken in."""
    await editor.result("polypilot/status")
    return (await editor.server.backend()).diagnostics


async def test_problems_are_kept_until_the_document_is_closed(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    items = [
        problem(3, "second", severity=2, source="ruff", code="F821", tags=[1]),
        problem(1, "first", code=5),
        problem(0, "odd", severity=9, source=None),
    ]
    editor.notify(TELL, {"uri": uri, "diagnostics": items})
    assert (await told(editor)).of(uri) == (
        Diagnostic(0, "odd", 1, "", ""),
        Diagnostic(1, "first", 1, "", "5"),
        Diagnostic(3, "second", 2, "ruff", "F821"),
    )
    editor.notify(TELL, {"uri": uri, "diagnostics": [problem(2, "other")]})
    assert [each.message for each in (await told(editor)).of(uri)] == ["other"]
    editor.notify(TELL, {"uri": "file:///other.py", "diagnostics": [problem(2, "other")]})
    assert (await told(editor)).of("file:///other.py") == ()
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert (await told(editor)).of(uri) == ()


MALFORMED: list[Any] = [
    None,
    {},
    {"uri": 5, "diagnostics": []},
    {"diagnostics": None},
    {"diagnostics": [{}]},
    {"diagnostics": [{"message": "no range"}]},
    {"diagnostics": [problem(-1, "x")]},
    {"diagnostics": [problem(0, "x", severity="bad")]},
    {"diagnostics": [problem(0, "x", code=[])]},
]


@pytest.mark.parametrize("params", MALFORMED)
async def test_malformed_problems_are_ignored(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, params: Any
) -> None:
    settings(completing.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    editor.notify(TELL, {"uri": uri, "diagnostics": [problem(1, "kept")]})
    editor.notify(TELL, {"uri": uri, **params} if params else params)
    assert [each.message for each in (await told(editor)).of(uri)] == ["kept"]
    assert (await editor.complete(uri, 1, 4))["items"]
