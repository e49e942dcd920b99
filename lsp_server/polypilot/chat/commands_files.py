"""Commands of the user's own: Markdown files, read and checked.

A workspace's are the bytes that the user approved with it; see `workspace.trust_files`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

from polypilot import paths
from polypilot.chat import front_matter, hidden
from polypilot.chat.front_matter import FrontMatterError
from polypilot.chat.values import Mode
from polypilot.errors import printable
from polypilot.workspace.trust_files import COMMANDS, MAX_COMMANDS, read_regular
from polypilot_prompts.mentions import parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from polypilot.workspace.trust_files import Influence

FOLDER = "commands"
"""Of the user's commands, beside the settings file."""
KEYS = ("description", "hint", "mode", "context")
_MODES = get_args(Mode)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

Source = Literal["builtin", "user", "workspace"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is no command. Quotes nothing of it but keys."""

    file: str
    """As the user knows it."""
    line: int | None
    """From 1; None: the whole file is meant."""
    message: str
    name: str = ""
    """The command that it would have been."""

    def __str__(self) -> str:
        line = f":{self.line}" if self.line is not None else ""
        return f"{self.file}{line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command, wherever it is from."""

    name: str
    description: str
    hint: str
    template: str
    source: Source
    mode: Mode | None = None
    context: tuple[str, ...] = ()
    """Mentions, as in `polypilot_prompts.commands.Builtin`."""
    notice: str = ""
    """What was taken out of it; empty: nothing."""


def of_user() -> tuple[tuple[Command, ...], tuple[Problem, ...]]:
    """The commands of the user's folder. Blocks; never fails."""
    folder = paths.config_dir() / FOLDER
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".md"))  # noqa: PTH208 - names only
    except (FileNotFoundError, NotADirectoryError):
        return (), ()
    except OSError as error:
        message = f"the folder can't be read ({error.strerror})"
        return (), (Problem(printable(str(folder)), None, message),)
    files: list[tuple[str, str, bytes | str]] = []
    for name in names[:MAX_COMMANDS]:
        path = folder / name
        files.append((name, printable(str(path)), _bytes(path)))
    found, problems = _all(files, "user")
    if len(names) > MAX_COMMANDS:
        message = f"more than {MAX_COMMANDS} commands; the others are not used"
        problems.append(Problem(printable(str(folder)), None, message))
    return tuple(found), tuple(problems)


def of_workspace(
    influences: Iterable[Influence],
) -> tuple[tuple[Command, ...], tuple[Problem, ...]]:
    """The commands among the files that a trusted workspace was approved with."""
    files: list[tuple[str, str, bytes | str]] = []
    for each in influences:
        if each.name.startswith(f"{COMMANDS}/"):
            name = each.name.rpartition("/")[2]
            raw = each.fault if each.raw is None else each.raw
            files.append((name, printable(each.name), raw))
    found, problems = _all(files, "workspace")
    return tuple(found), tuple(problems)


def _all(
    files: Iterable[tuple[str, str, bytes | str]], source: Source
) -> tuple[list[Command], list[Problem]]:
    """``files``: name, name for the user, and bytes or why there are none."""
    found: list[Command] = []
    problems: list[Problem] = []
    for name, shown, raw in files:
        stem = name.removesuffix(".md")
        try:
            if isinstance(raw, str):
                raise FrontMatterError(0, raw)  # noqa: TRY301 - told like any other fault
            found.append(_command(stem, shown, raw, source))
        except FrontMatterError as error:
            problems.append(Problem(shown, error.line or None, error.message, stem))
    return found, problems


def _command(name: str, shown: str, raw: bytes, source: Source) -> Command:
    """A file as a command.

    Raises:
        FrontMatterError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise FrontMatterError(0, "a command's name is of small letters, digits and dashes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FrontMatterError(0, "it is not UTF-8 text") from None
    stripped = hidden.strip(text)
    head = front_matter.read(stripped.text, KEYS)
    if not head.body.strip():
        raise FrontMatterError(0, "it says nothing below its head")
    return Command(
        name,
        head.values.get("description", "") or _first_line(head.body),
        head.values.get("hint", ""),
        head.body.strip(),
        source,
        _mode(head),
        _context(head),
        stripped.notice(shown) if stripped.count else "",
    )


def _first_line(body: str) -> str:
    line = next(line.strip("# \t") for line in body.split("\n") if line.strip())
    return line if len(line) <= 80 else f"{line[:79]}…"  # noqa: PLR2004 - a line of a list


def _mode(head: front_matter.FrontMatter) -> Mode | None:
    value = head.values.get("mode", "")
    if not value:
        return None
    if value not in _MODES:
        raise FrontMatterError(head.lines["mode"], f"mode is one of {', '.join(_MODES)}")
    return cast("Mode", value)


def _context(head: front_matter.FrontMatter) -> tuple[str, ...]:
    """Mentions between commas; each may be several, of which the first there is counts."""
    found: list[str] = []
    for item in head.values.get("context", "").split(","):
        choices = [choice.strip() for choice in item.split("|")]
        if not any(choices):
            continue
        for choice in choices:
            mentions = parse(choice)
            if len(mentions) != 1 or (mentions[0].start, mentions[0].end) != (0, len(choice)):
                message = "context is a list of mentions, such as #selection, #file:docs/style.md"
                raise FrontMatterError(head.lines["context"], message)
        found.append("|".join(choices))
    return tuple(found)


def _bytes(path: Path) -> bytes | str:
    """A file's bytes, or why it can't be used. The user's own links are followed."""
    try:
        return read_regular(path, follow=True)
    except OSError as error:
        return f"it can't be read ({error.strerror})"
