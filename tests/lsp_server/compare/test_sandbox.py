from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from polypilot.compare import cage_run, sandbox
from polypilot.compare.sandbox import Outcome, kept_by, obstacle, run
from polypilot.compare.values import TestRun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")

Snapshot = dict[str, tuple[int, int, bytes]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    (top / "folder").mkdir(parents=True)
    (top / "code.py").write_text("value = 1\n", "utf-8")
    (top / "folder" / "text.txt").write_text("text\n", "utf-8")
    (top / "link").symlink_to("folder/text.txt")
    return top


@pytest.fixture(autouse=True)
async def needed() -> None:
    if await kept_by() != "namespaces":
        reason = "user namespaces are not allowed here"
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


def snapshot(top: Path) -> Snapshot:
    return {
        str(path.relative_to(top)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(top.rglob("*"))
    }


async def shell(script: str, tree: Path, *, seconds: float = 30.0, **more: str) -> Outcome:
    return await run(TestRun(("sh", "-c", script), seconds=seconds), tree, overlay=more)


async def python(code: str, tree: Path, *, seconds: float = 30.0, megabytes: int = 2048) -> Outcome:
    command = ("{python}", "-c", code)
    return await run(TestRun(command, seconds=seconds, megabytes=megabytes), tree)


# --- verdicts


async def test_a_test_that_passes(tree: Path):
    outcome = await shell("cat code.py link; echo told >&2", tree)
    assert (outcome.passed, outcome.note) == (True, "")
    assert outcome.output == "value = 1\ntext\ntold\n"
    assert "value" not in repr(outcome)


async def test_a_test_that_fails(tree: Path):
    outcome = await shell("exit 3", tree)
    assert (outcome.passed, outcome.note) == (False, "exit status 3")


async def test_a_program_that_is_not_there_gives_no_verdict(tree: Path):
    outcome = await run(TestRun(("no-such-program-here",)), tree)
    assert outcome.passed is None
    assert "could not be started" in outcome.note


async def test_files_are_written_before_it_runs_and_only_for_it(tree: Path):
    before = snapshot(tree)
    test = TestRun(("sh", "-c", "cat code.py new/file.txt link"), files=(("new/file.txt", "a\n"),))
    outcome = await run(test, tree, overlay={"code.py": "value = 2\n", "link": "no link\n"})
    assert outcome.output == "value = 2\na\nno link\n"
    assert snapshot(tree) == before


@pytest.mark.parametrize("path", ["/etc/motd", "../outside", "a/../../outside", "out/file", ""])
async def test_a_path_that_leads_out_is_refused(tree: Path, path: str):
    (tree / "out").symlink_to(tree.parent)
    outcome = await run(TestRun(("true",)), tree, overlay={path: "text"})
    assert outcome.passed is None
    assert "leads out" in outcome.note


async def test_no_run_sees_what_another_has_changed(tree: Path):
    script = "test -e mark && exit 9; touch mark /tmp/mark ~/mark && rm -r folder code.py"
    for _ in range(2):
        assert (await shell(script, tree)).passed
    both = await asyncio.gather(*(shell(script, tree) for _ in range(3)))
    assert [each.passed for each in both] == [True] * 3


async def test_the_tree_can_be_written_and_says_so(tree: Path):
    code = (
        "import os\nfor name in ('.', 'folder', 'code.py', '/tmp', os.environ['HOME']):\n"
        "    assert os.access(name, os.R_OK | os.W_OK), name\n"
        "os.chmod('code.py', 0o600)\nopen('code.py', 'a').close()\nos.mkdir('folder/new')"
    )
    outcome = await python(code, tree)
    assert outcome.passed, outcome.output


async def test_a_folder_that_is_removed_and_made_again_is_empty(tree: Path):
    outcome = await shell("rm -r folder && mkdir folder && ls -A folder && mv folder other", tree)
    assert (outcome.passed, outcome.output) == (True, "")


async def test_the_tree_stands_where_the_repository_is(tree: Path, tmp_path: Path):
    repository = tmp_path / "own"
    (repository / "extra").mkdir(parents=True)
    outcome = await run(TestRun(("sh", "-c", "pwd; ls")), tree, repository=repository)
    assert outcome.output.split() == [str(repository), "code.py", "folder", "link"]


async def test_the_repositorys_own_interpreter_is_used(tree: Path):
    programs = tree / ".venv" / "bin"
    programs.mkdir(parents=True)
    own = programs / "python"
    own.write_text("#!/bin/sh\necho own\n", "utf-8")
    own.chmod(0o755)
    outcome = await python("print('other')", tree)
    assert outcome.output == "own\n"
    own.unlink()
    assert (await python("import sys; print(sys.executable)", tree)).output == f"{sys.executable}\n"


# --- what is kept from it


@pytest.fixture
async def listener() -> AsyncGenerator[tuple[int, list[str]]]:
    """A server on loopback, its port, and who has come."""
    came: list[str] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append("tcp")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came


async def test_there_is_no_network(tree: Path, listener: tuple[int, list[str]]):
    port, came = listener
    code = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)"
    outcome = await python(code, tree)
    assert outcome.passed is False
    assert "ConnectionRefusedError" in outcome.output
    devices = await shell("cut -d: -f1 -s /proc/net/dev", tree)
    assert devices.output.split() == ["lo"]
    assert came == []


async def test_a_tests_own_server_on_loopback_is_reached(tree: Path):
    code = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname())\nserver.accept()"
    )
    assert (await python(code, tree)).passed


async def test_sockets_of_running_programs_are_not_reached(tree: Path, tmp_path: Path):
    place = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        server.listen()
        server.settimeout(0)
        code = f"import socket\nsocket.socket(socket.AF_UNIX).connect({str(place)!r})"
        outcome = await python(code, tree)
        assert "FileNotFoundError" in outcome.output
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_no_key_and_no_file_of_the_home_is_seen(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "key").write_text("a-private-key", "utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OPENAI_API_KEY", "a-private-key")
    outcome = await shell(f"env; cat {home}/.ssh/key; ls -A ~; true", tree)
    assert outcome.passed
    assert "a-private-key" not in outcome.output
    assert f"HOME={home}" not in outcome.output


async def test_nothing_is_seen_of_programs_that_run(tree: Path):
    assert await obstacle() == ""
    assert (await shell("ls -A /run", tree)).output == ""


async def test_other_processes_are_not_seen(tree: Path):
    outcome = await shell("echo /proc/[0-9]*", tree)
    assert len(outcome.output.split()) <= 4


async def test_deleting_all_that_can_be_reached_deletes_nothing(tree: Path, tmp_path: Path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("dear", "utf-8")
    before, outside = snapshot(tree), snapshot(precious)
    code = (
        "import os, shutil, sys, pathlib\n"
        "places = ['.', os.path.expanduser('~'), '/tmp', '/home', '/root', '/etc/hostname',\n"
        f"  {str(precious)!r}, {str(Path(__file__).parent)!r}, '/dev/shm', '/var/tmp']\n"
        "for place in places:\n"
        "    shutil.rmtree(place, ignore_errors=True)\n"
        "    try: os.unlink(place)\n"
        "    except OSError: pass\n"
        "print(os.listdir('.'))\n"
    )
    outside_too = snapshot(Path(__file__).parent)
    outcome = await python(code, tree)
    assert outcome.passed, outcome.output
    assert outcome.output == "[]\n"
    assert snapshot(tree) == before
    assert snapshot(precious) == outside
    assert snapshot(Path(__file__).parent) == outside_too


@pytest.mark.parametrize(
    "attempt",
    [
        "touch /usr/polypilot-was-here",
        "echo 1 > /proc/sys/vm/overcommit_memory",
        "mknod disk b 8 0",
        "mount -o remount,rw /",
        "umount /tmp",
        "unshare --user --map-root-user --mount umount /home",
        "unshare --user --map-root-user --mount mount -o remount,bind,rw /",
        "kill -9 1; kill -0 1 && exit 1",
        "test -e /dev/sda || test -e /dev/vda || test -e /dev/mem",
    ],
)
async def test_there_is_no_way_out(tree: Path, attempt: str):
    outcome = await shell(attempt, tree)
    assert outcome.passed is False, outcome.output


# --- the end


def processes(mark: str) -> list[int]:
    """Those that have the mark among their arguments."""
    everyone = psutil.process_iter(["cmdline"])
    return [each.pid for each in everyone if mark in (each.info["cmdline"] or ())]


@pytest.mark.parametrize(
    "script",
    [
        "while :; do :; done",
        "trap '' TERM INT HUP; while :; do sleep 1000; done",
        "kill -STOP $$",
        "sleep 1000 & wait",
        "exec sleep 1000 > /dev/null 2>&1",
    ],
)
async def test_what_does_not_end_is_ended(tree: Path, script: str):
    outcome = await shell(script, tree, seconds=1)
    assert (outcome.passed, outcome.note) == (False, "it took longer than 1 s")


async def test_input_is_at_its_end(tree: Path):
    assert (await shell("cat; read -r line && exit 1; exit 0", tree)).passed


async def test_no_process_is_left(tree: Path):
    mark = f"polypilot-mark-{os.getpid()}"
    code = "import os, time; os.setsid(); os.fork() and os._exit(0); time.sleep(1000)"
    start = f"python3 -c '{code}' {mark} > /dev/null 2>&1 < /dev/null &"
    outcome = await shell(f"{start} {start} (setsid {start}) ; sleep 0.2; exit 0", tree)
    assert outcome.passed
    assert processes(mark) == []


async def test_a_fork_bomb_ends(tree: Path):
    code = (
        "import os\ncount = 0\n"
        "while True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    )
    outcome = await python(code, tree, seconds=1)
    assert outcome.passed is False


async def test_processes_are_limited(tree: Path):
    code = (
        "import os, signal\nnumber = 0\n"
        "try:\n    while number < 5000:\n"
        "        if not os.fork(): signal.pause()\n"
        "        number += 1\n"
        "except BlockingIOError: print('limited', number < 300)\n"
    )
    assert "limited True" in (await python(code, tree)).output


async def test_memory_is_limited(tree: Path):
    outcome = await python("block = bytearray(300 << 20)", tree, megabytes=200)
    assert outcome.passed is False
    assert "MemoryError" in outcome.output


async def test_ten_gigabytes_do_not_fit(tree: Path):
    code = (
        "import os, sys\nwritten = 0\n"
        "for number in range(100):\n"
        "    with open(f'big{number}', 'wb', 0) as file:\n"
        "        for _ in range(100):\n"
        "            written += file.write(bytes(1 << 20))\n"
    )
    outcome = await python(code, tree, seconds=60)
    assert outcome.passed is False
    assert "No space left" in outcome.output
    assert sorted(snapshot(tree)) == ["code.py", "folder", "folder/text.txt", "link"]


async def test_one_huge_file_does_not_fit(tree: Path):
    code = "with open('big', 'wb', 0) as file:\n    while True: file.write(bytes(1 << 24))"
    outcome = await python(code, tree, seconds=60)
    assert outcome.passed is False


async def test_printing_for_ever_ends(tree: Path):
    outcome = await shell("yes", tree, seconds=60)
    assert outcome.passed is False
    assert "printed more" in outcome.note
    assert len(outcome.output) <= cage_run.KEPT


async def test_cancelling_ends_it(tree: Path):
    mark = f"polypilot-cancelled-{os.getpid()}"
    code = "import time; print('begun', flush=True); time.sleep(1000)"
    task = asyncio.ensure_future(run(TestRun(("{python}", "-c", code, mark)), tree))
    await come(lambda: processes(mark) != [])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await come(lambda: processes(mark) == [])


async def test_it_ends_with_whoever_started_it(tree: Path):
    mark = f"polypilot-orphan-{os.getpid()}"
    code = (
        "import asyncio, sys, pathlib\nfrom polypilot.compare.sandbox import run\n"
        "from polypilot.compare.values import TestRun\n"
        f"test = TestRun(('{{python}}', '-c', 'import time; time.sleep(1000)', {mark!r}))\n"
        f"asyncio.run(run(test, pathlib.Path({str(tree)!r})))\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    await come(lambda: processes(mark) != [])
    process.kill()
    await process.wait()
    await come(lambda: processes(mark) == [])


async def come(condition: Callable[[], bool]) -> None:
    """Wait for what must come; pytest's own limit is the end of patience."""
    while not condition():  # noqa: ASYNC110  (no event tells of another's processes)
        await asyncio.sleep(0.01)


# --- where there is less

ELSEWHERE = """
import asyncio, json, pathlib, sys
from polypilot.compare import cage_run, sandbox
from polypilot.compare.values import TestRun

async def main():
    tree, allowed, *scripts = json.loads(sys.argv[1])
    told = [await sandbox.obstacle()]
    for script, seconds in scripts:
        program = "{python}" if script.startswith("import ") else "sh"
        test = TestRun((program, "-c", script), files=(("new", "new\\n"),), seconds=seconds)
        outcome = await sandbox.run(test, pathlib.Path(tree), allow_network=allowed)
        told.append([outcome.passed, outcome.note, outcome.output])
    print(json.dumps(told))

asyncio.run(main())
"""


async def elsewhere(
    tree: Path, *scripts: str, programs: str, allow_network: bool = False, seconds: float = 30.0
) -> list[Any]:
    """What ``obstacle`` and each run say in a process that may make no user namespaces."""
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$1" "$2"'
    given = json.dumps([str(tree), allow_network, *([script, seconds] for script in scripts)])
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", forbid,
        sys.executable, ELSEWHERE, given,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PATH": programs},
    )  # fmt: skip
    output, _ = await process.communicate()
    return json.loads(output)


@pytest.fixture
def few_programs(tmp_path: Path) -> str:
    """A PATH without bubblewrap."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "cat", "setsid", "sleep", "yes"):
        (folder / name).symlink_to(shutil.which(name) or "")
    return str(folder)


async def test_without_room_tests_are_refused(tree: Path, few_programs: str):
    why, (passed, note, output) = await elsewhere(tree, "touch x", programs=few_programs)
    assert passed is None
    assert note == why == f"{sandbox.REFUSED}; {sandbox.CURE}"
    assert output == ""


async def test_with_leave_they_run_in_a_copy_with_the_network(tree: Path, few_programs: str):
    before, mark = snapshot(tree), f"polypilot-plain-{os.getpid()}"
    code = "import time; time.sleep(1000)"
    start = f"setsid {sys.executable} -c '{code}' {mark} > /dev/null 2>&1 &"
    scripts = (
        f"echo changed > code.py; echo $HOME; cat new; {start} {start} exit 0",
        f"{start} trap '' TERM; while :; do :; done",
        "yes",
        "import os; print(os.read(0, 9))",
        "import os; os._exit(0)",
    )
    told = await elsewhere(tree, *scripts, programs=few_programs, allow_network=True, seconds=3)
    _, ran, endless, much, witnessed, left = told
    assert ran[0] is True
    assert "the network" in ran[1]
    home, new = ran[2].split()
    assert new == "new"
    assert not os.path.lexists(home)  # noqa: ASYNC240  (nothing else runs)
    assert endless[0] is False
    assert "longer than 3 s" in endless[1]
    assert much[0] is False
    assert (witnessed[0], witnessed[2]) == (True, "b''\n")
    assert left[0] is False
    assert processes(mark) == []
    assert snapshot(tree) == before


async def test_bubblewrap_keeps_a_run_apart_and_ends_it_whole(tree: Path):
    if shutil.which("bwrap") is None:
        reason = "bubblewrap is not installed"
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    before, mark = snapshot(tree), f"polypilot-wrapped-{os.getpid()}"
    (tree.parent / "precious").mkdir()
    code = "import time; time.sleep(1000)"
    start = f"setsid python3 -c '{code}' {mark} > /dev/null 2>&1 &"
    told = await elsewhere(
        tree,
        f"pwd; cat new; cut -d: -f1 -s /proc/net/dev; rm -r folder; {start} exit 0",
        "touch /usr/polypilot-was-here",
        f"ls {tree.parent}/precious",
        "mount -o remount,bind,rw /usr || mount -o remount,bind,rw /",
        f"{start} trap '' TERM; while :; do :; done",
        "import os; print(os.read(0, 9))",
        "import os; os._exit(0)",
        programs="/usr/bin:/bin",
        seconds=3,
    )
    assert told[0] == ""
    assert told[1][:2] == [True, ""]
    assert told[1][2].split() == [str(tree), "new", "lo"]
    assert [each[0] for each in told[2:5]] == [False, False, False]
    assert told[5][:2] == [False, "it took longer than 3 s"]
    assert told[6] == [True, "", "b''\n"]
    assert told[7][:2] == [False, "it ended before its tests did"]
    assert processes(mark) == []
    assert snapshot(tree) == before
