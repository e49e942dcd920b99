"""The backend with all that a chat needs imported, off the event loop: it takes a while."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakSet

from polypilot.lsp.features.indexing import Indexing
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer

_PARTS = "polypilot.backend.chatting"
IMPORT_S = 60.0


async def chatting(server: PolypilotServer[Backend]) -> Backend:
    """The backend, whose chat can be used at once. Only the first who asks waits."""
    backend = await server.backend()
    if not _imported:
        await run_blocking(import_module, _PARTS, timeout=IMPORT_S, name="chat")
        _imported.append(_PARTS)
    if backend not in _told:
        _told.add(backend)
        backend.chatting.index.on_progress(Indexing(server).state)
    return backend


_imported: list[str] = []
_told: WeakSet[Backend] = WeakSet()
"""Those whose index tells its editor how far it is."""
