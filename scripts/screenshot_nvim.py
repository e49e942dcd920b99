"""Runs Neovim in tmux, types, and renders the screen to an SVG: pictures made from the real thing.

    python scripts/screenshot_nvim.py OUT.svg --nvim NVIM --file FILE [--init INIT.lua]
        [--width 100 --height 24] STEP...

A STEP is `keys:KEYS` (in tmux's notation, blanks between keys), `text:TEXT` (typed as it is),
`wait:TEXT` (until TEXT is on the screen), `gone:TEXT` (until it isn't) or `still` (until the screen
has not changed for half a second).

Needs tmux and the project's environment (rich).
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUND_S = 120.0
POLL_S = 0.05
STILL_S = 0.5

# Neovim's default dark colours, for what the screen leaves to the terminal.
BACKGROUND, FOREGROUND = "#14161b", "#e0e2ea"
_COLOURS = [
    (7, 8, 13),
    (255, 192, 185),
    (179, 246, 192),
    (252, 224, 148),
    (166, 219, 255),
    (255, 202, 255),
    (140, 248, 247),
    (238, 241, 248),
]
THEME = TerminalTheme((20, 22, 27), (224, 226, 234), _COLOURS, _COLOURS)
FONT = "'Fira Code', 'DejaVu Sans Mono', Menlo, Consolas, monospace"
CELL_W, CELL_H, FONT_PX, MARGIN, BAR = 8.43, 18, 14, 12, 30


class Terminal:
    """One tmux server with one pane, gone at the end."""

    def __init__(self, command: list[str], width: int, height: int) -> None:
        self._tmux = ["tmux", "-L", f"polypilot-{os.getpid()}", "-f", "/dev/null"]
        # 24-bit colour reaches the pane only when tmux believes its terminal has it.
        options = ["set-option", "-g", "default-terminal", "tmux-256color", ";"]
        options += ["set-option", "-ga", "terminal-overrides", ",*:Tc", ";"]
        options += ["set-option", "-g", "status", "off", ";"]
        options += ["set-option", "-g", "escape-time", "0", ";"]
        size = ["-x", str(width), "-y", str(height)]
        shell = "COLORTERM=truecolor exec " + shlex.join(command)
        self._run("start-server", ";", *options, "new-session", "-d", "-s", "a", *size, shell)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            encoding="utf-8",
        )
        return done.stdout

    def screen(self, *, escapes: bool = False) -> str:
        """What is on the screen, with its colours as escape sequences if wanted."""
        return self._run("capture-pane", "-p", *(["-e"] if escapes else []), "-t", "a")

    def step(self, step: str) -> None:
        """Does one STEP of the command line."""
        kind, _, rest = step.partition(":")
        if kind == "keys":
            self._run("send-keys", "-t", "a", *rest.split())
        elif kind == "text":
            self._run("send-keys", "-t", "a", "-l", rest)
        elif kind == "wait":
            self._wait(rest, present=True)
        elif kind == "gone":
            self._wait(rest, present=False)
        elif kind == "still":
            self._still()
        else:
            sys.exit(f"no such step: {step}")

    def _wait(self, text: str, *, present: bool) -> None:
        deadline = time.monotonic() + BOUND_S
        while (text in self.screen()) != present:
            if time.monotonic() > deadline:
                verb = "appear" if present else "disappear"
                sys.exit(f"{text!r} did not {verb} within {BOUND_S} s:\n{self.screen()}")
            time.sleep(POLL_S)

    def _still(self) -> None:
        since, last = time.monotonic(), self.screen()
        while time.monotonic() - since < STILL_S:
            time.sleep(POLL_S)
            now = self.screen()
            if now != last:
                since, last = time.monotonic(), now

    def close(self) -> None:
        """Ends tmux and what runs in it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


def _shapes(style: Style, text: str, x: float, y: float) -> Iterator[str]:
    """One run of the screen. Words are placed one by one: fonts differ in their widths."""
    back, front = style.bgcolor, style.color
    colours = [
        each.get_truecolor(THEME, foreground=fore).hex if each else default
        for each, fore, default in ((front, True, FOREGROUND), (back, False, BACKGROUND))
    ]
    if style.reverse:
        colours.reverse()
    if colours[1] != BACKGROUND:
        width = cell_len(text) * CELL_W
        box = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL_H}"'
        yield f'<rect {box} fill="{colours[1]}"/>'
    more = "".join(
        f' {name}="{value}"'
        for wanted, name, value in (
            (style.bold, "font-weight", "bold"),
            (style.italic, "font-style", "italic"),
            (style.strike, "text-decoration", "line-through"),
            (style.underline, "text-decoration", "underline"),
        )
        if wanted
    )
    for word in re.finditer(r"\S+", text):
        left = x + cell_len(text[: word.start()]) * CELL_W
        length = cell_len(word[0]) * CELL_W
        yield (
            f'<text x="{left:.1f}" y="{y + FONT_PX}" fill="{colours[0]}" '
            f'textLength="{length:.1f}"{more}>{escape(word[0])}</text>'
        )


def render(screen: str, width: int, title: str) -> str:
    """The screen as an SVG document."""
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system="truecolor")
    lines = screen.rstrip("\n").split("\n")
    wide, high = width * CELL_W + 2 * MARGIN, len(lines) * CELL_H + 2 * MARGIN + BAR
    font = f'font-family="{FONT}" font-size="{FONT_PX}px"'
    heading = f'x="{wide / 2:.0f}" y="22" fill="{FOREGROUND}" text-anchor="middle"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high}" {font}>',
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
        f"<text {heading}>{escape(title)}</text>",
    ]
    for number, line in enumerate(lines):
        x, y = float(MARGIN), BAR + MARGIN + number * CELL_H
        for segment in Text.from_ansi(line, end="").render(console):
            out.extend(_shapes(segment.style or Style(), segment.text, x, y))
            x += cell_len(segment.text) * CELL_W
    return "\n".join([*out, "</svg>", ""])


def main() -> None:
    """Reads the command line, plays the steps, writes the picture."""
    parser = argparse.ArgumentParser(description="A picture of Neovim, from the real thing.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--nvim", default="nvim")
    parser.add_argument("--init", type=Path, help="a Lua file to run first")
    parser.add_argument("--file", type=Path, help="the file to open")
    parser.add_argument("--title", default="Neovim")
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--height", type=int, default=24)
    parser.add_argument("step", nargs="+")
    given = parser.parse_args()
    plugin = Path(__file__).resolve().parents[1] / "editors" / "neovim"
    command = [given.nvim, "--clean", "-n", "-i", "NONE", "--cmd", f"set runtimepath^={plugin}"]
    if given.init:
        command += ["--cmd", f"luafile {given.init}"]
    if given.file:
        command.append(str(given.file))
    terminal = Terminal(command, given.width, given.height)
    try:
        for step in given.step:
            terminal.step(step)
        picture = render(terminal.screen(escapes=True), given.width, given.title)
    finally:
        terminal.close()
    given.out.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
