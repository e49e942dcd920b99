"""``list_directory`` and ``find_files``: names, as far as they may be known."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from polypilot.chat.tools import walking
from polypilot.chat.tools.arguments import Argument, ToolError, Values, text_of
from polypilot.chat.tools.ground import ReadingTool
from polypilot.chat.tools.output import Room, counted, listed
from polypilot.chat.tools.paths import below, shown
from polypilot.chat.tools.reading import place_of
from polypilot.chat.values import Location, ToolKind, ToolResult
from polypilot.workspace.gate_outgoing import assemble
from polypilot.workspace.ignore_patterns import Rules
from polypilot.workspace.linear import PatternError
from polypilot.workspace.roots import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.chat.tools.paths import Below
    from polypilot.chat.values import ToolContext

FOLDER = Argument(
    "path",
    "string",
    "Folder to look in, relative to the workspace folder; the workspace folder if not given.",
)
LEFT_OUT = "left out: ignored files, and those that are never sent"
MOST_FILES = 1_000
_ALTERNATIVES = 64


class ListDirectory(ReadingTool):
    """Names what is in a folder."""

    name = "list_directory"
    description = (
        "Lists the files and folders in a folder of the workspace, folders with a slash behind. "
        "Ignored files and files that hold secrets are left out."
    )
    arguments: ClassVar = (FOLDER,)

    def describe(self, arguments: Mapping[str, object]) -> tuple[str, tuple[Location, ...]]:
        """See ChatTool."""
        return super().describe(arguments)[0], place_of(self.ground.gate, arguments)

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        return f"List {text_of(arguments, 'path') or '.'}"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        folder = below(self.ground.gate.roots, context.root, text_of(values, "path"))
        entries, left_out = await walking.listed(self.ground, folder)
        names = [relative(folder, entry) for entry in entries]
        text, taken = listed(names, Room(self.ground.max_tokens))
        if taken < len(names):
            more = counted(len(names) - taken, "more entry", "more entries")
            text += f"… {more}, ask with find_files and a pattern\n"
        if left_out:
            text += f"({left_out:,} {LEFT_OUT})\n"
        if not names and not left_out:
            text = "(the folder is empty)\n"
        return ToolResult(self.says(text), locations=(Location(folder.path),))


class FindFiles(ReadingTool):
    """Finds files by name."""

    name = "find_files"
    description = (
        "Finds files of the workspace by name. The pattern is a glob: * and ? within a name, ** "
        "for any folders, {a,b} for either; a pattern without a slash matches at any depth. "
        "Examples: *.py, src/**/*.{ts,tsx}, **/test_*.go."
    )
    kind: ToolKind = "search"
    arguments: ClassVar = (
        Argument("pattern", "string", "The glob.", required=True, least=1, longest=500),
        FOLDER,
    )

    def title(self, arguments: Mapping[str, object]) -> str:
        """See ReadingTool."""
        return f"Find files {text_of(arguments, 'pattern', '?')}"

    async def work(self, values: Values, context: ToolContext) -> ToolResult:
        """See ReadingTool."""
        top = below(self.ground.gate.roots, context.root, text_of(values, "path"))
        rules = glob(text_of(values, "pattern"))
        walk = walking.Walk()
        names: list[str] = []
        async with aclosing(walking.files(self.ground, top, walk)) as found:
            async for entries in found:
                names += [
                    relative_to_root(top, entry.path)
                    for entry in entries
                    if matches(rules, top, entry.path)
                ]
                context.progress(f"{walk.entries:,} looked at, {counted(len(names), 'file')} found")
                if len(names) > MOST_FILES:
                    walk.stopped = f"stopped after {MOST_FILES:,} files"
                    del names[MOST_FILES:]
                    break
        text, taken = listed(names, Room(self.ground.max_tokens))
        if taken < len(names):
            more = counted(len(names) - taken, "more file")
            text += f"… {more}, ask with a narrower pattern or a folder in path\n"
        return ToolResult(assemble((self.says(text), self.says(ending(walk, bool(names))))))


def ending(walk: walking.Walk, found: bool) -> str:  # noqa: FBT001 - reads well where it is called
    """What a search says behind what it has found."""
    lines = [] if found else ["Nothing was found."]
    if walk.stopped:
        lines.append(f"({walk.stopped})")
    if not found and walk.left_out:
        lines.append(f"({walk.left_out:,} {LEFT_OUT})")
    return "".join(f"{line}\n" for line in lines)


def glob(pattern: str) -> Rules:
    """The pattern, ready to match paths relative to where it is looked.

    Raises:
        ToolError: it can't be used.
    """
    written = pattern.strip().removeprefix("./")
    if written.startswith(("!", "#")):
        written = "\\" + written
    if written.endswith("/"):
        raise ToolError("the pattern matches files: write FOLDER/** for what is in a folder")
    try:
        return Rules(_alternatives(written))
    except PatternError as error:
        raise ToolError(f"the pattern can't be used: {error}") from None


def matches(rules: Rules, top: Below, path: str) -> bool:
    """Whether a file below ``top`` is meant."""
    rest = path[len(top.path) :].replace("\\", "/").strip("/") or path.rsplit("/", 1)[-1]
    decision = rules.decide([fold(part) for part in rest.split("/")], folder=False)
    return decision is not None and decision.excluded


def _alternatives(pattern: str) -> list[str]:
    """``a.{b,c}`` as ``a.b`` and ``a.c``, several times if need be; unpaired braces stay."""
    made, finished = [pattern], list[str]()
    while made:
        each = made.pop()
        close = each.find("}")
        opened = each.rfind("{", 0, close) if close >= 0 else -1
        if opened < 0:
            finished.append(each)
            continue
        choices = each[opened + 1 : close].split(",")
        made += [each[:opened] + choice + each[close + 1 :] for choice in choices]
        if len(made) + len(finished) > _ALTERNATIVES:
            raise ToolError("the pattern has too many alternatives in braces")
    return finished


def relative(folder: Below, entry: walking.Entry) -> str:
    """An entry's name in its folder."""
    name = shown(entry.path[len(folder.path) :].lstrip("/\\"))
    return f"{name}/" if entry.is_folder else name


def relative_to_root(top: Below, path: str) -> str:
    """A file's name below its root, as the other tools take it."""
    return shown(top.root.relative(path) or path)
