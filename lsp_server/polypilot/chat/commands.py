"""Commands: a message such as ``/review names`` becomes the text that it stands for.

The user's own come before the built-in ones of the same name. A trusted workspace may bring
further ones, but none in the place of another, and none that lets a model use more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.chat import commands_files
from polypilot.chat.commands_files import Command, Problem
from polypilot.chat.hidden import Reported
from polypilot.chat.values import CommandInfo
from polypilot.errors import UserError
from polypilot.tasks import run_blocking
from polypilot.workspace.roots import locate
from polypilot.workspace.trust import Trust, TrustStore
from polypilot.workspace.trust_files import COMMANDS
from polypilot_prompts.commands import BUILTINS, fill, nearest
from polypilot_prompts.mentions import parse

if TYPE_CHECKING:
    from polypilot.chat.values import Mode, Scene

_WITHIN_S = 5.0
_COMMAND = re.compile(r"/([A-Za-z][A-Za-z0-9-]{0,39})(?:(?=\s)|\Z)")
_WIDTH: dict[Mode, int] = {"plain": 0, "ask": 1, "edit": 2}


class CommandError(UserError):
    """There is no such command, or its file can't be used; nothing was sent."""

    code = "unknown_command"


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a command stands for."""

    text: str
    """Its own text with what was typed; mentions in it, and behind it, say what goes along."""
    mode: Mode | None = None
    """For this answer; None: the conversation's."""
    mentions: tuple[str, ...] = ()
    """Those behind the text, which the user has not typed, such as ``#selection``."""
    notices: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    """All there is at this moment."""

    commands: dict[str, Command]
    problems: tuple[Problem, ...]
    unused: str = ""
    """Why the workspace's own commands are not among them; empty: they are, or it has none."""


class Commands:
    """The commands of a user and of a workspace; files are read when asked for."""

    def __init__(self, trust: TrustStore) -> None:
        self._trust = trust
        self._reported = Reported()

    async def listing(self, root: str | None = None) -> tuple[CommandInfo, ...]:
        """The commands that there are for a conversation about the folder ``root``.

        Raises:
            TimeoutError: a disk hangs.
        """
        read = await self._look(root)
        return tuple(
            CommandInfo(each.name, each.description, each.hint, each.source)
            for each in read.commands.values()
        )

    async def problems(self, root: str | None = None) -> tuple[Problem, ...]:
        """The files that are no commands, and why.

        Raises:
            TimeoutError: a disk hangs.
        """
        return (await self._look(root)).problems

    async def expand(
        self,
        text: str,
        scene: Scene,
        root: str | None = None,
        *,
        mode: Mode | None = None,
        attached: bool = False,
    ) -> Expanded | None:
        """What a message stands for that begins with a command; None if it does not.

        ``mode`` is the conversation's own, ``attached`` whether the user attaches something
        besides mentions.

        Raises:
            CommandError: it begins like one, and there is none of that name.
            TimeoutError: a disk hangs.
        """
        match = _COMMAND.match(text)
        if match is None:
            return None
        read = await self._look(root)
        name, typed = match[1].lower(), text[match.end() :].strip()
        command = read.commands.get(name)
        if command is None:
            raise _unknown(name, read)
        notices: list[str] = []
        if command.notice and self._reported.first(command.notice, command.template):
            notices.append(command.notice)
        allowed = _narrowed(command, mode)
        if command.mode is not None and allowed != command.mode:
            notices.append(
                f"/{name} asks for the mode {command.mode}: a workspace's command can't let the"
                " model use more; switch it yourself if you mean to"
            )
        added = () if attached or parse(typed) else _there(command.context, scene)
        written = "\n\n".join(
            [fill(command.template, typed), *([" ".join(added)] if added else [])]
        )
        return Expanded(written, allowed, added, tuple(notices), name)

    async def _look(self, root: str | None) -> _Read:
        return await run_blocking(self._read, root, timeout=_WITHIN_S, name="commands")

    def _read(self, root: str | None) -> _Read:
        commands = {
            each.name: Command(
                each.name,
                each.description,
                each.hint,
                each.template,
                "builtin",
                context=each.context,
            )
            for each in BUILTINS.values()
        }
        own, problems = commands_files.of_user()
        commands.update((each.name, each) for each in own)
        if root is None:
            return _Read(commands, problems)
        state, influences = self._trust.approved(root)
        others, more = commands_files.of_workspace(influences)
        for each in others:
            if each.name in commands:
                message = f"there is a command /{each.name} already; this one is not used"
                more += (Problem(f".polypilot/commands/{each.name}.md", None, message),)
            else:
                commands[each.name] = each
        return _Read(commands, problems + more, _unused(state, root))


def _unknown(name: str, read: _Read) -> CommandError:
    for problem in read.problems:
        if problem.name == name:
            return CommandError(
                f"the command /{name} can't be used: {problem}",
                code="bad_command",
                cure="Correct the file, or remove it.",
            )
    meant = nearest(name, read.commands)
    cure = f"Did you mean /{meant}? " if meant else ""
    cure += f"{read.unused} " if read.unused else ""
    return CommandError(
        f"there is no command /{name}", cure=f"{cure}A blank before the slash sends it as text."
    )


def _unused(state: Trust, root: str) -> str:
    folder = locate(root).path
    if state is Trust.TRUSTED or folder is None or not Path(folder, COMMANDS).is_dir():
        return ""
    if state is Trust.CHANGED:
        return "The workspace's own commands are off: it has changed since you trusted it."
    return "The workspace's own commands are off: you have not trusted it."


def _narrowed(command: Command, mode: Mode | None) -> Mode | None:
    """The mode that a command switches to. A workspace's may only take away."""
    wanted = command.mode
    if wanted is None or command.source != "workspace":
        return wanted
    most = _WIDTH[mode] if mode is not None else 0
    return wanted if _WIDTH[wanted] <= most else None


def _there(context: tuple[str, ...], scene: Scene) -> tuple[str, ...]:
    """Of each choice the first that means something now."""
    found: list[str] = []
    for item in context:
        for choice in item.split("|"):
            if choice == "#selection" and scene.selection is None:
                continue
            if choice in {"#buffer", "#diagnostics"} and scene.buffer is None:
                continue
            found.append(choice)
            break
    return tuple(found)
