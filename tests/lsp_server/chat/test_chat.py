from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from chat_support import one

from polypilot.chat import events
from polypilot.chat.asking import Asking
from polypilot.chat.plan import NoAccounts
from polypilot.chat.service import (
    MAX_MESSAGE_CHARS,
    MAX_SESSION_CHARS,
    ChatError,
    ChatPlan,
    ChatService,
    Parts,
)
from polypilot.chat.session import AnswerTurn
from polypilot.chat.values import Attach, Question
from polypilot.workspace.documents import Position
from polypilot_providers.errors import AuthError, RateLimited, StreamBroken
from polypilot_providers.router import Router, Target
from polypilot_providers.types import (
    FilePart,
    ImagePart,
    Refusal,
    Stop,
    StopReason,
    TextPart,
    ThoughtDelta,
    ThoughtPart,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from chat_support import Chat

pytestmark = pytest.mark.allow_blocking("the gate looks at files on disk")

BOUND = 5


def shown(found: list[events.ChatEvent]) -> str:
    return "".join(event.text for event in found if isinstance(event, events.Text))


# --- an answer


async def test_a_question_becomes_a_session_and_a_stream_of_events(chat: Chat):
    usage = Usage(input_tokens=3, output_tokens=2)
    chat.one.says(ThoughtDelta("hm"), "Hel", "lo", usage)
    found = await chat.ask("Hi there")
    kinds = [event.kind for event in found]
    assert kinds == ["session", "title", "thought", "text", "text", "usage", "end"]
    session, end = one(events.Session, found), one(events.End, found)
    assert (session.provider, session.model) == ("one", "m")
    assert end.session_id == session.session_id
    assert end.message_id == session.message_id
    assert (end.stop_reason, end.text, end.usage, end.error) == ("end", "Hello", usage, None)
    (info,) = await chat.service.sessions()
    assert (info.session_id, info.title, info.messages) == (session.session_id, "Hi there", 2)
    request = chat.one.requests[0]
    assert chat.sent() == [("user", "Hi there")]
    assert request.system.startswith("You are Polypilot")
    assert request.model == "m"


async def test_a_session_goes_on_and_its_provider_can_be_switched(chat: Chat):
    chat.one.says(ThoughtDelta("a", signature="sig"), "first")
    session = one(events.Session, await chat.ask("one?")).session_id
    chat.one.says("second")
    await chat.ask("two?", session_id=session)
    history = chat.one.requests[-1].messages
    assert history[1].parts == (ThoughtPart("a", "sig"), TextPart("first"))
    chat.two.says("third")
    found = await chat.ask("three?", session_id=session, provider="two", model="x")
    assert one(events.Session, found).provider == "two"
    assert chat.two.requests[-1].model == "x"
    assert chat.sent(chat.two) == [
        ("user", "one?"),
        ("assistant", "first"),
        ("user", "two?"),
        ("assistant", "second"),
        ("user", "three?"),
    ]
    # reasoning, and the proof of it, belong to the supplier that made it
    assert chat.two.requests[-1].messages[1].parts == (TextPart("first"),)
    chat.two.says("fourth")
    await chat.ask("four?", session_id=session)
    assert chat.two.requests[-1].model == "x"
    chat.one.says("fifth")
    await chat.ask("five?", session_id=session, provider="one")
    assert chat.one.requests[-1].model == "m"
    chat.one.says("sixth")
    await chat.ask("six?", session_id=session, model="y")
    assert chat.one.requests[-1].model == "y"
    assert [info.messages for info in await chat.service.sessions()] == [12]


async def test_everything_an_answer_can_hold(chat: Chat):
    chat.one.says(
        ThoughtDelta("", redacted="xyz"),
        "Let me look.",
        ToolCall("1", "read", '{"a": "\x1b"}'),
        Refusal("I \x9bwon't"),
        end=StopReason.TOOL_CALLS,
    )
    found = await chat.ask("x")
    assert one(events.ToolCall, found) == events.ToolCall("1", "read", '{"a": ""}', "read")
    assert one(events.Refusal, found).text == "I won't"
    assert one(events.End, found).stop_reason == "tool_calls"
    assert not [event for event in found if isinstance(event, events.Thought)]
    turn = chat.service.get(one(events.Session, found).session_id).turns[-1]
    assert isinstance(turn, AnswerTurn)
    assert turn.thoughts == (ThoughtPart("", None, "xyz"),)


async def test_control_characters_never_reach_the_user(chat: Chat):
    chat.one.says(
        ThoughtDelta("a\x1b[2J\ud83d"),
        ThoughtDelta("\ude42"),
        "x\x1b]8;;evil\x07\u202e",
        "\U000e0041y\ud83d",
        "\ude42\r\n\tz",
    )
    found = await chat.ask("x")
    assert shown(found) == one(events.End, found).text == "x]8;;evily🙂\n\tz"
    thoughts = [event.text for event in found if isinstance(event, events.Thought)]
    assert "".join(thoughts) == "a[2J🙂"


async def test_what_is_shown_is_harmless_and_what_goes_back_is_what_was_said(chat: Chat):
    said = "See ![x](https://evil.example/?q=1) and <img src=x>"
    for at in (5, 6, 20, 45, 48):
        chat.one.says(said[:at], said[at:])
        found = await chat.ask("x")
        assert "![" not in shown(found)
        assert "<img" not in shown(found).replace("\\<img", "")
        assert one(events.End, found).text == shown(found)
        session = one(events.Session, found).session_id
        (_, answer) = (await chat.service.load(session)).messages
        assert answer.text == shown(found)
        chat.one.says("ok")
        await chat.ask("y", session_id=session)
        assert chat.sent()[1] == ("assistant", said)


async def test_the_models_own_name_is_told_when_the_supplier_names_it(chat: Chat):
    chat.one.says("x", Stop(StopReason.LENGTH, "m-2026"), end=None)
    end = one(events.End, await chat.ask("x"))
    assert (end.stop_reason, end.model) == ("length", "m-2026")


async def test_what_the_user_adds_to_the_instructions(chat: Chat):
    chat.system = "Answer in Latin."
    chat.one.says("Ave")
    await chat.ask("x")
    assert chat.one.requests[0].system.endswith("Answer in Latin.")


# --- stop and fail


async def test_stopping_keeps_what_arrived_and_closes_the_stream(chat: Chat):
    chat.one.says("partial ", "…", "never")
    task = asyncio.ensure_future(chat.ask("x"))
    await asyncio.wait_for(chat.one.held.wait(), BOUND)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert chat.one.open == 0
    (info,) = await chat.service.sessions()
    turn = chat.service.get(info.session_id).turns[-1]
    assert isinstance(turn, AnswerTurn)
    assert (turn.text, turn.reason) == ("partial ", "cancelled")
    chat.one.says("whole")
    await chat.ask("y", session_id=info.session_id)
    assert chat.sent() == [("user", "x"), ("assistant", "partial "), ("user", "y")]


async def test_leaving_the_stream_is_stopping_too(chat: Chat):
    chat.one.says("a", "b", "c")
    stream = chat.service.send(Question("x"))
    async with aclosing(stream):
        async for event in stream:
            if isinstance(event, events.Text):
                break
    assert chat.one.open == 0
    (info,) = await chat.service.sessions()
    turn = chat.service.get(info.session_id).turns[-1]
    assert isinstance(turn, AnswerTurn)
    assert (turn.text, turn.reason) == ("a", "cancelled")
    assert not chat.service.get(info.session_id).busy


async def test_a_failure_keeps_what_arrived_and_says_what_to_do(chat: Chat):
    chat.one.says("half", StreamBroken("the answer broke off", cure="Ask again."), end=None)
    found = await chat.ask("x")
    error, end = one(events.Error, found), one(events.End, found)
    assert (error.code, error.cure) == ("stream_broken", "Ask again.")
    assert found[-2:] == [error, end]
    assert (end.stop_reason, end.text, end.error) == ("error", "half", error)


async def test_a_question_that_got_no_answer_is_asked_along_with_the_next(chat: Chat):
    chat.one.says(AuthError("no key"), end=None)
    session = one(events.Session, await chat.ask("x")).session_id
    chat.one.says("ok")
    await chat.ask("y", session_id=session)
    assert chat.sent() == [("user", "x\n\ny")]


async def test_a_switch_to_a_fallback_is_told(chat: Chat):
    chat.fallback = (Target("two", "b"),)
    chat.one.says(RateLimited("slow down", retry_after=90), end=None)
    chat.two.says("hi")
    found = await chat.ask("x")
    assert "two b" in one(events.Notice, found).message
    end = one(events.End, found)
    assert (end.provider, end.model, end.text) == ("two", "b", "hi")


async def test_an_endless_answer_is_ended(chat: Chat):
    piece = "x" * 1_000_000
    chat.one.says(piece, piece, piece, piece, end=None)
    end = one(events.End, await chat.ask("x"))
    assert end.stop_reason == "length"
    assert MAX_MESSAGE_CHARS < len(end.text) <= 3_000_000
    assert chat.one.open == 0


async def test_one_answer_at_a_time_per_session(chat: Chat):
    chat.one.says("a", "…", "b")
    first = asyncio.ensure_future(chat.ask("x"))
    await asyncio.wait_for(chat.one.held.wait(), BOUND)
    (info,) = await chat.service.sessions()
    with pytest.raises(ChatError, match="still being answered") as caught:
        await chat.ask("y", session_id=info.session_id)
    assert (caught.value.code, bool(caught.value.cure)) == ("busy", True)
    chat.one.says("other session")
    assert shown(await chat.ask("z")) == "other session"
    chat.one.go.set()
    assert shown(await first) == "ab"
    assert len(chat.service.get(info.session_id).turns) == 2


# --- reasoning


async def test_an_effort_holds_until_another_is_asked_for(chat: Chat) -> None:
    for _ in range(4):
        chat.one.says("ok")
    session = one(events.Session, await chat.ask("x")).session_id
    chat.effort = "low"
    await chat.ask("x", session_id=session)
    await chat.ask("x", session_id=session, effort="high")
    await chat.ask("x", session_id=session)
    assert [request.effort for request in chat.one.requests] == [None, "low", "high", "high"]


# --- attachments

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PDF = b"%PDF-1.7 /Type /Pages ... /Type /Page ... /Type/Page>>"


async def test_pictures_and_documents_go_as_what_they_are(chat: Chat) -> None:
    chat.one.says("ok")
    wanted: list[Attach] = []
    for name, data in (("a.png", PNG), ("docs/b.pdf", PDF)):
        path = chat.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        wanted.append(Attach(path.as_uri()))
    wanted.append(Attach(chat.write("c.py", "x = 1\n")))
    found = await chat.ask("why?", attachments=wanted)
    items = one(events.Context, found).items
    assert [(each.media_type, each.tokens) for each in items[:2]] == [
        ("image/png", 1600),
        ("application/pdf", 3200),
    ]
    assert not items[2].media_type
    (message,) = chat.one.requests[0].messages
    picture, document, text = message.parts
    assert picture == ImagePart("image/png", PNG)
    assert document == FilePart("application/pdf", "docs/b.pdf", PDF)
    assert isinstance(text, TextPart)
    assert "x = 1" in text.text


async def test_a_picture_that_is_excluded_later_is_left_out(chat: Chat) -> None:
    chat.one.says("ok")
    chat.one.says("ok")
    path = chat.root / "a.png"
    path.write_bytes(PNG)
    session = one(events.Session, await chat.ask("x", attachments=[Attach(path.as_uri())]))
    chat.write(".gitignore", "*.png\n")
    await chat.ask("and now?", session_id=session.session_id)
    parts = chat.one.requests[-1].messages[0].parts
    assert [type(part) for part in parts] == [TextPart]
    assert "may not be sent any more" in chat.sent()[0][1]


async def test_pictures_count_toward_the_length(chat: Chat) -> None:
    path = chat.root / "a.png"
    path.write_bytes(PNG + bytes(4_900_000))
    wanted = [Attach(path.as_uri())] * 2
    with pytest.raises(ChatError) as caught:
        await chat.ask("x", attachments=wanted)
    assert caught.value.code == "too_long"


async def test_an_open_document_goes_along_with_its_unsaved_text(chat: Chat):
    chat.write("src/a.py", "saved\n")
    uri = chat.open("src/a.py", "unsaved = 1\n")
    chat.one.says("ok")
    found = await chat.ask("why?", attachments=[Attach(uri)])
    (item,) = one(events.Context, found).items
    assert (item.uri, item.redacted, item.refused) == (uri, 0, "")
    assert item.tokens > 0
    assert [event.kind for event in found[:3]] == ["session", "title", "context"]
    assert chat.sent() == [("user", "`src/a.py`:\n```python\nunsaved = 1\n```\n\nwhy?")]


async def test_a_file_below_the_root_and_a_selection(chat: Chat):
    plain = chat.write("lib/b.rs", "fn b() {}\n")
    uri = chat.open("a.py", "one\ntwo\nthree\n")
    chat.one.says("ok")
    await chat.ask(
        "why?",
        attachments=[
            Attach(plain),
            Attach(uri, Position(1, 0), Position(2, 0)),
            Attach(uri, Position(2, 5), Position(1, 1)),
        ],
    )
    assert chat.sent()[0][1] == (
        "`lib/b.rs`:\n```rust\nfn b() {}\n```\n\n"
        "`a.py`, lines 2-2:\n```python\ntwo\n```\n\n"
        "`a.py`, lines 2-3:\n```python\nwo\nthree\n```\n\nwhy?"
    )


async def test_a_document_that_is_no_file_is_named_by_the_end_of_its_address(chat: Chat):
    chat.store.open("untitled:Untitled-1", "", 1, "text")
    chat.one.says("ok")
    await chat.ask("x", attachments=[Attach("untitled:Untitled-1", Position(0, 0), Position(0, 2))])
    assert chat.sent()[0][1].startswith("`untitled:Untitled-1`, lines 1-1:\n```\nte\n```")


async def test_what_is_refused_is_told_with_its_reason_and_not_sent(chat: Chat):
    secret = chat.write(".env", "CANARY=1\n")
    outside = (chat.root.parent / "outside.py").as_uri()
    (chat.root.parent / "outside.py").write_text("CANARY", encoding="utf-8")
    closed = (chat.root / "closed.py").as_uri()
    good = chat.write("good.py", "fine\n")
    chat.one.says("ok")
    wanted = [
        Attach(secret),
        Attach(outside),
        Attach(good),
        Attach(closed, Position(0, 0), Position(1, 0)),
    ]
    items = one(events.Context, await chat.ask("x", attachments=wanted)).items
    assert [bool(item.refused) for item in items] == [True, True, False, True]
    assert "CANARY" not in repr(chat.one.requests)
    assert "fine" in chat.sent()[0][1]


async def test_secrets_are_hidden_and_counted(chat: Chat):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    uri = chat.open("a.py", f'token = "{secret}"\n')
    chat.one.says(f"I saw {secret[:8]}")
    found = await chat.ask(f"is {secret} right?", attachments=[Attach(uri)])
    assert one(events.Context, found).items[0].redacted == 1
    assert secret not in repr(chat.one.requests)


async def test_what_becomes_excluded_is_not_sent_again(chat: Chat):
    uri = chat.open("a.py", "CANARY = 1\n")
    chat.one.says("ok")
    session = one(events.Session, await chat.ask("x", attachments=[Attach(uri)])).session_id
    assert "CANARY" in repr(chat.one.requests[-1])
    chat.write(".aiignore", "a.py\n")
    chat.one.says("ok")
    await chat.ask("y", session_id=session)
    assert "CANARY" not in repr(chat.one.requests[-1])
    assert "left out" in chat.sent()[0][1]


async def test_half_a_character_at_the_end_of_a_thought_is_dropped(chat: Chat):
    chat.one.says(ThoughtDelta("a"), ThoughtDelta("\ud83d"), "x", ThoughtDelta("", signature="s"))
    found = await chat.ask("x")
    assert [event.text for event in found if isinstance(event, events.Thought)] == ["a"]
    assert shown(found) == "x"


# --- bounds


async def test_errors_change_nothing(chat: Chat):
    chat.one.says("ok")
    session = one(events.Session, await chat.ask("x")).session_id
    big = "x" * (MAX_MESSAGE_CHARS + 1)
    for text, wanted, code in (
        ("y", "none-such", "unknown_session"),
        (" \n", session, "empty"),
        (big, session, "too_long"),
    ):
        with pytest.raises(ChatError) as caught:
            await chat.ask(text, session_id=wanted)
        assert caught.value.code == code
    assert [info.messages for info in await chat.service.sessions()] == [2]
    assert len(chat.one.requests) == 1


async def test_a_conversation_has_an_end(chat: Chat):
    chat.one.says("ok")
    session_id = one(events.Session, await chat.ask("x")).session_id
    session = chat.service.get(session_id)
    for number in range(MAX_SESSION_CHARS // 1_000_000):
        session.add(AnswerTurn(f"a{number}", "one", "m", size=1_000_000))
    with pytest.raises(ChatError) as caught:
        await chat.ask("y", session_id=session_id)
    assert caught.value.code == "too_long"


async def test_conversations_used_longest_ago_are_forgotten_first(chat: Chat):
    ids: list[str] = []
    for number in range(3):
        chat.one.says("ok")
        ids.append(one(events.Session, await chat.ask(f"q{number}")).session_id)
    chat.one.says("ok")
    await chat.ask("again", session_id=ids[0])
    chat.one.says("ok")
    newest = one(events.Session, await chat.ask("q3")).session_id
    assert [info.session_id for info in await chat.service.sessions()] == [newest, ids[0], ids[2]]


async def test_memory_is_bounded(chat: Chat):
    for number in range(3):
        chat.one.says("x" * 4000)
        await chat.ask(f"q{number}")
    assert [info.title for info in await chat.service.sessions()] == ["q2", "q1"]


async def test_one_that_is_answering_is_not_forgotten(chat: Chat):
    chat.one.says("a", "…", "b")
    first = asyncio.ensure_future(chat.ask("busy"))
    await asyncio.wait_for(chat.one.held.wait(), BOUND)
    for number in range(4):
        chat.one.says("ok")
        await chat.ask(f"q{number}")
    assert "busy" in {info.title for info in await chat.service.sessions()}
    chat.one.go.set()
    assert shown(await first) == "ab"


async def test_closing_a_conversation(chat: Chat):
    chat.one.says("ok")
    session = one(events.Session, await chat.ask("x")).session_id
    await chat.service.close(session)
    await chat.service.close(session)
    assert await chat.service.sessions() == []
    with pytest.raises(ChatError):
        chat.service.get(session)


async def test_a_fault_of_ours_is_marked_and_raised(chat: Chat):
    with pytest.raises(IndexError):  # the provider has no script
        await chat.ask("x")
    (info,) = await chat.service.sessions()
    session = chat.service.get(info.session_id)
    turn = session.turns[-1]
    assert isinstance(turn, AnswerTurn)
    assert turn.reason == "error"
    assert not session.busy


async def test_without_a_target_the_error_is_an_event(chat: Chat):
    async def resolve(name: str) -> object:
        raise KeyError(name)

    service = ChatService(
        router=Router(resolve),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (never called)
        gate=chat.gate,
        plan=lambda _provider, _model: ChatPlan(()),
        parts=Parts(Asking(chat.gate, chat.store), NoAccounts()),
    )
    found = [event async for event in service.send(Question("x"))]
    assert one(events.Error, found).code == "configuration"
