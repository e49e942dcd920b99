"""How long git's answers take, beside plain git, in a repository made for it.

Run: ``python bench/git_answers.py [FILES]``. Prints medians of 15 calls.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.workspace.git import Git
from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_CALLS = 15


def _make(root: Path, files: int) -> None:
    for number in range(files):
        folder = root / f"d{number % 100:02}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}.py").write_text(f"x = {number}\n" * 40, encoding="utf-8")
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    env = {**os.environ, **who, "GIT_COMMITTER_EMAIL": "a@b"}
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *arguments], cwd=root, env=env, check=True)
    for number in range(0, files, max(1, files // 50)):
        path = root / f"d{number % 100:02}" / f"f{number}.py"
        path.write_text(path.read_text("utf-8").replace("x", "y", 3), encoding="utf-8")


def _plain(root: Path, *arguments: str) -> float:
    times: list[float] = []
    for _ in range(_CALLS):
        start = time.perf_counter()
        subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


async def _ours(call: Callable[[], Awaitable[object]]) -> float:
    times: list[float] = []
    for _ in range(_CALLS):
        start = time.perf_counter()
        await call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


async def _measure(root: Path, files: int) -> None:
    git, name = Git(Roots([str(root)])), str(root)
    print(f"{files:,} files, 50 changed; ms, median of {_CALLS}")
    print(f"{'':10}{'plain git':>10}{'ours':>10}")
    diff = _plain(root, "diff", "HEAD")
    print(f"{'diff':10}{diff:10.1f}{await _ours(lambda: git.diff(name)):10.1f}")
    staged = _plain(root, "diff", "--cached")
    print(f"{'staged':10}{staged:10.1f}{await _ours(lambda: git.staged_diff(name)):10.1f}")
    print(
        f"{'status':10}{_plain(root, 'status'):10.1f}{await _ours(lambda: git.status(name)):10.1f}"
    )
    subjects = _plain(root, "log", "-n", "10", "--format=%s")
    print(f"{'subjects':10}{subjects:10.1f}{await _ours(lambda: git.recent_subjects(name)):10.1f}")


def main() -> None:
    """Make the repository, measure, and remove it."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder), files)
        asyncio.run(_measure(Path(folder), files))


if __name__ == "__main__":
    main()
