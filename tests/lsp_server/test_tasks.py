from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from polypilot.tasks import Tasks, run_blocking, start_blocking


async def forever(started: asyncio.Event | None = None) -> None:
    if started is not None:
        started.set()
    await asyncio.Event().wait()


async def test_a_task_lives_although_nobody_else_holds_it() -> None:
    tasks, done = Tasks(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        gc.collect()
        done.set()

    tasks.spawn(work(), name="work")
    async with asyncio.timeout(5):
        await done.wait()


async def test_a_failure_is_logged_by_type_and_place_only(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()

    async def fail() -> None:
        raise ValueError("sk-canary-in-the-text")

    with pytest.raises(ValueError, match="canary"):
        await tasks.spawn(fail(), name="failing")
    assert "'failing' failed: ValueError at " in caplog.text
    assert "test_tasks.py" in caplog.text
    assert "canary" not in caplog.text


async def test_latest_cancels_the_one_before_and_only_of_its_key() -> None:
    tasks = Tasks()
    first = tasks.latest("a", forever())
    other = tasks.latest("b", forever())
    second = tasks.latest("a", forever())
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not second.done()
    assert not other.done()
    tasks.cancel("b")
    with pytest.raises(asyncio.CancelledError):
        await other
    assert await tasks.aclose() == ()
    assert second.cancelled()


async def test_latest_forgets_a_finished_task_and_not_its_successor() -> None:
    tasks = Tasks()

    async def quick() -> int:
        return 1

    assert await tasks.latest("a", quick()) == 1
    second = tasks.latest("a", forever())
    await asyncio.sleep(0)
    assert not second.done()
    await tasks.aclose()


async def test_aclose_cancels_awaits_and_names_what_does_not_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks, started, release = Tasks(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        started.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    cleaned: list[str] = []

    async def tidy() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            cleaned.append("tidy")

    tasks.spawn(stubborn(), name="stubborn")
    tasks.spawn(tidy(), name="tidy")
    async with asyncio.timeout(5):
        await started.wait()
        assert await tasks.aclose(timeout=0.05) == ("stubborn",)
        assert cleaned == ["tidy"]
        assert "stubborn" in caplog.text
        release.set()
        assert await tasks.aclose() == ()


async def test_after_aclose_nothing_begins() -> None:
    tasks = Tasks()
    await tasks.aclose()
    ran: list[int] = []

    async def late() -> None:
        ran.append(1)

    task = tasks.spawn(late(), name="late")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ran == []


async def test_a_task_may_close_its_owner() -> None:
    tasks = Tasks()

    async def closing() -> tuple[str, ...]:
        return await tasks.aclose()

    other = tasks.spawn(forever(), name="other")
    assert await tasks.spawn(closing(), name="closing") == ()
    assert other.cancelled()


async def test_run_blocking_runs_on_a_daemon_thread_of_its_own_with_the_callers_context() -> None:
    variable = contextvars.ContextVar[str]("variable")
    variable.set("mine")

    def work(a: int) -> tuple[int, str, bool, bool]:
        thread = threading.current_thread()
        return a, variable.get(), thread.daemon, thread is threading.main_thread()

    assert await run_blocking(work, 7, timeout=5, name="work") == (7, "mine", True, False)


async def test_run_blocking_hands_on_what_was_raised() -> None:
    def fail() -> None:
        raise KeyError("k")

    def leave() -> None:
        sys.exit(3)

    def stop() -> None:
        raise StopIteration

    with pytest.raises(KeyError):
        await run_blocking(fail, timeout=5)
    with pytest.raises(RuntimeError, match="SystemExit in a worker"):
        await run_blocking(leave, timeout=5)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run_blocking(stop, timeout=5)


async def test_run_blocking_gives_up_by_name_and_drops_what_comes_late() -> None:
    release, ended = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang() -> None:
        release.wait()
        loop.call_soon_threadsafe(ended.set)
        raise ValueError("too late")

    with pytest.raises(TimeoutError, match=r"keyring did not return in 0\.05 s"):
        await run_blocking(hang, timeout=0.05, name="keyring")
    release.set()
    async with asyncio.timeout(5):
        await ended.wait()
        await asyncio.sleep(0)


async def test_start_blocking_lets_a_slow_call_finish() -> None:
    release = threading.Event()

    def slow(value: int) -> int:
        release.wait(5)
        return value

    future = start_blocking(slow, 4)
    assert not future.done()
    release.set()
    async with asyncio.timeout(5):
        assert await future == 4


async def test_a_hundred_hung_calls_do_not_slow_the_loop() -> None:
    release = threading.Event()
    hung = [start_blocking(release.wait, 30) for _ in range(100)]
    gaps: list[float] = []
    for _ in range(50):
        start = time.perf_counter()
        await asyncio.sleep(0.001)  # what is measured
        gaps.append(time.perf_counter() - start)
    release.set()
    async with asyncio.timeout(10):
        await asyncio.gather(*hung)
    assert sorted(gaps)[len(gaps) // 2] < 1.0  # a bound; bench/hung_calls.py prints the figure


def test_a_process_ends_although_a_call_hangs_for_ever() -> None:
    code = """
    import asyncio, threading
    from polypilot.tasks import run_blocking
    async def main():
        try:
            await run_blocking(threading.Event().wait, timeout=0.1)
        except TimeoutError:
            print("gave up", flush=True)
    asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        timeout=20,  # a pool's thread would keep it for ever
        check=True,
    )
    assert done.stdout == b"gave up\n"
    assert done.stderr == b""
