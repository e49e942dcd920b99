"""``polypilot compare --ray`` as a user types it: the same figures, and nothing is paid twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from cluster_support import (
    COMMAND,
    LARGE,
    Bodies,
    Home,
    RayCluster,
    at_work,
    figures,
    make_environment,
    make_tested_repository,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cluster_support import Alone, Ended

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="tests are run apart on Linux only"),
]
SMALL = (*COMMAND, "--kind", "tested=2", "--kind", "line=3")


def same(one: Home, other: Home, *reports: Ended) -> None:
    """The records hold the same, and the reports say the same."""
    for table in ("tasks", "replies", "marks"):
        assert one.rows(table) == other.rows(table)
    assert len({str(figures(each.report)) for each in reports}) == 1
    verdicts = {mark.get("passed") for mark in other.rows("marks")}
    assert {True, False} <= verdicts  # tests were run, and told right from wrong


async def until(what: Callable[[], object]) -> None:
    """Wait for something of another process."""
    async with asyncio.timeout(200):
        while not await asyncio.to_thread(what):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.02)


async def test_a_small_comparison_comes_to_the_same(
    ray_kept: Path, tmp_path: Path, repository: Path
) -> None:
    here, there = (Home(tmp_path / name, repository, ray_kept) for name in ("here", "there"))
    async with Bodies(repository) as team:
        here.knows(team)
        there.knows(team)
        one = await here.run(*SMALL)
        spread = await there.run(*SMALL, "--ray", "local:2")
        assert len(team.requests) == 2 * 5
    same(here, there, one, spread)
    assert here.left_behind == there.left_behind == []
    assert "ray" not in spread.err.lower()


@pytest.mark.nightly
@pytest.mark.parametrize("named", ["address", "auto"])
async def test_on_a_cluster_that_runs(
    alone: Alone, there: Home, cluster: RayCluster, named: str
) -> None:
    address = cluster.address
    if named == "auto":
        address, there.env["RAY_ADDRESS"] = "auto", address  # as Ray's own jobs have it
    async with Bodies(there.repository) as team:
        there.knows(team)
        spread = await there.run(*LARGE, "--ray", address)
        assert len(team.requests) == alone.paid
        again = await there.run(*LARGE, "--ray", address)
        assert len(team.requests) == alone.paid
    same(alone.home, there, alone.ended, spread, again)
    assert there.count("asked") == 0
    assert there.left_behind == []
    assert cluster.processes  # one that is not ours goes on


@pytest.mark.nightly
async def test_tests_run_in_the_repositorys_own_environment(
    ray_folder: Path, tmp_path: Path
) -> None:
    repository = make_tested_repository(tmp_path / "own", modules=2, needs="only_there")
    make_environment(repository, "only_there")
    here, there = (Home(tmp_path / name, repository, ray_folder) for name in ("here", "there"))
    async with Bodies(repository) as team:
        for home in (here, there):
            home.knows(team)
        one = await here.run(*SMALL)
        spread = await there.run(*SMALL, "--ray", "local:2")
    same(here, there, one, spread)


@pytest.mark.nightly
async def test_a_killed_worker_loses_nothing(
    alone: Alone, there: Home, cluster: RayCluster
) -> None:
    async with Bodies(there.repository) as team:
        there.knows(team)
        ending = asyncio.ensure_future(there.run(*LARGE, "--ray", cluster.address))
        killed: list[int] = []
        # While tasks are made, and while answers are judged.
        for begun in ("", "replies"):
            if begun:
                await until(lambda: there.count("marks") or ending.done())
            await until(lambda: cluster.at_work("judge"))
            killed.append(cluster.at_work("judge")[0].pid)
            os.kill(killed[-1], signal.SIGKILL)
        spread = await ending
        assert len(set(killed)) == 2
        assert len(team.requests) == alone.paid
    same(alone.home, there, alone.ended, spread)
    assert there.count("asked") == 0
    assert there.left_behind == []


@pytest.mark.nightly
@pytest.mark.parametrize("resumed", ["there", "here"])
async def test_a_killed_comparison_goes_on(
    alone: Alone, there: Home, cluster: RayCluster, resumed: str
) -> None:
    ray = ("--ray", cluster.address)
    async with Bodies(there.repository) as team:
        there.knows(team)
        asking = await there.start(*LARGE, *ray)
        await team.wait_for_requests(5, seconds=200)
        asking.kill()
        await asking.communicate()
        cut_off = there.count("asked")
        judging = await there.start(*LARGE, *ray)
        await until(lambda: there.count("marks") > 2)
        judging.kill()
        await judging.communicate()
        kept = there.count("marks")
        spread = await there.run(*LARGE, *(ray if resumed == "there" else ()))
        # Only what had been cut off may have been sent again, and the record has it.
        assert team.twice <= cut_off <= 3
        assert len(team.requests) == alone.paid + team.twice
    same(alone.home, there, alone.ended, spread)
    assert 2 < kept < there.count("marks")
    assert there.count("asked") == cut_off
    assert there.left_behind == []


@pytest.mark.nightly
async def test_ctrl_c_leaves_nothing_of_a_cluster_of_ours(there: Home, short_folder: Path) -> None:
    there.env["TMPDIR"] = str(short_folder)
    async with Bodies(there.repository) as team:
        there.knows(team)
        process = await there.start(*LARGE, "--ray", "local:2")
        below = psutil.Process(process.pid)
        await until(lambda: at_work(below.children(recursive=True), "judge"))
        started = below.children(recursive=True)
        process.send_signal(signal.SIGINT)
        ended = await there.end(process)
    _, alive = await asyncio.to_thread(psutil.wait_procs, started, 30)
    assert ended.status == 130, ended.err
    assert alive == []
    assert await asyncio.to_thread(os.listdir, short_folder) == []
    assert there.left_behind == []


@pytest.mark.nightly
async def test_ctrl_c_while_a_cluster_starts_leaves_nothing(
    there: Home, short_folder: Path
) -> None:
    there.env["TMPDIR"] = str(short_folder)
    async with Bodies(there.repository) as team:
        there.knows(team)
        for started in ("gcs_server", "raylet"):
            process = await there.start(*SMALL, "--ray", "local:2")
            mine = psutil.Process(process.pid)
            await until(lambda mine=mine, name=started: name in _names(mine))
            below = mine.children(recursive=True)
            process.send_signal(signal.SIGINT)
            ended = await there.end(process)
            _, alive = await asyncio.to_thread(psutil.wait_procs, below, 30)
            assert ended.status == 130, ended.err
            assert alive == []
            assert await asyncio.to_thread(os.listdir, short_folder) == []


def _names(process: psutil.Process) -> set[str]:
    found: set[str] = set()
    for each in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.add(each.name())
    return found


@pytest.mark.nightly
async def test_a_killed_comparison_takes_its_own_cluster_along(
    there: Home, short_folder: Path
) -> None:
    there.env["TMPDIR"] = str(short_folder)
    async with Bodies(there.repository) as team:
        there.knows(team)
        process = await there.start(*LARGE, "--ray", "local:2")
        mine = psutil.Process(process.pid)
        await until(lambda: at_work(mine.children(recursive=True), "judge"))
        below = mine.children(recursive=True)
        process.kill()
        await process.communicate()
        # Ray's agents tell their dead head for a minute that they end.
        _, alive = await asyncio.to_thread(psutil.wait_procs, below, 150)
        assert alive == []
        done = await there.run(*SMALL, "--ray", "local:2")
    assert done.status == 0, done.err
    assert await asyncio.to_thread(os.listdir, short_folder) == []  # the first one's, too
    assert there.left_behind == []


@pytest.mark.nightly
async def test_ctrl_c_leaves_nothing_on_a_cluster(there: Home, cluster: RayCluster) -> None:
    async with Bodies(there.repository) as team:
        there.knows(team)
        process = await there.start(*LARGE, "--ray", cluster.address)
        await until(lambda: cluster.at_work("judge"))
        process.send_signal(signal.SIGINT)
        ended = await there.end(process)
    assert ended.status == 130, ended.err
    await until(lambda: not cluster.at_work("judge"))
    await until(lambda: not cluster.cages)
    assert there.left_behind == []


@pytest.mark.nightly
async def test_what_keeps_a_cluster_from_use_is_said(
    there: Home, ray_folder: Path, older_ray: Path, short_folder: Path
) -> None:
    there.env["RAY_TMPDIR"] = str(short_folder)

    async def told(address: str) -> str:
        ended = await there.run(*SMALL, "--ray", address)
        assert ended.status == 1
        return ended.err

    async with Bodies(there.repository) as team:
        there.knows(team)
        assert "is no Ray cluster" in await told(team.url.removeprefix("http://"))
        async with await asyncio.start_server(_say_nothing, "127.0.0.1", 0) as mute:
            port = mute.sockets[0].getsockname()[1]
            assert "is no Ray cluster" in await told(f"127.0.0.1:{port}")
        assert "nothing answers at" in await told(f"127.0.0.1:{port}")
        assert "no Ray cluster runs on this machine" in await told("auto")
        paths = os.pathsep.join((str(older_ray), str(ray_folder)))
        with RayCluster(short_folder, {**there.env, "PYTHONPATH": paths}) as cluster:
            said = await told(cluster.address)
    assert "the cluster has Ray 2.55.1 with Python" in said
    assert "this machine Ray 2.60.0" in said
    assert not [each for each in team.requests if each.body.startswith(b"{")]


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
