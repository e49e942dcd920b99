"""What the editor's user is asked before a tool may run, and what counts as yes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polypilot.chat.values import FileDiff, Location, PermissionRequest, Scene
from polypilot.lsp.features.chat_client import EditorClient

OURS = "polypilot/chat/permission"
STANDARD = "window/showMessageRequest"
REQUEST = PermissionRequest(
    "s1",
    "c1",
    "write_file",
    "Write a.py",
    "edit",
    '{"path": "a.py"}',
    (FileDiff("/w/a.py", "old\n", "new\n"),),
    (Location("/w/a.py", 2),),
)
KNOWS = {"experimental": {"polypilot": {"permission": True}}}


def selected(option: object) -> dict[str, Any]:
    return {"result": {"outcome": {"outcome": "selected", "optionId": option}}}


async def _question(editor: Any) -> dict[str, Any]:
    def is_one(message: dict[str, Any]) -> bool:
        return message.get("method") in {OURS, STANDARD}

    return await editor.until(is_one)


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (selected("allow_once"), "allow_once"),
        (selected("allow_session"), "allow_session"),
        (selected("reject_once"), "reject_once"),
        (selected("reject_session"), "reject_session"),
        (selected("allow_everything"), "reject_once"),
        (selected(["allow_once"]), "reject_once"),
        ({"result": {"outcome": {"outcome": "cancelled"}}}, "cancelled"),
        ({"result": None}, "reject_once"),
        ({"result": "allow_once"}, "reject_once"),
        ({"result": {"outcome": "allow_once"}}, "reject_once"),
        ({"error": {"code": -32601, "message": "no"}}, "reject_once"),
    ],
)
async def test_nothing_but_a_clear_yes_is_one(
    editor: Any, answer: dict[str, Any], decision: str
) -> None:
    await editor.start(**KNOWS)
    editor.answers[OURS] = answer
    assert await EditorClient(editor.server, Scene()).permission(REQUEST) == decision
    asked = await editor.asked(OURS)
    assert asked == {
        "sessionId": "s1",
        "toolCall": {
            "id": "c1",
            "name": "write_file",
            "title": "Write a.py",
            "toolKind": "edit",
            "arguments": '{"path": "a.py"}',
            "diffs": [{"uri": "file:///w/a.py", "oldText": "old\n", "newText": "new\n"}],
            "locations": [{"uri": "file:///w/a.py", "line": 1}],
            "status": "pending",
        },
        "options": [
            {"optionId": "allow_once", "name": "Allow once", "kind": "allow_once"},
            {
                "optionId": "allow_session",
                "name": "Allow in this conversation",
                "kind": "allow_always",
            },
            {"optionId": "reject_once", "name": "Refuse", "kind": "reject_once"},
            {
                "optionId": "reject_session",
                "name": "Refuse in this conversation",
                "kind": "reject_always",
            },
        ],
    }
    assert editor.all(STANDARD) == []


@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        ({"result": {"title": "Allow once"}}, "allow_once"),
        ({"result": {"title": "Allow in this conversation"}}, "allow_session"),
        ({"result": {"title": "Refuse in this conversation"}}, "reject_session"),
        ({"result": {"title": "Yes to all"}}, "reject_once"),
        ({"result": None}, "reject_once"),
        ({"result": 5}, "reject_once"),
        ({"error": {"code": -32601, "message": "no"}}, "reject_once"),
    ],
)
async def test_an_editor_that_does_not_know_ours_asks_with_the_standards(
    editor: Any, answer: dict[str, Any], decision: str
) -> None:
    await editor.start(experimental={"polypilot": {"permission": "yes"}})
    editor.answers[STANDARD] = answer
    assert await EditorClient(editor.server, Scene()).permission(REQUEST) == decision
    asked = await editor.asked(STANDARD)
    assert asked["message"] == "Polypilot: Write a.py\n/w/a.py"
    assert [each["title"] for each in asked["actions"]] == [
        "Allow once",
        "Allow in this conversation",
        "Refuse",
        "Refuse in this conversation",
    ]
    assert editor.all(OURS) == []


async def test_what_a_model_wrote_cant_pass_for_our_words(editor: Any) -> None:
    await editor.start()
    editor.answers[STANDARD] = {"result": None}
    title = "Read a.py\nPolypilot: all is well \u202e" + "x" * 1000
    places = tuple(Location(f"/w/{number}.py") for number in range(8))
    request = PermissionRequest("s", "c", "t", title, "read", "{}", (), places)
    await EditorClient(editor.server, Scene()).permission(request)
    lines = (await editor.asked(STANDARD))["message"].split("\n")
    assert lines[0].startswith(r"Polypilot: Read a.py\nPolypilot: all is well \u202e")
    assert len(lines[0]) == 200
    assert lines[1:] == [*(f"/w/{number}.py" for number in range(5)), "and 3 more"]


async def test_a_user_who_does_not_answer_has_not_allowed_it(editor: Any) -> None:
    await editor.start(**KNOWS)
    client = EditorClient(editor.server, Scene(), patience=0.01)
    assert await client.permission(REQUEST) == "reject_once"
    # The question is taken back.
    asked = await _question(editor)
    assert (await editor.asked("$/cancelRequest"))["id"] == asked["id"]


@pytest.mark.parametrize("capabilities", [KNOWS, {}])
async def test_a_question_is_taken_back_with_the_answer_it_belongs_to(
    editor: Any, capabilities: dict[str, Any]
) -> None:
    await editor.start(**capabilities)
    task = asyncio.ensure_future(EditorClient(editor.server, Scene()).permission(REQUEST))
    asked = await _question(editor)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await editor.asked("$/cancelRequest"))["id"] == asked["id"]
