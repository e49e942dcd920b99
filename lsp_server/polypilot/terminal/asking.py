"""The user at a terminal, as a conversation's client: asked with a line, y or n."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from polypilot.chat.values import Scene
from polypilot.errors import printable
from polypilot.tasks import run_blocking
from polypilot.terminal.diffs import diff_lines

if TYPE_CHECKING:
    from polypilot.chat.values import Decision, PermissionRequest
    from polypilot.terminal.output import Output

_CHOICES: dict[str, Decision] = {
    "y": "allow_once",
    "yes": "allow_once",
    "a": "allow_session",
    "n": "reject_once",
    "no": "reject_once",
    "": "reject_once",
    "never": "reject_session",
    "q": "cancelled",
}
_ASK = "Allow? [y]es once, [a]lways in this conversation, [n]o, never, [q] stop the answer: "
_PATIENCE_S = 3600.0


class TerminalClient:
    """Asks on stderr and reads stdin, if both are a person's; else nothing that asks is allowed."""

    def __init__(self, output: Output, *, attended: bool, scene: Scene | None = None) -> None:
        self._output = output
        self._attended = attended
        self._scene = scene or Scene()

    @property
    def scene(self) -> Scene:
        """What the command line names."""
        return self._scene

    async def permission(self, request: PermissionRequest) -> Decision:
        """Show what would be done, and ask."""
        if not self._attended:
            self._output.note(f"{request.title}: not allowed, since nobody can be asked.")
            return "reject_once"
        self._output.note(f"The model wants to: {request.title}")
        if request.diffs:
            for diff in request.diffs:
                for line in diff_lines(diff):
                    self._output.note(line)
        else:
            self._output.note(printable(f"{request.tool} {request.arguments}"))
        while True:
            try:
                answer = await run_blocking(_line, _ASK, timeout=_PATIENCE_S, name="ask")
            except TimeoutError:
                return "reject_once"
            decision = _CHOICES.get(answer.strip().casefold())
            if decision is not None:
                return decision


def _line(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    return line or "q"  # the end of input stops the answer
