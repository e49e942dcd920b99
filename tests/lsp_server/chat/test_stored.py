"""What is kept of a conversation comes back as it was, and passes the gate again."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from polypilot.chat.attachments import Attached
from polypilot.chat.events import ContextItem
from polypilot.chat.session import ChatSession
from polypilot.chat.steps import CallResult, Step
from polypilot.chat.stored import UnreadableError, dumped, restored
from polypilot.chat.turns import AnswerTurn, SummaryTurn, UserTurn
from polypilot.chat.values import FileDiff, Location
from polypilot_providers.types import (
    Cost,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    Usage,
)

if TYPE_CHECKING:
    from chat_support import Chat

    from polypilot.chat.turns import Turn

pytestmark = pytest.mark.allow_blocking("the gate looks at files on disk")

KEY = "sk-proj-" + "Ab1" * 30


def again(turn: Turn, chat: Chat, *, provider: str = "", model: str = "") -> Turn:
    role = {UserTurn: "user", AnswerTurn: "assistant", SummaryTurn: "summary"}[type(turn)]
    return restored(
        dumped(turn),
        chat.gate,
        role=role,
        turn_id=turn.id,
        parent=turn.parent,
        created=turn.created,
        provider=provider,
        model=model,
    )


async def test_every_kind_of_turn_comes_back(chat: Chat):
    text = chat.gate.restored("x = 1", "attachment", ["file:///a.py"])
    media = chat.gate.restored_media("image/png", b"\x89PNG\x00")
    question = UserTurn(
        chat.gate.typed("why?"),
        (
            Attached("a.py", "python", text, 3, 4),
            Attached("p.png", "", chat.gate.restored("", "attachment", ()), media=media),
        ),
        "u1",
        "p0",
        "/explain why?",
        (ContextItem("file:///a.py", 3, 1), ContextItem("file:///b", refused="no")),
    )
    assert again(question, chat) == question
    answer = AnswerTurn("a1", "one", "m-1", "u1", reason="end")
    step = Step("one", "m", usage=Usage(3, 4, 1), cost=Cost(Decimal("0.0012"), "prices"))
    step.reason = "tool_calls"
    step.add(ThoughtPart("hm", "sig", None, "one"))
    step.say("Hel")
    step.say("lo")
    step.add(ToolCallPart("c1", "echo", "{}", "proof", "one"))
    step.results.append(
        CallResult(
            "c1",
            chat.gate.restored("x = 1", "tool", ["file:///a.py"]),
            True,
            "Echo",
            (FileDiff("/a", None, "n"),),
            (Location("/a", 2),),
            "failed",
        )
    )
    last = Step("two", "x", reason="end")
    last.say("done")
    answer.steps = [step, last]
    back = again(answer, chat, provider="one", model="m-1")
    assert isinstance(back, AnswerTurn)
    assert back.steps == answer.steps
    assert (back.reason, back.text, back.usage) == ("end", "Hellodone", Usage(3, 4, 1))
    assert back.steps[0].parts[1] == TextPart("Hello")
    summary = SummaryTurn(
        "s1", "a1", chat.gate.restored("short", "summary", ()), ("u1",), 4, 1000, 100
    )
    assert again(summary, chat) == summary
    paid = replace(summary, cost=Cost(Decimal("0.02"), "prices"))
    assert again(paid, chat) == paid
    assert again(replace(question, mode="plain"), chat) == replace(question, mode="plain")


async def test_what_an_earlier_version_did_not_keep_and_a_later_one_knows(chat: Chat):
    body: dict[str, object] = {"text": "why?", "shown": "why?", "attached": [], "items": []}

    def read(**more: object) -> UserTurn:
        turn = restored(
            json.dumps(body | more),
            chat.gate,
            role="user",
            turn_id="u",
            parent=None,
            created=1.0,
            provider="",
            model="",
        )
        assert isinstance(turn, UserTurn)
        return turn

    assert read().mode is None
    assert read(mode="edit").mode == "edit"
    assert read(mode="telepathy").mode is None


async def test_what_was_being_answered_when_the_process_ended_is_marked(chat: Chat):
    answer = AnswerTurn("a1", "one", "m", "u1")
    answer.say("half an ans")
    back = again(answer, chat)
    assert isinstance(back, AnswerTurn)
    assert (back.text, back.reason) == ("half an ans", "cancelled")


async def test_secrets_that_newer_rules_know_are_hidden_when_it_comes_back(chat: Chat):
    body: dict[str, object] = {
        "text": f"is {KEY} ok?",
        "shown": f"is {KEY} ok?",
        "attached": [],
        "items": [],
    }
    turn = restored(
        json.dumps(body),
        chat.gate,
        role="user",
        turn_id="u",
        parent=None,
        created=1.0,
        provider="",
        model="",
    )
    assert isinstance(turn, UserTurn)
    assert KEY not in turn.text.text
    assert KEY not in turn.shown


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"steps": 3}', '{"steps": [{}], "reason": "end"}', "null"]
)
@pytest.mark.parametrize("role", ["user", "assistant", "summary"])
async def test_what_can_not_be_read_is_said(chat: Chat, body: str, role: str):
    with pytest.raises(UnreadableError):
        restored(
            body,
            chat.gate,
            role=role,
            turn_id="x",
            parent=None,
            created=1.0,
            provider="",
            model="",
        )


async def test_a_session_has_a_cost_as_far_as_it_is_known(chat: Chat):
    session = ChatSession()
    assert session.cost is None
    answer = AnswerTurn("a", "one", "m")
    answer.steps = [
        Step("one", "m", cost=Cost(Decimal("0.5"), "prices")),
        Step("one", "m"),
        Step("one", "m", cost=Cost(Decimal("0.25"), "supplier")),
    ]
    session.add(answer)
    assert session.cost == Decimal("0.75")
    text = chat.gate.restored("short", "summary", ())
    session.add(SummaryTurn("s", "a", text, cost=Cost(Decimal("0.05"), "prices")))
    assert session.cost == Decimal("0.80")
