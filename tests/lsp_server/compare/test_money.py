"""The limit of money: what counts as spent, and when a request may go out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from polypilot.backend.pricing import Prices
from polypilot.compare.money import Bill, Cap, charged
from polypilot.compare.orders import Prepared
from polypilot.compare.summary import summarise
from polypilot.compare.values import Kind, Reply, Task
from polypilot_providers.catalog import ProviderRow

MOST = Decimal("0.10")
TASKS = [Task(f"t{number}", Kind.LINE, "python", "a.py", "a.py") for number in range(4)]


def paid(task: str, dollars: str | None = None, *, error: str = "", requests: int = 1) -> Reply:
    cost = None if dollars is None else Decimal(dollars)
    return Reply(task, "a", 1.0, dollars=cost, error=error, requests=requests)


@pytest.mark.parametrize(
    ("reply", "counted"),
    [
        (paid("t0", "0.03"), "0.03"),
        (paid("t0"), "0.10"),
        (paid("t0", error="rate_limited"), "0"),
        (paid("t0", error="auth"), "0"),
        (paid("t0", error="timeout"), "0.10"),
        (paid("t0", error="stream_broken"), "0.10"),
        (paid("t0", "0.02", error="stream_broken"), "0.02"),
    ],
)
def test_what_a_reply_counts_as(reply: Reply, counted: str):
    assert charged(reply, MOST) == Decimal(counted)
    assert charged(reply, None) == (reply.dollars or 0)


async def test_what_fits_only_beside_nothing_waits_for_those_under_way():
    cap = Cap(Decimal("0.15"))
    assert await cap.take(MOST)
    async with asyncio.TaskGroup() as group:
        second = group.create_task(cap.take(MOST))
        await asyncio.sleep(0)
        assert not second.done()
        cap.settle(MOST, paid("t0", "0.01"))
    assert second.result()
    assert not cap.reached
    cap.settle(MOST, paid("t1"))
    assert cap.spent == Decimal("0.11")
    assert not await cap.take(MOST)
    assert cap.reached


async def test_what_never_went_out_gives_its_room_back():
    cap = Cap(MOST)
    assert await cap.take(MOST)
    cap.settle(MOST, None)
    assert cap.spent == 0
    assert await cap.take(MOST)


def test_going_on_counts_what_is_not_known_as_the_first_time_did():
    bill = Bill("a", 2, 0, 0, None, None, free=False, each={Kind.LINE: MOST})
    known = [paid("t0", "0.01"), paid("t1"), paid("t2", error="timeout")]
    ready = Prepared(TASKS, "", (), {"a": bill}, {}, known, [("a", "t1"), ("a", "t3")], 1)
    assert ready.spent == Decimal("0.01") + 4 * MOST
    assert ready.again == 1  # t1 has been asked again, and answered


async def test_the_dearest_hour_of_a_day_is_what_a_limit_goes_by():
    row = ProviderRow.model_validate(
        {"id": "x", "wire": "openai-chat", "base_url": "https://x.example/v1",
         "prices": "deepseek", "auth": "none"}
    )  # fmt: skip
    model = "deepseek-v4-flash"
    dearest = await Prices().dearest(row, model)
    by_hour: set[tuple[Decimal | None, Decimal | None]] = set()
    for hour in range(24):
        prices = Prices(lambda hour=hour: datetime(2026, 9, 1, hour, 15, tzinfo=UTC))
        tariff = (await prices.tariffs(row, [model]))[model]
        by_hour.add((tariff.input, tariff.output))
        dearest = await prices.dearest(row, model)
        assert dearest.input is not None
        assert tariff.input is not None
        assert dearest.input >= tariff.input
    assert len(by_hour) > 1, "the price list has no such hours any more: take another model"
    assert (dearest.input, dearest.output) == max(by_hour, key=lambda each: each[0] or 0)


def test_where_the_editor_asks_nobody_nothing_is_unknown_and_nothing_cheap():
    replies = [paid("t0", "0.02"), paid("t1", "0", requests=0), paid("t2", "0", requests=0)]
    row = summarise(TASKS, replies, []).rows[0]
    assert (row.money.priced, row.money.unpriced) == (1, 0)
    assert row.money.per_1000 == pytest.approx(20.0)
