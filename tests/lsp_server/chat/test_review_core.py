"""What a conversation must survive: refusals, previews, deletion, bad disks, tools at fault."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from chat_support import Privacy, one
from tool_support import Box, Echo, Person

from polypilot import paths
from polypilot.backend.accounts import ChatAccounts
from polypilot.backend.pricing import Prices
from polypilot.backend.spending import Spending
from polypilot.backend.status import Choice, StatusBoard
from polypilot.backend.watching import Watcher
from polypilot.chat import events
from polypilot.chat.asking import Asking
from polypilot.chat.commands import Commands
from polypilot.chat.history import History
from polypilot.chat.keeping import Keeper
from polypilot.chat.plan import NoAccounts
from polypilot.chat.service import ChatError, ChatService
from polypilot.chat.values import Attach, FileDiff, Location, Question, ToolResult
from polypilot.errors import UserError
from polypilot.tasks import Tasks
from polypilot.workspace.trust import TrustStore
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import AuthError, Unavailable
from polypilot_providers.router import Target
from polypilot_providers.types import Cost, ToolCall, ToolResultPart, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from chat_support import Chat

    from polypilot.chat.attachments import Attached
    from polypilot.chat.values import Scene, ToolContext

pytestmark = pytest.mark.allow_blocking("the gate looks at files on disk")

BOUND = 5
CALL = ToolCall("c1", "echo", '{"say": "hi"}')


@dataclass
class Book(NoAccounts):
    """Accounts whose limit can be used up, and that remember."""

    allowed: int = 1000
    """How often a check passes."""
    counted: list[tuple[str, Cost | None]] = field(default_factory=list[tuple[str, Cost | None]])

    async def check(self, *providers: str) -> None:
        del providers
        self.allowed -= 1
        if self.allowed < 0:
            raise ChatError("enough for today", code="budget", cure="Wait")

    async def cost(self, provider: str, models: object, usage: Usage | None) -> Cost | None:
        del models, usage
        return Cost(Decimal(1 if provider == "one" else 0), "prices")

    def count(self, provider: str, usage: Usage | None, cost: Cost | None) -> None:
        del usage
        self.counted.append((provider, cost))


def with_book(chat: Chat, book: Book) -> ChatService:
    chat.parts.accounts = book
    return another(chat)


def another(chat: Chat) -> ChatService:
    """Another server's chat, with the same file."""
    return ChatService(
        router=chat.service._sender._router,  # pyright: ignore[reportPrivateUsage]
        gate=chat.gate,
        plan=chat.plan,
        parts=chat.parts,
    )


@pytest.fixture
async def kept(chat: Chat, tmp_path: Path) -> AsyncGenerator[Chat]:
    chat.history = history = History(tmp_path / "chat.db")
    yield chat
    await chat.service.aclose()
    await history.aclose()


async def texts(service: ChatService, session: str) -> list[str]:
    return [each.text for each in (await service.load(session)).messages]


# --- what is refused, or only looked at, changes nothing


async def test_a_look_at_an_answer_given_again_changes_nothing(chat: Chat):
    chat.one.says("first try")
    begun = one(events.Session, await chat.ask("what?"))
    again = Question("", session_id=begun.session_id, replaces=begun.message_id)
    seen = await chat.service.preview(again)
    assert [each.name for each in seen.parts] == ["system", "message"]
    assert await texts(chat.service, begun.session_id) == ["what?", "first try"]


async def test_a_refused_answer_given_again_changes_nothing(chat: Chat):
    service = with_book(chat, Book(allowed=2))
    chat.one.says("first try")
    begun = one(events.Session, [each async for each in service.send(Question("what?"))])
    again = Question("", session_id=begun.session_id, replaces=begun.message_id)
    with pytest.raises(ChatError):
        await anext(service.send(again))
    assert await texts(service, begun.session_id) == ["what?", "first try"]


async def test_a_look_shows_what_goes_in_the_same_message(chat: Chat):
    chat.one.says(AuthError("no", provider="one"), end=None)
    session = one(events.Session, await chat.ask("unanswered")).session_id
    uri = chat.open("a.py", "x = 1\n")
    question = Question("and this?", (Attach(uri),), session_id=session)
    seen = await chat.service.preview(question)
    assert [(each.name, each.text) for each in seen.parts[1:]] == [
        ("history, user", "unanswered"),
        ("a.py", "x = 1\n"),
        ("message", "and this?"),
    ]


# --- an answer ends with an End


async def test_a_limit_reached_while_summing_up_ends_the_answer(chat: Chat):
    service = with_book(chat, Book())
    session: str | None = None
    for number in range(3):
        chat.one.says(f"answer{number} " * 60)
        text = Question(f"question{number} " * 60, session_id=session)
        session = one(events.Session, [each async for each in service.send(text)]).session_id
    chat.window = 1000
    chat.parts.accounts.allowed = 1  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    found = [each async for each in service.send(Question("and now?", session_id=session))]
    assert isinstance(found[-1], events.End)
    assert found[-1].stop_reason == "budget"
    assert found[-1].error is not None
    assert found[-1].error.cure == "Wait"


async def test_a_fault_of_the_edits_does_not_lose_the_end(chat: Chat):
    async def proposals(*_: object) -> AsyncGenerator[events.Proposal]:
        raise AuthError("can't look")
        yield  # an asynchronous generator

    chat.parts.proposals = proposals
    chat.one.says("the answer")
    found = await chat.ask("x")
    assert isinstance(found[-1], events.End)
    assert found[-1].text == "the answer"


# --- accounts


async def test_summing_up_is_charged_to_whom_answered(chat: Chat):
    book = Book()
    service = with_book(chat, book)
    session: str | None = None
    for number in range(3):
        chat.one.says(f"answer{number} " * 60)
        text = Question(f"question{number} " * 60, session_id=session)
        session = one(events.Session, [each async for each in service.send(text)]).session_id
    book.counted.clear()
    chat.window, chat.fallback = 1000, (Target("two", "x"),)
    for _ in range(4):
        chat.one.says(Unavailable("busy", provider="one"), end=None)
    chat.two.says("In short.", Usage(10, 2))
    chat.two.says("fine", Usage(10, 2))
    found = [each async for each in service.send(Question("and now?", session_id=session))]
    assert one(events.Compacted, found).summary == "In short."
    assert [provider for provider, _ in book.counted] == ["two", "two"]


# --- tools at fault


@dataclass
class Broken(Echo):
    """A tool of which everything but its run can fail."""

    where: str = ""

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        if self.where == "describe":
            raise TypeError("secret inside")
        return super().describe(arguments)

    async def preview(
        self, arguments: Mapping[str, object], context: ToolContext
    ) -> tuple[FileDiff, ...]:
        if self.where == "preview":
            raise KeyError("secret inside")
        return await super().preview(arguments, context)

    async def run(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        if self.where == "run":
            raise asyncio.CancelledError
        return await super().run(arguments, context)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("describe", "hi"),
        ("preview", "The tool failed inside."),
        ("run", "The tool failed inside."),
    ],
)
async def test_no_fault_of_a_tool_ends_the_answer(chat: Chat, where: str, says: str):
    chat.parts.tools = Box((Broken(chat.gate, asks=True, where=where),))
    chat.one.says(CALL)
    chat.one.says("I see.")
    found = await chat.ask("x", client=Person())
    assert one(events.End, found).stop_reason == "end"
    result = chat.one.requests[1].messages[-1].parts[-1]
    assert isinstance(result, ToolResultPart)
    assert result.text == says


# --- kept, deleted, closed


async def test_deleted_while_it_is_answered_it_stays_deleted(kept: Chat):
    kept.one.says("half", "…", "more")
    task = asyncio.ensure_future(kept.ask("x"))
    await asyncio.wait_for(kept.one.held.wait(), BOUND)
    (info,) = await kept.service.sessions()
    await kept.service.delete(info.session_id)
    kept.one.go.set()
    assert one(events.End, await task).text == "halfmore"
    await kept.service.aclose()
    assert await another(kept).sessions() == []


async def test_all_deleted_while_one_is_answered_all_stay_deleted(kept: Chat):
    forgotten: list[str] = []
    kept.parts.forget = forgotten.append
    kept.one.says("half", "…", "more")
    task = asyncio.ensure_future(kept.ask("x"))
    await asyncio.wait_for(kept.one.held.wait(), BOUND)
    await kept.service.delete_all()
    kept.one.go.set()
    session = one(events.Session, await task).session_id
    await kept.service.aclose()
    assert await another(kept).sessions() == []
    assert forgotten == [session]


async def test_closed_while_it_is_answered_there_are_not_two_of_it(kept: Chat):
    kept.one.says("half", "…", "more")
    task = asyncio.ensure_future(kept.ask("x"))
    await asyncio.wait_for(kept.one.held.wait(), BOUND)
    (info,) = await kept.service.sessions()
    await kept.service.close(info.session_id)
    with pytest.raises(ChatError) as caught:
        await anext(kept.service.send(Question("y", session_id=info.session_id)))
    assert caught.value.code == "busy"
    kept.one.go.set()
    await task
    assert await texts(kept.service, info.session_id) == ["x", "halfmore"]


async def test_closed_and_opened_at_once_nothing_is_missing(kept: Chat):
    kept.one.says("whole")
    session = one(events.Session, await kept.ask("x")).session_id
    await kept.service.close(session)
    assert await texts(kept.service, session) == ["x", "whole"]


async def test_what_the_disk_did_not_take_is_written_later(kept: Chat, tmp_path: Path):
    kept.one.says("a1")
    session = one(events.Session, await kept.ask("q1")).session_id
    await kept.service.aclose()
    good = kept.history
    (tmp_path / "file").touch()
    kept.history = History(tmp_path / "file" / "chat.db")
    kept.one.says("a2")
    await kept.ask("q2", session_id=session)
    await kept.service.aclose()
    kept.history = good
    kept.one.says("a3")
    await kept.ask("q3", session_id=session)
    await kept.service.aclose()
    assert await texts(another(kept), session) == ["q1", "a1", "q2", "a2", "q3", "a3"]


async def test_a_message_that_can_not_be_read_takes_no_other_with_it(kept: Chat):
    kept.one.says("a1")
    first = one(events.Session, await kept.ask("q1"))
    kept.one.says("a2")
    await kept.ask("q2", session_id=first.session_id)
    await kept.service.aclose()
    assert kept.history is not None
    loaded = await kept.history.load(first.session_id)
    assert loaded is not None
    record, messages = loaded
    (bad,) = [each for each in messages if each.id == first.message_id]
    await kept.history.save(record, [replace(bad, body="{")])
    assert await texts(another(kept), first.session_id) == ["q1", "q2", "a2"]


async def test_a_name_for_an_empty_conversation_does_not_list_it(kept: Chat):
    info = await kept.service.create()
    await kept.service.rename(info.session_id, "Birds")
    assert await kept.service.sessions() == []
    kept.one.says("ok")
    await kept.ask("q", session_id=info.session_id)
    assert [each.title for each in await kept.service.sessions()] == ["Birds"]


# --- modes and branches


async def test_the_mode_of_the_settings_is_told(kept: Chat):
    kept.parts.mode = lambda: "edit"
    service = ChatService(
        router=kept.service._sender._router,  # pyright: ignore[reportPrivateUsage]
        gate=kept.gate,
        plan=kept.plan,
        parts=kept.parts,
        keeper=Keeper(kept.gate, lambda: kept.history, mode=kept.parts.mode),
    )
    info = await service.create()
    assert info.mode == "edit"
    kept.one.says("ok")
    [_ async for _ in service.send(Question("x", session_id=info.session_id))]
    assert [each.mode for each in await service.sessions()] == ["edit"]
    assert (await service.load(info.session_id)).info.mode == "edit"


async def test_a_summary_is_paid_for_by_its_conversation(chat: Chat):
    service = with_book(chat, Book())
    chat.one.says("answer " * 60, Usage(3, 4))
    question = Question("question " * 60)
    found = [each async for each in service.send(question)]
    session = one(events.Session, found).session_id
    chat.window = 200
    chat.one.says("In short.", Usage(3, 4))
    chat.one.says("fine", Usage(3, 4))
    again = [each async for each in service.send(Question("and now?", session_id=session))]
    assert one(events.Compacted, again).summary == "In short."
    costs = [each.session_cost for each in again if isinstance(each, events.Usage)]
    assert costs[-1] == 3  # two answers and the summary, a dollar each


async def test_how_much_to_reason_can_be_left_to_the_settings_again(chat: Chat):
    chat.one.says("a")
    found = [each async for each in chat.service.send(Question("q", effort="high"))]
    session = one(events.Session, found).session_id
    assert (await chat.service.configure(session, model="m2")).effort == "high"
    assert (await chat.service.configure(session, effort="default")).effort is None
    await chat.service.configure(session, effort="low")
    chat.one.says("b")
    await chat.ask("again", session_id=session)
    assert chat.one.requests[-1].effort == "low"
    chat.one.says("c")
    again = Question("once more", session_id=session, effort="default")
    assert [each async for each in chat.service.send(again)]
    assert chat.one.requests[-1].effort is None


async def test_a_commands_answer_given_again_has_the_commands_mode(chat: Chat, tmp_path: Path):
    folder = paths.config_dir() / "commands"
    folder.mkdir(parents=True)
    (folder / "quiet.md").write_text("---\nmode: plain\n---\nSay hello.", "utf-8")
    commands = Commands(TrustStore(tmp_path / "trust.json"))
    chat.parts.asking = Asking(chat.gate, chat.store, commands=commands)
    chat.parts.tools = box = Box((Echo(chat.gate),))
    service = another(chat)
    chat.one.says("hello")
    found = [each async for each in service.send(Question("/quiet", mode="edit"))]
    first = one(events.Session, found)
    chat.one.says("hello again")
    again = Question("", session_id=first.session_id, replaces=first.message_id)
    assert [each async for each in service.send(again)]
    assert [each.tools for each in chat.one.requests] == [(), ()]
    assert box.modes == []
    chat.one.says("hello with tools")
    assert [each async for each in service.send(replace(again, mode="ask"))]
    assert box.modes == ["ask"]


async def test_branches_are_found_behind_two_summaries(chat: Chat):
    session: str | None = None
    for number in range(3):
        chat.one.says(f"answer{number} " * 60)
        found = await chat.ask(f"question{number} " * 60, session_id=session)
        session = one(events.Session, found).session_id
    chat.window = 1000
    chat.one.says("First summary.")
    chat.one.says("fine")
    asked = one(events.Session, await chat.ask("and now?", session_id=session))
    chat.window = 300
    chat.one.says("Second summary.")
    chat.one.says("fine too")
    other = await chat.ask("and now, again? " * 10, session_id=session, replaces=asked.question_id)
    assert one(events.Compacted, other)
    shown = (await chat.service.load(asked.session_id)).messages
    (question,) = [each for each in shown if each.id == one(events.Session, other).question_id]
    assert question.branches == (asked.question_id, question.id)


async def test_of_another_branch_nothing_is_left_out(chat: Chat):
    uri = chat.write("a.py", "x = 1\n")
    chat.one.says("a1")
    first = one(events.Session, await chat.ask("q1", attachments=(Attach(uri),)))
    chat.one.says("b1")
    await chat.ask("other", session_id=first.session_id, replaces=first.question_id)
    chat.gate.update(Privacy(exclude=("nothing",)))  # what it knew of the files is forgotten
    chat.one.says("again")
    await chat.ask("", session_id=first.session_id, replaces=first.message_id)
    assert "x = 1" in chat.one.requests[-1].messages[0].text


async def test_the_model_that_has_answered_is_asked_on(chat: Chat):
    chat.fallback = (Target("one", "n"),)
    chat.parts.tools = Box((Echo(chat.gate),))
    for _ in range(2):
        chat.one.says(Unavailable("busy", provider="one"), end=None)
    chat.one.says(CALL)
    chat.one.says("done")
    found = await chat.ask("x")
    assert one(events.End, found).text == "done"
    assert [each.model for each in chat.one.requests] == ["m", "m", "n", "n"]


async def test_no_two_calls_have_one_id(chat: Chat):
    chat.parts.tools = Box((Echo(chat.gate),))
    again = ToolCall("call_0", "echo", '{"say": "first"}')
    other = ToolCall("call_0", "echo", '{"say": "second"}')
    chat.one.says(again, other)
    chat.one.says(replace(again, arguments='{"say": "third"}'))
    chat.one.says("done")
    found = await chat.ask("x")
    calls = [each.id for each in found if isinstance(each, events.ToolCall)]
    assert len(set(calls)) == 3
    done = [
        (each.id, each.text)
        for each in found
        if isinstance(each, events.ToolUpdate) and each.status == "completed"
    ]
    assert done == list(zip(calls, ("first", "second", "third"), strict=True))
    chat.one.says(again)
    chat.one.says("done")
    session = one(events.Session, found).session_id
    more = one(events.ToolCall, await chat.ask("y", session_id=session))
    assert more.id not in calls
    sent = [part for message in chat.one.requests[-1].messages for part in message.parts]
    results = [(part.call_id, part.text) for part in sent if isinstance(part, ToolResultPart)]
    assert results == [*done, (more.id, "first")]


# --- the limit of a day


async def test_what_costs_nothing_is_answered_beyond_the_limit(chat: Chat):
    def row(provider: str) -> ProviderRow:
        if provider == "gone":
            raise AuthError("gone", provider=provider)
        return ProviderRow(
            id=provider,
            wire="openai-chat",
            base_url="https://x.example.com",
            free=provider == "free",
        )

    board = StatusBoard(Choice("p", "m"), Choice("p", "m"))
    spending = Spending(Prices(), row, board, Tasks(), answered=lambda _: None)
    accounts = ChatAccounts(spending, Watcher(board, chat.gate, lambda: ""), lambda: Decimal(1))
    spending.count("paid", None, Cost(Decimal(2), "prices"))
    await accounts.check("free")
    for refused in (("paid",), ("free", "paid"), ("gone",), ()):
        with pytest.raises(ChatError) as caught:
            await accounts.check(*refused)
        assert caught.value.code == "budget"


async def test_deleted_while_its_question_is_made_ready_it_stays_deleted(kept: Chat):
    kept.one.says("a1")
    session = one(events.Session, await kept.ask("q1")).session_id
    begun, go = asyncio.Event(), asyncio.Event()

    class Slow:
        async def collect(
            self, text: str, scene: Scene, root: str | None
        ) -> tuple[list[Attached], list[events.ContextItem]]:
            del text, scene, root
            begun.set()
            await go.wait()
            return [], []

    kept.parts.asking.mentions = Slow()
    kept.one.says("a2")
    task = asyncio.ensure_future(kept.ask("q2", session_id=session))
    await asyncio.wait_for(begun.wait(), BOUND)
    await kept.service.delete(session)
    go.set()
    assert one(events.End, await task).text == "a2"
    await kept.service.aclose()
    assert await another(kept).sessions() == []
    with pytest.raises(ChatError) as caught:
        await kept.service.load(session)
    assert caught.value.code == "unknown_session"


async def test_what_was_said_while_nothing_was_kept_leaves_no_gap(kept: Chat):
    kept.one.says("a1")
    session = one(events.Session, await kept.ask("q1")).session_id
    await kept.service.aclose()
    history, kept.history = kept.history, None
    kept.one.says("a2")
    await kept.ask("q2", session_id=session)
    kept.history = history
    kept.one.says("a3")
    await kept.ask("q3", session_id=session)
    await kept.service.aclose()
    assert await texts(another(kept), session) == ["q1", "a1", "q2", "a2", "q3", "a3"]


async def test_what_could_not_be_deleted_goes_on(kept: Chat, tmp_path: Path):
    kept.one.says("a1")
    session = one(events.Session, await kept.ask("q1")).session_id
    await kept.service.aclose()
    good = kept.history
    (tmp_path / "file").touch()
    kept.history = History(tmp_path / "file" / "chat.db")
    with pytest.raises(UserError):
        await kept.service.delete(session)
    with pytest.raises(UserError):
        await kept.service.delete_all()
    kept.history = good
    kept.one.says("a2")
    await kept.ask("q2", session_id=session)
    await kept.service.aclose()
    assert await texts(another(kept), session) == ["q1", "a1", "q2", "a2"]
