"""What is offered where; the answer asks no model and costs no wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from no_plugin_support import CAPABILITIES, Desk, said

from polypilot import paths
from polypilot_providers.testing import ScriptedServer, Stall, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

CODE = "import os\n\n\ndef add(a, b):\n    return a - b\n"
LITERALS = CAPABILITIES["textDocument"]["codeAction"]
ALL = ["fix", "explain", "document", "rewrite…", "optimise", "write tests", "review"]


@pytest.fixture
async def model() -> AsyncGenerator[ScriptedServer]:
    """A supplier that nobody should ask."""
    async with ScriptedServer(said("no")) as server:
        yield server


@pytest.fixture
async def desk(editor: Any, settings: Callable[..., None], model: ScriptedServer) -> Desk:
    settings(model.url)
    made = Desk(editor)
    await editor.start(**CAPABILITIES)
    return made


def problem(line: int, message: str) -> Any:
    here = {"line": line, "character": 0}
    return {"range": {"start": here, "end": here}, "message": message}


def titles(actions: list[Any]) -> list[str]:
    return [each["title"].removeprefix("Polypilot: ") for each in actions]


async def test_the_editor_is_told(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url)
    capabilities = (await editor.start())["capabilities"]
    assert capabilities["codeActionProvider"] == {
        "codeActionKinds": ["quickfix", "refactor.rewrite", "source.polypilot"]
    }
    assert {"polypilot.action", "polypilot.stop"} < set(
        capabilities["executeCommandProvider"]["commands"]
    )


async def test_a_cursor_in_code_gets_all(desk: Desk, model: ScriptedServer) -> None:
    buffer = desk.open("a.py", CODE, "python")
    offered = await desk.actions(buffer, (4, 3))
    assert titles(offered) == ALL
    assert {each["kind"] for each in offered if each["title"].endswith(("ise", "…", "ment"))} == {
        "refactor.rewrite"
    }
    assert all("tags" not in each and "diagnostics" not in each for each in offered)
    assert all("edit" not in each for each in offered)
    assert model.requests == []


async def test_an_empty_line_gets_nothing(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")
    assert await desk.actions(buffer, (1, 0)) == []


async def test_a_selection_gets_the_same(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")
    assert titles(await desk.actions(buffer, (3, 0), (5, 0))) == ALL
    offered = await desk.actions(buffer, (3, 0), (5, 0), triggerKind=2)
    assert titles(offered) == ["fix", "document", "rewrite…", "optimise"]


async def test_each_problem_gets_its_fix(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")
    told = [problem(4, "one\nmore"), problem(3, "x" * 100), problem(0, "elsewhere")]
    offered = await desk.actions(buffer, (4, 3), diagnostics=told)
    assert titles(offered)[:3] == ["fix: one more", f"fix: {'x' * 59}…", "fix all 2 problems here"]
    assert [each["kind"] for each in offered[:3]] == ["quickfix"] * 3
    assert [each["diagnostics"] for each in offered[:3]] == [told[:1], told[1:2], told[:2]]
    assert "diagnostics" not in offered[3]


async def test_a_problem_goes_back_as_it_came(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")
    whole = {
        **problem(4, "one"),
        "severity": 2,
        "code": "E1",
        "codeDescription": {"href": "https://example.org"},
        "source": "lint",
        "tags": [1, 2],
        "relatedInformation": [],
        "data": {"any": [1, None]},
    }
    (fix,) = await desk.actions(buffer, (4, 3), diagnostics=[whole], only=["quickfix"])
    assert fix["diagnostics"] == [whole]
    strange = {**problem(4, "two"), "severity": 9, "tags": [7]}
    (fix,) = await desk.actions(buffer, (4, 3), diagnostics=[strange], only=["quickfix"])
    assert fix["diagnostics"] == [{**problem(4, "two"), "tags": []}]


async def test_only_what_is_asked_for_is_offered(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")

    async def kinds(*only: str) -> list[str]:
        told = [problem(4, "one")]
        return titles(await desk.actions(buffer, (4, 3), diagnostics=told, only=list(only)))

    assert await kinds("quickfix") == ["fix: one"]
    assert await kinds("refactor") == ["document", "rewrite…", "optimise"]
    assert await kinds("source.polypilot") == ["explain", "write tests", "review"]
    assert await kinds("source.organizeImports") == []
    assert await kinds("") == ["fix: one", *ALL[1:]]


async def test_what_an_editor_asks_by_itself_begins_nothing_costly(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")
    offered = await desk.actions(buffer, (4, 3), triggerKind=2, only=["source"])
    assert offered == []
    offered = await desk.actions(buffer, (4, 3), triggerKind=2)
    assert titles(offered) == ["document", "rewrite…", "optimise"]


async def test_a_model_is_named_as_the_author_where_the_editor_shows_it(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url)
    desk = Desk(editor)
    able = {**LITERALS, "tagSupport": {"valueSet": [1]}}
    await editor.start(textDocument={"codeAction": able})
    buffer = desk.open("a.py", CODE, "python")
    assert {tuple(each["tags"]) for each in await desk.actions(buffer, (4, 3))} == {(1,)}


async def test_an_excluded_document_gets_nothing(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url, '[privacy]\nexclude = ["secret/**"]\n')
    desk = Desk(editor)
    await editor.start(**CAPABILITIES)
    assert await desk.actions(desk.open("secret/a.py", CODE, "python"), (4, 3)) == []
    assert await desk.actions(desk.open("a.py", CODE, "python"), (4, 3))


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        ('provider = "openai"', False),
        ('provider = "openai"\nfallback = ["team"]', True),
        ('provider = "team"', True),
    ],
)
async def test_it_is_offered_where_somebody_may_be_asked(
    editor: Any, settings: Callable[..., None], model: ScriptedServer, chat: str, expected: Any
) -> None:
    settings(model.url, "[privacy]\nlocal_only = true\n")
    file = paths.config_file()
    text = file.read_text("utf-8")
    head, _, tail = text.partition('[chat]\nprovider = "team"')
    file.write_text(f"{head}[chat]\n{chat}{tail}", "utf-8")
    desk = Desk(editor)
    await editor.start(**CAPABILITIES)
    buffer = desk.open("a.py", CODE, "python")
    assert bool(await desk.actions(buffer, (4, 3))) is expected


async def test_a_document_that_is_not_known_gets_nothing(desk: Desk) -> None:
    buffer = desk.open("a.py", CODE, "python")
    desk.close(buffer)
    assert await desk.actions(buffer, (4, 3)) == []


async def test_very_much_text_is_only_read(desk: Desk) -> None:
    buffer = desk.open("a.py", "x = 1\n" * 1001, "python")
    assert titles(await desk.actions(buffer, (0, 0), (1001, 0))) == ["explain", "review"]


@pytest.mark.parametrize(
    "argument",
    [None, 5, {}, {"does": "everything"}, [], "x"],
)
async def test_a_command_with_another_argument_is_refused(desk: Desk, argument: Any) -> None:
    params = {"command": "polypilot.action", "arguments": [argument]}
    assert (await desk.editor.error("workspace/executeCommand", params))["code"] == -32602
    params = {"command": "polypilot.stop", "arguments": [5]}
    assert (await desk.editor.error("workspace/executeCommand", params))["code"] == -32602


@pytest.mark.parametrize(
    "change",
    [
        {"does": "remove"},
        {"first": -1},
        {"first": 9},
        {"problems": {}},
        {"mark": None},
        {"uri": 3},
    ],
)
async def test_an_order_that_was_tampered_with_is_refused(desk: Desk, change: Any) -> None:
    buffer = desk.open("a.py", CODE, "python")
    (order,) = (await desk.actions(buffer, (4, 3)))[1]["command"]["arguments"]
    params = {"command": "polypilot.action", "arguments": [{**order, **change}]}
    assert (await desk.editor.error("workspace/executeCommand", params))["code"] == -32602


async def test_what_is_no_problem_in_an_order_is_left_out(
    desk: Desk, model: ScriptedServer
) -> None:
    buffer = desk.open("a.py", CODE, "python")
    (order,) = (await desk.actions(buffer, (4, 3)))[1]["command"]["arguments"]
    order["problems"] = [[1, "told", "me"], [1], "x", None]
    params = {"command": "polypilot.action", "arguments": [order]}
    assert await desk.editor.result("workspace/executeCommand", params) is None
    await model.wait_for_requests(1)
    assert "2: told (me)" in str(model.requests[0].json["messages"])


async def test_stopping_what_does_not_run_does_nothing(desk: Desk) -> None:
    params = {"command": "polypilot.stop", "arguments": ["polypilot-work-9"]}
    assert await desk.editor.result("workspace/executeCommand", params) is None


async def test_there_is_a_limit_to_what_goes_on_at_once(desk: Desk, model: ScriptedServer) -> None:
    model.play(stream(Stall()))
    buffer = desk.open("a.py", CODE, "python")
    (_, explain, *_) = await desk.actions(buffer, (4, 3))
    for _ in range(9):
        await desk.run(explain)
    await model.wait_for_requests(8)
    assert "8 other requests" in desk.messages()[0]
    assert len(model.requests) == 8
