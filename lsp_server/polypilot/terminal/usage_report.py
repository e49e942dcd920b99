"""``polypilot usage``: what was suggested, taken, kept and spent, from this machine's record."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from polypilot.terminal.program import OK
from polypilot.terminal.usage_export import export, write
from polypilot.terminal.usage_view import show
from polypilot.usage.report import DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.terminal.program import Program, Session
    from polypilot.usage.report import Dimension, Report

_MOST_DAYS = 3650


@click.command()
@click.option("--days", type=click.IntRange(1, _MOST_DAYS), default=30, show_default=True)
@click.option("--by", type=click.Choice(DIMENSIONS), help="Only this table.")
@click.option("--json", "json_mode", is_flag=True, help="The report as one JSON line.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as a page."
)
@click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--export",
    "export_",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the record itself, as .csv or .json.",
)
@click.option("--delete", "delete_", is_flag=True, help="Delete the record for good.")
@click.option("--yes", is_flag=True, help="With --delete: do not ask.")
@click.pass_obj
def usage(program: Program, **given: object) -> int:
    """What was suggested, taken and kept, how fast, and what it cost.

    From a record on this machine alone, which never holds any text (docs/usage.md).
    """
    html, file = cast("Path | None", given["html"]), cast("Path | None", given["export_"])
    if given["open_"] and html is None:
        raise click.UsageError("--open shows the page that --html FILE writes.")
    if given["delete_"] and (html or file or given["by"]):
        raise click.UsageError("--delete stands alone.")
    with program.session() as session:
        if given["delete_"]:
            return _delete(program, session, yes=bool(given["yes"]))
        if file is not None:
            export(program.output, session, file)
        report = session.run(session.backend.usage.report(cast("int", given["days"])))
        _tell_problem(program, session)
    if html is not None:
        _page(program, report, html, open_=bool(given["open_"]))
    chosen = cast("Dimension | None", given["by"])
    by: Sequence[Dimension] = (chosen,) if chosen else DIMENSIONS
    if given["json_mode"]:
        program.output.json(report.fields(by))
    elif html is None and file is None:
        show(program.output, report, by)
    return OK


def _page(program: Program, report: Report, file: Path, *, open_: bool) -> None:
    from polypilot.usage.page import html  # noqa: PLC0415 - few reports are pages

    write(file, [html(report)])
    program.output.note(f"Written to {file}.")
    if open_ and not webbrowser.open(file.absolute().as_uri()):
        program.output.note("No browser could be started; open the file yourself.")


def _delete(program: Program, session: Session, *, yes: bool) -> int:
    if not yes:
        click.confirm(
            "Delete the record of usage, of all your editors, for good?", abort=True, err=True
        )
    done = session.run(session.backend.usage.delete())
    _tell_problem(program, session)
    program.output.note(f"Deleted for good: {done.rows:,} suggestions and requests.")
    if done.set_aside:
        program.output.note(
            f"Removed too: {done.set_aside} files that had been set aside, damaged."
        )
    if done.kept_today:
        program.output.note(
            "What today's requests have cost is kept, since `chat.daily_budget` is held against "
            "it; set that to 0 and delete again to remove it."
        )
    if done.in_log:
        program.output.note(
            "Another program is reading the file. Parts may be left in its log (usage.db-wal) "
            "until your editors are closed; then run this again."
        )
    return OK


def _tell_problem(program: Program, session: Session) -> None:
    """A damaged file was set aside, for instance."""
    if (problem := session.backend.status.error) is not None:
        program.output.note(str(problem))
