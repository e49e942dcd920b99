"""Asks all targets for all tasks: kind to suppliers, sure of what is paid, able to go on."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, cast

from polypilot_providers.errors import NetworkError, TimedOut, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from polypilot.compare.asking import Asked
    from polypilot.compare.money import Bill, Cap
    from polypilot.compare.store import Store
    from polypilot.compare.targets import Target
    from polypilot.compare.values import Kind, Reply, Task, Way

_HOPELESS = frozenset(
    {
        "auth", "configuration", "model_corrupt", "needs_extra", "needs_model", "no_provider",
        "permission", "quota_exhausted", "unknown_model", "budget",
    }
)  # fmt: skip
"""Errors that every further question would meet, too."""
_AWAY = frozenset({NetworkError.code, TimedOut.code, Unavailable.code})
_AWAY_IN_A_ROW = 12
"""Questions that may fail like that, one after the other, until a supplier counts as away."""
_LIMITED_TRIES = 8
_LONGEST_PAUSE_S = 120.0


class Seat(Protocol):
    """Where one question at a time is asked; here, or on another machine."""

    @property
    def label(self) -> str:
        """The target's."""
        ...

    @property
    def local(self) -> bool:
        """Whether the target computes on this machine, where others would be in its way."""
        ...

    async def ask(self, task: Task) -> Asked:
        """Ask one question; see :func:`polypilot.compare.asking.ask`."""
        ...


class Spread(Protocol):
    """Other machines on which local targets are asked."""

    async def seats(self, target: Target, way: Way, tree: Path) -> Sequence[Seat]:
        """Where this target is asked; none: on this machine."""
        ...

    async def leave(self) -> None:
        """Make room again: all is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a target has come."""

    target: str
    done: int
    total: int
    dollars: Decimal
    """Of the whole comparison, as far as they are known."""
    seconds_left: float | None
    """Of this target; None: not known yet."""


@dataclass(slots=True)
class Outcome:
    """How it ended."""

    stopped: dict[str, tuple[str, str, str]] = field(
        default_factory=dict[str, tuple[str, str, str]]
    )
    """Targets that were given up: code, message and cure."""
    capped: bool = False
    """The limit of money was reached."""

    @property
    def complete(self) -> bool:
        """Whether every task has its answer."""
        return not self.stopped and not self.capped


@dataclass(slots=True)
class _Lane:
    """One target, its seats and what is left for it."""

    seats: Sequence[Seat]
    left: list[Task]
    total: int
    bill: Bill
    away: int = 0
    given_up: bool = False
    pause_until: float = 0.0
    begun: float = 0.0
    answered: int = 0


class Runner:
    """One comparison at work.

    Args:
        lanes: the seats of each target, by its label: as many as it is asked at once.
        bills: what its tasks may cost.
        told: is told of each answer.
        sleep, clock: waits for so many seconds; monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        run: int,
        lanes: Mapping[str, Sequence[Seat]],
        bills: Mapping[str, Bill],
        cap: Cap,
        *,
        told: Callable[[Progress], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._run = run
        self._seats = lanes
        self._bills = bills
        self._cap = cap
        self._told = told
        self._sleep = sleep
        self._clock = clock
        self._outcome = Outcome()

    async def run(self, tasks: Sequence[Task], known: Sequence[Reply]) -> Outcome:
        """Ask what is not answered yet.

        Local targets are asked one after the other, since they would be in each other's way;
        the others meanwhile, all at once.

        Raises:
            StorageError: an answer can't be kept; what has been kept before stays.
        """
        done: defaultdict[str, set[str]] = defaultdict(set)
        for reply in known:
            done[reply.target].add(reply.task)
        lanes = {
            label: _Lane(
                seats,
                [task for task in tasks if task.id not in done[label]],
                len(tasks),
                self._bills[label],
            )
            for label, seats in self._seats.items()
        }
        try:
            await self._all(list(lanes.values()))
        except BaseExceptionGroup as group:
            raise _first(group) from None
        self._outcome.capped = self._cap.reached
        return self._outcome

    async def _all(self, lanes: Sequence[_Lane]) -> None:
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                if not lane.seats[0].local:
                    group.create_task(self._lane(lane))
            for lane in lanes:
                if lane.seats[0].local:
                    await self._lane(lane)

    async def _lane(self, lane: _Lane) -> None:
        lane.begun = self._clock()
        lane.left.reverse()  # taken from the end
        async with asyncio.TaskGroup() as group:
            for seat in lane.seats:
                group.create_task(self._worker(lane, seat))

    async def _worker(self, lane: _Lane, seat: Seat) -> None:
        while lane.left and not lane.given_up:
            task = lane.left.pop()
            most = lane.bill.each.get(task.kind)
            if not await self._cap.take(most):
                lane.left.append(task)
                return
            reply: Reply | None = None
            try:
                reply = await self._answer(lane, seat, task)
            finally:
                self._cap.settle(most, reply)
            if reply is None:
                lane.left.append(task)
            else:
                self._progress(lane)

    async def _answer(self, lane: _Lane, seat: Seat, task: Task) -> Reply | None:
        """The answer that counts; None if the target was given up."""
        limited = retries = 0
        for number in range(_LIMITED_TRIES):
            await self._pause(lane)
            if lane.given_up:
                return None
            noted = await self._store.asking(self._run, seat.label, task.id, time.time())
            asked = await seat.ask(task)
            limited += asked.reply.limited
            retries += asked.reply.retries
            last = number == _LIMITED_TRIES - 1
            if asked.again is not None and not last:
                await self._store.ended(noted, self._run, None)
                # A limit of our own is no fault of the supplier's.
                retries += bool(asked.reply.limited or asked.reply.error)
                wait = min(_LONGEST_PAUSE_S, max(asked.again, 2.0**number))
                lane.pause_until = max(lane.pause_until, self._clock() + wait)
                continue
            requests = retries + bool(asked.reply.requests)
            reply = replace(asked.reply, limited=limited, retries=retries, requests=requests)
            given_up = self._judge(lane, seat, asked)
            await self._store.ended(noted, self._run, None if given_up else reply)
            return None if given_up else reply
        return None

    async def _pause(self, lane: _Lane) -> None:
        while (wait := lane.pause_until - self._clock()) > 0 and not lane.given_up:
            await self._sleep(wait)

    def _judge(self, lane: _Lane, seat: Seat, asked: Asked) -> bool:
        """Whether the target is given up: asking on would be in vain."""
        code = asked.reply.error
        lane.away = lane.away + 1 if code in _AWAY else 0
        hopeless = code in _HOPELESS or code.startswith(("keyring", "settings"))
        if not hopeless and lane.away < _AWAY_IN_A_ROW:
            return False
        lane.given_up = True
        failure = asked.failure
        message = failure.message if failure else code
        if not hopeless:
            message = f"{_AWAY_IN_A_ROW} questions in a row failed, the last one so: {message}"
        cure = failure.cure if failure else ""
        self._outcome.stopped[seat.label] = (code, message, cure)
        return True

    def _progress(self, lane: _Lane) -> None:
        lane.answered += 1
        left = len(lane.left)
        taken = self._clock() - lane.begun
        self._told(
            Progress(
                lane.seats[0].label,
                lane.total - left,
                lane.total,
                self._cap.spent,
                taken / lane.answered * left,
            )
        )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first, in a group of groups."""
    error = cast("BaseException", group)
    while isinstance(error, BaseExceptionGroup):
        error = cast(
            "BaseException", cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        )
    return error


def ordered(tasks: Sequence[Task], kinds: Sequence[Kind]) -> list[Task]:
    """Tasks with the kinds mixed, so that what is there after half of them says something."""
    queues = [[task for task in tasks if task.kind is kind] for kind in kinds]
    mixed: list[tuple[float, int, Task]] = []
    for number, queue in enumerate(queues):
        mixed += [((at + 0.5) / len(queue), number, task) for at, task in enumerate(queue)]
    return [task for _, _, task in sorted(mixed, key=lambda each: each[:2])]
