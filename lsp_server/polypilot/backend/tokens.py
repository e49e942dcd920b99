"""Bearer tokens printed by the user's own command (``auth = "command"``).

The command stands in the user's own ``config.toml`` only: a workspace can't set one. It is
started without a shell, with a closed stdin, and its output is a secret from the first byte.
A token is used until shortly before it ends, as far as the command, or the token, says when.
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

from polypilot.backend.printed import Printed, read
from polypilot.errors import register_secret
from polypilot.tasks import run_blocking
from polypilot_providers.base import Secret
from polypilot_providers.errors import AuthError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence

TIMEOUT_S = 10.0
LIFETIME_S = 300.0
"""How long a token is reused that does not say when it ends. Suppliers' short-lived tokens last
an hour; commands such as ``az account get-access-token`` renew theirs with at least five minutes
left."""
LONGEST_S = 3600.0
"""The most that is believed: a clock that was wrong when it was read must not keep an ended token
for long, and asking again once an hour costs nothing."""
MARGIN_S = 60.0
"""How long before its end a token is renewed; less if it has less than twice that left."""
AGAIN_S = 30.0
"""A token that was asked for because its predecessor was refused is kept for so long, refused or
not: the command is not to be run with every keystroke."""
MAX_TOKEN_BYTES = 64 * 1024

_SIGN_IN = {
    "op": "Run `op signin`, or unlock 1Password and let it integrate with its command line",
    "bw": "Run `bw unlock`, and export the session that it prints",
    "pass": "Run it once in a terminal, so that gpg-agent knows your passphrase",
    "gopass": "Run it once in a terminal, so that gpg-agent knows your passphrase",
    "az": "Run `az login`",
    "gcloud": "Run `gcloud auth login`",
    "aws": "Run `aws sso login` or `aws configure`",
    "gh": "Run `gh auth login`",
    "vault": "Run `vault login`",
}
"""What the programs that most people get tokens from want when they give none."""


@dataclass(slots=True)
class _Cached:
    token: Secret
    until: float
    """By the monotonic clock, which a change of the time does not touch."""
    until_by_wall: float
    """By the wall clock, which goes on while the machine sleeps."""
    since: float
    again: bool
    """It was asked for because the one before was refused."""


class TokenCommands:
    """Runs token commands and remembers what they printed for a while.

    Args:
        clock: monotonic seconds.
        wall: Unix time.
        within: seconds that a command may take.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        *,
        within: float = TIMEOUT_S,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._within = within
        self._cached: dict[tuple[str, ...], _Cached] = {}
        self._forgotten = 0
        """How often; what a command prints that was started before is not kept."""
        self._refused: set[tuple[str, ...]] = set()
        """Whose last token was refused."""
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
            if cached is not None and self._good(cached):
                return cached.token
            forgotten, again = self._forgotten, key in self._refused
            text = await _run(provider, key, self._within)
            printed = self._read(provider, key, text)
            if forgotten == self._forgotten:
                self._refused.discard(key)
                self._cached[key] = self._kept(printed, again=again)
            return Secret(printed.token)

    def refused(self, command: Sequence[str]) -> None:
        """The supplier did not take the token of ``command``: ask for another next time.

        Once: if that one is refused as well, it is not asked for a third until a while later.
        """
        key = tuple(command)
        cached = self._cached.get(key)
        if cached is None or (cached.again and self._clock() - cached.since < AGAIN_S):
            return
        del self._cached[key]
        self._refused.add(key)

    def forget(self) -> None:
        """Ask the commands again next time, those too that are running now."""
        self._forgotten += 1
        self._cached.clear()
        self._refused.clear()

    def _good(self, cached: _Cached) -> bool:
        return cached.until > self._clock() and cached.until_by_wall > self._wall()

    def _kept(self, printed: Printed, *, again: bool) -> _Cached:
        left = LIFETIME_S
        if printed.left is not None:
            # One that has ended by our clock is used and not kept: that clock may be wrong.
            left = max(0.0, min(printed.left, LONGEST_S + MARGIN_S))
            left -= min(MARGIN_S, left / 2)
        now, wall = self._clock(), self._wall()
        return _Cached(Secret(printed.token), now + left, wall + left, now, again)

    def _read(self, provider: str, command: tuple[str, ...], text: str) -> Printed:
        # Before it is looked at: whatever it is, it is not for the log.
        register_secret(text.strip())
        try:
            printed = read(text, self._wall())
        except ValueError:
            raise AuthError(
                f"The token command {command[0]!r} of {provider} printed no token.",
                provider=provider,
                cure="Run it in a terminal to see what it says; it must print the token alone, or "
                "JSON with the token in it (docs/keys.md).",
            ) from None
        register_secret(printed.token)
        return printed


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
            cure=_cure(name, "Run it in a terminal: it may be waiting for you to sign in"),
        ) from None
    finally:
        await _end(process)
    if process.returncode != 0:
        raise AuthError(
            f"The token command {name!r} of {provider} printed no token"
            f" (exit status {process.returncode}).",
            provider=provider,
            cure=_cure(name, "Run it in a terminal to see what it says"),
        )
    return output.decode("utf-8", "replace")


def _cure(name: str, otherwise: str) -> str:
    """What the program wants, if it is one that is known; ``.exe`` and ``.cmd`` are Windows'."""
    wants = _SIGN_IN.get(Path(name).stem.lower())
    return f"{wants}, then try again." if wants else f"{otherwise}."


async def _start(provider: str, command: tuple[str, ...]) -> Process:
    name = command[0]
    try:
        # Off the loop: a folder of PATH, or the home folder, may be on a disk that hangs.
        program, home = await run_blocking(_look, name, timeout=TIMEOUT_S, name="PATH")
    except TimeoutError:
        program, home = None, ""
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


def _look(name: str) -> tuple[str | None, str]:
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


def _home() -> str:
    """The home folder; without one the disk's root, which is no repository either."""
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        if os.path.isdir(home):  # noqa: PTH112 - never raises
            return str(home)
    return os.path.abspath(os.sep)  # noqa: PTH100 - never raises
