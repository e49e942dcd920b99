"""One conversation: a tree of turns, and the messages that continue the branch in use."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from polypilot.chat.turns import AnswerTurn, SummaryTurn, Turn, UserTurn
from polypilot_providers.types import Message, TextPart

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from polypilot.chat.values import Decision, Mode
    from polypilot.workspace.gate import Outgoing
    from polypilot_providers.types import Cost, Effort

__all__ = ["AnswerTurn", "ChatSession", "SummaryTurn", "UserTurn"]


@dataclass(slots=True)
class ChatSession:
    """A conversation. Provider and model may change from one answer to the next."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    title: str = ""
    provider: str = ""
    """Empty: whichever the settings select."""
    model: str = ""
    effort: Effort | None = None
    """None: as the settings say."""
    mode: Mode | None = None
    """None: as the settings say."""
    root: str = ""
    """Path of the workspace root that it is about; empty: none."""
    keep: bool = True
    """Whether it is listed and kept on the disk."""
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    head: str | None = None
    """The last turn of the branch in use."""
    tree: dict[str, Turn] = field(default_factory=dict[str, Turn])
    """All turns by id, in the order in which they came."""
    unsaved: set[str] = field(default_factory=set[str])
    """Turns that the disk does not have as they are."""
    busy: bool = False
    decided: dict[str, Decision] = field(default_factory=dict[str, "Decision"])
    """What the user has said of a tool for as long as this conversation is open."""

    @property
    def turns(self) -> list[Turn]:
        """The branch in use, first turn first."""
        return self.path(self.head)

    def path(self, last: str | None) -> list[Turn]:
        """The turns that lead to ``last``, itself included."""
        found: list[Turn] = []
        turn = self.tree.get(last) if last else None
        while turn is not None:
            found.append(turn)
            turn = self.tree.get(turn.parent) if turn.parent else None
        return found[::-1]

    def add(self, turn: Turn) -> None:
        """Go on with ``turn``, behind its parent."""
        self.tree[turn.id] = turn
        self.head = turn.id
        self.updated = time.time()

    def insert_before(self, turn_id: str, summary: SummaryTurn) -> None:
        """Put a summary between a question and what was before it."""
        question = self.tree[turn_id]
        if isinstance(question, UserTurn):
            self.tree[summary.id] = summary
            self.tree[turn_id] = replace(question, parent=summary.id)

    def new_id(self) -> str:
        """An id for the next turn."""
        return f"{self.id}-{len(self.tree)}-{secrets.token_hex(2)}"

    def branches(self, turn: Turn) -> tuple[str, ...]:
        """The turns that follow the same one, in the order in which they came."""
        kind, anchor = type(turn), self._anchor(turn)
        return tuple(
            each.id
            for each in self.tree.values()
            if isinstance(each, kind) and self._anchor(each) == anchor
        )

    def _anchor(self, turn: Turn) -> str | None:
        """What a turn follows; a summary only tells of that."""
        anchor = turn.parent
        while anchor and isinstance(before := self.tree.get(anchor), SummaryTurn):
            anchor = before.parent
        return anchor

    def newest_below(self, turn_id: str) -> str:
        """The end of the branch through a turn that was begun last."""
        last = turn_id
        while following := [each.id for each in self.tree.values() if each.parent == last]:
            last = following[-1]
        return last

    @property
    def size(self) -> int:
        """Characters in memory."""
        return sum(turn.size for turn in self.tree.values())

    @property
    def messages(self) -> int:
        """How many messages the branch in use has."""
        return sum(not isinstance(turn, SummaryTurn) for turn in self.turns)

    @property
    def cost(self) -> Decimal | None:
        """US dollars of all its answers and summaries, as far as they are known."""
        known = [cost.dollars for turn in self.tree.values() for cost in _costs(turn) if cost]
        return sum(known[1:], known[0]) if known else None

    def calls(self) -> set[str]:
        """Ids of all calls of tools."""
        answers = [turn for turn in self.tree.values() if isinstance(turn, AnswerTurn)]
        return {call.id for turn in answers for step in turn.steps for call in step.calls}

    def sources(self, last: str | None = None) -> set[str]:
        """The documents that texts of the branch in use, or of the way to ``last``, are from."""
        return {uri for turn in self.path(last or self.head) for uri in turn.sources()}

    def history(
        self, provider: str, allowed: Callable[[Outgoing], bool], *, tools: bool = True
    ) -> tuple[Message, ...]:
        """The branch in use as messages for ``provider``.

        An answer of which nothing arrived is left out, and messages of one role that follow
        each other become one, because suppliers want the roles to alternate. What was
        compacted is there as its summary. Without ``tools``, calls and their results are told
        in words, since suppliers refuse calls of tools that are not offered.
        """
        messages: list[Message] = []
        for turn in live(self.turns):
            for message in turn.messages(provider, allowed, tools=tools):
                _append(messages, message)
        return tuple(messages)


def live(turns: list[Turn]) -> list[Turn]:
    """The turns that are still sent: the last summary, what it has kept, and what follows."""
    for last in range(len(turns) - 1, -1, -1):
        summary = turns[last]
        if isinstance(summary, SummaryTurn):
            kept = set(summary.kept)
            return [
                summary,
                *(turn for turn in turns[:last] if turn.id in kept),
                *turns[last + 1 :],
            ]
    return turns


def _append(messages: list[Message], message: Message) -> None:
    role: Literal["user", "assistant"] = message.role
    if not messages or messages[-1].role != role:
        messages.append(message)
        return
    before = messages.pop().parts
    gap = (TextPart("\n\n"),) if role == "user" and _both_text(before[-1], message.parts) else ()
    messages.append(Message(role, (*before, *gap, *message.parts)))


def _both_text(last: object, following: tuple[object, ...]) -> bool:
    return isinstance(last, TextPart) and any(isinstance(each, TextPart) for each in following)


def _costs(turn: Turn) -> list[Cost | None]:
    match turn:
        case AnswerTurn():
            return [step.cost for step in turn.steps]
        case SummaryTurn():
            return [turn.cost]
        case UserTurn():
            return []
