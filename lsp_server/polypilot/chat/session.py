"""One conversation: its turns, kept as plain values, and the request that continues it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_prompts.chat import user_message
from polypilot_providers.types import Message, Part, TextPart, ThoughtPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.chat.attachments import Attached
    from polypilot.chat.events import EndReason
    from polypilot.workspace.gate import Outgoing
    from polypilot_providers.types import Effort, Usage

_WITHHELD = "(An attachment is left out: it may not be sent any more.)"


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What the user said, and what went along."""

    text: Outgoing
    attached: tuple[Attached, ...] = ()

    @property
    def size(self) -> int:
        """Characters."""
        return len(self.text) + sum(each.size for each in self.attached)

    def message(self, allowed: Callable[[Outgoing], bool]) -> tuple[Part, ...]:
        """The message's parts. An attachment that is excluded by now is left out."""
        kept = [each for each in self.attached if allowed(each.text)]
        texts = [each.render() for each in kept if each.media is None]
        text = user_message(self.text.text, texts)
        if len(kept) < len(self.attached):
            text = f"{_WITHHELD}\n\n{text}"
        media = [part for each in kept if (part := each.part()) is not None]
        return (*media, TextPart(text))


@dataclass(slots=True)
class AnswerTurn:
    """What a model answered, as far as it got."""

    id: str
    provider: str
    model: str
    thoughts: tuple[ThoughtPart, ...] = ()
    reason: EndReason | None = None
    """How it ended; ``cancelled`` and ``error`` mark a partial answer. None: still running."""
    usage: Usage | None = None
    size: int = 0
    """Characters."""
    _pieces: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        """The visible answer so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def say(self, text: str) -> None:
        """More of the answer."""
        self._pieces.append(text)
        self.size += len(text)

    def thought(self, part: ThoughtPart) -> None:
        """A whole piece of reasoning, whose text has been counted as it arrived."""
        self.thoughts = (*self.thoughts, part)
        self.size += len(part.signature or "") + len(part.redacted or "")

    def parts(self, provider: str) -> tuple[Part, ...]:
        """The message's parts for a supplier. Reasoning goes back to where it came from only."""
        if not self.text:
            return ()
        thoughts = self.thoughts if provider == self.provider and self.reason == "end" else ()
        return (*thoughts, TextPart(self.text))


@dataclass(slots=True)
class ChatSession:
    """A conversation. Provider and model may change from one answer to the next."""

    id: str
    title: str = ""
    provider: str = ""
    """Empty: whichever the settings select."""
    model: str = ""
    effort: Effort | None = None
    """None: as the settings say."""
    turns: list[UserTurn | AnswerTurn] = field(default_factory=list[UserTurn | AnswerTurn])
    busy: bool = False

    @property
    def size(self) -> int:
        """Characters in memory."""
        return sum(turn.size for turn in self.turns)

    @property
    def messages(self) -> int:
        """How many messages it has."""
        return len(self.turns)

    def history(self, provider: str, allowed: Callable[[Outgoing], bool]) -> tuple[Message, ...]:
        """All turns as messages for ``provider``.

        An answer of which nothing arrived is left out, and the user's messages around it
        become one, because suppliers want the roles to alternate.
        """
        messages: list[Message] = []
        for turn in self.turns:
            if isinstance(turn, UserTurn):
                parts = turn.message(allowed)
                if messages and messages[-1].role == "user":
                    parts = (*messages.pop().parts, TextPart("\n\n"), *parts)
                messages.append(Message("user", parts))
            elif parts := turn.parts(provider):
                messages.append(Message("assistant", parts))
        return tuple(messages)
