"""Bearer tokens printed by the user's own command (``auth = "command"``).

The command stands in the user's own ``config.toml`` only: a workspace can't set one. It is
started without a shell, with a closed stdin, and its output is a secret from the first byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.errors import register_secret
from polypilot.tasks import run_blocking
from polypilot_providers.base import Secret
from polypilot_providers.errors import AuthError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence

TIMEOUT_S = 10.0
LIFETIME_S = 300.0
"""How long a token is reused. Suppliers' short-lived tokens last an hour; commands such as
``az account get-access-token`` renew theirs with at least five minutes left."""
MAX_TOKEN_BYTES = 64 * 1024


@dataclass(slots=True)
class _Cached:
    token: Secret
    until: float


class TokenCommands:
    """Runs token commands and remembers what they printed for a while.

    Args:
        clock: monotonic seconds.
        within: seconds that a command may take.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, within: float = TIMEOUT_S
    ) -> None:
        self._clock = clock
        self._within = within
        self._cached: dict[tuple[str, ...], _Cached] = {}
        self._forgotten = 0
        """How often; what a command prints that was started before is not kept."""
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}

    async def token(self, provider: str, command: Sequence[str]) -> Secret:
        """The token ``command`` prints.

        Raises:
            AuthError: the command is missing, fails, takes too long or prints nothing. The
                message has the command's name, never its output.
        """
        key = tuple(command)
        async with self._locks.setdefault(key, asyncio.Lock()):
            cached = self._cached.get(key)
            if cached is not None and cached.until > self._clock():
                return cached.token
            forgotten = self._forgotten
            text = await _run(provider, key, self._within)
            register_secret(text)
            token = Secret(text)
            if forgotten == self._forgotten:
                self._cached[key] = _Cached(token, self._clock() + LIFETIME_S)
            return token

    def forget(self) -> None:
        """Ask the commands again next time, those too that are running now."""
        self._forgotten += 1
        self._cached.clear()


async def _run(provider: str, command: tuple[str, ...], within: float) -> str:
    if not command:
        raise AuthError(
            f'Provider {provider} says auth = "command" but names no command.',
            provider=provider,
            cure=f"Set providers.{provider}.command in your config.toml.",
        )
    name = command[0]
    process = await _start(provider, command)
    try:
        async with asyncio.timeout(within):
            output = await _output(process)
    except TimeoutError:
        raise AuthError(
            f"The token command {name!r} of {provider} took longer than {within:.0f} s.",
            provider=provider,
            cure="Run it in a terminal: it may be waiting for you to sign in.",
        ) from None
    finally:
        await _end(process)
    token = output.decode("utf-8", "replace").strip()
    # A token travels in a header: one line of visible ASCII.
    if process.returncode != 0 or not (token.isascii() and token.isprintable() and token):
        raise AuthError(
            f"The token command {name!r} of {provider} printed no token"
            f" (exit status {process.returncode}).",
            provider=provider,
            cure="Run it in a terminal to see what it says; it must print the token alone.",
        )
    return token


async def _start(provider: str, command: tuple[str, ...]) -> Process:
    name = command[0]
    try:
        # Off the loop: a folder of PATH, or the home folder, may be on a disk that hangs.
        program, home = await run_blocking(_look, name, timeout=TIMEOUT_S, name="PATH")
    except TimeoutError:
        program, home = None, None
    if program is None:
        raise AuthError(
            f"The token command {name!r} of {provider} was not found.",
            provider=provider,
            cure="Install it, or write its whole path in your config.toml.",
        )
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            program,
            *command[1:],
            cwd=home,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Its own, so that it ends together with what it has started.
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Half started, only the command itself would be ended and its children would not.
        await _end(await starting)
        raise
    except OSError as error:
        raise AuthError(
            f"The token command {name!r} of {provider} could not be started ({error.strerror}).",
            provider=provider,
            cure="Check the command in your config.toml.",
        ) from None


def _look(name: str) -> tuple[str | None, str | None]:
    return _find(name), _home()


def _find(name: str) -> str | None:
    """The program's whole path. Never one in the current folder, which may be a repository:
    relative entries of PATH are passed over, and so is what Windows would look at first.
    """  # noqa: D205 - one sentence
    if os.path.dirname(name):  # noqa: PTH120 - whether it has one, not which
        return shutil.which(name) if Path(name).is_absolute() else None
    suffixes = os.environ.get("PATHEXT", "").split(os.pathsep) if sys.platform == "win32" else [""]
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if Path(folder).is_absolute():
            for suffix in suffixes:
                if found := shutil.which(str(Path(folder, name + suffix))):
                    return found
    return None


async def _output(process: Process) -> bytes:
    """What it prints; no more than a token can be, and then it need not go on."""
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    found = b""
    while len(found) <= MAX_TOKEN_BYTES:
        piece = await process.stdout.read(MAX_TOKEN_BYTES)
        if not piece:
            await process.wait()
            return found
        found += piece
    return b""


async def _end(process: Process) -> None:
    """End it and its children if it still runs; at most a second."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.communicate()  # to the pipe's end, or it stays open


def _home() -> str | None:
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return str(home) if os.path.isdir(home) else None  # noqa: PTH112 - never raises
