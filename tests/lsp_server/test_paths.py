from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polypilot import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(code: str, *args: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        encoding="utf-8",
    )
    return done.stdout


def test_the_three_variables_move_the_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"POLYPILOT_{name}_DIR", str(tmp_path / name))
    assert paths.config_file() == tmp_path / "CONFIG" / "config.toml"
    assert paths.data_dir() == tmp_path / "DATA"
    assert paths.cache_dir() == tmp_path / "CACHE"
    assert paths.log_dir() == tmp_path / "DATA" / "log"
    assert paths.runtime_dir() == tmp_path / "DATA" / "run"


def test_a_relative_folder_would_lie_in_the_opened_repository_and_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYPILOT_CONFIG_DIR", "conf")
    assert paths.config_dir().is_absolute()
    assert tmp_path not in paths.config_dir().parents


@posix_only
def test_without_variables_the_platform_decides(
    monkeypatch: pytest.MonkeyPatch, isolated_home: Path
) -> None:
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.delenv(f"POLYPILOT_{name}_DIR")
    home = isolated_home / "home"
    folders = (paths.config_dir(), paths.data_dir(), paths.cache_dir(), paths.log_dir())
    assert all(home in folder.parents for folder in folders)
    assert paths.runtime_dir() == isolated_home / "run" / "polypilot"


@posix_only
def test_a_runtime_folder_that_others_can_enter_is_not_used(
    monkeypatch: pytest.MonkeyPatch, isolated_home: Path
) -> None:
    monkeypatch.delenv("POLYPILOT_DATA_DIR")
    (isolated_home / "run").chmod(0o755)
    assert paths.runtime_dir() == paths.data_dir() / "run"


HOMELESS = """
import os, platformdirs, platformdirs.unix, polypilot.paths as paths
os.setgroups([]); os.setgid(54321); os.setuid(54321)  # an id without an entry, thus without a home
for path in (paths.config_file(), paths.data_dir(), paths.cache_dir(), paths.log_dir(),
             paths.runtime_dir()):
    print(path)
"""


@pytest.fixture
def temp() -> Iterator[Path]:
    """A temporary folder that every user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o1777)
        yield folder


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user id")
def test_a_user_without_home_gets_private_folders(temp: Path) -> None:
    out = run(HOMELESS, env={"TMPDIR": str(temp), "PATH": os.environ["PATH"]}).split()
    fallback = temp / "polypilot-54321"
    assert len(out) == 5
    assert all(fallback in Path(line).parents for line in out)
    assert mode(fallback) == 0o700


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user id")
def test_a_folder_planted_for_a_user_without_home_is_not_used(temp: Path) -> None:
    planted = temp / "polypilot-54321" / "config"
    planted.mkdir(parents=True)
    (planted / "config.toml").write_text(
        '[network]\nproxy = "http://evil.example:1"\n', encoding="utf-8"
    )
    out = run(HOMELESS, env={"TMPDIR": str(temp), "PATH": os.environ["PATH"]}).split()
    assert all(planted.parent not in Path(line).parents for line in out)


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user id")
def test_without_home_and_without_a_writable_disk_paths_still_come() -> None:
    out = run(HOMELESS, env={"TMPDIR": "/proc", "PATH": os.environ["PATH"]}).split()
    assert len(out) == 5
    assert not any(Path(line).exists() for line in out)


@posix_only
def test_ensure_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = paths.ensure_private(tmp_path / "a" / "b")
        paths.write_private(made / "f", b"x")
    finally:
        os.umask(old)
    assert mode(made) == 0o700
    assert mode(made / "f") == 0o600
    made.chmod(0o755)
    paths.ensure_private(made)
    assert mode(made) == 0o700


@posix_only
def test_ensure_private_refuses_a_link_planted_in_a_shared_folder(tmp_path: Path) -> None:
    shared, target = tmp_path / "shared", tmp_path / "target"
    shared.mkdir()
    shared.chmod(0o755)
    target.mkdir()
    (shared / "polypilot").symlink_to(target)
    paths.ensure_private(shared / "polypilot")  # nobody else could have put it there
    shared.chmod(0o1777)
    with pytest.raises(PermissionError):
        paths.ensure_private(shared / "polypilot")


def test_ensure_private_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(OSError, match="exists"):
        paths.ensure_private(tmp_path / "f")


@posix_only
def test_write_private_replaces_a_planted_link_and_spares_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    paths.write_private(link, b"new")
    assert target.read_bytes() == b"mine"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(TypeError):
        paths.write_private(tmp_path / "f", "no bytes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (the fault)
    assert (tmp_path / "f").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_what_killed_writers_left_is_removed_in_time(tmp_path: Path) -> None:
    left, fresh = tmp_path / ".f.0123.tmp", tmp_path / ".f.4567.tmp"
    left.write_bytes(b"torn")
    fresh.write_bytes(b"being written")
    os.utime(left, (1, 1))
    paths.write_private(tmp_path / "f", b"x")
    assert not left.exists()
    assert fresh.exists()


@posix_only
def test_a_full_disk_is_an_error_and_not_a_torn_file(tmp_path: Path) -> None:
    code = """
    import resource, signal, sys
    from pathlib import Path
    from polypilot import paths
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        paths.write_private(Path(sys.argv[1]), b"n" * 5000)
    except OSError as exc:
        print("refused", exc.errno)
    """
    file = tmp_path / "f"
    file.write_bytes(b"old")
    assert run(code, str(file)).startswith("refused")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f", b"old")]


def test_exclusive_waits_and_gives_up_by_name(tmp_path: Path) -> None:
    with (
        paths.exclusive(tmp_path / "f"),
        pytest.raises(TimeoutError, match="writing f"),
        paths.exclusive(tmp_path / "f", timeout=0.05),
    ):
        pass  # pragma: no cover - never entered
    with paths.exclusive(tmp_path / "f", timeout=0):
        pass


@posix_only
def test_a_killed_holder_frees_the_lock(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    from polypilot import paths
    with paths.exclusive(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "f")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TimeoutError), paths.exclusive(tmp_path / "f", timeout=0.05):
            pass  # pragma: no cover - never entered
        holder.kill()
        holder.wait()
        with paths.exclusive(tmp_path / "f", timeout=5):
            pass


# --- a kill at any moment, and many writers

WRITER = """
import sys
from pathlib import Path
from polypilot import paths
file = Path(sys.argv[1])
print("ready", flush=True)
n = 0
while True:
    n += 1
    paths.write_private(file, (b"%08d\\n" % n) * 3000)
"""


def kill_writers(file: Path, kills: int) -> int:
    """Kill a process that never stops writing, after a different while each time."""
    torn = 0
    for n in range(kills):
        with subprocess.Popen(
            [sys.executable, "-S", "-c", WRITER, str(file)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            # Not a wait for an event: the point in the write at which it dies is the variable.
            time.sleep((n * 7919 % 997) / 997 * 0.02)
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        if file.exists():
            lines = file.read_bytes().splitlines()
            torn += len(lines) != 3000 or len(set(lines)) != 1
    # Some of the kills must have met a write, or nothing was tested.
    assert list(file.parent.glob(".state.*.tmp"))
    return torn


@posix_only
def test_a_kill_while_writing_never_tears_the_file(tmp_path: Path) -> None:
    assert kill_writers(tmp_path / "state", 60) == 0


@posix_only
@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_thousand_kills_while_writing_never_tear_the_file(tmp_path: Path) -> None:
    assert kill_writers(tmp_path / "state", 1000) == 0


COUNTER = """
import json, sys
from pathlib import Path
from polypilot import paths
file, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for _ in range(times):
    with paths.exclusive(file, timeout=120):
        counts = json.loads(file.read_bytes()) if file.exists() else {}
        counts[name] = counts.get(name, 0) + 1
        paths.write_private(file, json.dumps(counts).encode())
"""


def count_together(file: Path, processes: int, times: int) -> dict[str, int]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", COUNTER, str(file), str(n), str(times)], env=env
        )
        for n in range(processes)
    ]
    assert [writer.wait() for writer in writers] == [0] * processes
    return json.loads(file.read_bytes())


@posix_only
def test_ten_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    counts = count_together(tmp_path / "state", 10, 50)
    assert counts == {str(n): 50 for n in range(10)}


@posix_only
@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_ten_processes_with_a_thousand_writes_each_lose_nothing(tmp_path: Path) -> None:
    counts = count_together(tmp_path / "state", 10, 1000)
    assert counts == {str(n): 1000 for n in range(10)}
