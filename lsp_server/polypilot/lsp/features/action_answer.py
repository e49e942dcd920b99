"""One answer of the model's for an action: asked for, waited for, judged."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from polypilot.chat import events
    from polypilot.lsp.features.action_work import Work, Works
    from polypilot.lsp.features.action_writer import Writer

_T = TypeVar("_T")


class AnswerError(UserError):
    """The model's answer can't be used, or what was to be asked may not be sent."""

    code = "answer"


READ_S = 10.0


async def ready() -> None:
    """Have the texts of prompts read, in another thread."""
    from polypilot.tasks import run_blocking  # noqa: PLC0415 - not needed to start

    await run_blocking(_read_texts, timeout=READ_S, name="prompts")


def _read_texts() -> None:
    from polypilot_prompts import rewriting  # noqa: PLC0415 - not needed to start

    rewriting.load()


async def collect(
    stream: AsyncGenerator[events.ChatEvent, None],
    work: Work,
    works: Works,
    take: Callable[[str], None] = lambda _: None,
) -> events.End:
    """Go through an answer; ``take`` gets its text as it comes. Returns its end.

    Raises:
        AnswerError: what the question is about may not be sent.
        UserError: as `ChatService.send`.
    """
    end: events.End | None = None
    count = 0
    work.say("waiting for the model")
    async with aclosing(stream):
        async for event in stream:
            match event.kind:
                case "context":
                    if refused := [each for each in event.items if each.refused]:
                        raise AnswerError(refused[0].refused, code="excluded")
                case "text":
                    count += len(event.text)
                    take(event.text)
                    work.say(f"{count} characters")
                case "thought":
                    work.say("thinking")
                case "toolCall":
                    work.say(event.title or event.name)
                case "notice":
                    works.tell(f"Polypilot: {event.message}")
                case "end":
                    end = event
                case _:
                    pass
    if end is None:
        raise AnswerError("the answer has no end")
    return end


def usable(end: events.End) -> str:
    """The text of an answer that has come to its end.

    Raises:
        AnswerError: it failed, was cut off or refused.
    """
    if end.error is not None:
        raise AnswerError(end.error.message, code=end.error.code, cure=end.error.cure)
    match end.stop_reason:
        case "length":
            raise AnswerError(
                "the answer was cut off, since it is too long for the model",
                cure="Select less, or choose a model that writes more.",
            )
        case "refusal":
            raise AnswerError("the model has declined to answer")
        case _:
            return end.text


async def unless_lost(writer: Writer, do: Coroutine[object, object, _T]) -> _T:
    """What ``do`` comes to; it is cancelled when the writer can write no more.

    Raises:
        EditError: the writer can't.
    """
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(writer.lost())
            found = await do
            watching.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return found
