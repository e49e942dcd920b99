"""What the tools stand on: the gate and what the editor tells, and the base of those that read."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from polypilot.chat.tools.arguments import Argument, ToolError, Values, checked, schema_of
from polypilot.errors import printable
from polypilot.tasks import Tasks
from polypilot_providers.types import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.chat.values import FileDiff, Location, ToolContext, ToolKind, ToolResult
    from polypilot.workspace.diagnostics import Diagnostics
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate, Outgoing
    from polypilot.workspace.git import GitDiff
    from polypilot.workspace.index.values import Found, Symbol

MAX_TOKENS = 8_000
"""Of one result, estimated."""
_TITLE_CHARS = 120


class Index(Protocol):
    """The index of the workspace. Both raise SearchError where it can't be asked."""

    async def search(self, words: str, *, root: str, limit: int) -> Found:
        """Where the words are, the best first."""
        ...

    async def symbols(self, name: str, *, root: str, limit: int) -> Sequence[Symbol]:
        """Where something is defined."""
        ...


class Git(Protocol):
    """The user's git."""

    async def diff(self, root: str, *, staged: bool | None = None) -> GitDiff:
        """What has changed; raises GitError."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What tools may use. Everything in it belongs to the event loop's thread."""

    gate: Gate
    documents: DocumentStore
    diagnostics: Diagnostics
    index: Index | None = None
    tasks: Tasks = field(default_factory=Tasks)
    max_tokens: int = MAX_TOKENS


class ReadingTool:
    """Base of the tools that only read: none of them asks."""

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[tuple[Argument, ...]] = ()
    kind: ToolKind = "read"
    asks = False

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.spec = Tool(self.name, self.description, schema_of(self.arguments))

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """See ChatTool."""
        return one_line(self.title(arguments)), ()

    def title(self, arguments: Mapping[str, object]) -> str:
        """For the user; the arguments are as the model wrote them."""
        raise NotImplementedError

    async def preview(
        self, arguments: Mapping[str, object], context: ToolContext
    ) -> tuple[FileDiff, ...]:
        """Nothing changes."""
        del arguments, context
        return ()

    async def run(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """See ChatTool."""
        values = checked(self.arguments, dict(arguments))
        with contextlib.suppress(TimeoutError):
            return await self.work(values, context)
        raise ToolError("the disk does not answer")

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """Do it with checked arguments."""
        raise NotImplementedError

    def says(self, text: str) -> Outgoing:
        """Our own words."""
        return self.ground.gate.typed(text, "tool")


def one_line(text: str) -> str:
    """``text`` as a title: printable, not long."""
    text = printable(" ".join(text[: 2 * _TITLE_CHARS].split()))
    return text if len(text) <= _TITLE_CHARS else f"{text[: _TITLE_CHARS - 1]}…"
