"""A toolbox on a real folder, and the context of a call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.chat.tools.ground import MAX_TOKENS, Git, Ground, Index
from polypilot.chat.tools.registry import Toolbox
from polypilot.chat.values import Scene, ToolContext
from polypilot.workspace.diagnostics import Diagnostics
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots, uri_of

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.chat.tools.mcp import McpServers
    from polypilot.chat.values import ChatTool, Mode, ToolResult


@dataclass(frozen=True)
class Privacy:
    """The settings that the gate obeys."""

    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


KEY = "sk-" + "ant-api03-" + "Zx9" * 31 + "AA"
"""Shaped as a key, and nobody's."""


@dataclass
class Shop:
    """Tools on a workspace of files."""

    root: Path
    roots: Roots
    index: Index | None = None
    git: Git | None = None
    max_tokens: int = MAX_TOKENS
    proposing: ChatTool | None = None
    disabled: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a tool has said how far it is."""
    servers: McpServers | None = None
    documents: DocumentStore = field(default_factory=lambda: DocumentStore("utf-32"))
    outer: Gate | None = None
    """The gate, if it is not to have one of its own."""

    def __post_init__(self) -> None:
        self.gate = self.outer or Gate(self.roots, Privacy(), self.documents)
        self.diagnostics = Diagnostics()
        self.ground = Ground(
            self.gate,
            self.documents,
            self.diagnostics,
            index=self.index,
            max_tokens=self.max_tokens,
        )
        self.box = self.toolbox()

    def toolbox(self) -> Toolbox:
        return Toolbox(
            self.ground,
            git=self.git,
            proposing=self.proposing,
            servers=self.servers,
            disabled=lambda: self.disabled,
        )

    def write(self, name: str, text: str | bytes = "x = 1\n") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def open(self, name: str, text: str) -> str:
        """Opens a document as an editor does; its URI."""
        uri = uri_of(str(self.root / name))
        self.documents.open(uri, "python", 1, text)
        return uri

    def context(self, root: Path | None = None) -> ToolContext:
        where = self.root if root is None else root
        return ToolContext("s", str(where), Scene(), self._hear)

    def _hear(self, line: str) -> None:
        self.lines.append(line)
        self.told.set()

    async def tool(self, name: str, mode: Mode = "edit") -> ChatTool:
        return {each.spec.name: each for each in await self.box.offered(mode)}[name]

    async def call(self, name: str, /, **arguments: object) -> ToolResult:
        return await (await self.tool(name)).run(arguments, self.context())

    async def text(self, name: str, /, **arguments: object) -> str:
        return (await self.call(name, **arguments)).text.text
