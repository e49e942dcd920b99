"""Tools and users for the chat's tests: real implementations of the protocols, kept small."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polypilot.chat.values import FileDiff, Location, Scene, ToolResult
from polypilot.errors import UserError
from polypilot_providers.types import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.chat.values import (
        ChatTool,
        Decision,
        Mode,
        PermissionRequest,
        PlanEntry,
        ToolContext,
        ToolKind,
    )
    from polypilot.workspace.gate import Gate


@dataclass
class Echo:
    """Says what it was given; may ask, hang, report progress or fail."""

    gate: Gate
    name: str = "echo"
    asks: bool = False
    kind: ToolKind = "read"
    fails: Exception | None = None
    hangs: bool = False
    lines: tuple[str, ...] = ()
    answer: str = ""
    source: str = ""
    plan: tuple[PlanEntry, ...] | None = None
    calls: list[Mapping[str, object]] = field(default_factory=list[Any])
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def spec(self) -> Tool:
        return Tool(self.name, "Says it again.", {"type": "object", "properties": {}})

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        return f"Echo {arguments.get('say', '')}", (Location("/w/a.py", 3),)

    async def preview(
        self, arguments: Mapping[str, object], context: ToolContext
    ) -> tuple[FileDiff, ...]:
        del context
        if arguments.get("bad"):
            raise UserError("this can't be changed", code="refused", cure="Choose another file")
        return (FileDiff("/w/a.py", "old\n", "new\n"),)

    async def run(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        self.calls.append(arguments)
        self.started.set()
        try:
            for line in self.lines:
                context.progress(line)
                await asyncio.sleep(0)
            if self.hangs:
                await asyncio.Event().wait()
            if self.fails is not None:
                raise self.fails
        finally:
            self.ended.set()
        text = self.answer or str(arguments.get("say", ""))
        made = self.gate.typed(text, "tool")
        if self.source:
            await self.gate.look([self.source], 5.0)
            made = self.gate.outgoing(self.source, text, "tool")
        return ToolResult(made, locations=(Location("/w/b.py"),), plan=self.plan)


@dataclass
class Box:
    """The tools there are."""

    tools: tuple[ChatTool, ...]
    modes: list[Mode] = field(default_factory=list[Any])

    async def offered(self, mode: Mode) -> tuple[ChatTool, ...]:
        self.modes.append(mode)
        return self.tools


@dataclass
class Person:
    """A user who decides as told."""

    says: Decision = "allow_once"
    scene: Scene = field(default_factory=Scene)
    asked: list[PermissionRequest] = field(default_factory=list[Any])

    async def permission(self, request: PermissionRequest) -> Decision:
        self.asked.append(request)
        return self.says
