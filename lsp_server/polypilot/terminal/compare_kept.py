"""The comparisons that are kept: listed and forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from polypilot.terminal.program import OK

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        program.output.table(columns, [_row(each) for each in _folded(runs)])
    else:
        program.output.print("No comparison is kept.")
    return OK


async def _done(store: Store, delete: str) -> list[RunInfo]:
    runs = await store.listing()
    if delete:
        known = {str(first.id): [each.id for each in group] for group in _folded(runs)
                 for first in group}  # fmt: skip
        if delete != "all" and delete not in known:
            raise click.UsageError(f"there is no comparison {delete!r}: see --list")
        await store.delete([each.id for each in runs] if delete == "all" else known[delete])
        runs = await store.listing()
    return runs


def _folded(runs: Sequence[RunInfo]) -> list[list[RunInfo]]:
    """The rounds of a watch together, the newest first; all others alone."""
    from polypilot.compare.watch_history import name  # noqa: PLC0415 - as above

    groups: dict[str, list[RunInfo]] = {}
    for each in runs:
        groups.setdefault(name(each.spec) or str(each.id), []).append(each)
    return list(groups.values())


def _row(group: Sequence[RunInfo]) -> tuple[str, ...]:
    info = group[-1]
    labels = [str(label) for label, _ in info.spec.get("targets", ())]
    begun = datetime.fromtimestamp(info.begun).astimezone()
    whole = sum(each.tasks for each in group) * max(1, len(labels))
    if "watch" in info.spec:
        state = f"watched, {len(group)} rounds" if len(group) > 1 else "watched, 1 round"
    else:
        state = "complete" if info.ended else "goes on with the same command"
    return (
        str(info.id),
        f"{begun:%Y-%m-%d %H:%M}",
        ", ".join(labels),
        str(info.tasks),
        f"{sum(each.replies for each in group)} of {whole}",
        state,
    )
