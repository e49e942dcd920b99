"""Explain, Review and Write tests: a file of the user's own, or the end of the tests there are."""

from __future__ import annotations

import asyncio
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest
from no_plugin_support import CAPABILITIES, Buffer, Desk, said

from polypilot import paths
from polypilot.lsp.features.action_transcript import write
from polypilot.lsp.features.document_chat_text import asked_at, messages
from polypilot.workspace.documents import path_of
from polypilot_providers.testing import Reset, ScriptedServer, Stall, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

CODE = "def add(a, b):\n    return a - b\n"
TESTS = "from a import add\n\n\ndef test_one():\n    assert add(1, 0) == 1\n"
MORE = "def test_two():\n    assert add(1, 1) == 2\n"
BOUND = 30


@pytest.fixture
async def model() -> AsyncGenerator[ScriptedServer]:
    """A supplier that explains until told otherwise."""
    async with ScriptedServer(said("It adds.\n", "## You\nno\n", "```py\nx")) as server:
        yield server


@pytest.fixture
async def desk(editor: Any, settings: Callable[..., None], model: ScriptedServer) -> Desk:
    settings(model.url)
    made = Desk(editor)
    await editor.start(**CAPABILITIES)
    return made


def shown(desk: Desk) -> str:
    path = path_of(desk.shown[-1]["uri"])
    assert path is not None
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a path as text
        return file.read()


def transcripts() -> list[Path]:
    return sorted((paths.data_dir() / "transcripts").glob("*"))


async def test_an_explanation_is_a_conversation_in_a_file(
    desk: Desk, model: ScriptedServer
) -> None:
    buffer = desk.open("src/a.py", CODE, "python")
    await desk.do("explain", buffer, (1, 4))
    assert await desk.over() == {"kind": "end", "message": "done"}
    (params,) = desk.shown
    assert params["takeFocus"] is True
    assert params["external"] is False
    text = shown(desk)
    assert text == (
        f"## You\n\nExplain lines 1 to 2 of `src/a.py`:\n\n```python\n{CODE}```\n\n"
        "## Polypilot\n\nIt adds.\n### You\nno\n```py\nx\n```\n\n## You\n\n"
    )
    assert [each.role for each in messages(text)] == ["note", "you", "model", "you"]
    assert asked_at(text + "And?\n", text.count("\n")) is not None
    (path,) = transcripts()
    assert path.name.endswith("-explain-a.py.md")
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert buffer.text == CODE
    assert desk.edits == []
    assert str(model.requests[0].json["messages"]).count("return a - b") == 1  # not sent twice


async def test_where_no_file_can_be_shown_the_user_is_told_where_it_is(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url)
    desk = Desk(editor)
    window = {"workDoneProgress": True}
    await editor.start(textDocument=CAPABILITIES["textDocument"], window=window)
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("review", buffer, (1, 4))
    await desk.over()
    (path,) = transcripts()
    assert desk.messages() == [f"Polypilot: the answer is in {path}"]


async def test_problems_are_part_of_the_question(desk: Desk, model: ScriptedServer) -> None:
    buffer = desk.open("a.py", CODE, "python")
    here = {"line": 1, "character": 4}
    problem = {"range": {"start": here, "end": here}, "message": "odd"}
    await desk.do("explain", buffer, (1, 4), diagnostics=[problem])
    await desk.over()
    assert "2: odd" in str(model.requests[0].json["messages"])


async def test_a_long_selection_is_named_and_its_surroundings_are_cut(
    desk: Desk, model: ScriptedServer
) -> None:
    lines = [f"x{n} = {n}\n" for n in range(2000)]
    buffer = desk.open("a b.py", "".join(lines), "python")
    await desk.do("explain", buffer, (1000, 0), (1300, 0))
    await desk.over()
    assert 'Explain #file:"a b.py":1001-1300\n' in shown(desk)
    sent = str(model.requests[0].json["messages"])
    assert "x700 = 700" in sent
    assert "x699 = 699" not in sent
    assert "x1599 = 1599" in sent
    assert "x1600 = 1600" not in sent


async def test_what_had_arrived_of_a_stopped_answer_is_kept(
    desk: Desk, model: ScriptedServer
) -> None:
    never = asyncio.Event()
    model.play(said("It adds", never))
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("explain", buffer, (1, 4))
    (request,) = await model.wait_for_requests(1)

    def arrived(message: Any) -> bool:
        return message.get("method") == "$/progress" and "characters" in str(message["params"])

    await desk.editor.until(arrived)
    params = await desk.editor.asked("window/workDoneProgress/create")
    desk.editor.notify("window/workDoneProgress/cancel", params)
    await desk.editor.asked("window/showDocument")
    async with asyncio.timeout(BOUND):
        await request.gone.wait()
    assert "It adds\n\n*Stopped.*\n\n## You\n" in shown(desk)


async def test_nothing_arrived_and_stopped_makes_no_file(desk: Desk, model: ScriptedServer) -> None:
    model.play(stream(Stall()))
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("explain", buffer, (1, 4))
    await model.wait_for_requests(1)
    await desk.do("stop (explain)", buffer, (1, 4))
    assert (await desk.over())["message"] == "stopped"
    assert transcripts() == []


async def test_an_answer_that_breaks_off_is_kept_and_says_so(
    desk: Desk, model: ScriptedServer
) -> None:
    model.play([*said("It ad")[:2], Reset()])
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("explain", buffer, (1, 4))
    await desk.over()
    assert "It ad\n\n*Incomplete: " in shown(desk)


async def test_an_answer_that_is_cut_off_says_so(desk: Desk, model: ScriptedServer) -> None:
    model.play(said("It ad", reason="length"))
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("explain", buffer, (1, 4))
    await desk.over()
    assert "It ad\n\n*Cut off" in shown(desk)


async def test_without_tests_there_is_a_new_file_to_read(desk: Desk, model: ScriptedServer) -> None:
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("write tests", buffer, (1, 4))
    await desk.over()
    assert "Write tests for lines 1 to 2 of `a.py`" in shown(desk)
    assert "Write tests for this code." in str(model.requests[0].json["messages"])


@pytest.mark.parametrize("opened", [True, False])
async def test_tests_are_added_to_those_there_are(
    desk: Desk, model: ScriptedServer, *, opened: bool
) -> None:
    model.play(said(f"```python\n{MORE}```"))
    tests = desk.open("tests/test_a.py", TESTS, "python")
    if not opened:
        desk.close(tests)
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("write tests", buffer, (1, 4))
    await desk.over()
    assert tests.text == f"{TESTS}\n{MORE}"
    assert buffer.text == CODE
    assert desk.shown == []
    sent = str(model.requests[0].json["messages"])
    assert "test_one" in sent
    assert "at the end of `tests/test_a.py`" in sent


async def test_tests_that_must_not_be_sent_are_not_added_to(
    editor: Any, settings: Callable[..., None], model: ScriptedServer
) -> None:
    settings(model.url, '[privacy]\nexclude = ["tests/**"]\n')
    desk = Desk(editor)
    await editor.start(**CAPABILITIES)
    tests: Buffer = desk.open("tests/test_a.py", TESTS, "python")
    buffer = desk.open("a.py", CODE, "python")
    await desk.do("write tests", buffer, (1, 4))
    await desk.over()
    assert desk.messages()[0].startswith("Polypilot, write tests: ")
    assert tests.text == TESTS


def test_the_oldest_transcripts_go() -> None:
    made = [write(f"n{number}", "x", kept=3) for number in range(5)]
    left = transcripts()
    assert len(left) == 3
    assert made[-1] in left


def test_names_are_harmless() -> None:
    path = write("../../x\n;rm -rf", "x")
    assert path.parent == paths.data_dir() / "transcripts"
    assert path.name.endswith("-x-rm--rf.md")
    assert write("...", "x").name.endswith("-answer.md")
