"""What a client is told of a conversation right after it was opened."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from polypilot.errors import describe, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot.acp.checks import Params
    from polypilot.acp.turn import Turn
    from polypilot.backend import Backend

log = logging.getLogger(__name__)

_MOST_NAMES = 5


async def commands(backend: Backend, turn: Turn, folder: str) -> None:
    """Send the slash commands that can be used in a folder."""
    try:
        found = await backend.chat.commands(folder)
    except Exception as error:  # noqa: BLE001 - the conversation works without them
        log.warning("no commands: %s", describe(error).code)
        return
    listed: list[dict[str, object]] = []
    for each in found:
        command: dict[str, object] = {"name": each.name, "description": each.description}
        if each.hint:
            command["input"] = {"hint": each.hint}
        listed.append(command)
    turn.send({"sessionUpdate": "available_commands_update", "availableCommands": listed})


class Greeting:
    """Remembers what has been said to a client once."""

    def __init__(self) -> None:
        self._told_of: set[str] = set()

    def not_started(self, backend: Backend, servers: Iterable[Params]) -> str:
        """Which of the client's MCP servers the user has not set up here; each named once."""
        names = {name for each in servers if isinstance(name := each.get("name"), str)}
        news = names - set(backend.settings.mcp) - self._told_of
        if not news:
            return ""
        self._told_of |= news
        shown = ", ".join(printable(name[:80]) for name in sorted(news)[:_MOST_NAMES])
        more = f" and {len(news) - _MOST_NAMES} more" if len(news) > _MOST_NAMES else ""
        return (
            f"MCP servers of the editor are not started: {shown}{more}. "
            "Polypilot uses those of your own config.toml ([mcp.NAME])."
        )
