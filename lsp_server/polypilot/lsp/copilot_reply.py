"""One answer on its way to a client of Copilot's: progress values with pieces of its text."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from polypilot.errors import describe, printable
from polypilot.lsp.chat_methods import TextDelta
from polypilot.lsp.features.chat_stream import Deltas

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.backend import Backend
    from polypilot.chat import events
    from polypilot.lsp.server import PolypilotServer

_CUT = {
    "length": "the answer was cut off, since it is too long for the model",
    "budget": "the budget is used up",
    "max_steps": "the answer took as many steps as it may; ask to go on",
}
_FENCE = 3
"""Backticks that begin a block."""


def told(message: str, cure: str) -> str:
    """What is wrong and what to do about it, in one line."""
    if not cure or cure.rstrip(".") in message:
        return message
    return f"{message.rstrip('.')}. {cure}"


def bare(text: str) -> str:
    """A message without the fence that a model may put around it."""
    first, *lines = text.strip().split("\n")
    run = "`" * (len(first) - len(first.lstrip("`")))
    if len(run) >= _FENCE and lines and lines[-1].strip() == run:
        return "\n".join(lines[:-1]).strip()
    return text.strip()


def _incomplete(message: str) -> dict[str, Any]:
    return {"message": message, "responseIsIncomplete": True}


class Reply(Deltas):
    """Passes the events of an answer on, as far as such a client can show them.

    It shows text and nothing else, so what the user has to know besides is put there, as
    quotations: what of the context was not sent, and who answers instead of whom.
    """

    def __init__(self, server: PolypilotServer[Backend], token: types.ProgressToken) -> None:
        super().__init__(server, token)
        self.conversation_id = ""
        self.turn_id = ""
        self.named = asyncio.Event()
        """Set when the two are known, or never will be."""
        self.failure: Exception | None = None
        """Why there is no answer, or no end of it."""
        self._to = (server, token)

    async def run(self, stream: AsyncGenerator[events.ChatEvent, None]) -> None:
        """To be run as a task. Cancelling it stops the answer."""
        end: dict[str, Any] = {}
        try:
            async with aclosing(stream):
                async for event in stream:
                    end |= self._take(event)
                    await self.room()
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
            self.failure = error
            problem = describe(error)
            end["error"] = _incomplete(told(problem.message, problem.cure))
        finally:
            self.close()
            if self.conversation_id:
                self._send({"kind": "end", "result": end, **end})
            self.named.set()

    def _take(self, event: events.ChatEvent) -> dict[str, Any]:
        """What the end has to say of it."""
        match event.kind:
            case "session":
                self.conversation_id, self.turn_id = event.session_id, event.message_id
                self._send({"kind": "begin", "title": "Polypilot"})
                self.named.set()
            case "text" | "refusal":
                self.say(event.text)
            case "notice":
                self._quote(event.message)
            case "context":
                for item in event.items:
                    if item.refused:
                        self._quote(f"{item.name or item.uri} was not sent: {item.refused}")
            case "end":
                return self._ended(event)
            case _:
                pass
        return {}

    def _ended(self, event: events.End) -> dict[str, Any]:
        message = _CUT.get(event.stop_reason, "")
        if event.error is not None:
            message = told(event.error.message, event.error.cure)
        return {"error": _incomplete(message)} if message else {}

    def _quote(self, line: str) -> None:
        self.say(f"> {printable(line)}\n\n")

    def _report(self, delta: object) -> None:
        if isinstance(delta, TextDelta):
            self._send({"kind": "report", "reply": delta.text})

    def _send(self, value: dict[str, Any]) -> None:
        server, token = self._to
        ids = {"conversationId": self.conversation_id, "turnId": self.turn_id}
        server.progress(types.ProgressParams(token, {**value, **ids}))
