"""Reading and writing keys without ever making the event loop, or the exit, wait."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot.credentials import errors
from polypilot.credentials.errors import CredentialError
from polypilot.credentials.index import Index, StoredKey
from polypilot.errors import register_secret
from polypilot.tasks import run_blocking, start_blocking
from polypilot_providers.base import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from polypilot.credentials.index import Signature
    from polypilot.credentials.keyrings import Keyring
    from polypilot_providers.origin import Origin

log = logging.getLogger(__name__)

TIMEOUT = 3.0
_LOOK_AGAIN = 2.0  # seconds between looks at whether another process changed the keys
_LONGEST_KEY = 8192
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{0,64}")
_MOST_CALLS = 4  # threads that may hang at the same time

# How long a failure is taken for lasting. A locked keyring prompts at each call: a prompt
# that was dismissed must not come back with the next keystroke.
_REMEMBER = {"keyring_locked": 300.0, "keyring_insecure": 300.0}
_REMEMBER_OTHERS = 30.0


@dataclass(slots=True)
class _Call:
    future: asyncio.Future[Any]
    started: float


class Credentials:
    """The keys of this user. Belongs to one event loop.

    Every call into the keyring runs on a daemon thread and is waited for at most ``timeout``
    seconds. One that takes longer (a prompt waits for the user) is left to run: what it
    yields is there for the next ``get``. Keys are read once and kept in memory until they
    change, here or in another process, or ``refresh`` is called.
    """

    def __init__(
        self,
        *,
        allow_insecure: bool = False,
        env: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        index: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow_insecure = allow_insecure
        self._env = os.environ if env is None else env
        self._timeout = timeout
        self._index = Index(index)
        self._clock = clock
        self._keyring: Keyring | None = None
        self._cache: dict[StoredKey, Secret | None] = {}
        self._calls: dict[tuple[str, StoredKey | None], _Call] = {}
        self._failure: tuple[CredentialError, float] | None = None
        self._seen: Signature = None
        self._looked = float("-inf")

    async def get(self, provider_id: str, origin: Origin, account: str = "") -> Secret | None:
        """The key stored for this provider at this origin, None if there is none.

        ``account`` is its name, if the user has several. One that is not there is not replaced
        by another, nor by the one without a name.

        Raises:
            CredentialError: the keyring can't be read.
        """
        entry = StoredKey(provider_id, str(origin), account)
        await self._look()
        if entry in self._cache:
            return self._cache[entry]
        self._raise_remembered()
        return await self._call("get", entry, self._read, entry)

    async def set(
        self, provider_id: str, origin: Origin, key: Secret | str, account: str = ""
    ) -> None:
        """Store a key, in place of the one before of the same name.

        Raises:
            CredentialError: key_invalid, or the keyring did not take it.
        """
        if not _ACCOUNT.fullmatch(account):
            raise errors.unnamable()
        text = (key.reveal() if isinstance(key, Secret) else key).strip()
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise errors.invalid()
        if not 0 < len(text) <= _LONGEST_KEY:
            raise errors.invalid()
        register_secret(text)
        entry = StoredKey(provider_id, str(origin), account)
        self.refresh()
        await self._call("set", entry, self._write, entry, text)

    async def remove(self, provider_id: str, origin: Origin, account: str = "") -> bool:
        """Delete a key; False if there was none.

        Raises:
            CredentialError: the keyring can't be used.
        """
        entry = StoredKey(provider_id, str(origin), account)
        self.refresh()
        return await self._call("remove", entry, self._delete, entry)

    async def stored(self) -> tuple[StoredKey, ...]:
        """What has a key, from the index: the keyring is not touched and can't prompt."""
        try:
            return await run_blocking(self._index.read, timeout=self._timeout, name="key index")
        except TimeoutError:
            log.warning("the index of stored keys can't be read in time")
            return ()

    async def listing(self) -> tuple[str, ...]:
        """Ids of the providers that have a key, sorted."""
        return tuple(sorted({entry.provider for entry in await self.stored()}))

    async def backend_name(self) -> str:
        """The keyring in use, as users know it, for status and doctor.

        Raises:
            CredentialError: there is none that may be used.
        """
        if self._keyring is None:
            self._raise_remembered()
            await self._call("choose", None, self._open)
        return self.known_backend

    @property
    def known_backend(self) -> str:
        """The same without looking: empty until the keyring has been used."""
        return self._keyring.name if self._keyring is not None else ""

    def refresh(self) -> None:
        """Forget what was read, and what failed: the user says that something has changed."""
        self._cache.clear()
        self._failure = None
        self._keyring = None

    # --- on the event loop

    async def _look(self) -> None:
        """Notice, every now and then, that another process stored or removed a key."""
        now = self._clock()
        if now - self._looked < _LOOK_AGAIN:
            return
        self._looked = now
        try:
            found = await run_blocking(self._index.signature, timeout=0.5, name="key index")
        except TimeoutError:
            return
        if found != self._seen:
            self._seen = found
            self._cache.clear()
            self._failure = None

    def _raise_remembered(self) -> None:
        if self._failure is None:
            return
        error, until = self._failure
        if self._clock() < until:
            raise CredentialError(error.message, code=error.code, cure=error.cure)
        self._failure = None

    async def _call(
        self, what: str, entry: StoredKey | None, fn: Callable[..., Any], *args: object
    ) -> Any:
        """Run ``fn`` on its own thread; a second caller for the same thing joins the first."""
        call = self._calls.get((what, entry))
        if call is None:
            if len(self._calls) >= _MOST_CALLS:
                raise errors.hung(self._timeout)
            try:
                future = start_blocking(fn, *args)
            except RuntimeError as exc:
                raise errors.failed("not started", "the system gives no thread") from exc
            call = self._calls[what, entry] = _Call(future, self._clock())
            future.add_done_callback(lambda done: self._finished(what, entry, done))
        left = max(0.0, call.started + self._timeout - self._clock())
        await asyncio.wait({call.future}, timeout=left)
        if not call.future.done():
            raise errors.hung(self._timeout)
        error = call.future.exception()
        if error is None:
            return call.future.result()
        if isinstance(error, CredentialError):
            # Several callers share one call: each gets an exception with its own traceback.
            raise CredentialError(error.message, code=error.code, cure=error.cure) from error
        raise errors.failed(self.known_backend or "unknown", type(error).__name__) from error

    def _finished(self, what: str, entry: StoredKey | None, done: asyncio.Future[Any]) -> None:
        """Keep what a call yielded, even if nobody waits for it any more."""
        self._calls.pop((what, entry), None)
        if done.cancelled():
            return
        error = done.exception()
        if isinstance(error, CredentialError):
            seconds = _REMEMBER.get(error.code, _REMEMBER_OTHERS)
            self._failure = (error, self._clock() + seconds)
            self._keyring = None  # another may have come up by the next time
        elif error is None and what == "get" and entry is not None:
            self._cache[entry] = done.result()
        elif error is None:
            self._cache.clear()

    # --- on the daemon threads

    def _open(self) -> Keyring:
        from polypilot.credentials.keyrings import choose  # noqa: PLC0415  (imports keyring: 0.1 to 0.3 s)

        keyring = self._keyring
        if keyring is None:
            keyring = choose(self._env, allow_insecure=self._allow_insecure)
            self._keyring = keyring
        return keyring

    def _read(self, entry: StoredKey) -> Secret | None:
        text = self._open().get(entry.username)
        if not text:
            return None
        register_secret(text)
        return Secret(text)

    def _write(self, entry: StoredKey, key: str) -> None:
        if near := next((each for each in self._index.read() if each.like(entry)), None):
            raise errors.alike(near.account)
        self._open().set(entry.username, key)
        self._index.change(entry, present=True)

    def _delete(self, entry: StoredKey) -> bool:
        found = self._open().delete(entry.username)
        self._index.change(entry, present=False)
        return found
