"""``polypilot compare --ray`` as a user types it: the same figures, and nothing is paid twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil
import pytest
from cluster_support import Bodies, Home, RayCluster, figures, make_tested_repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cluster_support import Ended

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="tests are run apart on Linux only"),
]
COMMAND = ("compare", "team/gpt-4.1", "--yes", "--json")
SMALL = (*COMMAND, "--kind", "tested=2", "--kind", "line=3")
LARGE = (*COMMAND, "--kind", "tested=4", "--kind", "rest=8", "--kind", "fix=1")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tested_repository(tmp_path_factory.mktemp("work"))


@dataclass(frozen=True)
class Alone:
    """The large comparison without a cluster."""

    home: Home
    ended: Ended
    paid: int
    """Questions that the supplier got."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Alone:
    async def run() -> Alone:
        home = Home(tmp_path_factory.mktemp("alone"), repository, None)
        async with Bodies(repository) as team:
            home.knows(team)
            return Alone(home, await home.run(*LARGE), len(team.requests))

    return asyncio.run(run())


def same(one: Home, other: Home, *reports: Ended) -> None:
    """The records hold the same, and the reports say the same."""
    for table in ("tasks", "replies", "marks"):
        assert one.rows(table) == other.rows(table)
    assert one.count("asked") == other.count("asked") == 0
    assert len({str(figures(each.report)) for each in reports}) == 1
    verdicts = {mark.get("passed") for mark in other.rows("marks")}
    assert {True, False} <= verdicts  # tests were run, and told right from wrong


async def until(what: Callable[[], object]) -> None:
    """Wait for something of another process."""
    async with asyncio.timeout(200):
        while not await asyncio.to_thread(what):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.02)


def workers_of(process: asyncio.subprocess.Process, name: str) -> list[psutil.Process]:
    """Processes of this program's own cluster that do this work now."""
    found: list[psutil.Process] = []
    for each in psutil.Process(process.pid).children(recursive=True):
        try:
            line = each.cmdline()
        except psutil.Error:
            continue
        if line and line[0].startswith("ray::") and name in line[0]:
            found.append(each)
    return found


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
    alone: Alone, ray_folder: Path, short_folder: Path, tmp_path: Path, repository: Path, named: str
) -> None:
    there = Home(tmp_path / "there", repository, ray_folder)
    async with Bodies(repository) as team:
        there.knows(team)
        with RayCluster(short_folder, there.env) as cluster:
            if named == "auto":
                there.env["RAY_ADDRESS"] = cluster.address  # as Ray's own jobs have it
            address = "auto" if named == "auto" else cluster.address
            spread = await there.run(*LARGE, "--ray", address)
            assert len(team.requests) == alone.paid
            again = await there.run(*LARGE, "--ray", address)
            assert len(team.requests) == alone.paid
            assert there.left_behind == []
            assert cluster.processes  # one that is not ours goes on
    same(alone.home, there, alone.ended, spread, again)


@pytest.mark.nightly
async def test_a_killed_worker_loses_nothing(
    alone: Alone, ray_folder: Path, short_folder: Path, tmp_path: Path, repository: Path
) -> None:
    there = Home(tmp_path / "there", repository, ray_folder)
    async with Bodies(repository) as team:
        there.knows(team)
        with RayCluster(short_folder, there.env) as cluster:
            process = await there.start(*LARGE, "--ray", cluster.address)
            ending = asyncio.ensure_future(there.end(process))
            for when in ("replies", "marks"):  # while tasks are made, and while answers are judged
                await until(lambda: cluster.at_work("judge"))
                os.kill(cluster.at_work("judge")[0].pid, signal.SIGKILL)
                await until(lambda when=when: there.count(when) or ending.done())
            spread = await ending
            assert len(team.requests) == alone.paid
            assert there.left_behind == []
    same(alone.home, there, alone.ended, spread)


@pytest.mark.nightly
@pytest.mark.parametrize("resumed", ["there", "here"])
async def test_a_killed_comparison_goes_on(
    alone: Alone, ray_folder: Path, short_folder: Path, tmp_path: Path, repository: Path, resumed: str
) -> None:
    there = Home(tmp_path / "there", repository, ray_folder)
    async with Bodies(repository) as team:
        there.knows(team)
        with RayCluster(short_folder, there.env) as cluster:
            ray = ("--ray", cluster.address)
            process = await there.start(*LARGE, *ray)
            await team.wait_for_requests(5, seconds=200)
            process.kill()
            await process.communicate()
            cut_off = there.count("asked")
            process = await there.start(*LARGE, *ray)
            await until(lambda: there.count("marks") > 3)  # while answers are judged
            process.kill()
            await process.communicate()
            kept = there.count("marks")
            spread = await there.run(*LARGE, *(ray if resumed == "there" else ()))
            assert 3 < kept < there.count("marks")
            # Only what had been cut off may have been sent again.
            assert team.twice <= cut_off <= 3
            assert len(team.requests) == alone.paid + team.twice
            assert there.count("asked") == cut_off
            assert there.left_behind == []
    for table in ("tasks", "replies", "marks"):
        assert alone.home.rows(table) == there.rows(table)
    assert figures(alone.ended.report) == figures(spread.report)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["ours", "theirs"])
async def test_ctrl_c_leaves_nothing_on_the_cluster(
    ray_folder: Path, short_folder: Path, tmp_path: Path, repository: Path, kind: str
) -> None:
    there = Home(tmp_path / "there", repository, ray_folder, TMPDIR=str(short_folder))
    async with Bodies(repository) as team:
        there.knows(team)
        if kind == "ours":
            process = await there.start(*LARGE, "--ray", "local:2")
            await until(lambda: workers_of(process, "judge"))
            below = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            ended = await there.end(process)
            _, alive = await asyncio.to_thread(psutil.wait_procs, below, 30)
            assert alive == []
            assert await asyncio.to_thread(os.listdir, short_folder) == []
        else:
            with RayCluster(short_folder, there.env) as cluster:
                process = await there.start(*LARGE, "--ray", cluster.address)
                await until(lambda: cluster.at_work("judge"))
                process.send_signal(signal.SIGINT)
                ended = await there.end(process)
                await until(lambda: not cluster.at_work("judge"))
                await until(lambda: not cages(cluster))
    assert ended.status == 130, ended.err
    assert there.left_behind == []


def cages(cluster: RayCluster) -> list[psutil.Process]:
    """Runs of tests that go on."""
    found: list[psutil.Process] = []
    for each in cluster.processes:
        try:
            found += [each] if "polypilot.compare.cage" in each.cmdline() else []
        except psutil.Error:
            continue
    return found


@pytest.mark.nightly
async def test_what_keeps_a_cluster_from_use_is_said(
    ray_folder: Path, older_ray: Path, short_folder: Path, tmp_path: Path, repository: Path
) -> None:
    there = Home(tmp_path / "there", repository, ray_folder, RAY_TMPDIR=str(short_folder))

    async def told(address: str) -> str:
        ended = await there.run(*SMALL[:-1], "--ray", address)
        assert ended.status == 1
        return " ".join(ended.err.split())

    async with Bodies(repository) as team:
        there.knows(team)
        assert "what answers at" in await told(team.url.removeprefix("http://"))
        mute = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with mute:
            port = mute.sockets[0].getsockname()[1]
            assert "is no Ray cluster" in await told(f"127.0.0.1:{port}")
        assert "nothing answers at" in await told(f"127.0.0.1:{port}")
        assert "no Ray cluster runs on this machine" in await told("auto")
        paths = os.pathsep.join((str(older_ray), str(ray_folder)))
        with RayCluster(short_folder, {**there.env, "PYTHONPATH": paths}) as cluster:
            said = await told(cluster.address)
        assert "the cluster has Ray 2.55.1 with Python" in said
        assert "this machine Ray 2.60.0" in said
        asked = [each for each in team.requests if each.json]
    assert asked == []
