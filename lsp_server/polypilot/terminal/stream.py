"""Shows an answer while it arrives: Markdown on a terminal, plain text to a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment, SegmentLines
from rich.text import Text

from polypilot.terminal.clean import Cleaner

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

AnswerStyle = Literal["plain", "blocks", "live"]

_FENCES = ("```", "~~~")


class AnswerView:
    """``with`` one of these around an answer; feed it text and thoughts.

    On a terminal, blocks that are whole are printed for good and only the block that still
    grows is drawn anew, a few times a second, so that long answers cost no more than short
    ones and can be scrolled back to. A recording gets the whole blocks alone, and a pipe the
    bare text as it comes.
    """

    def __init__(self, console: Console, style: AnswerStyle) -> None:
        self._console = console
        self._markdown = style != "plain"
        self._cleaner = Cleaner()
        self._tail = ""
        self._printed = False
        self._thinking = False
        self._live = (
            Live(console=console, get_renderable=self._draw, refresh_per_second=8, transient=True)
            if style == "live"
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._add(self._cleaner.flush())
        rest, self._tail = self._tail, ""
        if self._live is not None:
            self._live.stop()
        if self._markdown:
            for block in split_blocks(rest):
                self._print(block)
        elif rest and not rest.endswith("\n"):
            self._console.file.write("\n")
            self._console.file.flush()

    def text(self, piece: str) -> None:
        """More of the answer."""
        self._add(self._cleaner.feed(piece))

    def thought(self) -> None:
        """The model is reasoning; shown only as long as there is no answer yet."""
        self._thinking = True

    def _add(self, text: str) -> None:
        if not text:
            return
        if not self._markdown:
            self._console.file.write(text)
            self._console.file.flush()
            self._tail = text
            return
        *whole, self._tail = split_blocks(self._tail + text)
        for block in whole:
            self._print(block)

    def _print(self, block: str) -> None:
        if not block.strip():
            return
        if self._printed:
            self._console.print()
        self._printed = True
        self._console.print(_Block(block))

    def _draw(self) -> _Block | Text:
        if not self._tail.strip():
            waiting = self._thinking and not self._printed
            return Text("thinking …" if waiting else "…", style="dim")
        # Of a block that is taller than the screen, the end is what the reader waits for.
        return _Block(self._tail, most_lines=max(1, self._console.size.height - 2))


class _Block:
    """One Markdown block without the blank lines rich puts around some kinds of them."""

    def __init__(self, text: str, most_lines: int = 0) -> None:
        self._text = text
        self._most = most_lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Links are written out: a link's text must not hide where it goes.
        markdown = Markdown(self._text, hyperlinks=False, code_theme="ansi_dark")
        lines = console.render_lines(markdown, options.update(height=None), pad=False)
        while lines and _is_blank(lines[0]):
            del lines[0]
        while lines and _is_blank(lines[-1]):
            del lines[-1]
        yield SegmentLines(lines[-self._most :], new_lines=True)


def _is_blank(line: list[Segment]) -> bool:
    return not "".join(segment.text for segment in line).strip()


def split_blocks(text: str) -> list[str]:
    """Cut Markdown into its top-level blocks; all but the last can't change any more.

    A blank line ends a block, unless it is inside a fenced block or what follows is indented
    (it could belong to a list item).
    """
    fence, blank, blocks = "", False, [""]
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if blank and bare and not line[0].isspace():
            blocks.append("")
        blocks[-1] += line
        mark = bare[:3] if bare.startswith(_FENCES) else ""
        if not fence:
            fence = mark
        elif mark == fence and not bare.strip(fence[0]):
            fence = ""
        blank = not fence and not bare and line.endswith("\n")
    return blocks
