"""``diagnostics`` and ``update_plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from polypilot.chat.tools.arguments import Argument, ToolError, Values, text_of
from polypilot.chat.tools.ground import ReadingTool
from polypilot.chat.tools.output import Room, listed
from polypilot.chat.tools.paths import Below, below, shown
from polypilot.chat.tools.reading import LOOK_S
from polypilot.chat.values import Location, PlanEntry, ToolKind, ToolResult
from polypilot.workspace.diagnostics import MESSAGE_CHARS
from polypilot.workspace.gate_outgoing import Outgoing, assemble
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from polypilot.chat.values import ToolContext
    from polypilot.workspace.diagnostics import Diagnostic

_SEVERITIES = {1: "error", 2: "warning", 3: "information", 4: "hint"}


class Diagnostics(ReadingTool):
    """Names the problems that the editor shows."""

    name = "diagnostics"
    description = (
        "Errors and warnings that the user's editor shows, of a file or of all that it knows of."
    )
    arguments: ClassVar = (
        Argument("path", "string", "File whose problems are wanted; all if not given."),
    )

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        path = text_of(arguments, "path")
        return f"See the problems in {path}" if path else "See the problems"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        gate, room = self.ground.gate, Room(self.ground.max_tokens)
        path = text_of(values, "path").strip()
        if path:
            place = below(gate.roots, context.root, path)
            wanted = {self._uri(place): place}
        else:
            wanted = self._reported()
        await gate.look(wanted, LOOK_S)
        pieces: list[Outgoing] = []
        places: list[Location] = []
        for uri, place in sorted(wanted.items(), key=lambda item: item[1].path):
            items = self.ground.diagnostics.of(uri)
            verdict = gate.admit_document(uri)
            if path and not verdict.allowed:
                raise ToolError(f"{place.shown}: {verdict.reason}", code="excluded")
            if not items or not verdict.allowed:
                continue
            text, taken = listed([f"{place.shown}:", *map(_told, items)], room)
            pieces.append(gate.outgoing(uri, text, "tool"))
            places.append(Location(place.path, items[0].line + 1))
            if taken <= len(items):
                pieces.append(self.says("… there are more, ask with the path of a file\n"))
                break
        if not pieces:
            pieces.append(self.says("The editor shows no problems.\n"))
        return ToolResult(assemble(pieces), locations=tuple(places))

    def _uri(self, place: Below) -> str:
        """As the editor calls the file."""
        opened = (doc.uri for doc in self.ground.documents if doc.path == place.path)
        return next(opened, place.uri)

    def _reported(self) -> dict[str, Below]:
        """All that something is reported about, below the roots."""
        found: dict[str, Below] = {}
        for uri in self.ground.diagnostics.uris():
            path = locate(uri).path
            root = self.ground.gate.roots.of(path) if path else None
            if root is not None and path:
                found[uri] = Below(path, root)
        return found


def _told(item: Diagnostic) -> str:
    source = f" ({' '.join(part for part in (item.source, item.code) if part)})"
    said = " ".join(item.message[:MESSAGE_CHARS].split())
    kind = _SEVERITIES.get(item.severity, "problem")
    return f"  line {item.line + 1}: {kind}: {said}{source if source != ' ()' else ''}"


class UpdatePlan(ReadingTool):
    """Shows the user what the model means to do."""

    name = "update_plan"
    description = (
        "Shows the user the steps that you mean to take, and how far you are. Each call replaces "
        "the whole plan. Use it for work of several steps, with one step in progress at a time."
    )
    kind: ToolKind = "think"
    arguments: ClassVar = (
        Argument(
            "steps",
            "array",
            "The steps, in order.",
            required=True,
            longest=50,
            members=(
                Argument("content", "string", "What is done.", required=True, least=1, longest=500),
                Argument(
                    "status",
                    "string",
                    "How far it is; pending if not given.",
                    choices=("pending", "in_progress", "completed"),
                ),
                Argument(
                    "priority",
                    "string",
                    "How much it matters; medium if not given.",
                    choices=("high", "medium", "low"),
                ),
            ),
        ),
    )

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        del arguments
        return "Plan the steps"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        del context
        steps = cast("list[Values]", values["steps"])
        plan = tuple(
            PlanEntry(
                shown(text_of(step, "content")),
                cast(
                    "Literal['pending', 'in_progress', 'completed']",
                    text_of(step, "status", "pending"),
                ),
                cast("Literal['high', 'medium', 'low']", text_of(step, "priority", "medium")),
            )
            for step in steps
        )
        return ToolResult(self.says("The user sees the plan."), plan=plan)
