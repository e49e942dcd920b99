"""What comparisons have asked and got, on the disk."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from polypilot.compare.store import Store
from polypilot.compare.values import Kind, Marks, Reply, Task, TestRun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

TASK = Task(
    "t1", Kind.TESTED, "python", "a.py", "a.py", "def f():\n", "\n", "    return 1",
    attached=(("b.py", "x = 1\r\n"),),
    tests=TestRun(("{python}", "-m", "pytest"), (("test_a.py", "…"),), 2.5, 64), changed=1.5,
)  # fmt: skip
REPLY = Reply(
    "t1", "embedded", 3.5, "    return 1", seconds=0.25, first_text=0.1, dollars=Decimal("0.00012")
)
MARKS = Marks("t1", "embedded", True, exact=True, similar=1.0, kept=9, wrong=0, passed=None)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    made = Store(tmp_path / "compare.db")
    yield made
    await made.aclose()


async def test_what_is_kept_comes_back_as_it_was(store: Store, tmp_path: Path):
    run = await store.begin({"seed": "1"}, [TASK], 10.0)
    asked = await store.asking(run, "embedded", "t1", 11.0)
    assert await store.cut_off(run) == [("embedded", "t1")]
    await store.ended(asked, run, REPLY)
    await store.marked(run, [MARKS])
    await store.end(run, 12.0)
    await store.aclose()
    again = Store(tmp_path / "compare.db")
    assert await again.tasks(run) == [TASK]
    assert await again.replies(run) == [REPLY]
    assert await again.marks(run) == [MARKS]
    assert await again.cut_off(run) == []
    (info,) = await again.listing()
    assert (info.begun, info.ended, info.tasks, info.replies) == (10.0, 12.0, 1, 1)
    await again.aclose()


async def test_the_newest_of_the_same_is_found_and_another_is_not(store: Store):
    await store.begin({"b": 1, "a": [1]}, [], 1.0)
    newer = await store.begin({"a": [1], "b": 1}, [], 2.0)
    found = await store.find({"b": 1, "a": [1]})
    assert found is not None
    assert found.id == newer
    assert await store.find({"b": 2, "a": [1]}) is None


async def test_a_question_that_came_to_nothing_is_not_cut_off(store: Store):
    run = await store.begin({}, [TASK], 1.0)
    await store.ended(await store.asking(run, "a", "t1", 1.0), run, None)
    assert await store.cut_off(run) == []
    assert await store.replies(run) == []


async def test_deleted_is_gone_for_good(store: Store):
    kept = await store.begin({"keep": True}, [TASK], 1.0)
    gone = await store.begin({"keep": False}, [TASK], 1.0)
    await store.ended(await store.asking(gone, "a", "t1", 1.0), gone, REPLY)
    await store.delete([gone])
    assert [each.id for each in await store.listing()] == [kept]
    assert await store.replies(gone) == await store.tasks(gone) == []


@pytest.mark.allow_blocking("the test looks into the file")
async def test_what_is_deleted_takes_no_space(tmp_path: Path):
    path = tmp_path / "compare.db"
    store = Store(path)
    many = [replace(TASK, id=f"t{number}", prefix="x" * 9_000) for number in range(2_000)]
    kept, gone = [await store.begin({"at": at}, many[at:], 1.0) for at in (1_900, 0)]
    await store.aclose()
    size = path.stat().st_size
    assert size > 2_000 * 9_000
    store = Store(path)
    await store.delete([gone])
    assert await store.tasks(kept) == many[1_900:]
    await store.aclose()
    assert path.stat().st_size < size / 10
    assert not path.with_name("compare.db-wal").exists()


async def test_many_at_once(store: Store):
    """Nothing of the worker's connection is left to the threads of those who ask."""
    run = await store.begin({}, [TASK], 1.0)

    async def one(number: int) -> None:
        for at in range(20):
            name = f"t{number}-{at}"
            asked = await store.asking(run, "a", name, 1.0)
            await store.ended(asked, run, Reply(name, "a", 1.0))
            await store.marked(run, [Marks(name, "a", shown=False)])

    await asyncio.gather(*(one(number) for number in range(8)))
    assert len(await store.replies(run)) == len(await store.marks(run)) == 160
    assert await store.cut_off(run) == []
