"""The life of a model's process: started once, shared, ended when idle, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from polypilot.embedded.catalog import Model, ModelFile, choose
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.runtime import Endpoint, Runtime, thread_count
from polypilot.embedded.store import ModelStore

pytestmark = pytest.mark.e2e

Ended = Callable[..., bool]
MakeRuntime = Callable[..., Runtime]
MakeClient = Callable[[Endpoint], Any]


def workers(folder: Path) -> list[int]:
    """Processes that serve a model at this meeting place."""
    found: list[int] = []
    for process in psutil.process_iter(["cmdline"]):
        command: list[str] = process.info["cmdline"] or []
        if "polypilot.embedded.worker" in command and str(folder) in command:
            found.append(process.pid)
    return found


def names(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def cut(model: Path, short: Path) -> None:
    with model.open("rb") as source:
        short.write_bytes(source.read(40_000_000))


def damage(model: Path, damaged: Path) -> None:
    data = bytearray(model.read_bytes())
    data[50_000_000] ^= 1
    damaged.write_bytes(data)


async def test_it_is_started_once_for_all_who_ask_and_tells_its_stages(
    make_runtime: MakeRuntime, small: Model, folder: Path
):
    runtime = make_runtime()
    stages: list[str] = []
    others: list[str] = []
    endpoints = await asyncio.gather(
        runtime.ensure(small, stages.append),
        runtime.ensure(small, others.append),
        *(make_runtime().ensure(small) for _ in range(8)),
    )
    assert len({each.pid for each in endpoints}) == 1
    assert len({each.base_url for each in endpoints}) == 1
    assert workers(folder) == [endpoints[0].pid]
    assert psutil.Process(endpoints[0].pid).ppid() != os.getpid()  # nobody has to collect it
    await asyncio.sleep(0)
    assert stages == others
    assert [stage for stage in stages if stage != "starting"] == ["checking", "loading", "ready"]
    assert endpoints[0].completion_mode == "prefix"
    assert endpoints[0].model_id == "smollm2-135m"


JOIN = """
import asyncio, sys
from pathlib import Path
from polypilot.embedded.catalog import choose
from polypilot.embedded.runtime import Runtime
from polypilot.embedded.store import ModelStore

async def main():
    runtime = Runtime(ModelStore(Path(sys.argv[1])), threads=1, folder=Path(sys.argv[2]))
    endpoint = await runtime.ensure(choose("smollm2-135m"))
    await runtime.aclose()
    return f"{endpoint.pid} {endpoint.base_url}"

sys.stdin.readline()
print(asyncio.run(main()))
"""


def test_ten_editors_at_once_share_one_process_that_outlives_them(
    store: ModelStore,
    small: Model,
    folder: Path,
    make_runtime: MakeRuntime,
    make_client: MakeClient,
):
    command = [sys.executable, "-W", "error", "-c", JOIN, str(store.folder), str(folder)]
    editors = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        for _ in range(10)
    ]
    for editor in editors:
        assert editor.stdin is not None
        editor.stdin.write("go\n")
        editor.stdin.flush()
    answers = {editor.communicate(timeout=90)[0].strip() for editor in editors}
    assert [editor.returncode for editor in editors] == [0] * 10
    assert len(answers) == 1
    pid = int(answers.pop().split()[0])
    assert workers(folder) == [pid]
    assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    endpoint = asyncio.run(make_runtime().ensure(small))
    assert endpoint.pid == pid
    assert make_client(endpoint).ask("/health") == {"status": "ok"}


async def test_it_ends_when_idle_and_is_started_again(
    make_runtime: MakeRuntime, small: Model, folder: Path, ended: Ended
):
    runtime = make_runtime(idle_seconds=1.0)
    first = await runtime.ensure(small)
    assert await asyncio.to_thread(ended, first.pid)
    assert workers(folder) == []
    assert not names(folder, "*.json")
    second = await runtime.ensure(small)
    assert second.pid != first.pid
    assert second.key.reveal() != first.key.reveal()


async def test_asking_for_it_keeps_it(make_runtime: MakeRuntime, small: Model, ended: Ended):
    runtime = make_runtime(idle_seconds=1.0)
    first = await runtime.ensure(small)
    for _ in range(12):
        assert not await asyncio.to_thread(ended, first.pid, 0.25)
        assert (await runtime.ensure(small)).pid == first.pid


def test_it_does_not_end_while_it_answers(
    make_runtime: MakeRuntime, small: Model, make_client: MakeClient
):
    # Long enough for the question to arrive, on a busy machine too.
    endpoint = asyncio.run(make_runtime(idle_seconds=1.0).ensure(small))
    body = {"prompt": "x", "n_predict": 600, "ignore_eos": True}
    events = make_client(endpoint).stream("/completion", body).all()
    assert events[-1]["stop"] is True
    # Else nothing has been shown.
    assert events[-1]["timings"]["predicted_ms"] > 1500


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
async def test_it_is_started_again_if_it_died(
    make_runtime: MakeRuntime, small: Model, folder: Path, how: signal.Signals, ended: Ended
):
    runtime = make_runtime()
    first = await runtime.ensure(small)
    os.kill(first.pid, how)
    assert await asyncio.to_thread(ended, first.pid)
    second = await runtime.ensure(small)
    assert second.pid != first.pid
    assert workers(folder) == [second.pid]
    assert not names(folder, "core*")


async def test_it_ends_when_its_meeting_place_is_gone(
    make_runtime: MakeRuntime, small: Model, folder: Path, ended: Ended
):
    runtime = make_runtime(idle_seconds=30.0)  # looks around every 3 s
    first = await runtime.ensure(small)
    for each in names(folder, "*"):
        each.unlink()
    assert await asyncio.to_thread(ended, first.pid, 20)
    assert (await runtime.ensure(small)).pid != first.pid


async def test_stop_ends_it_for_everyone(make_runtime: MakeRuntime, small: Model, ended: Ended):
    runtime = make_runtime()
    assert not await runtime.stop(small)
    first = await runtime.ensure(small)
    assert await runtime.stop(small)
    assert await asyncio.to_thread(ended, first.pid)
    assert not await runtime.running(small)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")
def test_it_inherits_neither_streams_nor_keys(
    make_runtime: MakeRuntime, small: Model, monkeypatch: pytest.MonkeyPatch, folder: Path
):
    canary = "sk-canary-0123456789abcdef"
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        endpoint = asyncio.run(make_runtime().ensure(small))
    finally:
        os.close(writing)
    process = Path(f"/proc/{endpoint.pid}")
    assert canary.encode() not in (process / "environ").read_bytes()
    assert b"PYTHON" not in (process / "environ").read_bytes()
    open_files = {each.name: str(each.readlink()) for each in (process / "fd").iterdir()}
    assert {open_files[fd] for fd in "012"} == {"/dev/null"}
    assert not any(target.startswith("pipe:") for target in open_files.values())
    assert os.read(reading, 1) == b""  # nobody else has the other end
    os.close(reading)
    assert (process / "cwd").readlink() == folder


async def test_a_planted_link_is_not_written_through(
    make_runtime: MakeRuntime, small: Model, folder: Path, tmp_path: Path
):
    runtime = make_runtime()
    await runtime.ensure(small)
    await runtime.stop(small)
    (log,) = names(folder, "*.log")
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    log.unlink()
    log.symlink_to(victim)
    with pytest.raises(EmbeddedError) as caught:
        await runtime.ensure(small)
    assert caught.value.code == "start_failed"
    assert victim.read_bytes() == b"untouched"


# --- files that are not right


async def test_a_file_cut_short_is_told_with_its_cure(
    make_runtime: MakeRuntime, small: ModelFile, smollm2: Path, tmp_path: Path
):
    models = tmp_path / "models"
    models.mkdir()
    cut(smollm2, models / small.file)
    runtime = make_runtime(store=ModelStore(models))
    with pytest.raises(EmbeddedError) as caught:
        await runtime.ensure(small)
    assert caught.value.code == "needs_model"
    assert "cut short" in caught.value.message
    assert "polypilot models pull" in caught.value.cure


async def test_a_missing_file_is_told_with_its_cure(
    make_runtime: MakeRuntime, small: Model, tmp_path: Path
):
    with pytest.raises(EmbeddedError) as caught:
        await make_runtime(store=ModelStore(tmp_path)).ensure(small)
    assert caught.value.code == "needs_model"


async def test_a_damaged_file_is_never_loaded(
    make_runtime: MakeRuntime, small: ModelFile, smollm2: Path, tmp_path: Path, folder: Path
):
    models = tmp_path / "models"
    models.mkdir()
    damage(smollm2, models / small.file)
    with pytest.raises(EmbeddedError) as caught:
        await make_runtime(store=ModelStore(models)).ensure(small)
    assert caught.value.code == "model_corrupt"
    assert workers(folder) == []


async def test_a_users_own_file_is_served(make_runtime: MakeRuntime, smollm2: Path, tmp_path: Path):
    own = tmp_path / "my own model.gguf"
    own.symlink_to(smollm2)
    row = await asyncio.to_thread(choose, model_file=str(own))
    runtime = make_runtime()
    endpoint = await runtime.ensure(row)
    try:
        assert endpoint.model_id == "file:my-own-model"
        assert endpoint.chat
        assert endpoint.completion_mode == "prefix"
    finally:
        await runtime.stop(row)


async def test_a_users_own_file_that_is_cut_short_is_told_and_not_tried_again_at_once(
    make_runtime: MakeRuntime, smollm2: Path, tmp_path: Path, folder: Path, ended: Ended
):
    own = tmp_path / "short.gguf"
    cut(smollm2, own)
    row = await asyncio.to_thread(choose, model_file=str(own))
    runtime = make_runtime()
    with pytest.raises(EmbeddedError) as caught:
        await runtime.ensure(row)
    assert caught.value.code == "model_corrupt"
    (log,) = names(folder, "*.log")
    tried = log.stat()
    for pid in workers(folder):
        assert await asyncio.to_thread(ended, pid)
    with pytest.raises(EmbeddedError) as again:
        await runtime.ensure(row)
    assert again.value.message == caught.value.message
    assert log.stat().st_mtime_ns == tried.st_mtime_ns
    assert stat.S_IMODE(tried.st_mode) == 0o600


# --- without the extra

WITHOUT = """
import asyncio, sys
from pathlib import Path
from polypilot.embedded.catalog import choose
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.runtime import Runtime
from polypilot.embedded.store import ModelStore
try:
    runtime = Runtime(ModelStore(Path(sys.argv[1])), folder=Path(sys.argv[2]))
    asyncio.run(runtime.ensure(choose("smollm2-135m")))
except EmbeddedError as error:
    print(error.code, error.cure, sep="|")
"""


def test_without_the_extra_its_installation_is_told(
    store: ModelStore, folder: Path, tmp_path: Path
):
    # The environment as it is, less the one package.
    packages = tmp_path / "packages"
    packages.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if not each.name.startswith("xllamacpp"):
            (packages / each.name).symlink_to(each)
    source = Path(__file__).parents[3]
    path = os.pathsep.join(
        map(str, (source / "lsp_server", source / "providers", source / "prompts", packages))
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", WITHOUT, str(store.folder), str(folder)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True,
        encoding="utf-8",
    )  # fmt: skip
    assert done.stdout.startswith("needs_extra|")
    assert "polypilot[embedded]" in done.stdout


def test_a_core_is_left_to_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI", raising=False)
    assert thread_count() == max(1, len(os.sched_getaffinity(0)) - 1)
    monkeypatch.setenv("CI", "true")
    assert thread_count() == 1
