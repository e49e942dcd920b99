"""What suppliers, disks and clocks do to a comparison: it is said, and nothing paid for is lost."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from oracle_support import Oracle, completing, configure, line_task, write_tree

from polypilot.compare.asking import ask
from polypilot.compare.desk import Desk
from polypilot.compare.store import Store
from polypilot.compare.summary import summarise
from polypilot.compare.targets import Target
from polypilot.compare.values import Reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.compare.values import Task
    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("backends read settings files when they are opened")

TEAM = Target("team/gpt-4.1", "team", "gpt-4.1")
TASK = line_task(1)


async def answered(tmp_path: Path, **usage: object) -> Reply:
    def fate(_number: int, task: Task) -> list[Step]:
        return completing(task.truth, **usage)

    async with Oracle([TASK], fate) as server:
        configure(more='prices = "openai"', team=server.url)
        desk = await Desk.open(TEAM, "product", write_tree(tmp_path, [TASK]), env={})
        try:
            return (await ask(desk, TASK)).reply
        finally:
            await desk.aclose()


# --- a supplier that lies about usage


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param({"prompt_tokens": -5, "completion_tokens": -7}, id="negative"),
        pytest.param({"prompt_tokens": "many", "completion_tokens": "few"}, id="words"),
        pytest.param({"prompt_tokens": "70", "completion_tokens": "9"}, id="numbers as text"),
        pytest.param({"prompt_tokens": None, "completion_tokens": None}, id="missing"),
        pytest.param({"prompt_tokens": [1], "completion_tokens": {}}, id="lists"),
        pytest.param({"prompt_tokens": True, "completion_tokens": True}, id="truths"),
        pytest.param({"prompt_tokens": 1.5, "completion_tokens": 1e300}, id="fractions"),
        pytest.param({"prompt_tokens": 10**30, "completion_tokens": 10**400}, id="too large"),
        pytest.param({"prompt_tokens": 10**12, "completion_tokens": 9}, id="not true"),
        pytest.param({"prompt_tokens": 10, "completion_tokens": 9,
                      "prompt_tokens_details": {"cached_tokens": 5000}}, id="more cached than all"),
    ],
)  # fmt: skip
async def test_what_can_not_be_true_costs_an_unknown_amount_and_the_answer_counts(
    tmp_path: Path, usage: dict[str, object]
):
    reply = await answered(tmp_path, **usage)
    assert (reply.error, reply.text) == ("", TASK.truth)
    counts = reply.input_tokens, reply.output_tokens, reply.cached_tokens, reply.reasoning_tokens
    assert all(count is None or 0 <= count < 2**53 for count in counts)
    assert reply.dollars is None or 0 <= reply.dollars < Decimal("0.01")
    summarise([TASK], [reply], [])
    store = Store(tmp_path / "compare.db")
    try:
        run = await store.begin({"of": "tests"}, [TASK], 0.0)
        await store.ended(await store.asking(run, TEAM.label, TASK.id, 0.0), run, reply)
        assert await store.replies(run) == [reply]
    finally:
        await store.aclose()


# --- a clock that is set back


async def test_answers_of_a_clock_that_jumps_are_all_counted():
    tasks = [line_task(number) for number in range(12)]
    times = [1.79e9 + 10 * at - (1e8 if at >= 6 else 0) for at in range(12)]
    replies = [Reply(task.id, "team", when, "x", seconds=1.0, first_text=0.5)
               for task, when in zip(tasks, times, strict=True)]  # fmt: skip
    row = summarise(tasks, replies, []).rows[0]
    assert sum(bucket.asked for bucket in row.over_time) == 12
    starts = [bucket.start for bucket in row.over_time]
    assert starts == sorted(starts)
    assert (row.speed.seconds.p50, row.reliability.asked) == (1.0, 12)


# --- a disk that fills up

FILL = """
    import asyncio, sys
    from pathlib import Path
    sys.path[:0] = {support!r}
    from oracle_support import line_task
    from polypilot.compare.store import Store
    from polypilot.compare.values import Reply
    from polypilot.errors import describe

    async def main():
        folder = Path({folder!r})
        tasks = [line_task(number) for number in range(2000)]
        store = Store(folder / "compare.db")
        run = await store.begin({{"of": "tests"}}, tasks, 0.0)
        kept = []
        try:
            for task in tasks:
                noted = await store.asking(run, "team", task.id, 0.0)
                await store.ended(noted, run, Reply(task.id, "team", 0.0, "x" * 3000))
                kept.append(task.id)
        except Exception as error:
            print(describe(error).code, describe(error).message, sep="|")
        found = {{each.task for each in await store.replies(run)}}
        print(len(kept), found >= set(kept))
        await store.aclose()
        again = Store(folder / "compare.db")
        print({{each.task for each in await again.replies(run)}} >= set(kept))
        await again.aclose()

    asyncio.run(main())
"""


def test_a_full_disk_is_said_and_every_answer_that_was_kept_stays(
    tmp_path: Path, require_system: Callable[[str, str], str]
):
    unshare = require_system("unshare", "util-linux")
    folder = tmp_path / "small"
    folder.mkdir(mode=0o700)
    support = [str(path) for path in sys.path if path.endswith("compare")]
    script = textwrap.dedent(FILL).format(folder=str(folder), support=support)
    mount = f'mount -t tmpfs -o mode=0700,size=4m none "{folder}" && exec "$@"'
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh",
         sys.executable, "-c", script],
        capture_output=True, text=True, timeout=100, check=False, encoding="utf-8",
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this system permits no mount in a namespace: {done.stderr.strip()}")
    told, kept, again = done.stdout.splitlines()
    code, _, message = told.partition("|")
    assert code.startswith("storage"), done
    assert "full" in message
    number, all_there = kept.split()
    assert 100 < int(number) < 2000
    assert all_there == again == "True"
