"""``textDocument/completion``: only where the user wants it, and nothing an editor would spoil."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot_providers.testing import ScriptedServer

    Supplier = Callable[[str], Awaitable[ScriptedServer]]

METHOD = "textDocument/completion"
MENU = {"completion": {"menu": True}}
REGISTER, UNREGISTER = "client/registerCapability", "client/unregisterCapability"


def able(*, dynamic: bool = False, **item: Any) -> dict[str, Any]:
    """A client's capabilities."""
    return {
        "textDocument": {"completion": {"dynamicRegistration": dynamic, "completionItem": item}}
    }


async def ask(editor: Any, uri: str, line: int, character: int) -> Any:
    params = {
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 1},
    }
    return await editor.result(METHOD, params)


def push(editor: Any, *, menu: bool) -> None:
    section = {"polypilot": {"completion": {"menu": menu}}}
    editor.notify("workspace/didChangeConfiguration", {"settings": section})


async def test_off_unless_the_user_turns_it_on(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    result = await editor.start(**able(dynamic=True))
    assert "completionProvider" not in result["capabilities"]
    uri = editor.open("a.py", "def add(a, b):\n    ")
    assert await ask(editor, uri, 1, 4) is None
    assert completing.requests == []
    assert (await editor.complete(uri, 1, 4))["items"]
    assert editor.all(REGISTER) == []


@pytest.mark.parametrize("options", [MENU, {}, {"completion": 5}, {"completion": {"menu": []}}])
async def test_a_client_that_cannot_be_told_later_is_told_at_the_start(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer, options: Any
) -> None:
    settings(completing.url)
    result = await editor.start(options, **able())
    wanted = options is MENU
    assert ("completionProvider" in result["capabilities"]) is wanted
    if wanted:
        assert "." in result["capabilities"]["completionProvider"]["triggerCharacters"]
    uri = editor.open("a.py", "def add(a, b):\n    ")
    assert ((await ask(editor, uri, 1, 4)) is not None) is wanted
    assert editor.all(REGISTER) == []


async def test_it_is_registered_and_taken_back_as_the_setting_changes(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    editor.answers[REGISTER] = editor.answers[UNREGISTER] = {"result": None}
    result = await editor.start(MENU, **able(dynamic=True))
    assert "completionProvider" not in result["capabilities"]
    (first,) = (await editor.asked(REGISTER))["registrations"]
    assert first["method"] == METHOD
    assert "." in first["registerOptions"]["triggerCharacters"]
    uri = editor.open("a.py", "def add(a, b):\n    ")
    assert (await ask(editor, uri, 1, 4))["items"]  # each request looks at the settings
    assert len(editor.all(REGISTER)) == 1
    push(editor, menu=False)
    (gone,) = (await editor.asked(UNREGISTER))["unregisterations"]
    assert (gone["id"], gone["method"]) == (first["id"], METHOD)
    push(editor, menu=True)
    (again,) = (await editor.asked(REGISTER, 1))["registrations"]
    assert again["id"] == first["id"]
    assert len(editor.all(REGISTER)) == 2
    assert len(editor.all(UNREGISTER)) == 1


async def test_the_item(editor: Any, settings: Callable[..., None], supplier: Supplier) -> None:
    server = await supplier("urn a + '😀' * 20 + 'a very long line of text that goes on and on'")
    settings(server.url)
    editor_can = able(documentationFormat=["markdown", "plaintext"])
    await editor.start(MENU, **editor_can)
    uri = editor.open("a.py", "def add(a, b):\n    x😀ret")
    found = await ask(editor, uri, 1, 10)
    assert found["isIncomplete"] is True
    (item,) = found["items"]
    text = item["textEdit"]["newText"]
    place = {"line": 1, "character": 10}
    assert item["textEdit"]["range"] == {"start": place, "end": place}
    assert text.startswith("urn a + '😀'")
    assert item["label"] == text[:59] + "…"
    assert item["filterText"] == "ret" + text
    assert item["sortText"] < "0"
    assert item["insertTextFormat"] == 1
    assert item["insertTextMode"] == 1
    assert item["documentation"] == {"kind": "markdown", "value": f"```python\n{text}\n```"}
    assert item["command"]["command"] == "polypilot.accepted"
    params = {key: item["command"][key] for key in ("command", "arguments")}
    assert await editor.result("workspace/executeCommand", params) is None


async def test_several_lines_in_a_menu_that_shows_plain_text(
    editor: Any, settings: Callable[..., None], supplier: Supplier
) -> None:
    server = await supplier("\n    s = '```'\n    return s")
    settings(server.url)
    await editor.start(MENU, **able())
    uri = editor.open("a.py", "def fence():\n")
    (item,) = (await ask(editor, uri, 0, 12))["items"]
    text = item["textEdit"]["newText"]
    assert text.startswith("\n    s = ")
    assert item["label"] == "s = '```'"
    assert item["filterText"] == "s = '```'"
    assert item["documentation"] == {"kind": "plaintext", "value": text}


async def test_a_fence_in_the_text_does_not_end_the_code_block(
    editor: Any, settings: Callable[..., None], supplier: Supplier
) -> None:
    server = await supplier("'```'")
    settings(server.url)
    await editor.start(MENU, **able(documentationFormat=["markdown"]))
    uri = editor.open("a.py", "s = ")
    (item,) = (await ask(editor, uri, 0, 4))["items"]
    assert item["documentation"]["value"] == "````python\n'```'\n````"


async def test_without_a_suggestion_it_is_asked_again_at_the_next_key(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start(MENU, **able())
    uri = editor.open("a.py", "word\n")
    assert await ask(editor, uri, 0, 2) == {"isIncomplete": True, "items": []}
    assert await ask(editor, uri, 9, 9) is None
    assert completing.requests == []


async def test_ghost_text_and_menu_at_the_same_key_share_one_request(
    editor: Any, settings: Callable[..., None], completing: ScriptedServer
) -> None:
    settings(completing.url)
    await editor.start(MENU, **able())
    uri = editor.open("a.py", "def add(a, b):\n    ")
    where = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 4}}
    menu = {**where, "context": {"triggerKind": 1}}
    inline = {**where, "context": {"triggerKind": 2}}
    asked = [
        editor.ask(METHOD, menu),
        editor.ask("textDocument/inlineCompletion", inline),
        editor.ask(METHOD, menu),
    ]
    early, ghost, late = [(await editor.reply(each))["result"] for each in asked]
    (shown,) = ghost["items"]
    assert shown["insertText"] == "return a + b"
    (listed,) = late["items"]
    assert listed["textEdit"]["newText"] == "return a + b"
    assert early["isIncomplete"]
    assert len(completing.requests) == 1
