"""``propose_edit``: an edit that the user sees, and that the editor makes when the user accepts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from polypilot.chat.tools.arguments import Argument, ToolError, Values, checked, schema_of, text_of
from polypilot.chat.tools.ground import one_line
from polypilot.chat.tools.reading import PATH, place_of
from polypilot.chat.values import FileDiff, Location, ToolKind, ToolResult
from polypilot_providers.types import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.chat.edits_values import Proposal
    from polypilot.chat.tools.ground import Ground
    from polypilot.chat.values import Scene, ToolContext

_HIDDEN = re.compile(r"REDACTED_[A-Z0-9_]+")
_LONGEST = 1_000_000
_MOST = 100


class Edits(Protocol):
    """Where proposed edits are kept."""

    async def propose(
        self,
        session_id: str,
        path: str,
        new_text: str | None = None,
        edits: Sequence[tuple[str, str]] = (),
        *,
        scene: Scene | None = None,
        root: str | None = None,
    ) -> Proposal:
        """An edit of one file; raises UserError."""
        ...

    def withdraw(self, proposal_id: str) -> None:
        """It is not to be known any more."""
        ...


class ProposeEdit:
    """Proposes an edit. Nothing on the disk changes."""

    name = "propose_edit"
    kind: ToolKind = "edit"
    asks = True
    arguments: ClassVar = (
        PATH,
        Argument(
            "edits",
            "array",
            "What to replace, in order. Each old_text must be in the file just once: give whole "
            "lines, with some around if need be, as read_file shows them, without the numbers.",
            longest=_MOST,
            members=(
                Argument(
                    "old_text",
                    "string",
                    "The text that is there.",
                    required=True,
                    least=1,
                    longest=_LONGEST,
                ),
                Argument(
                    "new_text",
                    "string",
                    "What takes its place; empty removes it.",
                    required=True,
                    longest=_LONGEST,
                ),
            ),
        ),
        Argument(
            "new_text",
            "string",
            "In place of edits: the whole text of a new file, or of one to be written anew.",
            longest=_LONGEST,
        ),
    )

    def __init__(self, ground: Ground, edits: Edits) -> None:
        self._ground = ground
        self._edits = edits
        self.spec = Tool(
            self.name,
            "Proposes a change of a file, or a new file, which the user sees as a diff and applies "
            "or rejects. Nothing has changed until then: do not expect to read the new text.",
            schema_of(self.arguments),
        )

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """See ChatTool."""
        title = f"Propose a change of {text_of(arguments, 'path', '?')}"
        return one_line(title), place_of(self._ground.gate, arguments)

    async def preview(
        self, arguments: Mapping[str, object], context: ToolContext
    ) -> tuple[FileDiff, ...]:
        """What would be proposed; see ChatTool."""
        proposal = await self._proposed(arguments, context)
        self._edits.withdraw(proposal.id)
        return (FileDiff(proposal.path, proposal.old_text, proposal.new_text),)

    async def run(self, arguments: Mapping[str, object], context: ToolContext) -> ToolResult:
        """See ChatTool."""
        proposal = await self._proposed(arguments, context)
        gate = self._ground.gate
        return ToolResult(
            gate.typed("The change is proposed. The user decides whether it is applied.", "tool"),
            diffs=(FileDiff(proposal.path, proposal.old_text, proposal.new_text),),
            locations=(Location(proposal.path, proposal.hunks[0].first_line),),
            proposals=(proposal.id,),
        )

    async def _proposed(self, arguments: Mapping[str, object], context: ToolContext) -> Proposal:
        values = checked(self.arguments, dict(arguments))
        pairs = cast("list[Values]", values.get("edits", []))
        whole = cast("str | None", values.get("new_text"))
        if bool(pairs) == (whole is not None):
            raise ToolError("give either edits or new_text")
        proposal = await self._edits.propose(
            context.session_id,
            text_of(values, "path"),
            whole,
            [(text_of(each, "old_text"), text_of(each, "new_text")) for each in pairs],
            scene=context.scene,
            root=context.root,
        )
        known = set(_HIDDEN.findall(proposal.old_text or ""))
        if not known.issuperset(_HIDDEN.findall(proposal.new_text)):
            self._edits.withdraw(proposal.id)
            # What the model was shown of a secret would take the secret's place.
            raise ToolError(
                "the new text holds a word that stands for a hidden secret: leave the lines with "
                "secrets as they are, by edits of other lines"
            )
        return proposal
