"""Fix, Document, Rewrite and Optimise: one edit, for the lines that were asked about."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from no_plugin_support import CAPABILITIES, Buffer, Desk, said

from polypilot_providers.testing import ScriptedServer, Stall, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

CODE = "import os\n\n\ndef add(a, b):\n    return a - b\n\n\nprint(add(1, 2))\n"
FIXED = "def add(a, b):\n    return a + b\n"
ANSWER = f"It subtracts.\n```python\n{FIXED}```\n"
PROBLEM = {
    "range": {"start": {"line": 4, "character": 4}, "end": {"line": 4, "character": 16}},
    "message": "subtracts",
    "source": "lint",
    "code": 7,
}
BOUND = 30


@pytest.fixture
async def model() -> AsyncGenerator[ScriptedServer]:
    """A supplier that answers with the mended code until told otherwise."""
    async with ScriptedServer(said(ANSWER)) as server:
        yield server


@pytest.fixture
async def desk(editor: Any, settings: Callable[..., None], model: ScriptedServer) -> Desk:
    settings(model.url)
    made = Desk(editor)
    await editor.start(**CAPABILITIES)
    return made


def asked(model: ScriptedServer, number: int = 0) -> str:
    """What the model was told by the user."""
    messages: list[Any] = model.requests[number].json["messages"]  # pyright: ignore[reportAssignmentType]  JSON
    return str(messages[-1]["content"])


async def fix(desk: Desk, buffer: Buffer) -> None:
    await desk.do("fix: subtracts", buffer, (4, 6), diagnostics=[PROBLEM])


async def test_a_problem_is_fixed_in_one_edit(desk: Desk, model: ScriptedServer) -> None:
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    assert await desk.over() == {"kind": "end", "message": "done"}
    assert buffer.text == CODE.replace("a - b", "a + b")
    assert buffer.steps == [CODE]
    (edit,) = desk.edits
    assert edit["label"] == "Polypilot: fix"
    (change,) = edit["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": buffer.uri, "version": 1}
    text = asked(model)
    assert "5: subtracts (lint 7)" in text
    assert "lines 4 to 5 of `a.py`" in text
    assert text.index(CODE) < text.rindex("def add(a, b):\n    return a - b\n")


async def test_the_command_is_answered_before_the_model_is_asked(
    desk: Desk, model: ScriptedServer
) -> None:
    go = asyncio.Event()
    model.play(said(go, ANSWER))
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)  # returns with the command's answer
    await model.wait_for_requests(1)
    assert desk.edits == []
    go.set()
    await desk.over()
    assert len(desk.edits) == 1


async def test_edits_elsewhere_move_the_lines(desk: Desk, model: ScriptedServer) -> None:
    go = asyncio.Event()
    model.play(said(go, ANSWER))
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    await model.wait_for_requests(1)
    buffer.type(0, 0, "# 😀 new\n\n")
    buffer.type(9, 0, "# below\n")
    desk.tell(buffer)
    go.set()
    await desk.over()
    assert buffer.text == (
        "# 😀 new\n\nimport os\n\n\ndef add(a, b):\n    return a + b\n\n\n# below\n"
        "print(add(1, 2))\n"
    )


async def test_an_edit_inside_ends_it_and_closes_the_suppliers_socket(
    desk: Desk, model: ScriptedServer
) -> None:
    model.play(stream(Stall()))
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    await model.wait_for_requests(1)
    buffer.type(4, 4, "x")
    desk.tell(buffer)
    assert "edited at this place" in (await desk.over())["message"]
    async with asyncio.timeout(BOUND):
        await model.requests[0].gone.wait()
    assert desk.edits == []
    assert "edited at this place" in desk.messages()[0]


@pytest.mark.parametrize("checks", ["refuse", "drop"])
async def test_what_the_user_types_at_the_last_moment_is_not_overwritten(
    desk: Desk, checks: str
) -> None:
    desk.checks = checks
    buffer = desk.open("a.py", CODE, "python")

    def type_above() -> None:
        buffer.type(0, 0, "# typed\n")
        desk.tell(buffer)

    desk.before_edit = type_above
    await fix(desk, buffer)
    await desk.over()
    assert buffer.text == "# typed\n" + CODE.replace("a - b", "a + b")
    assert [
        each["edit"]["documentChanges"][0]["textDocument"]["version"] for each in desk.edits
    ] == [
        1,
        2,
    ]


async def test_what_is_undone_at_once_is_not_done_again(desk: Desk) -> None:
    """An editor that collects changes tells of both together, as of no change at all."""
    desk.tells = "late"
    buffer = desk.open("a.py", CODE, "python")

    def undo() -> None:
        whole = {"line": 3, "character": 0}, {"line": 5, "character": 0}
        buffer.edit({"start": whole[0], "end": whole[1]}, CODE[12:44])
        desk.tell(buffer)

    desk.after_edit = undo
    await fix(desk, buffer)
    assert "edited at this place" in (await desk.over())["message"]
    assert buffer.text == CODE
    assert len(desk.edits) == 1


async def test_an_editor_that_refuses_is_not_asked_again(desk: Desk) -> None:
    desk.refuses = True
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    assert "read only" in (await desk.over())["message"]
    assert len(desk.edits) == 1
    assert buffer.text == CODE


async def test_a_closed_document_ends_it(desk: Desk, model: ScriptedServer) -> None:
    model.play(stream(Stall()))
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    await model.wait_for_requests(1)
    desk.close(buffer)
    assert "closed" in (await desk.over())["message"]
    async with asyncio.timeout(BOUND):
        await model.requests[0].gone.wait()


async def test_line_ends_and_tabs_are_the_documents(desk: Desk) -> None:
    code = CODE.replace("\n", "\r\n").replace("    ", "\t")
    buffer = desk.open("a.py", code, "python")
    await fix(desk, buffer)
    await desk.over()
    assert buffer.text == code.replace("a - b", "a + b")


@pytest.mark.parametrize("way", ["progress", "action"])
async def test_it_can_be_stopped(desk: Desk, model: ScriptedServer, way: str) -> None:
    model.play(stream(Stall()))
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    (request,) = await model.wait_for_requests(1)
    if way == "progress":
        params = await desk.editor.asked("window/workDoneProgress/create")
        desk.editor.notify("window/workDoneProgress/cancel", params)
    else:
        await desk.do("stop (fix)", buffer, (1, 0))
    async with asyncio.timeout(BOUND):
        await request.gone.wait()
    assert (await desk.over())["message"] == "stopped"
    assert desk.messages() == []
    assert [each["title"] for each in await desk.actions(buffer, (1, 0))] == []


async def test_lines_are_worked_on_once_at_a_time(desk: Desk, model: ScriptedServer) -> None:
    model.play(stream(Stall()))
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    await desk.do("document", buffer, (3, 0))
    assert "worked on already" in desk.messages()[0]
    await desk.do("document", buffer, (7, 0))
    await model.wait_for_requests(2)


async def test_text_that_has_changed_since_the_offer_is_not_touched(
    desk: Desk, model: ScriptedServer
) -> None:
    buffer = desk.open("a.py", CODE, "python")
    offered = await desk.actions(buffer, (4, 6), diagnostics=[PROBLEM])
    buffer.type(4, 0, "x")
    desk.tell(buffer)
    await desk.run(offered[0])
    assert "changed meanwhile" in desk.messages()[0]
    assert model.requests == []


async def test_an_instruction_in_a_comment_is_followed_and_goes(
    desk: Desk, model: ScriptedServer
) -> None:
    code = CODE.replace("def add", "# AI: add, don't subtract\ndef add")
    buffer = desk.open("a.py", code, "python")
    await desk.do("rewrite: add, don't subtract", buffer, (4, 0))
    await desk.over()
    assert buffer.text == CODE.replace("a - b", "a + b")
    assert "Rewrite this code as follows:\n\nadd, don't subtract" in asked(model)
    assert buffer.steps == [code]


async def test_an_instruction_that_the_editor_has_asked_for_is_followed(
    desk: Desk, model: ScriptedServer
) -> None:
    buffer = desk.open("a.py", CODE, "python")
    offered = await desk.actions(buffer, (4, 0))
    (action,) = [each for each in offered if each["title"] == "Polypilot: rewrite…"]
    action["command"]["arguments"][0]["instruction"] = " add, don't subtract\n"
    await desk.run(action)
    await desk.over()
    assert buffer.text == CODE.replace("a - b", "a + b")
    assert "Rewrite this code as follows:\n\nadd, don't subtract" in asked(model)


@pytest.mark.parametrize("instruction", ["", "  ", None, 7, ["add"]])
async def test_an_instruction_that_is_none_is_as_if_there_were_none(
    desk: Desk, model: ScriptedServer, instruction: object
) -> None:
    desk.choice = "Simplify"
    buffer = desk.open("a.py", CODE, "python")
    offered = await desk.actions(buffer, (4, 0))
    (action,) = [each for each in offered if each["title"] == "Polypilot: rewrite…"]
    action["command"]["arguments"][0]["instruction"] = instruction
    await desk.run(action)
    await desk.over()
    assert "Make it simpler" in asked(model)


async def test_without_one_the_user_chooses(desk: Desk, model: ScriptedServer) -> None:
    desk.choice = "Simplify"
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("rewrite…", buffer, (4, 0))
    await desk.over()
    question = await desk.editor.asked("window/showMessageRequest")
    assert "AI:" in question["message"]
    assert "Simplify" in [each["title"] for each in question["actions"]]
    assert "Make it simpler" in asked(model)
    assert buffer.text == CODE.replace("a - b", "a + b")


async def test_who_chooses_nothing_gets_nothing(desk: Desk, model: ScriptedServer) -> None:
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("rewrite…", buffer, (4, 0))
    assert (await desk.over())["message"] == "nothing chosen"
    assert model.requests == []


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        ("I can't.", "stop", "no code block"),
        (f"```\n{FIXED}", "length", "cut off"),
        ("```python\ndef add(a, b):\n    return a - b\n```", "stop", "change nothing"),
    ],
)
async def test_an_answer_that_can_t_be_used_changes_nothing(
    desk: Desk, model: ScriptedServer, answer: str, reason: str, message: str
) -> None:
    model.play(said(answer, reason=reason))
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("optimise", buffer, (4, 0))
    await desk.over()
    assert message in desk.messages()[0]
    assert buffer.text == CODE
    assert desk.edits == []


async def test_a_failure_of_the_supplier_is_told(desk: Desk, model: ScriptedServer) -> None:
    model.play(reply(401, {"error": {"message": "no such key"}}))
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("document", buffer, (4, 0))
    await desk.over()
    assert desk.messages()[0].startswith("Polypilot, document: ")


async def test_a_sensitive_file_is_not_written(desk: Desk, model: ScriptedServer) -> None:
    buffer = desk.open(".vscode/tasks.json", '{"tasks": [1]}\n', "json")
    await desk.do("document", buffer, (0, 0))
    await desk.over()
    assert desk.messages()
    assert model.requests == []
    assert desk.edits == []


async def test_the_user_is_asked_where_the_editor_can(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url)
    desk = Desk(editor)
    able = {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": True}}
    workspace = {**CAPABILITIES["workspace"], "workspaceEdit": able}
    await editor.start(**{**CAPABILITIES, "workspace": workspace})
    buffer = desk.open("a.py", CODE, "python")
    await fix(desk, buffer)
    await desk.over()
    edit = desk.edits[0]["edit"]
    (change,) = edit["documentChanges"][0]["edits"]
    note = edit["changeAnnotations"][change["annotationId"]]
    assert note["needsConfirmation"] is True
    assert note["label"] == "Polypilot: fix"
    assert buffer.text == CODE.replace("a - b", "a + b")


async def test_an_editor_that_knows_no_more_gets_plain_changes_and_commands(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url)
    desk = Desk(editor)
    await editor.start(workspace={"applyEdit": True})
    buffer = desk.open("a.py", CODE, "python")
    offered = await desk.actions(buffer, (4, 6), diagnostics=[PROBLEM])
    assert all(isinstance(each["command"], str) for each in offered)
    assert offered[0]["title"] == "Polypilot: fix: subtracts"
    await desk.run(offered[0])
    await editor.asked("workspace/applyEdit")
    assert desk.edits[0]["edit"]["changes"].keys() == {buffer.uri}
    assert buffer.text == CODE.replace("a - b", "a + b")
    assert editor.all("$/progress") == []
    assert editor.all("window/workDoneProgress/create") == []
