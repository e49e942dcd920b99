"""Giving an answer again, asking otherwise, going back; long conversations; seeing what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chat_support import one
from tool_support import Box, Echo

from polypilot.chat import events
from polypilot.chat.service import ChatError
from polypilot.chat.values import Attach, Question
from polypilot.workspace.documents import Position
from polypilot_providers.errors import AuthError
from polypilot_providers.types import ToolCall, ToolResultPart, Usage

if TYPE_CHECKING:
    from chat_support import Chat

pytestmark = pytest.mark.allow_blocking("the gate looks at files on disk")


async def test_an_answer_is_given_again_on_a_branch_of_its_own(chat: Chat):
    chat.one.says("first try")
    begun = one(events.Session, await chat.ask("what?"))
    chat.one.says("second try")
    again = one(
        events.Session,
        await chat.ask("", session_id=begun.session_id, replaces=begun.message_id),
    )
    assert again.question_id == begun.question_id
    assert chat.sent() == [("user", "what?")]
    shown = await chat.service.load(begun.session_id)
    assert [each.text for each in shown.messages] == ["what?", "second try"]
    assert shown.messages[1].branches == (begun.message_id, again.message_id)
    back = await chat.service.select(begun.session_id, begun.message_id)
    assert [each.text for each in back.messages] == ["what?", "first try"]
    chat.one.says("more")
    await chat.ask("go on", session_id=begun.session_id)
    assert chat.sent() == [("user", "what?"), ("assistant", "first try"), ("user", "go on")]
    # back on the other branch, and to this one again: to its end
    await chat.service.select(begun.session_id, again.message_id)
    again_there = await chat.service.select(begun.session_id, begun.message_id)
    assert [each.text for each in again_there.messages][-1] == "more"


async def test_a_question_is_asked_otherwise_on_a_branch_of_its_own(chat: Chat):
    chat.one.says("a1")
    session = one(events.Session, await chat.ask("q1")).session_id
    chat.one.says("a2")
    second = one(events.Session, await chat.ask("q2", session_id=session))
    chat.one.says("a2b")
    other = await chat.ask("q2 better", session_id=session, replaces=second.question_id)
    assert chat.sent() == [("user", "q1"), ("assistant", "a1"), ("user", "q2 better")]
    shown = await chat.service.load(session)
    assert [each.text for each in shown.messages] == ["q1", "a1", "q2 better", "a2b"]
    assert shown.messages[2].branches == (
        second.question_id,
        one(events.Session, other).question_id,
    )
    assert (await chat.service.sessions())[0].messages == 4


async def test_what_can_not_be_replaced(chat: Chat):
    chat.one.says("a1")
    begun = one(events.Session, await chat.ask("q1"))
    wrong = [
        Question("x", session_id=begun.session_id, replaces="no"),
        Question("x", session_id=begun.session_id, replaces=begun.message_id),
    ]
    for question in wrong:
        with pytest.raises(ChatError) as caught:
            await anext(chat.service.send(question))
        assert caught.value.code == "unknown_message"
    with pytest.raises(ChatError):
        await chat.service.select(begun.session_id, "no")
    assert len((await chat.service.load(begun.session_id)).messages) == 2


async def test_a_refused_question_changes_nothing(chat: Chat):
    chat.one.says("a1")
    begun = one(events.Session, await chat.ask("q1", provider="one"))

    class Full:
        async def check(self, *_providers: str) -> None:
            raise ChatError("enough for today", code="budget")

    accounts, chat.service._sender._accounts = chat.service._sender._accounts, Full()  # type: ignore[assignment]  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    with pytest.raises(ChatError):
        await chat.ask("q2", session_id=begun.session_id, provider="two", mode="edit")
    chat.service._sender._accounts = accounts  # pyright: ignore[reportPrivateUsage]
    session = chat.service.get(begun.session_id)
    assert (session.provider, session.mode, len(session.turns)) == ("one", None, 2)
    assert not session.busy
    chat.one.says("ok")
    assert one(events.End, await chat.ask("q2", session_id=begun.session_id)).text == "ok"


# --- names, lists


async def test_renaming_listing_finding_and_exporting(chat: Chat):
    chat.one.says("The **answer** is 42.")
    session = one(events.Session, await chat.ask("What is the answer?")).session_id
    chat.one.says("other")
    other = one(events.Session, await chat.ask("Something else")).session_id
    await chat.service.rename(session, "  Deep\nthought ")
    listed = await chat.service.sessions()
    assert [(each.session_id, each.title) for each in listed] == [
        (other, "Something else"),
        (session, "Deep"),
    ]
    assert [each.session_id for each in await chat.service.sessions("ANSWER 42")] == [session]
    assert await chat.service.sessions("nothing of it") == []
    assert await chat.service.sessions(root="/elsewhere") == []
    older = await chat.service.sessions(before=listed[0].updated)
    assert [each.session_id for each in older] == [session]
    assert "The **answer** is 42." in await chat.service.export(session)
    with pytest.raises(ChatError):
        await chat.service.rename(session, " \n ")
    await chat.service.delete(session)
    assert [each.session_id for each in await chat.service.sessions()] == [other]
    await chat.service.delete_all()
    assert await chat.service.sessions() == []


async def test_what_is_not_to_be_kept_is_not_listed(chat: Chat):
    chat.one.says("ok")
    found = await chat.ask("x", keep=False)
    assert one(events.End, found).text == "ok"
    assert await chat.service.sessions() == []


async def test_a_new_conversation_is_configured_before_its_first_message(chat: Chat):
    info = await chat.service.create(provider="two", model="x", mode="edit", effort="high")
    assert (info.provider, info.model, info.mode, info.effort) == ("two", "x", "edit", "high")
    assert info.root == str(chat.root)
    assert await chat.service.sessions() == []
    chat.two.says("ok")
    await chat.ask("q", session_id=info.session_id)
    assert chat.two.requests[0].effort == "high"
    changed = await chat.service.configure(info.session_id, provider="one", effort="low")
    assert (changed.provider, changed.model, changed.effort) == ("one", "", "low")


# --- long conversations


async def long_talk(chat: Chat, words: int = 60) -> str:
    """Three exchanges of some hundred tokens each."""
    session: str | None = None
    for number in range(3):
        chat.one.says(f"answer{number} " * words)
        found = await chat.ask(f"question{number} " * words, session_id=session)
        session = one(events.Session, found).session_id
    assert session is not None
    return session


async def test_the_oldest_messages_are_summed_up_when_the_window_is_full(chat: Chat):
    session = await long_talk(chat)
    chat.window = 1000
    chat.one.says("The user asked three things.")
    chat.one.says("fine")
    found = await chat.ask("and now?", session_id=session)
    compacted = one(events.Compacted, found)
    assert compacted.summary == "The user asked three things."
    assert compacted.messages in {2, 4}
    assert compacted.after < compacted.before
    summing = chat.one.requests[-2]
    assert "question0" in summing.messages[0].text
    assert summing.system.startswith("You sum up")
    sent = chat.one.requests[-1].messages
    assert sent[0].text.startswith("Summary of the conversation so far")
    assert "question0" not in "".join(message.text for message in sent)
    assert sent[-1].text.endswith("and now?")
    shown = await chat.service.load(session)
    assert [each.role for each in shown.messages].count("summary") == 1
    assert "question0" in shown.messages[0].text, "nothing is lost for the user"
    # it is not done twice
    chat.window = 2000
    chat.one.says("ok")
    assert not [
        each
        for each in await chat.ask("more?", session_id=session)
        if isinstance(each, events.Compacted)
    ]


async def test_if_summing_up_fails_the_oldest_messages_are_left_out_visibly(chat: Chat):
    session = await long_talk(chat)
    chat.window = 1000
    chat.one.says(AuthError("no", provider="one"), end=None)
    chat.one.says("fine")
    found = await chat.ask("and now?", session_id=session)
    assert "left out" in one(events.Compacted, found).summary
    assert one(events.End, found).text == "fine"


async def test_results_of_tools_give_way_when_one_answer_fills_the_window(chat: Chat):
    chat.window = 1200
    chat.parts.tools = Box((Echo(chat.gate, answer="word " * 500),))
    for number in range(3):
        chat.one.says(ToolCall(f"c{number}", "echo", "{}"))
    chat.one.says("done")
    found = await chat.ask("x")
    results = [
        part.text
        for message in chat.one.requests[-1].messages
        for part in message.parts
        if isinstance(part, ToolResultPart)
    ]
    assert len(results) == 3
    assert "left out" in results[0]
    assert results[2].startswith("word")
    assert any("left out" in each.message for each in found if isinstance(each, events.Notice))


async def test_use_of_the_window_is_told(chat: Chat):
    chat.window = 1000
    chat.one.says("x", Usage(input_tokens=100, output_tokens=20))
    usage = one(events.Usage, await chat.ask("x"))
    assert (usage.used, usage.window) == (120, 1000)
    (info,) = await chat.service.sessions()
    shown = await chat.service.load(info.session_id)
    assert (shown.used, shown.window) == (120, 1000)


# --- what would be sent


async def test_what_would_be_sent_can_be_seen_before(chat: Chat):
    chat.one.says("a1")
    session = one(events.Session, await chat.ask("q1")).session_id
    chat.parts.tools = Box((Echo(chat.gate),))
    uri = chat.open("a.py", "x = 1\ny = 2\n")
    wanted = (Attach(uri, Position(0, 0), Position(1, 0)), Attach("file:///etc/passwd"))
    question = Question("why?", wanted, session_id=session)
    seen = await chat.service.preview(question)
    names = [(each.name, bool(each.refused)) for each in seen.parts]
    assert names == [
        ("system", False),
        ("tool echo", False),
        ("history, user", False),
        ("history, assistant", False),
        ("a.py", False),
        ("passwd", True),
        ("message", False),
    ]
    assert seen.parts[4].text == "x = 1\n"
    assert all(each.tokens > 0 for each in seen.parts if not each.refused)
    assert seen.tokens == sum(each.tokens for each in seen.parts)
    assert (seen.provider, seen.model) == ("one", "m")
    assert len(chat.one.requests) == 1, "nothing is sent"
    assert len((await chat.service.load(session)).messages) == 2, "nothing has changed"
    chat.one.says("ok")
    await chat.service.send(question).__anext__()
