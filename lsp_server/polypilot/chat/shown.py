"""A conversation as it is shown when it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat import events
from polypilot.chat.turns import AnswerTurn, SummaryTurn, UserTurn
from polypilot.chat.values import Conversation, SessionInfo, ShownMessage
from polypilot_prompts.neutral import Neutral
from polypilot_prompts.sanitize import strip_controls
from polypilot_providers.types import TextPart, ThoughtPart, ToolCallPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polypilot.chat.session import ChatSession
    from polypilot.chat.steps import Step
    from polypilot.chat.turns import Turn

    Harmless = Callable[[str], str]
    """Makes a whole text of a model's harmless."""


def conversation(
    session: ChatSession, info: SessionInfo, window: int | None, harmless: Harmless
) -> Conversation:
    """The branch in use."""
    messages = tuple(message(session, turn, harmless) for turn in session.turns)
    return Conversation(info, messages, used(session), window, session.cost)


def used(session: ChatSession) -> int:
    """Tokens that the conversation took when it was counted last; 0: never."""
    for turn in reversed(session.turns):
        if isinstance(turn, AnswerTurn):
            for step in reversed(turn.steps):
                if step.usage is not None and step.usage.input_tokens is not None:
                    return step.usage.input_tokens + (step.usage.output_tokens or 0)
    return 0


def message(session: ChatSession, turn: Turn, harmless: Harmless) -> ShownMessage:
    """One turn."""
    branches = session.branches(turn)
    match turn:
        case UserTurn():
            return ShownMessage(
                turn.id,
                "user",
                turn.shown,
                turn.created,
                context=turn.items,
                branches=branches,
            )
        case SummaryTurn():
            text = harmless(turn.text.text)
            return ShownMessage(turn.id, "summary", text, turn.created, branches=branches)
        case AnswerTurn():
            made = tuple(_answer(turn))
            return ShownMessage(
                turn.id,
                "assistant",
                "".join(each.text for each in made if isinstance(each, events.Text)),
                turn.created,
                made,
                provider=turn.provider,
                model=turn.model,
                stop_reason=turn.reason or "",
                branches=branches,
            )


def _answer(turn: AnswerTurn) -> Iterator[events.ChatEvent]:
    """Its steps, as they came; their texts are one Markdown."""
    shown = Neutral()
    for step in turn.steps:
        yield from _events(step, shown)
    if held := shown.finish():
        yield events.Text(held)


def _events(step: Step, shown: Neutral) -> Iterator[events.ChatEvent]:
    results = {each.call_id: each for each in step.results}
    for part in step.parts:
        match part:
            case TextPart():
                if text := shown.feed(part.text):
                    yield events.Text(text)
            case ThoughtPart() if part.text:
                yield events.Thought(strip_controls(part.text))
            case ToolCallPart():
                if held := shown.pause():
                    yield events.Text(held)
                result = results.get(part.id)
                title = result.title if result else part.name
                places = result.locations if result else ()
                yield events.ToolCall(part.id, part.name, part.arguments, title, locations=places)
                if result is not None:
                    yield events.ToolUpdate(
                        part.id,
                        result.status,
                        strip_controls(result.text.text),
                        result.diffs,
                        result.locations,
                    )
            case _:
                pass
    if step.usage is not None:
        yield events.Usage(step.usage, step.provider, step.model, step.cost)
