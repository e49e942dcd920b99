"""How editors' servers and a model's process find each other."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from polypilot.embedded.locks import FileLock
from polypilot.embedded.rendezvous import Failed, Rendezvous, Running
from polypilot.embedded.worker import withdraw

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from polypilot.embedded.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def meeting(tmp_path: Path) -> Rendezvous:
    model = tmp_path / "model.gguf"
    model.write_bytes(b"x")
    return Rendezvous(tmp_path, "A model/with: odd name", model)


def test_a_lock_is_seen_from_other_processes_until_its_holder_dies(tmp_path: Path):
    path = tmp_path / "lock"
    lock = FileLock(path)
    assert not lock.held()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"True"
        assert lock.held()
        assert not lock.acquire()
        holder.kill()
        holder.wait(10)
        assert not lock.held()
        with lock:
            assert lock.acquire()
            assert FileLock(path).held()
        assert not FileLock(path).held()


def test_a_lock_file_that_is_a_link_is_refused(tmp_path: Path):
    (tmp_path / "target").touch()
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        FileLock(tmp_path / "lock").acquire()


def test_what_is_published_is_read_and_private(meeting: Rendezvous):
    assert meeting.read() is None
    running = Running(7, 4711, "key")
    meeting.publish(running)
    assert meeting.read() == running
    assert stat.S_IMODE(meeting.state.stat().st_mode) == 0o600
    assert "key" not in repr(running)
    meeting.publish(Failed("start_failed", "why"))
    assert meeting.read() == Failed("start_failed", "why")
    meeting.clear()
    assert meeting.read() is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "running": 5}',
             '{"format": 1, "running": {"pid": "x", "port": 1, "key": "k"}}', "\udcff"],
)  # fmt: skip
def test_a_damaged_state_counts_as_none(meeting: Rendezvous, text: str):
    meeting.state.write_text(text, "utf-8", errors="surrogateescape")
    assert meeting.read() is None


def test_names_are_harmless_and_a_replaced_file_is_another_model(tmp_path: Path):
    model = tmp_path / "model.gguf"
    model.write_bytes(b"x")
    first = Rendezvous(tmp_path, "../../etc/x y", model)
    assert first.state.parent == tmp_path
    assert first.key == Rendezvous(tmp_path, "../../etc/x y", model).key
    model.write_bytes(b"xy")
    assert first.key != Rendezvous(tmp_path, "../../etc/x y", model).key


def test_an_endpoint_taken_at_the_last_moment_is_not_withdrawn(meeting: Rendezvous):
    running = Running(os.getpid(), 1, "key")
    meeting.publish(running)
    meeting.touch()
    touched = meeting.last_touch()
    os.utime(meeting.used, ns=(touched + 1, touched + 1))  # someone has come since
    assert not withdraw(meeting, running, touched)
    assert meeting.read() == running
    assert withdraw(meeting, running, touched + 1)
    assert meeting.read() is None
