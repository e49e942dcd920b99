"""A step of an answer: one request, what the model said, and what its tools answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_providers.types import (
    Message,
    Part,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polypilot.chat.events import EndReason
    from polypilot.chat.values import FileDiff, Location, ToolStatus
    from polypilot.workspace.gate import Outgoing
    from polypilot_providers.types import Cost

    Allowed = Callable[[Outgoing], bool]

WITHHELD = "(The result is left out: it may not be sent any more.)"
_NOT_RUN = "The user stopped the answer before this call had a result."
_WHOLE = {"end", "tool_calls", "stop_sequence"}


@dataclass(slots=True)
class CallResult:
    """What became of a tool's call."""

    call_id: str
    text: Outgoing
    """For the model."""
    is_error: bool = False
    title: str = ""
    diffs: tuple[FileDiff, ...] = ()
    locations: tuple[Location, ...] = ()
    status: ToolStatus = "completed"


@dataclass(slots=True)
class Step:
    """One request's part of an answer, and what its tools answered."""

    provider: str
    model: str
    results: list[CallResult] = field(default_factory=list[CallResult])
    usage: Usage | None = None
    cost: Cost | None = None
    reason: EndReason | None = None
    """How it ended; None: it runs, or was cut off."""
    _parts: list[Part] = field(default_factory=list[Part])
    _said: list[str] = field(default_factory=list[str])
    """Text that has not been joined yet."""

    @property
    def parts(self) -> list[Part]:
        """What the model said, in order."""
        if self._said:
            text = "".join(self._said)
            self._said.clear()
            last = self._parts[-1] if self._parts else None
            if isinstance(last, TextPart):
                self._parts[-1] = TextPart(last.text + text)
            else:
                self._parts.append(TextPart(text))
        return self._parts

    @property
    def calls(self) -> list[ToolCallPart]:
        """The tools it calls."""
        return [part for part in self.parts if isinstance(part, ToolCallPart)]

    @property
    def text(self) -> str:
        """Its visible text."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    def say(self, text: str) -> None:
        """More of the visible text."""
        self._said.append(text)

    def add(self, part: Part) -> None:
        """A whole part, which is not text."""
        self.parts.append(part)

    def messages(self, provider: str, allowed: Allowed, *, tools: bool) -> Iterator[Message]:
        """What was said, then what tools answered."""
        calls = self.calls
        parts: list[Part] = []
        for part in self.parts:
            if isinstance(part, ThoughtPart):
                # Reasoning goes back to where it came from, and only whole.
                if provider == self.provider and self.reason in _WHOLE:
                    parts.append(part)
            elif isinstance(part, ToolCallPart) and not tools:
                parts.append(TextPart(f"\n(Called {part.name} with {part.arguments})\n"))
            else:
                parts.append(part)
        if any(not isinstance(part, ThoughtPart) for part in parts):
            yield Message("assistant", tuple(parts))
        if calls:
            yield Message("user", tuple(self._answers(calls, allowed, tools=tools)))

    def _answers(
        self, calls: list[ToolCallPart], allowed: Allowed, *, tools: bool
    ) -> Iterator[Part]:
        """One result for each call, because suppliers refuse a call without one."""
        results = {each.call_id: each for each in self.results}
        for call in calls:
            found = results.get(call.id)
            if found is None:
                text, failed = _NOT_RUN, True
            else:
                text = found.text.text if allowed(found.text) else WITHHELD
                failed = found.is_error
            if tools:
                yield ToolResultPart(call.id, text, failed)
            else:
                yield TextPart(f"({call.name} answered:)\n{text}\n")
