"""All tools, and which of them a conversation is offered."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from polypilot.chat.tools.changes import GitChanges
from polypilot.chat.tools.knowing import Diagnostics, UpdatePlan
from polypilot.chat.tools.listing import FindFiles, ListDirectory
from polypilot.chat.tools.reading import ReadFile
from polypilot.chat.tools.searching import Grep, Search
from polypilot.chat.tools.symbols import Symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from polypilot.chat.tools.ground import Git, Ground
    from polypilot.chat.tools.mcp import McpServers
    from polypilot.chat.values import ChatTool, Mode
    from polypilot.errors import UserError

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every supplier takes as a tool's name."""


def _nothing() -> tuple[str, ...]:
    return ()


class Toolbox:
    """The tools of one backend.

    Args:
        git: the user's git; without it there is no ``git_diff``.
        proposing: the tool that proposes edits, if edits can be applied.
        servers: of the user's configuration.
        disabled: names, or patterns such as ``mcp_github_*``, that the user does not want.
    """

    def __init__(
        self,
        ground: Ground,
        *,
        git: Git | None = None,
        proposing: ChatTool | None = None,
        servers: McpServers | None = None,
        disabled: Callable[[], Collection[str]] = _nothing,
    ) -> None:
        self._reading: tuple[ChatTool, ...] = (
            ReadFile(ground),
            ListDirectory(ground),
            FindFiles(ground),
            Search(ground),
            Grep(ground),
            Symbols(ground),
            Diagnostics(ground),
            *((GitChanges(ground, git),) if git is not None else ()),
            UpdatePlan(ground),
        )
        self._asking: tuple[ChatTool, ...] = (proposing,) if proposing is not None else ()
        self._ground = ground
        self._servers = servers
        self._disabled = disabled

    @property
    def names(self) -> tuple[str, ...]:
        """The tools that are always there, for settings and documentation."""
        return tuple(each.spec.name for each in (*self._reading, *self._asking))

    @property
    def problems(self) -> tuple[UserError, ...]:
        """Why servers of the user's configuration can't be used now."""
        return self._servers.problems if self._servers is not None else ()

    async def offered(self, mode: Mode) -> tuple[ChatTool, ...]:
        """See `values.Tools`. In mode ``edit``, the user's servers are started if need be."""
        if mode == "plain":
            return ()
        tools = self._reading
        if mode == "edit":
            servers = await self._servers.tools() if self._servers is not None else ()
            tools += (*self._asking, *servers)
        disabled = tuple(self._disabled())
        return tuple(
            tool
            for tool in tools
            if not any(fnmatchcase(tool.spec.name, pattern) for pattern in disabled)
        )

    async def aclose(self) -> None:
        """End what is running, the servers among it."""
        if self._servers is not None:
            await self._servers.aclose()
        await self._ground.tasks.aclose()
