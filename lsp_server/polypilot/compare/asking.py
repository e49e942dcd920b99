"""One question to one target, asked as the editor asks it, and what came of it."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.backend.planning import EMBEDDED_COMPLETION
from polypilot.backend.pricing import NOTHING
from polypilot.chat import events
from polypilot.chat.values import Embedded, Question, Unattended
from polypilot.compare.desk import place
from polypilot.compare.values import Reply
from polypilot.completion.values import Ask, Trigger, Why
from polypilot.errors import UserError, describe
from polypilot.workspace.gate import ExcludedError
from polypilot_providers.base import COMPLETION_LIMITS
from polypilot_providers.errors import ProviderError, RateLimited
from polypilot_providers.types import Cost, Stop, TextDelta, Usage

if TYPE_CHECKING:
    from polypilot.compare.desk import Desk, Heard
    from polypilot.compare.values import Task
    from polypilot.completion.values import Suggestion

_MOST_TOKENS = 100_000_000
"""No model takes or writes so many at once."""
NO_COST = Cost(NOTHING, "prices")
"""Of what was not asked."""
_NOT_ASKED = frozenset({Why.RATE_CAP})
"""Reasons of our own for which a question never went out: it has to be asked again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, or why there is none yet."""

    reply: Reply
    again: float | None = None
    """Seconds after which it is to be asked again; None: this is its answer."""
    failure: ProviderError | UserError | None = None
    """What went wrong, for the decision whether the others need be asked at all."""


@dataclass(frozen=True, slots=True)
class DeskSeat:
    """A desk of this process, for the runner."""

    desk: Desk

    @property
    def label(self) -> str:
        """The target's."""
        return self.desk.target.label

    @property
    def local(self) -> bool:
        """Whether the target computes on this machine."""
        return self.desk.local

    async def ask(self, task: Task) -> Asked:
        """Ask one question; see :func:`ask`."""
        return await ask(self.desk, task)


async def ask(desk: Desk, task: Task) -> Asked:
    """Ask one question. Raises nothing but what ends the comparison (cancellation, bugs)."""
    # What became of the last question is no reason to leave this one out.
    desk.backend.router.forgive()
    with desk.hearing() as heard:
        try:
            if task.kind.purpose == "chat":
                asked = await _chat(desk, task)
            elif desk.way == "bare":
                asked = await _bare(desk, task)
            else:
                asked = await _complete(desk, task, heard)
        except (ProviderError, UserError, ExcludedError, TimeoutError, OSError) as error:
            asked = _failed(desk, task, error)
        reply = replace(
            asked.reply,
            limited=heard.limited,
            requests=_requests(asked.reply, heard),
            retries=max(0, len(heard.failures) - bool(asked.reply.error)),
        )
        return replace(asked, reply=reply)


def _requests(reply: Reply, heard: Heard) -> int:
    """How many went out: none where the editor's own rules ask for nothing."""
    if reply.why and not heard.requested and not heard.failures:
        return 0
    return max(1, len(heard.failures) + (not reply.error))


# --- completions


async def _complete(desk: Desk, task: Task, heard: Heard) -> Asked:
    """As typing asks: what is shown at first may grow in its place, and that counts too."""
    began, when = time.monotonic(), time.time()
    async with desk.document(task) as uri:
        at = place(task)
        answer = await desk.backend.answer(uri, at, invoked=False, several=False, ahead=False)
        shown = time.monotonic() - began
        if heard.requested and heard.ended is None:
            await heard.done.wait()
            answer = await desk.backend.answer(uri, at, invoked=False, several=False, ahead=False)
    ended = heard.ended
    suggestion = answer.suggestions[0] if answer.suggestions else None
    usage = ended.usage if ended else None
    provider, model = (ended.provider, ended.model) if ended else (desk.target.provider, "")
    cost: Cost | None = NO_COST
    if heard.requested:
        cost = await desk.backend.spending.cost(provider, (model,), usage)
    reply = Reply(
        task=task.id,
        target=desk.target.label,
        when=when,
        text=inserted(suggestion, task) if suggestion else "",
        why=str(answer.why or ""),
        seconds=ended.seconds if ended else shown,
        first_text=ended.first_text if ended else None,
        # Both clocks began with the question; only the engine's knows when it went out.
        first_line=_first_line(shown, began, ended.seconds) if ended and suggestion else None,
        model=model,
    )
    error = answer.error or (ended.error if ended else None)
    if error is not None:
        return _after(replace(_counted(reply, usage, cost), error=error.code), error)
    if answer.why in _NOT_ASKED:
        return Asked(reply, again=1.0)
    return Asked(_counted(reply, usage, cost))


def _first_line(shown: float, began: float, seconds: float) -> float:
    """When the first text was shown, seconds from the request on."""
    waited = max(0.0, time.monotonic() - began - seconds)
    return min(seconds, max(0.0, shown - waited))


def inserted(suggestion: Suggestion, task: Task) -> str:
    """What a suggestion adds at the cursor: what it replaces with the same text is left out."""
    text, at = suggestion.text, place(task)
    if suggestion.start < at:
        before = task.prefix.rpartition("\n")[2][suggestion.start.character :]
        text = text.removeprefix(before)
    if at < suggestion.end and suggestion.end.line == at.line:
        after = task.suffix[: suggestion.end.character - at.character]
        text = text.removesuffix(after)
    return text


async def _bare(desk: Desk, task: Task) -> Asked:
    """The model itself: the text of the file, no other files, and all that it writes."""
    backend = desk.backend
    async with desk.document(task) as uri:
        snapshot = backend.snapshot(uri, place(task))
        if snapshot is None:
            raise UserError("the file's text is not known for sure", code="stale")
        ask_ = Ask(snapshot, place(task), Trigger.INVOKED, ahead=False)
        found = await backend.engine.prompt(ask_)
    if found is None:
        raise UserError("there is nobody to ask", code="no_provider")
    choice, prompt = found
    limits = EMBEDDED_COMPLETION if desk.target.embedded else COMPLETION_LIMITS
    stream = backend.router.stream_completion([choice.target], lambda _: prompt.request, limits)
    began, when = time.monotonic(), time.time()
    text, usage = "", None
    first_text = first_line = None
    async with aclosing(stream) as parts:
        async for part in parts:
            now = time.monotonic() - began
            match part:
                case TextDelta():
                    first_text = now if first_text is None else first_text
                    text += part.text
                    if first_line is None and "\n" in text.strip("\n"):
                        first_line = now
                case Usage():
                    usage = part
                case Stop():
                    first_line = now if first_line is None and text else first_line
                case _:
                    pass
    model = choice.target.model
    cost = await backend.spending.cost(choice.target.provider_id, (model,), usage)
    reply = Reply(
        task=task.id,
        target=desk.target.label,
        when=when,
        text=text,
        seconds=time.monotonic() - began,
        first_text=first_text,
        first_line=first_line,
        model=model,
    )
    return Asked(_counted(reply, usage, cost))


# --- conversations


async def _chat(desk: Desk, task: Task) -> Asked:
    attached = tuple(Embedded(desk.uri(path), text) for path, text in task.attached)
    question = Question(task.question, attached, mode="plain", keep=False)
    began, when = time.monotonic(), time.time()
    text, first_text, first_line = "", None, None
    end: events.End | None = None
    problem: events.Error | None = None
    async with aclosing(desk.backend.chat.send(question, Unattended())) as stream:
        async for event in stream:
            now = time.monotonic() - began
            match event:
                case events.Text():
                    first_text = now if first_text is None else first_text
                    text += event.text
                    if first_line is None and "\n" in text.strip("\n"):
                        first_line = now
                case events.Error():
                    problem = event
                case events.End():
                    end = event
                case _:
                    pass
    seconds = time.monotonic() - began
    problem = problem or (end.error if end else None)
    reply = Reply(
        task=task.id,
        target=desk.target.label,
        when=when,
        text=text,
        error=problem.code if problem else "",
        why="refusal" if end is not None and end.stop_reason == "refusal" else "",
        seconds=seconds,
        first_text=first_text,
        first_line=first_line if first_line is not None or not text else seconds,
        model=end.model if end else "",
    )
    reply = _counted(reply, end.usage if end else None, end.cost if end else None)
    if problem is None:
        return Asked(reply)
    if problem.code == RateLimited.code:
        return Asked(reply, again=0.0, failure=UserError(problem.message, code=problem.code))
    return Asked(reply, failure=UserError(problem.message, code=problem.code, cure=problem.cure))


# --- what they share


def _failed(desk: Desk, task: Task, error: Exception) -> Asked:
    problem = describe(error)
    reply = Reply(task.id, desk.target.label, time.time(), error=problem.code)
    if isinstance(error, ProviderError):
        return _after(reply, error)
    told = UserError(problem.message, code=problem.code, cure=problem.cure)
    return Asked(reply, failure=told)


def _after(reply: Reply, error: ProviderError) -> Asked:
    if isinstance(error, RateLimited):
        return Asked(reply, again=error.retry_after or 0.0, failure=error)
    return Asked(reply, failure=error)


def _counted(reply: Reply, usage: Usage | None, cost: Cost | None) -> Reply:
    usage = usage or Usage()
    if max(usage.input_tokens or 0, usage.output_tokens or 0) > _MOST_TOKENS:
        usage, cost = Usage(), None  # that is not true, and no price can be made of it
    return replace(
        reply,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cache_read_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        dollars=cost.dollars if cost else None,
        priced_by=cost.source if cost else "",
    )
