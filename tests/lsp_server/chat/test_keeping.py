"""Conversations on the disk: opened again by another server, found, continued, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chat_support import one
from tool_support import Box, Echo

from polypilot.chat import events
from polypilot.chat.history import History
from polypilot.chat.keeping import Keeper
from polypilot.chat.service import ChatError, ChatService
from polypilot_providers.types import Stop, StopReason, TextPart, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from chat_support import Chat

pytestmark = pytest.mark.allow_blocking("the gate looks at files on disk")


@pytest.fixture
async def kept(chat: Chat, tmp_path: Path) -> AsyncGenerator[Chat]:
    chat.history = history = History(tmp_path / "chat.db")
    yield chat
    await chat.service.aclose()
    await history.aclose()


async def elsewhere(chat: Chat) -> ChatService:
    """Another server's chat, with the same file."""
    await chat.service.aclose()
    return ChatService(
        router=chat.service._sender._router,  # pyright: ignore[reportPrivateUsage]
        gate=chat.gate,
        plan=chat.plan,
        parts=chat.parts,
        keeper=Keeper(chat.gate, lambda: chat.history),
    )


async def test_another_server_opens_and_continues_a_conversation(kept: Chat):
    kept.parts.tools = Box((Echo(kept.gate),))
    kept.one.says("Looking.", ToolCall("c1", "echo", '{"say": "hi"}'), Usage(10, 2))
    kept.one.says("It says hi.", Usage(20, 3))
    session = one(events.Session, await kept.ask("what does it say?")).session_id
    other = await elsewhere(kept)
    (info,) = await other.sessions()
    assert (info.session_id, info.title, info.messages) == (session, "what does it say?", 2)
    shown = await other.load(session)
    question, answer = shown.messages
    assert (question.role, question.text) == ("user", "what does it say?")
    assert answer.text == "Looking.\n\nIt says hi."
    kinds = [each.kind for each in answer.events]
    assert kinds == ["text", "text", "toolCall", "toolUpdate", "usage", "text", "usage"]
    assert shown.used == 23
    kept.one.says("ok")
    sent = [event async for event in other.send(kept.question("go on", session_id=session))]
    assert one(events.End, sent).text == "ok"
    assert [message.role for message in kept.one.requests[-1].messages] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    await other.aclose()


async def test_found_by_its_words_and_deleted(kept: Chat):
    kept.one.says("The heron waits.")
    session = one(events.Session, await kept.ask("which bird?")).session_id
    kept.one.says("no")
    await kept.ask("something else")
    other = await elsewhere(kept)
    (found,) = await other.sessions("heron")
    assert found.session_id == session
    assert "heron" in found.excerpt.lower()
    await other.rename(session, "Birds")
    assert {each.title for each in await other.sessions()} == {"Birds", "something else"}
    await other.delete(session)
    assert [each.title for each in await other.sessions()] == ["something else"]
    with pytest.raises(ChatError):
        await other.load(session)
    await other.delete_all()
    assert await other.sessions() == []
    await other.aclose()


async def test_a_stopped_answer_is_kept_as_far_as_it_got(kept: Chat):
    kept.one.says("half", "…", "more")
    stream = kept.service.send(kept.question("x"))
    async for event in stream:
        if isinstance(event, events.Text):
            break
    await stream.aclose()
    other = await elsewhere(kept)
    (info,) = await other.sessions()
    shown = await other.load(info.session_id)
    assert (shown.messages[1].text, shown.messages[1].stop_reason) == ("half", "cancelled")
    await other.aclose()


async def test_a_disk_that_fails_is_told_once_and_stops_nothing(kept: Chat, tmp_path: Path):
    kept.history = History(tmp_path / "file" / "chat.db")
    (tmp_path / "file").write_text("no folder")
    kept.one.says("one")
    found = await kept.ask("x")
    assert one(events.End, found).text == "one"
    assert one(events.Notice, found).message
    kept.one.says("two")
    again = await kept.ask("y", session_id=one(events.Session, found).session_id)
    assert one(events.End, again).text == "two"
    assert not [each for each in again if isinstance(each, events.Notice)]


async def test_deleted_by_another_editor_and_continued_here(kept: Chat):
    kept.one.says("one")
    session = one(events.Session, await kept.ask("first")).session_id
    other = await elsewhere(kept)
    await other.delete(session)
    kept.one.says("two", Stop(StopReason.END), end=None)
    await kept.ask("second", session_id=session)
    again = await elsewhere(kept)
    shown = await again.load(session)
    assert [each.text for each in shown.messages] == ["first", "one", "second", "two"]
    await again.aclose()
    await other.aclose()


async def test_nothing_is_kept_of_what_is_not_to_be(kept: Chat):
    kept.one.says("ok")
    await kept.ask("x", keep=False)
    other = await elsewhere(kept)
    assert await other.sessions() == []
    kept.history = None
    kept.one.says("ok")
    await kept.ask("y")
    assert len(await kept.service.sessions()) == 1
    assert kept.one.requests[-1].messages[-1].parts == (TextPart("y"),)
    await other.aclose()
