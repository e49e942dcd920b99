"""The comparisons that are kept: listed and forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from polypilot.terminal.program import OK

if TYPE_CHECKING:
    from polypilot.compare.store import RunInfo, Store
    from polypilot.terminal.program import Program


def manage(program: Program, delete: str, *, json_mode: bool) -> int:
    """List what is kept, or forget ``delete``: an id or ``all``."""
    from polypilot.compare.store import Store  # noqa: PLC0415 - no other command needs it

    store = Store(problems=lambda problem: program.output.note(problem.message))
    with asyncio.Runner() as runner:
        try:
            runs = runner.run(_done(store, delete))
        finally:
            runner.run(store.aclose())
    if json_mode:
        program.output.json([asdict(each) for each in runs])
    elif runs:
        columns = ("id", "begun", "targets", "tasks", "answers", "state")
        program.output.table(columns, [_row(each) for each in runs])
    else:
        program.output.print("No comparison is kept.")
    return OK


async def _done(store: Store, delete: str) -> list[RunInfo]:
    runs = await store.listing()
    if delete:
        known = {str(each.id): each.id for each in runs}
        if delete != "all" and delete not in known:
            raise click.UsageError(f"there is no comparison {delete!r}: see --list")
        await store.delete(known.values() if delete == "all" else [known[delete]])
        runs = await store.listing()
    return runs


def _row(info: RunInfo) -> tuple[str, ...]:
    labels = [str(label) for label, _ in info.spec.get("targets", ())]
    begun = datetime.fromtimestamp(info.begun).astimezone()
    whole = info.tasks * max(1, len(labels))
    return (
        str(info.id),
        f"{begun:%Y-%m-%d %H:%M}",
        ", ".join(labels),
        str(info.tasks),
        f"{info.replies} of {whole}",
        "complete" if info.ended else "goes on with the same command",
    )
