"""A comparison's report: made of its result, written to files."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.backend import pricing
from polypilot.compare import report as reports
from polypilot.compare.report_html import to_html
from polypilot.compare.report_json import to_json
from polypilot.compare.report_markdown import to_markdown
from polypilot.errors import UserError
from polypilot.settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polypilot.compare.advice import Advice
    from polypilot.compare.orders import Result
    from polypilot.compare.report import Report

_FORMS: Mapping[str, Callable[[Report], str]] = {
    ".html": to_html,
    ".htm": to_html,
    ".md": to_markdown,
    ".json": to_json,
}


def made(result: Result, *, command: str, seed: int, begun: float | None) -> Report:
    """The report of a result. ``begun``: when, if it goes on from an earlier time."""
    spec = result.settings
    started = min((each.when for each in result.replies), default=begun or time.time())
    settings = reports.Settings(
        command=command,
        seed=seed,
        started=started,
        finished=time.time() if result.outcome.complete else None,
        repository=Path(str(spec["root"])).name,
        commit=str(spec["commit"]),
        way=spec["way"],
        polypilot=importlib.metadata.version("polypilot"),
        python=platform.python_version(),
        machine=_machine(),
        prices=pricing.source(),
        prices_date=pricing.newest(datetime.now(UTC).date()),
        notes=_notes(result),
    )
    files = {str(label): str(file) for label, file in spec["targets"]}
    report = reports.report(
        result.tasks, result.replies, result.marks, settings, targets=list(files)
    )
    return replace(report, advice=tuple(_sayable(each, files) for each in report.advice))


def _sayable(advice: Advice, files: Mapping[str, str]) -> Advice:
    """The command with the target's own name: its label may be shorter, or have a number."""
    if not advice.command:
        return advice
    file = files.get(advice.target, "")
    base, _, number = advice.target.rpartition("#")
    again = number.isdecimal() and base in files
    name = f"{EMBEDDED}/{file}" if file else base if again else advice.target
    return replace(advice, command=f"polypilot use {shlex.quote(name)} --for {advice.purpose}")


def check(wanted: Sequence[Path]) -> None:
    """Whether reports of these names can be written; before anything is paid for. Blocks.

    Raises:
        UserError: a file's name says no form we know, or there is no folder for it.
    """
    for each in wanted:
        if each.suffix.lower() not in _FORMS:
            raise UserError(
                f"{each.name!r} says no form of a report",
                code="report",
                cure="end its name in .html, .md or .json",
            )
        if not os.access(each.absolute().parent, os.W_OK | os.X_OK):
            raise _unwritten(each, "its folder is not there, or not yours to write into")


def write(report: Report, wanted: Sequence[Path], *, run: int) -> tuple[Path, ...]:
    """Write the report; by default as HTML into the data folder. Blocks.

    Raises:
        UserError: as :func:`check`, or it can't be written.
    """
    check(wanted)
    if not wanted:
        folder = paths.ensure_private(paths.data_dir() / "compare")
        day = datetime.now().astimezone()
        wanted = [folder / f"{day:%Y-%m-%d}-{run}.html"]
    files = [each.absolute() for each in wanted]
    for each in files:
        try:
            paths.write_private(each, _FORMS[each.suffix.lower()](report).encode())
        except OSError as error:
            raise _unwritten(each, error.strerror or "the system refuses") from None
    return tuple(files)


def _unwritten(file: Path, why: str) -> UserError:
    return UserError(
        f"the report {file.name!r} can't be written: {why}",
        code="report",
        cure="name another file with --report; answers that have come are kept",
    )


def _machine() -> str:
    cores = os.cpu_count() or 1
    return f"{platform.system()} {platform.machine()}, {cores} cores"


def _notes(result: Result) -> tuple[str, ...]:
    notes = [
        f"{label} was given up: {message}"
        for label, (_, message, _) in result.outcome.stopped.items()
    ]
    if result.outcome.capped:
        notes.append("The limit of money ended the run before all was asked.")
    return tuple(notes)
