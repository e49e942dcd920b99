"""``git_diff``: what has changed since the last commit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, cast

from polypilot.chat.tools.arguments import Argument, Values, text_of
from polypilot.chat.tools.ground import ReadingTool
from polypilot.chat.tools.output import Room, counted, lines_of, listed, short
from polypilot.chat.tools.paths import Below, below
from polypilot.chat.tools.reading import LOOK_S
from polypilot.chat.values import ToolResult
from polypilot.workspace.gate_outgoing import ExcludedError, Outgoing, assemble
from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.chat.tools.ground import Git, Ground
    from polypilot.chat.values import ToolContext
    from polypilot.workspace.git import FileDiff, GitDiff


class GitChanges(ReadingTool):
    """Shows what has changed since the last commit."""

    name = "git_diff"
    description = (
        "Shows what has changed in the workspace since the last commit, as a unified diff. Files "
        "that git does not know yet, and unsaved changes, are not in it."
    )
    arguments: ClassVar = (
        Argument(
            "staged",
            "boolean",
            "true: only what is staged for the next commit; false: only what is not; everything "
            "if not given.",
        ),
        Argument("path", "string", "Only this file, or what is in this folder."),
    )

    def __init__(self, ground: Ground, git: Git) -> None:
        super().__init__(ground)
        self._git = git

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        staged = arguments.get("staged")
        if staged is True:
            return "See the staged changes"
        return "See the unstaged changes" if staged is False else "See the changes"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        gate = self.ground.gate
        top = below(gate.roots, context.root, text_of(values, "path"))
        staged = cast("bool | None", values.get("staged"))
        diff = await self._git.diff(top.root.path, staged=staged)
        wanted = [(each, _uris(diff, each)) for each in diff.files]
        if top.path != top.root.path:
            wanted = [pair for pair in wanted if any(_is_in(top, uri) for uri in pair[1])]
        await gate.look([uri for _each, uris in wanted for uri in uris], LOOK_S)
        pieces: list[Outgoing] = []
        room, left_out = Room(self.ground.max_tokens), 0
        for count, (each, uris) in enumerate(wanted):
            try:
                text = self._let_out(each, uris)
            except ExcludedError:
                left_out += 1
                continue
            lines = lines_of(text.text)
            _text, taken = listed([short(line) for line in lines], room)
            pieces.append(text.lines(0, taken))
            if taken < len(lines):
                files = counted(len(wanted) - count, "file")
                pieces.append(self.says(f"… {files} not shown whole, ask with path\n"))
                break
        pieces.append(self.says(self._ending(pieces, left_out, cut=diff.truncated)))
        return ToolResult(assemble(pieces))

    def _let_out(self, each: FileDiff, uris: Sequence[str]) -> Outgoing:
        """One file's part. Raises ExcludedError."""
        gate = self.ground.gate
        pieces = [gate.outgoing(uri, "", "tool") for uri in uris]
        return assemble([*pieces, gate.outgoing(uris[0], each.text, "tool")])

    def _ending(self, pieces: Sequence[Outgoing], left_out: int, *, cut: bool) -> str:
        lines: list[str] = []
        if not pieces:
            lines.append("Nothing has changed.")
        if cut:
            lines.append("(the diff is longer than what was read)")
        if left_out:
            lines.append(f"({counted(left_out, 'changed file')} left out: excluded)")
        return "".join(f"{line}\n" for line in lines)


def _uris(diff: GitDiff, each: FileDiff) -> list[str]:
    """The files that a part is about, as the gate is asked."""
    return [uri_of(os.path.join(diff.top, *path.split("/"))) for path in each.paths]  # noqa: PTH118 - strings


def _is_in(top: Below, uri: str) -> bool:
    return uri == top.uri or uri.startswith(f"{top.uri}/")
