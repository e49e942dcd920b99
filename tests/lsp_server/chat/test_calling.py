"""A model that calls tools: asking the user, running, going on, stopping."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from chat_support import one
from tool_support import Box, Echo, Person

from polypilot.chat import events
from polypilot.chat.values import FileDiff, Location, PlanEntry, Question
from polypilot.errors import UserError
from polypilot_providers.types import (
    StopReason,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

if TYPE_CHECKING:
    from chat_support import Chat

    from polypilot.chat.turns import AnswerTurn
    from polypilot.chat.values import Decision

pytestmark = pytest.mark.allow_blocking("the gate looks at files on disk")

BOUND = 5
CALL = ToolCall("c1", "echo", '{"say": "hi"}')


def updates(found: list[events.ChatEvent]) -> list[tuple[str, str]]:
    return [(each.status, each.text) for each in found if isinstance(each, events.ToolUpdate)]


def last_answer(chat: Chat, found: list[events.ChatEvent]) -> AnswerTurn:
    turn = chat.service.get(one(events.Session, found).session_id).turns[-1]
    assert hasattr(turn, "steps")
    return turn  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  (just checked)


async def test_a_call_is_run_and_its_result_goes_back(chat: Chat):
    echo = Echo(chat.gate, lines=("one", "two"))
    chat.parts.tools = box = Box((echo,))
    chat.one.says(
        ThoughtDelta("think", signature="s", provider="one"),
        "Let me look.",
        CALL,
        Usage(input_tokens=10, output_tokens=2),
        end=StopReason.TOOL_CALLS,
    )
    chat.one.says("It says hi.", Usage(input_tokens=20, output_tokens=3))
    found = await chat.ask("what?")
    call = one(events.ToolCall, found)
    assert (call.id, call.name, call.title, call.tool_kind) == ("c1", "echo", "Echo hi", "read")
    assert call.locations == (Location("/w/a.py", 3),)
    assert updates(found) == [
        ("in_progress", ""),
        ("in_progress", "one"),
        ("in_progress", "two"),
        ("completed", "hi"),
    ]
    end = one(events.End, found)
    assert (end.stop_reason, end.text) == ("end", "Let me look.\n\nIt says hi.")
    assert end.usage == Usage(input_tokens=30, output_tokens=5)
    assert box.modes == ["ask"]
    assert [tool.name for tool in chat.one.requests[0].tools] == ["echo"]
    question, said, result = chat.one.requests[1].messages
    assert question.text == "what?"
    assert said.parts == (
        ThoughtPart("think", "s", None, "one"),
        TextPart("Let me look."),
        ToolCallPart("c1", "echo", '{"say": "hi"}'),
    )
    assert result.role == "user"
    assert result.parts == (ToolResultPart("c1", "hi"),)


async def test_another_supplier_gets_the_calls_and_not_the_thoughts(chat: Chat):
    chat.parts.tools = Box((Echo(chat.gate),))
    chat.one.says(ThoughtDelta("think", signature="s", provider="one"), CALL)
    chat.one.says("hi it is")
    session = one(events.Session, await chat.ask("what?")).session_id
    chat.two.says("ok")
    await chat.ask("and now?", session_id=session, provider="two", model="x")
    parts = [message.parts for message in chat.two.requests[0].messages]
    assert parts[1] == (ToolCallPart("c1", "echo", '{"say": "hi"}'),)
    assert parts[2] == (ToolResultPart("c1", "hi"),)
    assert parts[3] == (TextPart("hi it is"),)
    # without tools, suppliers refuse calls: they are told in words
    chat.two.says("ok")
    await chat.ask("and then?", session_id=session, mode="plain")
    request = chat.two.requests[-1]
    assert request.tools == ()
    assert not any(
        isinstance(part, ToolCallPart | ToolResultPart)
        for message in request.messages
        for part in message.parts
    )
    assert "(echo answered:)\nhi" in request.messages[2].text


@pytest.mark.parametrize(
    ("says", "runs"),
    [("allow_once", 1), ("allow_session", 1), ("reject_once", 0), ("reject_session", 0)],
)
async def test_a_tool_that_asks_runs_with_leave_only(chat: Chat, says: Decision, runs: int):
    echo = Echo(chat.gate, asks=True, kind="edit")
    chat.parts.tools = Box((echo,))
    person = Person(says)
    for _ in range(2):
        chat.one.says(CALL)
        chat.one.says("done")
    found = await chat.ask("do it", client=person)
    (request,) = person.asked
    assert (request.tool, request.title, request.kind) == ("echo", "Echo hi", "edit")
    assert request.diffs == (FileDiff("/w/a.py", "old\n", "new\n"),)
    assert request.arguments == '{"say": "hi"}'
    assert len(echo.calls) == runs
    if not runs:
        assert updates(found) == [("failed", "The user did not allow this call.")]
    session = one(events.Session, found).session_id
    await chat.ask("again", session_id=session, client=person)
    # what holds for the conversation is not asked again
    assert len(person.asked) == (1 if says.endswith("session") else 2)
    assert len(echo.calls) == 2 * runs
    result = chat.one.requests[-1].messages[-1].parts[-1]
    assert isinstance(result, ToolResultPart)
    assert result.is_error == (not runs)


async def test_without_a_user_nothing_that_asks_is_allowed(chat: Chat):
    echo = Echo(chat.gate, asks=True)
    chat.parts.tools = Box((echo,))
    chat.one.says(CALL)
    chat.one.says("pity")
    found = await chat.ask("do it")
    assert not echo.calls
    assert one(events.End, found).stop_reason == "end"


async def test_stopping_instead_of_deciding_stops_the_answer(chat: Chat):
    echo = Echo(chat.gate, asks=True)
    chat.parts.tools = Box((echo,))
    chat.one.says("I will.", CALL)
    found = await chat.ask("do it", client=Person("cancelled"))
    assert one(events.End, found).stop_reason == "cancelled"
    assert not echo.calls
    # a call without a result is refused by suppliers
    chat.one.says("ok")
    await chat.ask("go on", session_id=one(events.Session, found).session_id)
    (result, *_rest) = chat.one.requests[-1].messages[-1].parts
    assert isinstance(result, ToolResultPart)
    assert result.is_error
    assert "stopped" in result.text


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (ToolCall("c", "rm", "{}"), "There is no tool rm. There are: echo."),
        (ToolCall("c", "echo", "{"), "The arguments are not a JSON object."),
        (ToolCall("c", "echo", "[]"), "The arguments are not a JSON object."),
        (ToolCall("c", "echo", "[" * 100_000), "The arguments are not a JSON object."),
        (
            ToolCall("c", "echo", '{"bad": true}'),
            "this can't be changed. Choose another file.",
        ),
    ],
)
async def test_a_call_that_can_not_be_made_is_told_to_the_model(
    chat: Chat, call: ToolCall, why: str
):
    chat.parts.tools = Box((Echo(chat.gate, asks=True),))
    chat.one.says(call)
    chat.one.says("I see.")
    found = await chat.ask("x", client=Person())
    assert updates(found) == [("failed", why)]
    assert one(events.End, found).stop_reason == "end"
    result = chat.one.requests[1].messages[-1].parts[-1]
    assert result == ToolResultPart("c", why, is_error=True)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (UserError("no such file", code="x", cure="Look again"), "no such file. Look again."),
        (RuntimeError("secret inside"), "The tool failed inside."),
    ],
)
async def test_a_tool_that_fails_ends_nothing(chat: Chat, error: Exception, why: str):
    chat.parts.tools = Box((Echo(chat.gate, fails=error),))
    chat.one.says(CALL)
    chat.one.says("I see.")
    found = await chat.ask("x")
    assert updates(found)[-1] == ("failed", why)
    assert one(events.End, found).stop_reason == "end"


async def test_stopping_while_a_tool_runs_ends_the_tool(chat: Chat):
    echo = Echo(chat.gate, hangs=True)
    chat.parts.tools = Box((echo,))
    chat.one.says(CALL)
    task = asyncio.ensure_future(chat.ask("x"))
    await asyncio.wait_for(echo.started.wait(), BOUND)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert echo.ended.is_set()
    (info,) = await chat.service.sessions()
    session = chat.service.get(info.session_id)
    assert not session.busy
    assert session.turns[-1].reason == "cancelled"  # type: ignore[union-attr]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  (an answer)


async def test_the_users_limit_of_steps_ends_an_answer(chat: Chat):
    echo = Echo(chat.gate)
    chat.parts.tools = Box((echo,))
    chat.max_steps = 3
    for _ in range(3):
        chat.one.says(CALL)
    found = await chat.ask("x")
    assert one(events.End, found).stop_reason == "max_steps"
    assert "chat.max_steps" in one(events.Notice, found).message
    assert len(echo.calls) == 2
    chat.one.says("here")
    found = await chat.ask("go on", session_id=one(events.Session, found).session_id)
    assert one(events.End, found).text == "here"


async def test_a_plan_and_a_result_that_may_not_be_sent_any_more(chat: Chat):
    uri = chat.write("a.py", "x = 1\n")
    plan = (PlanEntry("look", "completed"),)
    chat.parts.tools = Box((Echo(chat.gate, answer="x = 1", source=uri, plan=plan),))
    chat.one.says(CALL)
    chat.one.says("done")
    found = await chat.ask("x")
    assert one(events.Plan, found).entries == plan
    chat.write(".gitignore", "a.py\n")
    chat.one.says("ok")
    await chat.ask("y", session_id=one(events.Session, found).session_id)
    sent = chat.one.requests[-1].messages
    assert not any("x = 1" in getattr(part, "text", "") for m in sent for part in m.parts)


async def test_what_a_tool_returns_is_shown_without_controls_and_bounded(chat: Chat):
    chat.parts.tools = Box((Echo(chat.gate, answer="a\x1b[2Jb" + "x" * 300_000),))
    chat.one.says(CALL)
    chat.one.says("done")
    found = await chat.ask("x")
    status, text = updates(found)[-1]
    assert status == "completed"
    assert text.startswith("a[2Jbx")
    assert len(text) < 200_001


async def test_all_calls_of_one_step_are_answered_in_order(chat: Chat):
    echo = Echo(chat.gate)
    chat.parts.tools = Box((echo,))
    chat.one.says(CALL, ToolCall("c2", "echo", '{"say": "two"}'), ToolCall("c3", "no", ""))
    chat.one.says("done")
    await chat.ask("x")
    parts = chat.one.requests[1].messages[-1].parts
    assert [part.call_id for part in parts if isinstance(part, ToolResultPart)] == [
        "c1",
        "c2",
        "c3",
    ]


async def test_mode_plain_offers_nothing(chat: Chat):
    chat.parts.tools = box = Box((Echo(chat.gate),))
    chat.one.says("ok")
    found = [event async for event in chat.service.send(Question("x", mode="plain"))]
    assert chat.one.requests[0].tools == ()
    assert box.modes == []
    chat.one.says("ok")
    await chat.ask("y", session_id=one(events.Session, found).session_id)
    assert chat.one.requests[1].tools == (), "the mode holds from then on"
    assert last_answer(chat, found).reason == "end"


async def test_a_flood_of_calls_and_of_progress_is_bounded(chat: Chat):
    echo = Echo(chat.gate, lines=tuple("x" for _ in range(10)))
    chat.parts.tools = Box((echo,))
    chat.one.says(*(ToolCall(f"c{number}", "echo", "{}") for number in range(100)))
    chat.one.says("done")
    found = await chat.ask("x")
    assert len(echo.calls) == 64
    failed = [text for status, text in updates(found) if status == "failed"]
    assert failed == ["Too many calls at once; call again."] * 36
    results = chat.one.requests[1].messages[-1].parts
    assert len(results) == 100, "each call has its answer"
