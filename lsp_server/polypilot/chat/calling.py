"""Running the tools that a model calls, with the user's leave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, cast

from polypilot.chat import events
from polypilot.chat.steps import CallResult
from polypilot.chat.values import PermissionRequest, ToolContext
from polypilot.errors import UserError, describe
from polypilot_prompts.sanitize import strip_controls

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from polypilot.chat.session import ChatSession
    from polypilot.chat.turns import AnswerTurn
    from polypilot.chat.values import ChatTool, Client, Decision, Location, ToolKind, ToolResult
    from polypilot.workspace.gate import Gate
    from polypilot_providers.types import ToolCallPart

log = logging.getLogger(__name__)

MAX_RESULT_CHARS = 200_000
MAX_LINES = 1_000
"""Lines of progress that wait to be shown."""
_STOP_S = 2.0
"""Seconds that a stopped tool has to end."""
_ALLOWED = {"allow_once", "allow_session"}


class StoppedError(Exception):
    """The user stopped the answer instead of answering a question."""


class Calling:
    """Runs calls in one answer."""

    def __init__(
        self,
        gate: Gate,
        tools: Sequence[ChatTool],
        session: ChatSession,
        answer: AnswerTurn,
        client: Client,
    ) -> None:
        self._gate = gate
        self._tools = {each.spec.name: each for each in tools}
        self._session = session
        self._answer = answer
        self._client = client
        self._lines: asyncio.Queue[str] = asyncio.Queue(MAX_LINES)

    def describe(self, name: str, arguments: str) -> tuple[str, ToolKind, tuple[Location, ...]]:
        """How a call is shown: a line, an icon's name, places."""
        tool = self._tools.get(name)
        values = _parsed(arguments)
        if tool is None or values is None:
            return name, "other", ()
        try:
            title, locations = tool.describe(values)
        except Exception as error:  # noqa: BLE001 - the values are whatever a model wrote
            log.warning("the tool %r can't be described: %s", name, type(error).__name__)
            return name, tool.kind, ()
        return strip_controls(title), tool.kind, locations

    async def run(self, call: ToolCallPart) -> AsyncGenerator[events.ChatEvent, None]:
        """Run one call; its result is kept in the answer.

        Raises:
            StoppedError: the user wants no more of the answer.
        """
        tool, values = self._tools.get(call.name), _parsed(call.arguments)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            yield self._failed(call, f"There is no tool {call.name}. There are: {known}.")
            return
        if values is None:
            yield self._failed(call, "The arguments are not a JSON object.")
            return
        context = ToolContext(
            self._session.id,
            self._session.root or None,
            self._client.scene,
            self._progress,
        )
        try:
            if not await self._may(tool, call, values, context):
                yield self._failed(call, "The user did not allow this call.")
                return
            yield events.ToolUpdate(call.id, "in_progress")
            async with contextlib.aclosing(self._running(tool, call, values, context)) as running:
                async for event in running:
                    yield event
        except UserError as error:
            problem = describe(error)
            yield self._failed(call, f"{problem.message}. {problem.cure}".rstrip(". ") + ".")

    def refused(self, call: ToolCallPart, why: str) -> events.ToolUpdate:
        """The call is not made; the model is told why."""
        return self._failed(call, why)

    def _progress(self, line: str) -> None:
        """A tool's line; of one that says more than can be shown, the rest is dropped."""
        with contextlib.suppress(asyncio.QueueFull):
            self._lines.put_nowait(strip_controls(line))

    async def _may(
        self,
        tool: ChatTool,
        call: ToolCallPart,
        values: Mapping[str, object],
        context: ToolContext,
    ) -> bool:
        """Whether the call may be made; the user is asked unless that is known."""
        if not tool.asks:
            return True
        try:
            diffs = await tool.preview(values, context)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - a tool's fault must not end the answer
            raise _fault(call.name, error) from None
        decision: Decision | None = self._session.decided.get(call.name)
        if decision is None:
            title, kind, locations = self.describe(call.name, call.arguments)
            decision = await self._client.permission(
                PermissionRequest(
                    self._session.id,
                    call.id,
                    call.name,
                    title,
                    kind,
                    call.arguments,
                    diffs,
                    locations,
                )
            )
            if decision in {"allow_session", "reject_session"}:
                self._session.decided[call.name] = decision
        if decision == "cancelled":
            raise StoppedError
        return decision in _ALLOWED

    async def _running(
        self,
        tool: ChatTool,
        call: ToolCallPart,
        values: Mapping[str, object],
        context: ToolContext,
    ) -> AsyncGenerator[events.ChatEvent, None]:
        """The tool's lines of progress, then its result."""
        work = asyncio.ensure_future(tool.run(values, context))
        work.add_done_callback(_seen)
        line = asyncio.ensure_future(self._lines.get())
        try:
            while not work.done():
                await asyncio.wait({work, line}, return_when=asyncio.FIRST_COMPLETED)
                if line.done():
                    yield events.ToolUpdate(call.id, "in_progress", line.result())
                    line = asyncio.ensure_future(self._lines.get())
            while not self._lines.empty():
                yield events.ToolUpdate(call.id, "in_progress", self._lines.get_nowait())
            try:
                result = work.result()
            except UserError:
                raise
            # Cancelled, it has cancelled itself: nobody else has while it was waited for.
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - likewise
                raise _fault(call.name, error) from None
            for event in self._done(call, result):
                yield event
        finally:
            line.cancel()
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=_STOP_S)

    def _done(self, call: ToolCallPart, result: ToolResult) -> list[events.ChatEvent]:
        text = result.text
        if len(text) > MAX_RESULT_CHARS:
            text = text.slice(0, MAX_RESULT_CHARS)
        status = "failed" if result.is_error else "completed"
        title = self.describe(call.name, call.arguments)[0]
        self._answer.answered(
            CallResult(
                call.id, text, result.is_error, title, result.diffs, result.locations, status
            )
        )
        update = events.ToolUpdate(
            call.id,
            status,
            strip_controls(text.text),
            result.diffs,
            result.locations,
            result.proposals,
        )
        plan = [] if result.plan is None else [events.Plan(result.plan)]
        return [update, *plan]

    def _failed(self, call: ToolCallPart, why: str) -> events.ToolUpdate:
        """The call has come to nothing; the model is told why."""
        text = self._gate.typed(why, "tool")
        title = self.describe(call.name, call.arguments)[0]
        self._answer.answered(
            CallResult(call.id, text, is_error=True, title=title, status="failed")
        )
        return events.ToolUpdate(call.id, "failed", strip_controls(text.text))


def _fault(name: str, error: BaseException) -> UserError:
    log.warning("the tool %r failed: %s", name, type(error).__name__)
    return UserError("The tool failed inside", code="tool_failed")


def _seen(work: asyncio.Future[ToolResult]) -> None:
    """What a stopped tool fails with is nobody's, and its text is not for the log."""
    if not work.cancelled():
        work.exception()


def _parsed(arguments: str) -> Mapping[str, object] | None:
    """The arguments; none at all is an empty object."""
    try:
        values: object = json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", values) if isinstance(values, dict) else None
