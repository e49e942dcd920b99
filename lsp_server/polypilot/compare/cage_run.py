"""One run of the cage's process: what it says, what the test prints, its end, the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from polypilot.children import bare_environment, python
from polypilot.compare import evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.compare.values import TestRun

KEPT = 8000
"""Bytes of output that are kept, of its end."""
MOST = 64 << 20
"""A run that prints more has failed."""
_START, _END = 60.0, 10.0
_LINE = 1 << 20
"""Bytes of the longest line that the cage says."""
_KILLED = 128


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    passed: bool | None
    """Exit status 0, and what shows that tests have passed (:mod:`polypilot.compare.evidence`);
    None if there is no verdict: it was not, or could not be, run."""
    note: str
    """Why, if it did not pass; of a pass what was not kept from it. No text of the user's."""
    seconds: float
    """From the test's start, not the cage's."""
    output: str = field(default="", repr=False)
    """The end of what it printed: it may quote the user's code, and is for no log."""
    shown: tuple[str, ...] = ()
    """Signs of what has passed, if it ended with exit status 0."""


async def run_plan(plan: Mapping[str, Any], run: TestRun) -> Outcome:
    """Run a plan that was made for ``run`` in the cage's process, and judge how it ended.

    Raises:
        OSError: the system starts no process.
    """
    nonce = secrets.token_hex(16) if plan["witnessed"] else None
    process = await asyncio.create_subprocess_exec(
        *python("-m", "polypilot.compare.cage"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, cwd="/", env=bare_environment(), start_new_session=True,
        limit=_LINE,
    )  # fmt: skip
    cage = _Cage(process, run, nonce)
    try:
        return await cage.watch(json.dumps({**plan, "nonce": nonce}).encode() + b"\n")
    finally:
        await cage.end()


class _Cage:
    """One run of the cage's process: what it says, what the test prints, its limit of time."""

    def __init__(
        self, process: asyncio.subprocess.Process, run: TestRun, nonce: str | None
    ) -> None:
        self._process = process
        self._run = run
        self._nonce = nonce
        self._begun = 0.0
        self._tail = bytearray()
        self._said: dict[str, Any] = {}

    async def watch(self, plan: bytes) -> Outcome:
        """From the plan to the outcome."""
        stdin, stderr = self._process.stdin, self._process.stderr
        assert stdin is not None  # noqa: S101  (a pipe was asked for)
        assert stderr is not None  # noqa: S101  (likewise)
        try:
            async with asyncio.timeout(_START):
                with contextlib.suppress(ConnectionError):  # it has said why it ended, or nothing
                    stdin.write(plan)
                    await stdin.drain()
                await self._listen(stderr)
        except TimeoutError:
            return Outcome(None, "the test could not be started in time", 0.0)
        if "begun" not in self._said or "failed" in self._said:
            return self._outcome(None)
        try:
            async with asyncio.timeout(self._run.seconds):
                bounded = await self._collect()
                if bounded:
                    await self._listen(stderr, last=True)
        except TimeoutError:
            return self._ended(passed=False, note=f"it took longer than {self._run.seconds:g} s")
        if not bounded:
            return self._ended(passed=False, note=f"it printed more than {MOST >> 20} MB")
        return self._outcome(self._said.get("code"))

    async def _listen(self, stream: asyncio.StreamReader, *, last: bool = False) -> None:
        """To the next thing that the cage says, or to the last."""
        while line := await stream.readline():
            self._said |= json.loads(line)
            self._begun = self._begun or time.monotonic()
            if not last:
                return

    async def _collect(self) -> bool:
        """All that it prints, to its end; false if that is too much. Little comes beside it."""
        stream = self._process.stdout
        assert stream is not None  # noqa: S101  (a pipe was asked for)
        total = 0
        while chunk := await stream.read(1 << 16):
            total += len(chunk)
            self._tail += chunk
            del self._tail[:-KEPT]
            if total > MOST:
                return False
        return True

    def _outcome(self, code: int | None) -> Outcome:
        if "failed" in self._said:
            return self._ended(passed=None, note=f"it could not be started: {self._said['failed']}")
        if code is None:
            return self._ended(passed=None, note="what runs the tests has ended unexpectedly")
        if code == 0:
            return self._proved()
        return self._ended(passed=False, note=_reason(code))

    def _proved(self) -> Outcome:
        """Exit status 0: it has passed if it shows what it must."""
        if self._nonce:
            how = evidence.witnessed(self._run.command)
            proof = evidence.signed(self._said.get("proof", ""), self._nonce)
            shown = proof.signs if proof else frozenset[str]()
        else:
            how, proof = None, None
            shown = evidence.printed(self._tail.decode("utf-8", "replace"))
        note = evidence.missing(how, proof, shown, self._run.expects)
        return replace(self._ended(passed=not note, note=note), shown=tuple(sorted(shown)))

    def _ended(self, *, passed: bool | None, note: str) -> Outcome:
        seconds = time.monotonic() - self._begun if self._begun else 0.0
        return Outcome(passed, note, seconds, self._tail.decode("utf-8", "replace"))

    async def end(self) -> None:
        """Close its input, by which it ends everything; kill it if that takes too long."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END):
                    await self._drain()
                    await self._process.wait()
        finally:
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()

    async def _drain(self) -> None:
        """A full pipe would keep its reader paused, and asyncio from seeing its end."""
        for stream in (self._process.stdout, self._process.stderr):
            while stream is not None and await stream.read(1 << 16):
                pass


def _reason(code: int) -> str:
    """An exit status in words."""
    if code <= _KILLED:
        return f"exit status {code}"
    with contextlib.suppress(ValueError):
        return f"ended by {signal.Signals(code - _KILLED).name}"
    return f"exit status {code}"
