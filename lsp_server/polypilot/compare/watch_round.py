"""One round of a watch: asked, compared with the earlier ones, kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.compare import watch_history
from polypilot.compare.targets import parse
from polypilot.compare.watch_asking import facts
from polypilot.compare.watching import ROUNDS, Look, look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.backend import Backend
    from polypilot.compare.orders import Order, Result
    from polypilot.compare.store import Store
    from polypilot.compare.values import Task
    from polypilot.compare.watched import Key, Round

_HISTORY = 5 * ROUNDS
"""Rounds that a report shows at the most, the latest ones."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A round, and what is new about it."""

    look: Look
    rounds: Sequence[Round]
    """This one last."""
    problems: Sequence[str]
    """Lists of models that could not be read."""


async def see(
    order: Order, result: Result, run: int, backend: Backend, store: Store, *, seed: int
) -> Seen:
    """Compare a round that was asked with those before it, and keep what was found.

    Raises:
        StorageError: the record can't be read or written.
    """
    targets = parse(order.targets, backend.rows())
    said, problems = await facts(backend, targets, _models(result))
    _, infos = watch_history.rounds_of(result.settings, await store.listing())
    rounds = await watch_history.history(store, [
        each for each in infos[-_HISTORY:] if each.id <= run])  # fmt: skip
    earlier = [each for each in rounds if each.run != run]
    ours = [each for each in rounds if each.run == run]
    if not ours:  # nobody has answered
        await store.noted(run, watch_history.written(said))
        return Seen(Look((), 0, None, len(earlier)), rounds, problems)
    latest = replace(ours[0], facts=said)
    found = look(latest, earlier, seed=seed)
    told = tuple((each.kind, each.target, each.purpose) for each in found.found)
    latest = replace(latest, facts=replace(said, found=told))
    await store.noted(run, watch_history.written(latest.facts))
    return Seen(found, [*earlier, latest], problems)


def _models(result: Result) -> dict[Key, str]:
    """The model that answered, by target and purpose: the last one that said so."""
    tasks: dict[str, Task] = {task.id: task for task in result.tasks}
    ordered = sorted(result.replies, key=lambda each: each.when)
    return {
        (each.target, tasks[each.task].kind.purpose): each.model
        for each in ordered
        if each.model and each.task in tasks
    }
