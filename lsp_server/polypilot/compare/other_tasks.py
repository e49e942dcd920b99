"""Tasks that are not cut out of files: messages of real commits, and standard sets."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from polypilot.compare import standard
from polypilot.compare.chat_tasks import DIFF, Message, commit_task, message
from polypilot.compare.sampling import shuffled
from polypilot.compare.values import Kind
from polypilot.tasks import start_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.compare.gathering import Gathering
    from polypilot.compare.repository import Repository
    from polypilot.compare.values import Task

STANDARD = (Kind.HUMANEVAL, Kind.INFILL)
_TRIES = 6
"""Commits that are looked at for each task."""


async def from_commits(
    origin: Repository, gathering: Gathering, wanted: int, *, seed: str
) -> list[Task]:
    """Up to ``wanted`` tasks of writing a real commit's message, newer ones likelier."""
    messages = [each for commit in await origin.commits() if (each := message(commit))]
    made: list[Task] = []
    for each in shuffled(messages, lambda it: it.commit.when, f"{seed}:commits")[: wanted * _TRIES]:
        if len(made) == wanted:
            break
        task = await _commit(origin, gathering, each)
        made += [task] if task else []
        gathering.progress("reading commits", len(made), wanted)
    return made


async def _commit(origin: Repository, gathering: Gathering, found: Message) -> Task | None:
    change = await origin.change(found.commit.name, DIFF)
    task = commit_task(found, change)
    names = {name for each in change.files for name in each.paths}
    if task is None or gathering.holds_secret(f"{change.text}\n{found.text}"):
        return None
    return task if await gathering.admitted(names) == names else None


async def from_sets(numbers: Mapping[Kind, int], seed: str) -> list[Task]:
    """A sample of the standard sets.

    Raises:
        UserError: the package with their data is not installed.
    """
    found = await start_blocking(standard.problems)
    made: list[Task] = []
    for kind, make in ((Kind.HUMANEVAL, standard.functions), (Kind.INFILL, standard.lines)):
        every = list(make(found))
        dice = random.Random(f"{seed}:{kind}")  # noqa: S311 - a sample, no secret
        made += dice.sample(every, min(numbers.get(kind, 0), len(every)))
    return made
