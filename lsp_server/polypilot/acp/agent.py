"""The agent of one connection: who it is, who the user is, and its methods."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from polypilot.acp import checks, offer
from polypilot.acp.faults import Code, RpcError, invalid
from polypilot.acp.rpc import Method, Peer, Reply
from polypilot.acp.sessions import Sessions
from polypilot.tasks import Tasks, run_blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from polypilot.acp.checks import Params
    from polypilot.backend import Backend
    from polypilot.stdio.writing import Sink

log = logging.getLogger(__name__)

OPEN_S = 60.0
"""Seconds that settings and imports may take."""
_CANCELLED = {"stopReason": "cancelled"}


class Connection(Peer):
    """The peer, and what it is written to."""

    def __init__(self, writer: Sink, ended: Callable[[], None]) -> None:
        super().__init__(writer.put, ended)
        self._writer = writer

    @property
    def congested(self) -> bool:
        """Whether streams should pause."""
        return self._writer.congested

    async def drained(self) -> None:
        """Return when streams may go on."""
        await self._writer.drained()


class Agent:
    """Answers one client.

    Args:
        writer: where it is written to.
        ended: called when the client has said its last word.
        open_backend: makes the backend; runs in a thread.
        version: ours.
    """

    def __init__(
        self,
        writer: Sink,
        ended: Callable[[], None],
        open_backend: Callable[[], Backend],
        version: str,
    ) -> None:
        self._open_backend = open_backend
        self._version = version
        self._tasks = Tasks()
        self._making: asyncio.Task[Backend] | None = None
        self._signed_out = False
        self.connection = Connection(writer, ended)
        self._sessions = Sessions(self.connection, self._tasks, self.backend)
        self.connection.handle(self._methods(), {"session/cancel": self._sessions.cancel})

    def _methods(self) -> dict[str, Method]:
        return {
            "initialize": Method(self._initialize),
            "authenticate": self._begun(self._authenticate),
            "logout": self._begun(self._logout),
            "session/new": self._begun(self._new),
            "session/load": self._begun(self._sessions.load),
            "session/resume": self._begun(self._sessions.resume),
            "session/list": self._begun(self._sessions.listing),
            "session/close": self._begun(self._sessions.close),
            "session/delete": self._begun(self._sessions.delete),
            "session/prompt": self._begun(self._sessions.prompt, cancelled=_CANCELLED),
            "session/set_mode": self._begun(self._sessions.set_mode),
            "session/set_config_option": self._begun(self._sessions.set_option),
        }

    def _begun(
        self,
        run: Callable[[Params], Awaitable[Mapping[str, object] | Reply]],
        cancelled: Mapping[str, object] | None = None,
    ) -> Method:
        """A method that needs `initialize` to have been answered."""

        async def checked(params: Params) -> Mapping[str, object] | Reply:
            if self._making is None:
                raise RpcError(Code.INVALID_REQUEST, "initialize comes first")
            return await run(params)

        return Method(checked, cancelled)

    # -- who is there --------------------------------------------------------------------

    async def _initialize(self, params: Params) -> Reply:
        if self._making is not None:
            raise RpcError(Code.INVALID_REQUEST, "initialize was already answered")
        can = self._sessions.can = offer.abilities(params)
        self._making = self._tasks.spawn(self._make(), name="backend")
        return Reply(offer.offer(can, self._version), lambda: None)

    async def _make(self) -> Backend:
        # A turn later: the answer goes out before the imports begin to hold the interpreter.
        await asyncio.sleep(0)
        return await run_blocking(self._open_backend, timeout=OPEN_S, name="backend")

    async def backend(self) -> Backend:
        """The backend, as soon as it is there."""
        if self._making is None:
            raise RpcError(Code.INVALID_REQUEST, "initialize comes first")
        return await asyncio.shield(self._making)

    async def _authenticate(self, params: Params) -> dict[str, object]:
        match checks.text(params, "methodId"):
            case offer.CONFIGURED:
                await self._check_key(await self.backend(), "")
                self._sessions.provider = ""
            case offer.EMBEDDED:
                await self.backend()
                self._sessions.provider = offer.EMBEDDED
            case _:
                raise invalid("methodId", "is none of those that can be used here")
        self._signed_out = False
        return {}

    async def _logout(self, _params: Params) -> dict[str, object]:
        """Keys belong to all of the user's editors and stay; this connection uses none."""
        self._signed_out, self._sessions.provider = True, ""
        return {}

    async def _new(self, params: Params) -> Reply:
        if self._signed_out:
            raise RpcError(Code.AUTH_REQUIRED, "you are signed out; sign in first")
        await self._check_key(await self.backend(), self._sessions.provider)
        return await self._sessions.new(params)

    @staticmethod
    async def _check_key(backend: Backend, provider: str) -> None:
        """Whether the provider's key is there; the keyring is not asked.

        Raises:
            RpcError: it is not.
        """
        wanted = provider or backend.target("chat").provider_id
        for each in await backend.provider_states():
            if each.id == wanted and each.key_stored is False:
                cure = f"polypilot auth set {wanted}"
                message = f"There is no key for {each.name} yet. Enter one with: {cure}"
                data = {"code": "auth", "message": message, "cure": cure}
                raise RpcError(Code.AUTH_REQUIRED, message, data)

    # -- the end -------------------------------------------------------------------------

    async def finish(self, within: float) -> None:
        """Answer what waits, end what runs, close the backend; each within that many seconds."""
        await self.connection.finish(within)
        making = self._making
        if (
            making is not None
            and making.done()
            and not making.cancelled()
            and not making.exception()
        ):
            try:
                async with asyncio.timeout(within):
                    await making.result().aclose()
            except TimeoutError:
                log.info("the backend did not close in time")
        await self._tasks.aclose(within)
