"""The rounds of a watch in the store: which is next, and what the earlier ones found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from polypilot.compare.specification import ASKED
from polypilot.compare.watched import Facts, Round, samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from polypilot.compare.store import RunInfo, Store

_FACTS = TypeAdapter(Facts)


@dataclass(frozen=True, slots=True)
class Turn:
    """One round: what the store calls it, and the tasks that it repeats."""

    watch: int
    """Tells watches of the same targets and wish apart: one that was begun anew is another."""
    number: int
    """From 1 on."""
    commit: str = ""
    """The first round's; empty: this is the first."""
    like: int | None = None
    """The run whose tasks are asked again."""

    @property
    def spec(self) -> dict[str, int]:
        """As a run's specification holds it."""
        return {"id": self.watch, "round": self.number}


def name(spec: Mapping[str, Any]) -> str:
    """What all rounds of a watch have in common; empty: the run is no round."""
    if "watch" not in spec:
        return ""
    return f"{spec['watch']['id']} {_wish(spec)}"


def _wish(spec: Mapping[str, Any]) -> str:
    """What is the same in every round; as JSON, since the store gives tuples back as lists."""
    same = {key: value for key, value in spec.items() if key not in {"commit", "watch", ASKED}}
    return json.dumps(same, sort_keys=True)


def rounds_of(wish: Mapping[str, Any], listing: Iterable[RunInfo]) -> tuple[int, Sequence[RunInfo]]:
    """The newest watch of this wish: its number, 0 if there is none, and its rounds in order."""
    same = _wish(wish)
    mine = [each for each in listing if "watch" in each.spec and _wish(each.spec) == same]
    newest = max((int(each.spec["watch"]["id"]) for each in mine), default=0)
    rounds = [each for each in mine if each.spec["watch"]["id"] == newest]
    return newest, sorted(rounds, key=lambda each: each.spec["watch"]["round"])


def following(
    wish: Mapping[str, Any], listing: Iterable[RunInfo], *, now: float, every: float, anew: bool
) -> Turn:
    """The round that is asked now.

    One that was cut off is gone on with, if that was not long ago: answers of two days are no
    figure of either. Times are seconds since the epoch; a clock that was set back counts as
    long ago.
    """
    watch, rounds = rounds_of(wish, listing)
    if anew or not rounds:
        return Turn(watch + 1, 1)
    first, last = rounds[0], rounds[-1]
    commit, number = str(first.spec["commit"]), int(last.spec["watch"]["round"])
    if last.ended is None and 0 <= now - last.begun < every / 2:
        return Turn(watch, number, commit, last.id)
    return Turn(watch, number + 1, commit, first.id)


async def history(store: Store, rounds: Sequence[RunInfo]) -> list[Round]:
    """What rounds found, in the order given; those without any answer are left out.

    Raises StorageError.
    """
    return [made for each in rounds if each.replies for made in [await loaded(store, each)]]


async def loaded(store: Store, info: RunInfo) -> Round:
    """One round's answers and facts; raises StorageError."""
    tasks = await store.tasks(info.id)
    found = samples(tasks, await store.replies(info.id), await store.marks(info.id))
    groups = {task.id: task.group for task in tasks}
    facts = read(await store.facts(info.id))
    return Round(int(info.spec["watch"]["round"]), info.begun, groups, found, facts, info.id)


def read(body: Mapping[str, Any]) -> Facts:
    """Facts from the store; none if a later version wrote what this one can't read."""
    try:
        return _FACTS.validate_python(dict(body))
    except ValidationError:
        return Facts()


def written(facts: Facts) -> dict[str, Any]:
    """Facts for the store."""
    return asdict(facts)
