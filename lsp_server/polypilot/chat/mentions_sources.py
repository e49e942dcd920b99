"""Where mentions get their texts from, and what they bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from polypilot.chat.attachments import Attached, Collector
from polypilot.chat.events import ContextItem
from polypilot.workspace.roots import uri_of
from polypilot_prompts.breaking import one_line
from polypilot_prompts.mentions import shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polypilot.chat.values import Scene
    from polypilot.workspace.diagnostics import Diagnostics
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate, Outgoing
    from polypilot.workspace.git import Git

LOOK_S = 3.0
"""Seconds that a disk has to show what may be sent."""


class Range(Protocol):
    """Lines of a file that the index has found."""

    @property
    def path(self) -> str:
        """Absolute."""
        ...

    @property
    def span(self) -> tuple[int, int]:
        """Lines counted from 0, the end excluded."""
        ...


class Definition(Range, Protocol):
    """A definition that the index has found."""

    @property
    def name(self) -> str:
        """What is defined."""
        ...

    @property
    def kind(self) -> str:
        """A word for a list."""
        ...


class Hits(Protocol):
    """What a search has found."""

    @property
    def hits(self) -> Sequence[Range]:
        """The best first."""
        ...

    @property
    def complete(self) -> bool:
        """Whether everything was searched."""
        ...

    @property
    def problem(self) -> str:
        """Why not, if there is more to say."""
        ...


class Index(Protocol):
    """The index of the workspace, as far as mentions need it. All may raise UserError."""

    async def search(self, words: str, root: str | None = None, limit: int = 20) -> Hits:
        """Places that fit words."""
        ...

    async def symbols(
        self, name: str, root: str | None = None, limit: int = 20
    ) -> Sequence[Definition]:
        """Definitions of a name, also of its beginning."""
        ...

    async def files(
        self, typed: str = "", root: str | None = None, limit: int = 50
    ) -> Sequence[str]:
        """Paths below the root, with forward slashes."""
        ...

    async def tree(self, root: str | None = None) -> str:
        """Folders and files below a folder."""
        ...


@dataclass(slots=True)
class Brought:
    """What one mention brings."""

    attached: list[Attached] = field(default_factory=list[Attached])
    items: list[ContextItem] = field(default_factory=list[ContextItem])

    def add(self, uri: str, found: Attached, limit: int, cut: str = "") -> None:
        """A text, cut to a limit of tokens."""
        kept, said = found.cut(limit)
        self.attached.append(kept)
        self.items.append(kept.item(uri, "; ".join(each for each in (said, cut) if each)))

    def refuse(self, name: str, reason: str, uri: str = "") -> None:
        """Nothing, and why."""
        self.items.append(ContextItem(uri, refused=reason, name=one_line(name)))

    def extend(self, other: Brought) -> None:
        """That too."""
        self.attached += other.attached
        self.items += other.items


@dataclass(slots=True)
class Sources:
    """Everything that mentions ask; what is None does not exist."""

    gate: Gate
    documents: DocumentStore
    diagnostics: Diagnostics
    git: Git | None = None
    index: Index | None = None
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.collector = Collector(self.gate, self.documents)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is written."""

    scene: Scene
    root: str | None
    """Path of the folder that the conversation is about."""

    @property
    def uri(self) -> str:
        """Of the folder; empty: there is none."""
        return uri_of(self.root) if self.root else ""


def add_all(
    brought: Brought, found: Iterable[tuple[str, Attached]], limit: int, cut: str = ""
) -> None:
    """Several texts under one limit; the longest are cut, each to the same length."""
    listed = list(found)
    for (uri, each), room in zip(
        listed, shares([each.tokens for _, each in listed], limit), strict=True
    ):
        least = each.tokens if each.media is not None else min(1, each.tokens)
        if room < least:
            brought.refuse(each.name, "there is no room for it", uri)
        else:
            brought.add(uri, each, room, cut)


def spoken(gate: Gate, text: str) -> Outgoing:
    """Words of ours between the pieces."""
    return gate.typed(text, "context")
