"""``polypilot setup``: shows the change of an editor's configuration, makes it, undoes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polypilot.chat.values import FileDiff
from polypilot.errors import printable
from polypilot.setup import (
    FileChange,
    Guide,
    Machine,
    SetupError,
    apply,
    guide,
    names,
    plan,
    plan_undo,
    undo,
)
from polypilot.terminal.diffs import diff_lines
from polypilot.terminal.program import CONFIGURATION, OK, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.terminal.output import Output

_RUN_S = 300.0


@click.command()
@click.argument("editor", default="", metavar="[EDITOR]")
@click.option("--undo", "undoing", is_flag=True, help="Take it out again.")
@click.option("--print", "printing", is_flag=True, help="Only print what belongs where.")
@click.option("--yes", is_flag=True, help="Make the change without asking.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    metavar="NAME",
    help="For this language (again for more); the editor's name for it. Helix, Kakoune and Kate. "
    "With --undo only for this one, in Helix and Kate.",
)
@click.pass_obj
def setup(
    program: Program,
    *,
    editor: str,
    undoing: bool,
    printing: bool,
    yes: bool,
    languages: tuple[str, ...],
) -> int:
    """Put Polypilot into EDITOR's configuration: the change is shown first, and can be undone.

    Without EDITOR: which are on this machine, and what would be done.
    """
    output = program.output
    machine = Machine.here()
    if not editor:
        return _list(output, machine)
    chosen = guide(editor, machine, languages)
    if printing:
        return _print(output, chosen)
    return _undo(output, chosen, yes=yes) if undoing else _make(output, chosen, yes=yes)


def _list(output: Output, machine: Machine) -> int:
    rows: list[tuple[str, str, str]] = []
    for name in names():
        try:
            each = guide(name, machine)
            rows.append((name, each.found or "not found", _summary(each)))
        except SetupError as error:
            rows.append((name, "", error.message))
    output.table(("editor", "found", "polypilot setup EDITOR"), rows)
    return OK


def _summary(each: Guide) -> str:
    """What would be done, in a few words."""
    if not each.files:
        return "runs " + each.runs[0].make[1] if each.runs else "prints what to do"
    file = each.files[0].path
    try:
        changes = plan(each)
    except SetupError as error:
        return error.message
    if not changes:
        return f"is in {file}"
    return f"{'writes' if changes[0].before is None else 'changes'} {file}"


def _print(output: Output, chosen: Guide) -> int:
    for each in chosen.files:
        output.print(f"{each.path}:", "bold")
        for line in each.edit.put("").splitlines():
            output.print(line)
    for run in chosen.runs:
        output.print(" ".join(run.make))
    _steps(output, chosen)
    return OK


def _make(output: Output, chosen: Guide, *, yes: bool) -> int:
    changes = plan(chosen)
    if chosen.files and not changes:
        output.print(f"{chosen.title}: nothing to change, it is set up.")
        return OK
    _show(output, changes, [run.make for run in chosen.runs])
    if not changes and not chosen.runs:
        _steps(output, chosen)
        return OK
    if not _agreed(output, yes=yes):
        return CONFIGURATION
    for path, kept in apply(chosen.editor, changes):
        where = f"; as it was before: {kept}" if kept else ""
        output.print(f"{path} is written{where}.")
    _run(output, [run.make for run in chosen.runs])
    _steps(output, chosen)
    return OK


def _undo(output: Output, chosen: Guide, *, yes: bool) -> int:
    changes = plan_undo(chosen)
    if not changes and not chosen.runs:
        output.print(f"{chosen.title}: there is nothing of Polypilot's to take out.")
        return OK
    _show(output, changes, [run.undo for run in chosen.runs])
    if not _agreed(output, yes=yes):
        return CONFIGURATION
    undo(chosen.editor, changes)
    for change in changes:
        output.print(f"{change.path} {_result(change)}.")
    _run(output, [run.undo for run in chosen.runs])
    return OK


def _result(change: FileChange) -> str:
    if change.after is None:
        return "is removed"
    if change.exact:
        return "is as it was before"
    if change.rest:
        return f"has Polypilot for {', '.join(map(printable, change.rest))} still"
    kept = f" (as it was before: {change.kept})" if change.kept else ""
    return f"has changed since it was set up; only Polypilot's part was taken out{kept}"


def _show(output: Output, changes: Sequence[FileChange], commands: Sequence[Sequence[str]]) -> None:
    for change in changes:
        old = None if change.before is None else _text(change.before)
        diff = FileDiff(path=str(change.path), old=old, new=_text(change.after or b""))
        for line in diff_lines(diff):
            output.print(line)
    for command in commands:
        output.print(f"runs: {' '.join(command)}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _agreed(output: Output, *, yes: bool) -> bool:
    if yes:
        return True
    if not (output.interactive and sys.stdin.isatty()):
        output.note("Nothing is changed: nobody can be asked. --yes does it.")
        return False
    if input("Do that? [y/N] ").strip().casefold() in {"y", "yes"}:
        return True
    output.note("Nothing is changed.")
    return False


def _run(output: Output, commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        try:
            done = subprocess.run(  # noqa: S603 - the editor's own command, shown and agreed to
                list(command),
                stdin=subprocess.DEVNULL,
                timeout=_RUN_S,
                check=False,
                cwd=Path.home(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"{command[0]} could not be run: {type(error).__name__}") from error
        if done.returncode:
            raise SetupError(f"{command[0]} ended with status {done.returncode}")
        output.print(f"{printable(command[0])} is done.")


def _steps(output: Output, chosen: Guide) -> None:
    for number, step in enumerate(chosen.steps, 1):
        first, *rest = step.splitlines()
        output.print(f"{number}. {first}")
        for line in rest:
            output.print(f"   {line}")
    if chosen.page:
        output.print(f"More: {chosen.page}", "dim")
