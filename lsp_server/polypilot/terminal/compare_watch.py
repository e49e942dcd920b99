"""``polypilot compare --watch``: the same small sample again and again, and what has changed."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import click

from polypilot.backend.pricing import amount
from polypilot.tasks import run_blocking
from polypilot.terminal.compare_asked import confirm
from polypilot.terminal.compare_view import Bars, duration, show_bill
from polypilot.terminal.program import FAILED, OK

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.compare.comparing import Comparison
    from polypilot.compare.judging import Bench
    from polypilot.compare.orders import Order, Prepared, Result
    from polypilot.compare.running import Spread
    from polypilot.compare.store import Store
    from polypilot.compare.watch_round import Seen
    from polypilot.compare.watched_facts import Told
    from polypilot.terminal.compare import Wanted
    from polypilot.terminal.program import Program

TASKS: Final = 30
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LEAST_S: Final = 60
_MOST_S: Final = 366 * 86_400
_MONTH_S: Final = 30 * 86_400
_DISK_S: Final = 60.0


class Every(click.ParamType[Any]):
    """Seconds from ``6h``, ``30m``, ``1d``; any other word is a target that stands behind."""

    name = "EVERY"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Seconds, or the target."""
        if isinstance(value, float):
            return value
        text = str(value)
        found = re.fullmatch(r"(\d{1,9})([smhdw])", text)
        if found is None:
            if text[:1].isdigit() or not text:
                self.fail(f"{text!r} is no time such as 6h, 30m or 1d", param, ctx)
            return text
        seconds = float(int(found[1]) * _UNITS[found[2]])
        if not _LEAST_S <= seconds <= _MOST_S:
            self.fail(f"{text!r} is not between a minute and a year", param, ctx)
        return seconds


def named_behind(options: dict[str, Any]) -> dict[str, Any]:
    """``--watch TARGET``: the option takes its default, the word is a target."""
    if isinstance(word := options["watch"], str):
        return {**options, "watch": float(_UNITS["d"]), "targets": (word, *options["targets"])}
    return options


class Watch:
    """One watch, until its rounds are over or Ctrl-C."""

    def __init__(
        self,
        program: Program,
        backend: Backend,
        store: Store,
        *,
        bench: Bench,
        spread: Spread | None,
        wanted: Wanted,
        order: Order,
    ) -> None:
        self._output = program.output
        self._program = program
        self._backend = backend
        self._store = store
        self._bench = bench
        self._spread = spread
        self._wanted = wanted
        self._order = order
        self._every = float(wanted.watch or _UNITS["d"])
        self._agreed = False

    async def run(self) -> int:
        """Round after round; the exit status that the last one makes.

        Raises:
            UserError: nothing can be watched, or nobody has agreed to pay.
        """
        from polypilot.compare import watch_report  # noqa: PLC0415 - no other command needs it
        from polypilot.compare.watch_clock import Timetable  # noqa: PLC0415 - likewise

        watch_report.check(self._wanted.report)
        table = Timetable(self._every)
        number = 0
        while True:
            table.begin()
            status = await self._try()
            number += 1
            if self._wanted.dry_run or number == self._wanted.rounds:
                return status
            self._say_next(table.left)
            await table.wait()

    def _say_next(self, left: float) -> None:
        try:
            at = f"{datetime.now().astimezone() + timedelta(seconds=left):%Y-%m-%d %H:%M}"
        except OverflowError:  # a clock that is far off
            at = "?"
        text = f"The next round is at {at}, in {duration(left)}. Ctrl-C ends the watch."
        self._output.note(text, kind="waiting")

    async def _try(self) -> int:
        """A round; what goes wrong with a later one is told, and does not end the watch."""
        try:
            return await self._round()
        except Exception as error:
            if not self._agreed:
                raise
            self._program.failed(error)
            self._output.note("This round failed; the watch goes on.")
            return FAILED

    async def _round(self) -> int:
        from polypilot.compare.comparing import Comparison  # noqa: PLC0415 - as above
        from polypilot.compare.watch_round import see  # noqa: PLC0415 - likewise

        order = await self._next()
        async with Comparison(
            order, self._backend, self._store, self._bench, spread=self._spread
        ) as comparison:
            ready = await self._prepared(comparison)
            if self._wanted.dry_run:
                return OK
            with Bars(self._output) as bars:
                bars.begin(ready)
                result = await comparison.run(bars.answered, bars.judged)
        run = ready.run or 0
        seed = self._wanted.seed
        seen = await see(order, result, run, self._backend, self._store, seed=seed)
        await self._tell(order, result, seen)
        return OK if result.outcome.complete and not ready.absent else FAILED

    async def _next(self) -> Order:
        """The order of the round that is due."""
        from polypilot.compare import watch_history  # noqa: PLC0415 - as above
        from polypilot.compare.specification import spec_of  # noqa: PLC0415 - likewise
        from polypilot.compare.targets import parse  # noqa: PLC0415 - likewise

        order = self._order
        targets = parse(order.targets, self._backend.rows())
        turn = watch_history.following(
            spec_of(order, targets, ""),
            await self._store.listing(),
            now=datetime.now().timestamp(),  # noqa: DTZ005 - seconds since the epoch
            every=self._every,
            anew=order.anew and not self._agreed,
        )
        return replace(order, turn=turn, anew=False)

    async def _prepared(self, comparison: Comparison) -> Prepared:
        with Bars(self._output) as bars:
            ready = await comparison.prepare(bars.step)
        if not self._agreed:
            show_bill(self._output, ready)
            self._output.note(bill(ready, self._every), kind="plan")
            if not self._wanted.dry_run:
                confirm(self._output, ready, yes=self._wanted.yes, again=True)
                self._agreed = True
        else:
            for label, absent in ready.absent.items():
                self._output.note(f"{label} is left out: {absent.message}. {absent.cure}".strip())
        return ready

    async def _tell(self, order: Order, result: Result, seen: Seen) -> None:
        from polypilot.compare import watch_report  # noqa: PLC0415 - as above

        output, found = self._output, seen.look.found
        for label, (_, message, cure) in result.outcome.stopped.items():
            output.note(f"{label} was given up: {message}. {cure}".strip())
        if result.outcome.capped:
            output.note("The limit of money for a round was reached.")
        for problem in seen.problems:
            output.note(problem)
        number = order.turn.number if order.turn else 0
        said = [(each, closer(each, order)) for each in found]
        if output.json_mode:
            output.json({
                "type": "round", "round": number, "complete": result.outcome.complete,
                "tasks": seen.look.tasks, "unseen": seen.look.unseen,
                "found": [{**asdict(each), "command": command} for each, command in said],
            })  # fmt: skip
        else:
            for each, command in said:
                output.print(each.text, style="" if each.better else "bold")
                output.print(f"  {command}", style="green")
            if not found:
                output.print(f"Round {number}: {watch_report.nothing(seen.look)}")
        await self._write(order, seen)

    async def _write(self, order: Order, seen: Seen) -> None:
        from polypilot.compare import watch_report  # noqa: PLC0415 - as above

        files = self._wanted.report
        if not files or not seen.rounds:
            return
        await run_blocking(
            watch_report.write,
            seen.rounds,
            seen.look,
            files,
            order.root.name,
            timeout=_DISK_S,
            name="report",
        )
        for file in files:
            self._output.note(f"report: {file}", kind="report")
        if self._wanted.open_:
            click.launch(files[0].absolute().as_uri())


def bill(ready: Prepared, every: float) -> str:
    """What a round costs, and a month of them."""
    when = f"every {duration(every)}"
    if ready.known:  # a round that goes on: only its rest was priced
        return f"A part of this round is there already; the next ones are asked {when}."
    if ready.expected is None:
        return f"What a round costs is not known; asked {when}. --max-cost limits each round."
    month = ready.expected * Decimal(_MONTH_S / every)
    return f"about {amount(ready.expected)} a round, {when}: about {amount(month)} a month"


def closer(told: Told, order: Order) -> str:
    """The command that looks closer."""
    root = () if order.root == order.root.cwd() else ("--root", str(order.root))
    if told.kind in {"new", "gone"}:
        if told.kind == "new" and told.models:
            pair = (*order.targets, f"{told.target}/{told.models[0]}")
            return shlex.join(("polypilot", "compare", *dict.fromkeys(pair), *root))
        return shlex.join(("polypilot", "models", told.target))
    if told.kind == "ends":
        return shlex.join(("polypilot", "models", told.target.partition("/")[0]))
    purpose = ("--for", told.purpose) if told.purpose else ()
    return shlex.join(("polypilot", "compare", *order.targets, *purpose, *root))
