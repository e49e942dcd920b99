"""The history of conversations on the disk, shared by all of the user's editors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from polypilot import paths
from polypilot.chat import history_rows, history_search, history_wiping
from polypilot.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from polypilot.chat.history_values import MessageRecord, SessionRecord, SessionSummary
    from polypilot.errors import Problem

_WHAT = "The history of conversations"


class History:
    """Conversations in ``chat.db`` in the user's data folder; see ``database`` for how.

    It knows nothing of turns, only of records. Every method raises StorageError when the file
    can't be used; a conversation can go on without. Cancelled or timed out, what writes is
    done nevertheless, in order.

    Args:
        path: of the file; None: the user's.
        problems: is told that the file was damaged, and where it is kept now.
        limit: seconds after which nobody waits for the disk any longer.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        problems: Callable[[Problem], None] | None = None,
        limit: float = 10.0,
    ) -> None:
        self._database: Final = Database(
            lambda: path or paths.data_dir() / "chat.db",
            history_rows.MIGRATIONS,
            _WHAT,
            problems=problems,
            chore=history_wiping.wipe,
            limit=limit,
        )

    async def save(self, session: SessionRecord, messages: Iterable[MessageRecord] = ()) -> bool:
        """Write a conversation and some of its messages, or write them anew, in one step.

        Messages it has already and that are not given stay. Returns False if it was not there
        before: it is new, or another editor has deleted it, with its other messages.
        """
        return await self._database.write(
            partial(history_rows.save, session=session, messages=tuple(messages))
        )

    async def sessions(
        self, root: str | None = None, limit: int = 50, before: float | None = None
    ) -> list[SessionSummary]:
        """The conversations last changed, those of one moment together even beyond ``limit``.

        Args:
            root: only those about this workspace root; empty: those about none.
            limit: how many.
            before: only those changed before this time; the last one's, for the next page.
        """
        return await self._database.read(
            partial(history_rows.listed, root=root, limit=limit, before=before)
        )

    async def search(
        self, words: str, root: str | None = None, limit: int = 50
    ) -> list[SessionSummary]:
        """Conversations with all the words in title or messages, the best match first.

        Whole words without regard to case and accents; of the last one a beginning of three
        letters is enough. Nothing of what a user may type is syntax. Cancelled, it stops.
        """
        return await self._database.read(
            partial(history_search.search, words=words, root=root, limit=limit)
        )

    async def load(self, session_id: str) -> tuple[SessionRecord, tuple[MessageRecord, ...]] | None:
        """A conversation and all its messages, as first saved; None: there is none."""
        return await self._database.read(partial(history_rows.load, session_id=session_id))

    async def rename(self, session_id: str, title: str) -> bool:
        """Change a title; False: there is no such conversation."""
        return await self._database.write(
            partial(history_rows.rename, session_id=session_id, title=title)
        )

    async def delete(self, session_id: str) -> bool:
        """Delete a conversation; False: there is none.

        It is gone on return; what the disk still holds of it is overwritten right after.
        """
        return await self._database.write(partial(history_rows.delete, session_id=session_id))

    async def delete_all(self) -> int:
        """Delete all conversations, likewise; returns how many there were."""
        return await self._database.write(history_rows.delete_all)

    async def size(self) -> int:
        """Bytes on the disk."""
        return await self._database.size()

    async def aclose(self) -> None:
        """Finish what was asked for, and close the file. Safe to call twice."""
        await self._database.aclose()
