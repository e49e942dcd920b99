"""Fetching the embedded model's file, with a progress bar a person can trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from polypilot.terminal.clean import clean

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.embedded.catalog import Model
    from polypilot.embedded.store import ModelStore
    from polypilot.embedded.transfer import Progress as Step
    from polypilot.terminal.output import Output

_TENTHS = 10
_DOING = {
    "waiting": "another program is fetching it",
    "connect": "asking {source}",
    "download": "from {source}",
    "verify": "checking",
    "done": "done",
}


def pull(store: ModelStore, model: Model, output: Output) -> Path:
    """Have the model's file here, showing how far it is; goes on where an earlier try stopped.

    Blocks, on the calling thread. Ctrl-C ends it at any moment; what arrived is kept.

    Raises:
        EmbeddedError: no source delivers it, the disk is full, ...
    """
    if output.err.is_terminal and not output.json_mode:
        return _with_bar(store, model, output)
    return store.pull(model, _Lines(output, model.name))


def _with_bar(store: ModelStore, model: Model, output: Output) -> Path:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=output.err, transient=True) as bar:
        task, phase = bar.add_task(clean(model.name), total=None), ""

        def show(step: Step) -> None:
            nonlocal phase
            if step.phase != phase:
                # The speed of one phase says nothing about the next.
                bar.reset(task, total=step.total)
                phase = step.phase
            doing = _DOING[step.phase].format(source=step.source)
            bar.update(task, description=clean(f"{model.name}: {doing}"), completed=step.done)

        return store.pull(model, show)


class _Lines:
    """For a log: a line for each phase, and for every tenth of the download."""

    def __init__(self, output: Output, name: str) -> None:
        self._output = output
        self._name = name
        self._said = ("", 0)

    def __call__(self, step: Step) -> None:
        tenth = step.done * _TENTHS // max(step.total, 1) if step.phase == "download" else 0
        if (step.phase, tenth) == self._said:
            return
        self._said = (step.phase, tenth)
        doing = _DOING[step.phase].format(source=step.source)
        size = f" {step.done / 1e6:.0f} of {step.total / 1e6:.0f} MB" if tenth else ""
        self._output.note(f"{self._name}: {doing}{size}", kind="progress")
