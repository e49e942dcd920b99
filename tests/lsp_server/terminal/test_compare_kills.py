"""A comparison that is killed again and again comes to the same result, and pays for it once."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from compare_repository import ROW, make_repository
from knowing_support import Knowing

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli

COMMAND = ("compare", "team/coder", "--kind", "line=30", "--kind", "rest=30", "--no-tests", "--yes")


@pytest.mark.timeout(300)
async def test_a_few_kills(cli: Cli):
    await _killed(cli, kills=5)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_fifty_kills(cli: Cli):
    await _killed(cli, kills=50)


async def _killed(cli: Cli, kills: int) -> None:
    repository = make_repository(cli.folder)
    dice = random.Random(kills)  # noqa: S311 - which request dies, no secret
    async with Knowing(repository) as untouched:
        _row(cli, untouched.url)
        expected = _judged(json.loads((await cli.run(*COMMAND, "--json")).out))
        await cli.run("compare", "--delete", "all")
    async with Knowing(repository) as team:
        _row(cli, team.url)
        for _ in range(kills):
            before = len(team.requests)
            process = await cli.start(*COMMAND, "--json")
            # From before the first question to some way into the others.
            count = before + dice.randrange(4)
            ending = team.wait_for_requests(count, seconds=60)
            await ending
            process.send_signal(signal.SIGKILL)
            await process.communicate()
        done = await cli.run(*COMMAND, "--json")
        assert done.status == 0, done.err
        assert _judged(json.loads(done.out)) == expected
        asked = Counter(str(each.json["prompt"]) for each in team.requests)
    # What was sent twice had been cut off, and the record says how often that was.
    twice = sum(count - 1 for count in asked.values())
    assert len(asked) == 60
    assert twice <= _cut_off(cli.home / "data" / "compare.db")
    assert _cut_off(cli.home / "data" / "compare.db") <= 3 * kills


def _row(cli: Cli, url: str) -> None:
    cli.config.write_text(ROW.format(name="team", url=url, more="free = true"), "utf-8")


def _judged(report: Any) -> Any:
    """What is the same however often it was stopped."""
    rows = report["summary"]["rows"]
    return [(row["target"], row["quality"], row["tokens"], row["kinds"]) for row in rows]


def _cut_off(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        return int(connection.execute("SELECT count(*) FROM asked").fetchone()[0])
