"""From what the user typed to what is sent: commands, mentions, attachments, instructions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from polypilot.chat.attachments import Attached, Collector
from polypilot.chat.plan import ChatError
from polypilot_prompts.chat import system_prompt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from polypilot.chat.events import ContextItem
    from polypilot.chat.plan import ChatPlan
    from polypilot.chat.values import CommandInfo, Mode, Question, Scene
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate, Outgoing

LOOK_S = 3.0
"""Seconds that the disk has to show what may be sent."""


class Expanded(Protocol):
    """A command, written out."""

    @property
    def text(self) -> str:
        """What the model is to do, with its mentions."""
        ...

    @property
    def mode(self) -> Mode | None:
        """The tools that it wants; None: as the conversation has it."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """For the user."""
        ...


class Commands(Protocol):
    """The slash commands."""

    async def listing(self, root: str | None) -> Sequence[CommandInfo]:
        """Those that can be used, by name."""
        ...

    async def expand(
        self,
        text: str,
        scene: Scene,
        root: str | None,
        *,
        mode: Mode | None = None,
        attached: bool = False,
    ) -> Expanded | None:
        """A message that begins with a command; None: it does not. Raises UserError.

        ``mode`` is the conversation's; with ``attached``, what a command is about by itself is
        not added.
        """
        ...


class Mentions(Protocol):
    """The mentions in a message."""

    async def collect(
        self, text: str, scene: Scene, root: str | None
    ) -> tuple[list[Attached], list[ContextItem]]:
        """What they bring, and what became of each."""
        ...


class Collected(Protocol):
    """Instruction files."""

    @property
    def pieces(self) -> tuple[Outgoing, ...]:
        """Their texts, the least particular first."""
        ...

    @property
    def items(self) -> tuple[ContextItem, ...]:
        """What became of each."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """For the user."""
        ...


class Instructions(Protocol):
    """The instruction files of user and workspace."""

    async def collect(self, root: str | None, front_uri: str | None = None) -> Collected:
        """Those that hold for a document."""
        ...


class Retriever(Protocol):
    """Finds what in the workspace a question is about."""

    async def retrieve(
        self, text: str, root: str | None
    ) -> tuple[list[Attached], list[ContextItem]]:
        """Excerpts."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question, ready to be sent."""

    text: Outgoing
    shown: str
    attached: tuple[Attached, ...]
    items: tuple[ContextItem, ...]
    notices: tuple[str, ...]
    mode: Mode | None


@dataclass(slots=True)
class Asking:
    """Puts questions together; what is None does not exist."""

    gate: Gate
    documents: DocumentStore
    commands: Commands | None = None
    mentions: Mentions | None = None
    instructions: Instructions | None = None
    retriever: Retriever | None = None
    edits_hint: str = ""
    """How a model is to write edits; part of the system prompt."""
    _collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self._collector = Collector(self.gate, self.documents)

    async def prepare(
        self, question: Question, scene: Scene, root: str | None, plan: ChatPlan, now: Mode
    ) -> Prepared:
        """Everything that goes with a question; ``now`` is the conversation's mode.

        Raises:
            ChatError: it is empty.
            UserError: its command is not known, or can't be used.
        """
        if not question.text.strip():
            raise ChatError("the message is empty", code="empty")
        text, mode, notices = question.text, None, ()
        if self.commands is not None:
            expanded = await self.commands.expand(
                text, scene, root, mode=now, attached=bool(question.attachments)
            )
            if expanded is not None:
                text, mode, notices = expanded.text, expanded.mode, expanded.notices
        await self.gate.look([each.uri for each in question.attachments], LOOK_S, read=True)
        attached, items = self._collector.collect(question.attachments)
        if self.mentions is not None:
            await _more(self.mentions.collect(text, scene, root), attached, items)
        if self.retriever is not None and plan.retrieve and not attached:
            await _more(self.retriever.retrieve(text, root), attached, items)
        return Prepared(
            self.gate.typed(text),
            self.gate.release(question.text).text,
            tuple(attached),
            tuple(items),
            tuple(notices),
            mode,
        )

    async def system(
        self, scene: Scene, root: str | None, plan: ChatPlan, mode: Mode
    ) -> SystemText:
        """What the model is told before the conversation."""
        own = system_prompt(plan.system, overrides=plan.templates)
        texts = [own, self.edits_hint] if self.edits_hint and mode == "edit" else [own]
        if self.instructions is None or not plan.instructions:
            return SystemText(tuple(texts))
        found = await self.instructions.collect(root, scene.buffer)
        pieces = [each.text for each in found.pieces if each.text.strip()]
        return SystemText((*texts, *pieces), found.items, found.notices)


@dataclass(frozen=True, slots=True)
class SystemText:
    """The system prompt, and what went into it."""

    texts: tuple[str, ...]
    """Ours with what the settings add, how to write edits, each instruction file."""
    items: tuple[ContextItem, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it is sent."""
        return "\n\n".join(self.texts)


async def _more(
    found: Awaitable[tuple[list[Attached], list[ContextItem]]],
    attached: list[Attached],
    items: list[ContextItem],
) -> None:
    more, about = await found
    attached += more
    items += about
