"""Ray, which no other test needs: installed once beside the developer's own packages."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cluster_support import LARGE, Alone, Bodies, Home, RayCluster, make_tested_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RAY = "ray==2.60.0"
OLDER = "ray==2.55.1"
DRIVE = Path(__file__).with_name("drive.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs no more than Ray is run where it has been installed, and deselected elsewhere."""
    if "nightly" in (config.option.markexpr or "") or _kept(RAY).exists():
        return
    without = [item for item in items if "ray_kept" in getattr(item, "fixturenames", ())]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


@pytest.fixture
def ray_kept() -> Path:
    """A folder with Ray and what it needs, if there is one."""
    return _installed(RAY)


@pytest.fixture(scope="session")
def ray_folder() -> Path:
    """A folder with Ray and what it needs, kept between runs."""
    return _installed(RAY)


@pytest.fixture(scope="session")
def older_ray() -> Path:
    """A folder with an older Ray, alone."""
    return _installed(OLDER, "--no-deps")


def _kept(package: str) -> Path:
    named = os.environ.get("POLYPILOT_TEST_CACHE")
    cache = Path(named) if named else Path.home() / ".cache" / "polypilot-tests"
    return cache / f"{package.replace('==', '-')}-py{sys.version_info[0]}{sys.version_info[1]}"


def _installed(package: str, *more: str) -> Path:
    folder = _kept(package)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "ray.lock").open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            fresh = folder.with_name(folder.name + ".new")
            shutil.rmtree(fresh, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(fresh)]
            done = subprocess.run(
                [*pip, *more, package], check=False, capture_output=True, timeout=900
            )
            if done.returncode:
                reason = "Ray can't be installed here"
                if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
                    pytest.fail(reason, pytrace=False)
                pytest.skip(reason)
            fresh.rename(folder)
    return folder


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with tests, which no comparison changes."""
    return make_tested_repository(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Alone:
    """The large comparison without a cluster, made once."""

    async def run() -> Alone:
        home = Home(tmp_path_factory.mktemp("alone"), repository, None)
        async with Bodies(repository) as team:
            home.knows(team)
            return Alone(home, await home.run(*LARGE), len(team.requests))

    return asyncio.run(run())


@pytest.fixture
def there(ray_folder: Path, repository: Path, tmp_path: Path) -> Home:
    """A user whose comparisons go to a cluster."""
    return Home(tmp_path / "there", repository, ray_folder)


@pytest.fixture
def cluster(there: Home, short_folder: Path) -> Iterator[RayCluster]:
    """A cluster that runs already."""
    with RayCluster(short_folder, there.env) as running:
        yield running


@pytest.fixture
def drive(ray_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """Runs the driver; what it says."""

    def run(*arguments: str, **more: str) -> Any:
        done = subprocess.run(
            [sys.executable, str(DRIVE), *arguments],
            env={**os.environ, "PYTHONPATH": str(ray_folder), "HOME": str(tmp_path),
                 "POLYPILOT_DATA_DIR": str(tmp_path / "data"),
                 "POLYPILOT_CACHE_DIR": str(tmp_path / "cache"), **more},
            check=False, capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return run
