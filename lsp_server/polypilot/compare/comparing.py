"""One comparison from its wish to its report: made, priced, asked, judged, summed up."""

from __future__ import annotations

import hashlib
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from polypilot.compare import scratch
from polypilot.compare.asking import DeskSeat
from polypilot.compare.collecting import collect
from polypilot.compare.desk import Desk
from polypilot.compare.judging import IMPORT_S, Judging, require_library
from polypilot.compare.money import Cap, CapError, estimate
from polypilot.compare.orders import Order, Prepared, Result
from polypilot.compare.origin import opened
from polypilot.compare.running import Runner
from polypilot.compare.single import only_one
from polypilot.compare.specification import asked_with, same_but_asked, spec_of
from polypilot.compare.targets import parse
from polypilot.compare.withheld import copied
from polypilot.errors import Problem, UserError, describe
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from polypilot.backend import Backend
    from polypilot.compare.judging import Bench
    from polypilot.compare.money import Bill
    from polypilot.compare.running import Progress, Seat, Spread
    from polypilot.compare.store import Store
    from polypilot.compare.targets import Target
    from polypilot.compare.values import Task
    from polypilot.compare.wishes import Progress as Step

DISK_S = 300.0


class Comparison:
    """Use as an asynchronous context manager.

    Args:
        backend: the user's own, for the settings and the gate.
        bench: where answers are judged.
        spread: where local targets are asked; None: on this machine.
    """

    def __init__(
        self,
        order: Order,
        backend: Backend,
        store: Store,
        bench: Bench,
        *,
        env: Mapping[str, str] | None = None,
        spread: Spread | None = None,
    ) -> None:
        self._spread = spread
        self.order = order
        self._backend = backend
        self._store = store
        self._bench = bench
        self._env = env
        self._ends = AsyncExitStack()
        self._desks: dict[str, list[Desk]] = {}
        self._tree = Path()
        self._targets: tuple[Target, ...] = ()
        self._prepared: Prepared | None = None
        self._changed = False
        """Whether the same was compared with other settings."""

    async def __aenter__(self) -> Self:
        self._tree = await run_blocking(scratch.folder, timeout=DISK_S, name="tree")
        self._ends.push_async_callback(self._clear)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._ends.aclose()

    async def _clear(self) -> None:
        await run_blocking(scratch.remove, self._tree, timeout=DISK_S, name="tree")

    async def prepare(self, step: Step) -> Prepared:
        """Make the tasks, or find those of a comparison that was begun; price what is left.

        Raises:
            UserError: there is nothing to compare, or nobody who could be asked.
            StorageError: the record can't be read.
        """
        # Before anything is paid for: its answers could not be judged.
        await run_blocking(require_library, timeout=IMPORT_S, name="pydantic-evals")
        order = self.order
        self._targets = parse(order.targets, self._backend.rows())
        absent: dict[str, Problem] = {}
        await self._each(self._open, step, absent)
        tasks, commit, problems, found = await self._tasks(step)
        known = await self._store.replies(found[0]) if found else []
        cut_off = await self._store.cut_off(found[0]) if found else []
        bills: dict[str, Bill] = {}

        async def price(target: Target) -> None:
            done = {each.task for each in known if each.target == target.label}
            bills[target.label] = await estimate(self._desks[target.label][0], tasks, done)

        await self._each(price, step, absent)
        self._prepared = Prepared(
            tasks,
            commit,
            problems,
            bills,
            absent,
            known,
            cut_off,
            found[0] if found else None,
            found[1] if found else None,
        )
        self._check_cap(self._prepared)
        return self._prepared

    async def run(
        self,
        told: Callable[[Progress], None],
        judged: Callable[[int, int], None] = lambda _done, _whole: None,
    ) -> Result:
        """Ask what is left, judge what was not judged.

        Ends early where a limit or an error says so; what there is then is in the result, and
        the same call again goes on.

        Raises:
            StorageError: an answer can't be kept.
        """
        ready = self._prepared
        if ready is None:
            raise RuntimeError("not prepared")
        if ready.run is None:
            ready.run = await self._store.begin(self._spec(ready.commit), ready.tasks, time.time())
        cap = Cap(self.order.cap, ready.spent)
        try:
            seats = {label: await self._seats(label) for label in ready.bills}
            runner = Runner(self._store, ready.run, seats, ready.bills, cap, told=told)
            outcome = await runner.run(ready.tasks, ready.known)
            for label, each in ready.absent.items():
                outcome.stopped[label] = (each.code, each.message, each.cure)
        finally:
            if self._spread is not None:
                await self._spread.leave()
        replies = await self._store.replies(ready.run)
        judging = Judging(self._store, ready.run, self._bench, self._tree, judged)
        marks = await judging.run(ready.tasks, replies)
        if outcome.complete:
            await self._store.end(ready.run, time.time())
        return Result(outcome, ready.tasks, replies, marks, self._spec(ready.commit))

    # -- inside ------------------------------------------------------------------------------

    async def _tasks(
        self, step: Step
    ) -> tuple[Sequence[Task], str, Sequence[str], tuple[int, float] | None]:
        order, gate, turn = self.order, self._backend.gate, self.order.turn
        pinned = turn.commit if turn else ""
        # What stands for a commit where there is none can't be looked up.
        revision = pinned if pinned and ":" not in pinned else order.wish.revision
        origin = await opened(order.root, gate.roots, revision)
        commit = pinned or origin.commit
        found = await self._begun(commit) if commit else None
        same = found[0] if found else turn.like if turn else None
        if same is not None:
            step("copying the files", 0, 1)
            await copied(origin, gate, self._tree)
            return await self._store.tasks(same), commit, self._said(), found
        made = await collect(
            order.root,
            order.wish,
            gate=gate,
            runs=self._bench.run,
            tree=self._tree,
            progress=step,
        )
        commit = origin.commit or _digest(made.tasks)
        found = None if origin.commit else await self._begun(commit)
        return made.tasks, commit, (*self._said(), *made.problems), found

    def _said(self) -> Sequence[str]:
        if not self._changed:
            return ()
        return ("The same was compared before with other settings: all is asked again.",)

    async def _begun(self, commit: str) -> tuple[int, float] | None:
        """The same comparison, if it was begun before; from now on it is this process's.

        Raises:
            UserError: ``at_work``, another process has it.
        """
        spec = self._spec(commit)
        await self._ends.enter_async_context(only_one(spec))
        found = None if self.order.anew else await self._store.find(spec)
        if found is None and not self.order.anew:
            listing = await self._store.listing()
            self._changed = any(same_but_asked(each.spec, spec) for each in listing)
        return (found.id, found.begun) if found else None

    def _spec(self, commit: str) -> dict[str, Any]:
        asked = asked_with(self._backend, self._targets, tests=self._bench.run is not None)
        return spec_of(self.order, self._targets, commit, asked=asked)

    async def _each(
        self, work: Callable[[Target], Awaitable[None]], step: Step, absent: dict[str, Problem]
    ) -> None:
        """Do something with each target; one that can't be asked is told, the others go on.

        Raises:
            UserError: none is left.
        """
        for number, target in enumerate(self._targets):
            if target.label in absent:
                continue
            step(f"looking at {target.label}", number, len(self._targets))
            try:
                await work(target)
            except Exception as error:  # noqa: BLE001 - told; the others are compared without it
                absent[target.label] = describe(error)
        if len(absent) == len(self._targets):
            first = next(iter(absent.values()))
            raise UserError(first.message, code=first.code, cure=first.cure)

    async def _open(self, target: Target) -> None:
        desks = self._desks[target.label] = []
        beside = 1
        while len(desks) < beside:
            desk = await Desk.open(target, self.order.way, self._tree, self._env)
            self._ends.push_async_callback(desk.aclose)
            desks.append(desk)
            beside = 1 if desk.local else max(1, self.order.beside)

    async def _seats(self, label: str) -> Sequence[Seat]:
        """Where a target is asked."""
        target = next(each for each in self._targets if each.label == label)
        away: Sequence[Seat] = ()
        if self._spread is not None:
            away = await self._spread.seats(target, self.order.way, self._tree)
        return away or [DeskSeat(each) for each in self._desks[label]]

    def _check_cap(self, ready: Prepared) -> None:
        if self.order.cap is None or self.order.allow_unpriced:
            return
        unknown = [label for label, bill in ready.bills.items() if bill.dollars is None]
        if unknown:
            raise CapError(
                f"the price of {', '.join(unknown)} is not known, so that no limit can be kept",
                cure="leave it out, set `prices` in its row, or say --allow-unpriced",
            )


def _digest(tasks: Sequence[Task]) -> str:
    """What stands for a commit where there is none: the tasks themselves."""
    sums = hashlib.sha256()
    for task in tasks:
        sums.update(f"{task.id}\0{task.prefix}\0{task.truth}\0{task.suffix}\0".encode())
    return f"files:{sums.hexdigest()[:40]}"
