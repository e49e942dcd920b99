"""The bench of a team's server runs, and what it counts is there. Its times are not looked at."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.nightly]

BENCH = Path(__file__).parents[3] / "bench"


async def run(name: str, *arguments: object) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(BENCH / name), *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_typists_are_counted_and_simulated(smollm2: Path, tmp_path: Path):
    written = tmp_path / "measured.json"
    quick = ("--seconds", 6, "--warm", 2, "--cancels", 1, "--rates", 1, "--slots", 2)
    where = ("--models", smollm2.parent, "--json", written)
    said = await run("team.py", "--users", "1,2", *quick, *where)
    assert "hung up while reading" in said
    found: dict[str, Any] = json.loads(await asyncio.to_thread(written.read_text, "utf-8"))
    assert [row["users"] for row in found["runs"]] == [1, 2]
    for row in found["runs"]:
        assert row["keys"] > 0
        assert row["sent"] >= row["aborted"] > 0
        assert row["failed"] == row["starved"] == 0
        assert len(row["first"]) == row["looks"] >= row["in_time"]
        assert len(row["shares"]) == len(row["got"]) <= row["users"]
    assert set(found["cancels"]) > {"writing, /completion", "reading, /v1/completions"}
    picture = tmp_path / "team.svg"
    said = await run(
        "team_simulation.py", written, "--users", "1,2", "--no-capacity", "--svg", picture
    )
    assert "SIMULATION, not measured" in said
    assert "assumed from the data sheet" in said
    assert (await asyncio.to_thread(picture.read_text, "utf-8")).startswith("<svg")
