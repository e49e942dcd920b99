"""Asking one server a few things, within a time that is bounded however it behaves."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polypilot_providers.answer import Answer
from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.detect import FINGERPRINTS
from polypilot_providers.errors import ProviderError, TimedOut

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from polypilot_providers.base import Secret
    from polypilot_providers.call import AuthHeader
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin

_HEADERS = {"anthropic-version": "2023-06-01"}
"""What one kind of server insists on, and no other minds."""


class Prober:
    """Sends requests to one origin; what it is answered, it returns, whatever it is.

    Args:
        http: the connections, the caller's to close.
        origin: where every request goes.
        name: the provider's, for messages.
        each: seconds for one request.
        whole: seconds for all of them; what comes later is not asked any more.
    """

    def __init__(
        self, http: HttpClient, origin: Origin, name: str, *, each: float, whole: float
    ) -> None:
        self._http = http
        self._origin = origin
        self._name = name
        self._each = each
        self._left = whole
        self._until: float | None = None
        self.key: Secret | None = None
        """Sent with every request from now on, in the header ``auth``."""
        self.auth: AuthHeader = "bearer"

    @contextmanager
    def at_work(self) -> Generator[None]:
        """The time in here counts; that between, in which a person thinks, does not."""
        now = asyncio.get_running_loop().time
        start = now()
        self._until = start + self._left
        try:
            yield
        finally:
            self._left -= now() - start
            self._until = None

    async def ask(self, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """The answer at ``path``; without a body the request is a GET."""
        seconds = self._each
        if self._until is not None:
            seconds = min(seconds, self._until - asyncio.get_running_loop().time())
        call = Call(
            self._name,
            self._origin,
            path,
            body,
            key=self._key,
            needs_key=False,
            auth=self.auth,
            headers=_HEADERS,
        )
        if seconds <= 0:
            message = "there was no time left to ask this too"
            return Answer(error=TimedOut(message, provider=self._name, host=call.peer.host))
        limits = Limits(connect=seconds, first_event=seconds, idle=seconds, total=seconds)
        try:
            return await self._http.ask(call, limits)
        except ProviderError as error:
            return Answer(error=error)

    async def ask_all(
        self, paths: Iterable[str], body: Mapping[str, object] | None = None
    ) -> dict[str, Answer]:
        """The answers at several paths, asked at the same time."""
        wanted = list(dict.fromkeys(paths))
        answers = await asyncio.gather(*(self.ask(path, body) for path in wanted))
        return dict(zip(wanted, answers, strict=True))

    async def marks(self, root: str) -> dict[str, Answer]:
        """The answers that tell kinds of servers apart, by the names of FINGERPRINTS."""
        answers = await self.ask_all(root + path for path in FINGERPRINTS.values())
        return {name: answers[root + path] for name, path in FINGERPRINTS.items()}

    async def _key(self) -> Secret | None:
        return self.key
