"""What settings replaced is closed once, and not before the last request has ended."""

from __future__ import annotations

import asyncio

import pytest

from polypilot.backend.retiring import Retiring


class Closed:
    """Counts its closes; fails or hangs if told to."""

    def __init__(self, *, fails: bool = False, hangs: bool = False) -> None:
        self.times = 0
        self._fails = fails
        self._hangs = hangs

    async def __call__(self) -> None:
        self.times += 1
        if self._hangs:
            await asyncio.Event().wait()
        if self._fails:
            raise OSError("the user's own text")


async def test_what_nobody_uses_is_closed_at_once() -> None:
    closing = Closed()
    use = Retiring(closing)
    async with use.used():
        assert not use.retired
    assert closing.times == 0
    await use.retire()
    assert (use.retired, use.closed, closing.times) == (True, True, 1)
    await use.aclose()
    assert closing.times == 1


async def test_the_last_of_several_users_closes_it_though_it_fails() -> None:
    closing = Closed()
    use = Retiring(closing)
    first = use.used()
    await first.__aenter__()
    failing = use.used()
    await failing.__aenter__()
    await use.retire()
    assert not await failing.__aexit__(KeyError, KeyError("a"), None)
    assert (use.closed, closing.times) == (False, 0)
    await first.__aexit__(None, None, None)
    assert (use.closed, closing.times) == (True, 1)


async def test_it_can_be_closed_under_its_users() -> None:
    closing = Closed()
    use = Retiring(closing)
    async with use.used():
        await use.aclose()
        assert closing.times == 1
    assert closing.times == 1


async def test_a_close_that_fails_or_hangs_keeps_nobody(caplog: pytest.LogCaptureFixture) -> None:
    for closing in (Closed(fails=True), Closed(hangs=True)):
        use = Retiring(closing, within=0.01)
        async with asyncio.timeout(10):
            await use.retire()
        assert use.closed
    assert "OSError" in caplog.text
    assert "did not end" in caplog.text
    assert "own text" not in caplog.text


class Held:
    """A close that is told when to end; it may pay no heed to being cancelled."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.times = 0
        self.begun = asyncio.Event()
        self.released = asyncio.Event()
        self._stubborn = stubborn

    async def __call__(self) -> None:
        self.times += 1
        self.begun.set()
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                if not self._stubborn:
                    raise


async def test_two_that_close_it_wait_for_one_close() -> None:
    closing = Held()
    use = Retiring(closing, within=10)
    both = asyncio.gather(use.aclose(), use.retire())
    async with asyncio.timeout(10):
        await closing.begun.wait()
        assert not use.closed
        closing.released.set()
        await both
    assert (use.closed, closing.times) == (True, 1)


async def test_a_last_user_that_is_cancelled_again_leaves_the_close_going_on() -> None:
    closing = Held()
    use = Retiring(closing, within=10)
    using = asyncio.Event()

    async def user() -> None:
        async with use.used():
            using.set()
            await asyncio.Event().wait()

    last = asyncio.ensure_future(user())
    async with asyncio.timeout(10):
        await using.wait()
        await use.retire()
        last.cancel()
        await closing.begun.wait()
        last.cancel()
        with pytest.raises(asyncio.CancelledError):
            await last
        closing.released.set()
        await use.aclose()
    assert (use.closed, closing.times) == (True, 1)


async def test_a_close_that_pays_no_heed_to_being_cancelled_keeps_nobody() -> None:
    closing = Held(stubborn=True)
    use = Retiring(closing, within=0.01)
    waiting = asyncio.ensure_future(use.retire())
    done, _ = await asyncio.wait({waiting}, timeout=10)
    held_up, freed = not done, use.closed
    closing.released.set()
    await waiting
    assert not held_up
    assert freed
    await use.aclose()
    assert closing.times == 1
