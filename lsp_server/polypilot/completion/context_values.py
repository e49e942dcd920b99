"""What the sources of context make, and how the collection speaks to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from polypilot_prompts.context import Snippet

if TYPE_CHECKING:
    from collections.abc import Hashable

    from polypilot.completion.values import Ask
    from polypilot.workspace.gate import Gate

Kind = Literal["imports", "edits", "similar", "diagnostics"]
KINDS: tuple[Kind, ...] = ("imports", "edits", "similar", "diagnostics")
"""In the order in which their pieces are offered to the prompt."""

LOOK_S = 1.0
"""Seconds for which a source waits for the disk, beside the request."""

Pieces = tuple["Piece", ...]


@dataclass(frozen=True, slots=True)
class Piece(Snippet):
    """A snippet that passed the gate, and what it is."""

    kind: Kind
    uri: str
    """The document that it is from."""
    policy: str
    """`Gate.policy_hash` of the settings when it was made."""


class Source(Protocol):
    """Makes pieces of one kind."""

    def key(self, ask: Ask) -> Hashable:
        """Changes when other pieces may be due. Asked at every request: must be quick."""
        ...

    async def prepare(self, uri: str) -> None:
        """The user is at this document now: do what can be done before a completion is asked."""
        ...

    async def make(self, ask: Ask) -> Pieces:
        """The pieces, best first. May take its time, but must not hold up the loop."""
        ...

    def closed(self, uri: str) -> None:
        """A document was closed, or is about to be."""
        ...

    def forget(self, uri: str) -> bool:
        """A document may not be sent: forget what was made of it. Whether others could be sent."""
        ...


def name_of(gate: Gate, uri: str, path: str | None) -> str:
    """A file's name for a prompt: below its root, else without its folders."""
    root = gate.roots.of(path) if path else None
    relative = root.relative(path) if root and path else None
    return relative.replace("\\", "/") if relative else (path or uri).rsplit("/", 1)[-1]
