from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import textwrap
from contextlib import aclosing
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot.database import StorageError
from polypilot.usage import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.errors import Problem

TODAY = date(2026, 3, 1)


async def test_a_days_money_adds_up_over_providers(tmp_path: Path) -> None:
    async with aclosing(Ledger(tmp_path / "usage.db")) as ledger:
        assert await ledger.total(TODAY) == 0
        for provider in ("anthropic", "openai", "anthropic"):
            await ledger.add(TODAY, provider, Decimal("0.1"))
        await ledger.add(TODAY - timedelta(1), "openai", Decimal(5))
        assert await ledger.total(TODAY) == Decimal("0.3")
        assert await ledger.total(TODAY - timedelta(1)) == 5
    async with aclosing(Ledger(tmp_path / "usage.db")) as ledger:
        assert await ledger.total(TODAY) == Decimal("0.3")


async def test_the_smallest_sums_count(tmp_path: Path) -> None:
    async with aclosing(Ledger(tmp_path / "usage.db")) as ledger:
        await ledger.add(TODAY, "a", Decimal(1_000))
        for _ in range(3):
            await ledger.add(TODAY, "a", Decimal("0.0000000001"))
        assert await ledger.total(TODAY) == Decimal("1000.0000000003")


@pytest.mark.parametrize("sum_of_money", ["NaN", "Infinity"])
async def test_what_is_no_sum_of_money_is_refused(tmp_path: Path, sum_of_money: str) -> None:
    async with aclosing(Ledger(tmp_path / "usage.db")) as ledger:
        with pytest.raises(ValueError, match="money"):
            await ledger.add(TODAY, "a", Decimal(sum_of_money))


async def test_four_hundred_days_are_kept(tmp_path: Path) -> None:
    async with aclosing(Ledger(tmp_path / "usage.db")) as ledger:
        days = [TODAY + timedelta(number) for number in range(403)]
        for day in days:
            await ledger.add(day, "a", Decimal(1))
            await ledger.add(day, "b", Decimal(1))
        totals = [await ledger.total(day) for day in days]
    assert totals == [0, 0, 0] + [2] * 400


async def test_a_clock_that_is_wrong_for_once_deletes_nothing(tmp_path: Path) -> None:
    async with aclosing(Ledger(tmp_path / "usage.db")) as ledger:
        await ledger.add(TODAY, "a", Decimal(1))
        await ledger.add(date(2099, 1, 1), "a", Decimal(1))
        assert await ledger.total(TODAY) == 1


async def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    code = """
        import asyncio, sys
        from datetime import date
        from decimal import Decimal
        from pathlib import Path
        from polypilot.usage import Ledger

        async def main():
            ledger = Ledger(Path(sys.argv[1]))
            sys.stdin.readline()
            for number in range(200):
                await ledger.add(date(2026, 3, 1), f"p{number % 2}", Decimal("0.01"))
            await ledger.aclose()

        asyncio.run(main())
    """
    path = tmp_path / "usage.db"
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    writers = [
        await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE) for _ in range(4)
    ]
    done = await asyncio.gather(*(each.communicate(b"go\n") for each in writers))
    assert len(done) == 4
    assert [each.returncode for each in writers] == [0] * 4
    async with aclosing(Ledger(path)) as ledger:
        assert await ledger.total(TODAY) == 8


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
async def test_it_is_the_users_alone() -> None:
    before = os.umask(0)
    try:
        async with aclosing(Ledger()) as ledger:
            await ledger.add(TODAY, "a", Decimal(1))
            made = {each.name: stat.S_IMODE(each.stat().st_mode) for each in files()}
    finally:
        os.umask(before)
    assert "usage.db" in made
    assert set(made.values()) == {0o600}


def files() -> list[Path]:
    return [each for each in paths.data_dir().iterdir() if each.is_file()]


async def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    path.write_bytes(b"day,provider,dollars\n" * 300)
    told: list[Problem] = []
    async with aclosing(Ledger(path, problems=told.append)) as ledger:
        await ledger.add(TODAY, "a", Decimal(1))
        assert await ledger.total(TODAY) == 1
    (problem,) = told
    assert problem.message.startswith("The record of what was spent and suggested was damaged")
    name = problem.message.split("kept as ")[1].split(",")[0]
    assert (tmp_path / name).read_bytes() == b"day,provider,dollars\n" * 300


async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with aclosing(Ledger(tmp_path / "file" / "usage.db")) as ledger:
        with pytest.raises(
            StorageError, match="The record of what was spent and suggested can't be kept"
        ):
            await ledger.add(TODAY, "a", Decimal(1))
