"""The user's word about the open folders, and what the status says of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.tasks import run_blocking
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot.backend.status import StatusBoard
    from polypilot.settings import WorkspaceFile
    from polypilot.workspace.trust import TrustStore

LOOK_S = 10.0
"""As for every small file: longer than that is a network disk that hangs."""


class Trusting:
    """Keeps the status in step with the store. ``roots`` yields the open folders."""

    def __init__(
        self, store: TrustStore, board: StatusBoard, roots: Callable[[], tuple[str, ...]]
    ) -> None:
        self._store = store
        self._board = board
        self._roots = roots
        # One after the other: what was seen first must not be told last.
        self._turn = asyncio.Lock()

    @property
    def trusted(self) -> bool:
        """Whether every open folder is trusted as it is now. Blocks."""
        roots = self._roots()
        return bool(roots) and all(self._store.trusted(root) for root in roots)

    async def look(self) -> None:
        """Put into the status whether the folders are trusted.

        Raises:
            TimeoutError: a disk hangs.
        """
        async with self._turn:
            await self._look()

    async def decide(self, root: str, *, trusted: bool) -> None:
        """Record the user's decision about one folder, as it is now.

        Raises:
            TrustError: the decision can't be kept.
            TimeoutError: a disk hangs.
        """
        async with self._turn:
            decision = self._trust if trusted else self._store.distrust
            await run_blocking(decision, root, timeout=LOOK_S, name="trust")
            await self._look()

    def _trust(self, root: str) -> None:
        self._store.trust(root, self._store.digest(root) or "")

    async def _look(self) -> None:
        trusted = await run_blocking(lambda: self.trusted, timeout=LOOK_S, name="trust")
        self._board.update(trusted=trusted)


def files_of(files: Iterable[WorkspaceFile], root: str) -> tuple[WorkspaceFile, ...]:
    """The folder's own settings files among ``files``; not those of folders inside it, about
    which the user decides by themselves.
    """  # noqa: D205 - one sentence
    folder = locate(root).path
    return tuple(
        each for each in files if folder is not None and Path(each.file).parent == Path(folder)
    )
