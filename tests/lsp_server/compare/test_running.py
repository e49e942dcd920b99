"""All questions to all targets: counted, limited, given up, gone on with."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from oracle_support import Oracle, chat_task, completing, configure, line_task, write_tree

from polypilot.compare.asking import DeskSeat
from polypilot.compare.desk import Desk
from polypilot.compare.money import Bill, Cap, estimate
from polypilot.compare.running import Progress, Runner
from polypilot.compare.store import Store
from polypilot.compare.targets import Target
from polypilot_providers.testing import Close, Stall, Wait, reply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from polypilot.compare.running import Outcome
    from polypilot.compare.values import Reply, Task
    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("backends read settings files when they are opened")

PRICED = 'prices = "openai"'


class Bench:
    """A comparison's parts, each real."""

    def __init__(self, tmp_path: Path, tasks: Sequence[Task]) -> None:
        self.tasks = list(tasks)
        self.tree = write_tree(tmp_path / "tree", [each for each in tasks if each.prefix])
        self.store = Store(tmp_path / "compare.db")
        self.run_id = 0
        self.told: list[Progress] = []

    @asynccontextmanager
    async def desks(self, *labels: str, beside: int = 1) -> AsyncGenerator[dict[str, list[Desk]]]:
        made: dict[str, list[Desk]] = {}
        for label in labels:
            name, _, model = label.partition("/")
            for _ in range(beside):
                desk = await Desk.open(Target(label, name, model), "product", self.tree, env={})
                desk.backend.board.settle()
                made.setdefault(label, []).append(desk)
        try:
            yield made
        finally:
            for desk in (each for all_ in made.values() for each in all_):
                await desk.aclose()

    async def run(
        self, *labels: str, beside: int = 1, cap: str | None = None
    ) -> tuple[Outcome, list[Reply]]:
        if not self.run_id:
            self.run_id = await self.store.begin({"of": "tests"}, self.tasks, 0.0)
        known = await self.store.replies(self.run_id)
        async with self.desks(*labels, beside=beside) as desks:
            bills = {label: await estimate(each[0], self.tasks) for label, each in desks.items()}
            limit = Cap(
                None if cap is None else Decimal(cap),
                sum((each.dollars or Decimal(0) for each in known), Decimal(0)),
            )
            seats = {label: [DeskSeat(each) for each in all_] for label, all_ in desks.items()}
            runner = Runner(self.store, self.run_id, seats, bills, limit, told=self.told.append)
            outcome = await runner.run(self.tasks, known)
        return outcome, await self.store.replies(self.run_id)

    async def bill(self, label: str) -> Bill:
        async with self.desks(label) as desks:
            return await estimate(desks[label][0], self.tasks)


@pytest.fixture
async def store_closed() -> AsyncGenerator[list[Bench]]:
    made: list[Bench] = []
    yield made
    for each in made:
        await each.store.aclose()


async def test_each_target_is_asked_for_each_task_once(tmp_path: Path, store_closed: list[Bench]):
    tasks = [*(line_task(number) for number in range(6)), chat_task(90)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    async with Oracle(tasks) as one, Oracle(tasks) as two:
        configure(one=one.url, two=two.url)
        outcome, replies = await bench.run("one/a", "two/b", beside=2)
    assert outcome.complete
    assert sorted(one.asked) == sorted(two.asked) == sorted(each.id for each in tasks)
    assert {(each.target, each.task) for each in replies} == {
        (label, each.id) for label in ("one/a", "two/b") for each in tasks
    }
    truths = {each.id: each.truth for each in tasks if each.truth}
    assert all(each.text == truths[each.task] for each in replies if each.task in truths)
    last = {each.target: each for each in bench.told}
    assert {(each.done, each.total) for each in last.values()} == {(7, 7)}
    assert await bench.store.cut_off(bench.run_id) == []


async def test_known_faults_are_counted_as_they_are(tmp_path: Path, store_closed: list[Bench]):
    """Of 30 questions every fifth fails, every sixth meets a limit once; nothing else does."""
    tasks = [line_task(number) for number in range(30)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    limited: set[str] = set()

    def fate(_number: int, task: Task) -> list[Step] | None:
        at = int(task.id.partition("-")[2])
        if at % 5 == 4:
            return [*reply(503, {"error": {"message": "busy"}})]
        if at % 6 == 5 and task.id not in limited:
            limited.add(task.id)
            return [*reply(429, {"error": {"message": "slow"}}, headers={"retry-after": "1"})]
        return None

    async with Oracle(tasks, fate) as server:
        configure(team=server.url)
        outcome, replies = await bench.run("team/coder")
    failing = {at for at in range(30) if at % 5 == 4}
    waiting = {at for at in range(30) if at % 6 == 5} - failing
    by_number = {int(each.task.partition("-")[2]): each for each in replies}
    assert outcome.complete
    assert {at for at, each in by_number.items() if each.error == "unavailable"} == failing
    assert {at for at, each in by_number.items() if each.limited} == waiting
    assert {each.limited for at, each in by_number.items() if at in waiting} == {1}
    assert {each.retries for at, each in by_number.items() if at in waiting} == {1}
    assert sum(each.requests for each in replies) == len(server.asked) == 30 + len(waiting)


async def test_times_are_at_least_what_the_supplier_takes(
    tmp_path: Path, store_closed: list[Bench]
):
    """The first token after 150 ms, the end of the line 100 ms later; one answer never comes."""
    tasks = [line_task(number) for number in range(4)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    loop = asyncio.get_running_loop()

    def after(seconds: float) -> Wait:
        event = asyncio.Event()
        loop.call_later(seconds, event.set)
        return Wait(event)

    def fate(_number: int, task: Task) -> list[Step] | None:
        if task.id == "line-3":
            return [Stall()]
        head, first, *rest = completing(task.truth[:5])
        more = completing(task.truth[5:])
        return [head, after(0.15), first, after(0.25), *more[1:]] if rest else None

    async with Oracle(tasks, fate) as server:
        configure(team=server.url)
        outcome, replies = await bench.run("team/coder")
    assert outcome.complete
    answered = [each for each in replies if not each.error]
    assert [each.error for each in replies if each.error] == ["timeout"]
    assert len(answered) == 3
    for each in answered:
        assert each.first_text is not None
        assert each.first_line is not None
        assert 0.15 <= each.first_text <= each.first_line
        assert each.first_text + 0.05 <= each.seconds
        assert each.text == f"value + {int(each.task[-1]) * 7919 % 1000}"


@pytest.mark.parametrize(
    ("status", "code"), [(401, "auth"), (402, "quota_exhausted"), (404, "unknown_model")]
)
async def test_a_target_without_hope_is_given_up_and_the_other_goes_on(
    tmp_path: Path, store_closed: list[Bench], status: int, code: str
):
    tasks = [line_task(number) for number in range(5)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    message = "the model `coder` does not exist" if status == 404 else "no"
    error = {"error": {"message": message}}
    broken = [True]

    def fate(_number: int, _task: Task) -> list[Step] | None:
        return [*reply(status, error)] if broken[0] else None

    async with Oracle(tasks, fate) as bad, Oracle(tasks) as good:
        configure(bad=bad.url, good=good.url)
        outcome, replies = await bench.run("bad/coder", "good/coder")
        assert outcome.stopped["bad/coder"][0] == code
        assert outcome.stopped["bad/coder"][1]
        assert len(bad.asked) == 1
        assert {each.target for each in replies} == {"good/coder"}
        assert len(replies) == 5
        # Cured, it is asked for what is left, and the other one for nothing.
        broken[0] = False
        outcome, replies = await bench.run("bad/coder", "good/coder")
    assert outcome.complete
    assert len(replies) == 10
    assert len(bad.asked) == 1 + 5
    assert len(good.asked) == 5


async def test_a_supplier_that_is_away_is_left_alone(tmp_path: Path, store_closed: list[Bench]):
    tasks = [line_task(number) for number in range(40)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    async with Oracle(tasks, lambda _number, _task: [Close()]) as server:
        configure(team=server.url)
        outcome, replies = await bench.run("team/coder")
    assert outcome.stopped["team/coder"][0] == "network"
    assert "12 questions in a row" in outcome.stopped["team/coder"][1]
    assert len(server.asked) == 12
    assert len(replies) == 11  # the one that settled it is asked again


async def test_stopped_by_the_user_it_goes_on_where_it_was(
    tmp_path: Path, store_closed: list[Bench]
):
    tasks = [line_task(number) for number in range(12)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    reached = asyncio.Event()

    def fate(number: int, _task: Task) -> list[Step] | None:
        if number == 5:
            reached.set()
        return None

    async with Oracle(tasks, fate) as server:
        configure(team=server.url)
        running = asyncio.ensure_future(bench.run("team/coder"))
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        before = await bench.store.replies(bench.run_id)
        cut_off = len(await bench.store.cut_off(bench.run_id))
        assert len(before) in {5, 6}
        outcome, replies = await bench.run("team/coder")
    assert outcome.complete
    assert len(replies) == 12
    assert len(server.asked) == 12 + cut_off
    assert set(before) <= set(replies)


async def test_the_cap_holds_and_is_not_reached_by_guesses(
    tmp_path: Path, store_closed: list[Bench]
):
    tasks = [line_task(number) for number in range(20)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)
    # gpt-4.1: 2 dollars for a million tokens in, 8 out; each answer costs 0.002 + 0.0008.
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}

    def fate(_number: int, task: Task) -> list[Step] | None:
        return completing(task.truth, **usage)

    async with Oracle(tasks, fate) as server:
        configure(more=PRICED, team=server.url)
        bill = await bench.bill("team/gpt-4.1")
        assert bill.dollars is not None
        assert bill.most is not None
        assert 0 < bill.dollars < bill.most
        outcome, replies = await bench.run("team/gpt-4.1", beside=3, cap="0.02")
        assert outcome.capped
        spent = sum((each.dollars or Decimal(0) for each in replies), Decimal(0))
        assert spent == len(replies) * Decimal("0.0028")
        assert Decimal("0.01") < spent <= Decimal("0.02") + Decimal("0.0028") * 3
        # With more money it goes on, and pays for nothing twice.
        outcome, replies = await bench.run("team/gpt-4.1", cap="1")
    assert outcome.complete
    assert len(replies) == len(server.asked) == 20


async def test_a_limit_that_is_enough_in_the_end_is_not_reached_on_the_way(
    tmp_path: Path, store_closed: list[Bench]
):
    tasks = [line_task(number) for number in range(12)]
    bench = Bench(tmp_path, tasks)
    store_closed.append(bench)

    def fate(_number: int, task: Task) -> list[Step] | None:
        return completing(task.truth, prompt_tokens=10, completion_tokens=1)

    async with Oracle(tasks, fate) as server:
        configure(more=PRICED, team=server.url, club=server.url)
        most = (await bench.bill("team/gpt-4.1")).each[tasks[0].kind]
        assert most is not None
        # Two at a time fit, and there are six who would ask.
        cap = str(most * 2)
        outcome, replies = await bench.run("team/gpt-4.1", "club/gpt-4.1", beside=3, cap=cap)
    assert (outcome.capped, outcome.complete) == (False, True)
    assert len(replies) == len(server.asked) == 24


async def test_without_a_price_the_bill_says_so(tmp_path: Path, store_closed: list[Bench]):
    bench = Bench(tmp_path, [line_task(1), chat_task(2)])
    store_closed.append(bench)
    async with Oracle(bench.tasks) as server:
        configure(more='prices = "none"', team=server.url)
        bill = await bench.bill("team/coder")
        assert (bill.dollars, bill.most, bill.free) == (None, None, False)
        configure(more="free = true", team=server.url)
        free = await bench.bill("team/coder")
        assert (free.dollars, free.most, free.free) == (Decimal(0), Decimal(0), True)
        assert server.asked == []
