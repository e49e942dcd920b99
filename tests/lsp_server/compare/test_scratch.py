"""Copies of trees: whose they are, and when they go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from polypilot.compare import scratch

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from polypilot.compare import scratch
print(scratch.folder(Path(sys.argv[1]), "run-"), flush=True)
sys.stdin.read()
"""


def test_a_folder_is_private_and_goes_with_its_lock(tmp_path: Path) -> None:
    made = scratch.folder(tmp_path, "run-")

    assert made.name.startswith("run-")
    assert made.stat().st_mode & 0o077 == 0
    (made / "folder").mkdir()
    scratch.remove(made)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_had_goes_with_the_next_and_a_living_one_keeps_its_own(
    tmp_path: Path,
) -> None:
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        killed, living = (tmp_path / str(each.stdout and each.stdout.readline().strip())
                          for each in holders)  # fmt: skip
        assert killed.is_dir()
        holders[0].kill()
        holders[0].wait()
        mine = scratch.folder(tmp_path)
        assert {each for each in tmp_path.iterdir() if each.is_dir()} == {living, mine}
        scratch.remove_all(tmp_path, "run-")
        assert [each for each in tmp_path.iterdir() if each.is_dir()] == [mine]
        scratch.remove(mine)
    finally:
        for each in holders:
            each.kill()
            each.communicate()


def test_a_folder_without_a_lock_goes_after_a_day(tmp_path: Path) -> None:
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    for each in (old, fresh):
        each.mkdir()
    past = time.time() - 25 * 3600
    os.utime(old, (past, past))
    mine = scratch.folder(tmp_path)
    assert {each for each in tmp_path.iterdir() if each.is_dir()} == {fresh, mine}
    scratch.remove(mine)
