"""The conversations of one server: those in memory, and the way to the disk and back."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from polypilot.chat.plan import ChatError
from polypilot.chat.recording import effort_of, message_of, mode_of, plain, record_of, session_of
from polypilot.chat.values import SessionInfo
from polypilot.errors import UserError, describe
from polypilot.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.chat.history import History
    from polypilot.chat.history_values import SessionSummary
    from polypilot.chat.session import ChatSession
    from polypilot.chat.turns import Turn
    from polypilot.chat.values import Mode
    from polypilot.workspace.gate import Gate

MAX_SESSIONS = 100
MAX_TOTAL_CHARS = 64_000_000
"""What is kept in memory; more is on the disk."""


class Keeper:
    """Holds conversations.

    Args:
        gate: what comes back from the disk passes it.
        history: where they are kept; gives None as long as nothing is to be kept.
        mode: what a conversation has for which the user has chosen none.
    """

    def __init__(
        self,
        gate: Gate,
        history: Callable[[], History | None],
        *,
        max_sessions: int = MAX_SESSIONS,
        max_total_chars: int = MAX_TOTAL_CHARS,
        mode: Callable[[], Mode] = lambda: "ask",
    ) -> None:
        self._mode = mode
        self._gate = gate
        self._history = history
        self._max_sessions = max_sessions
        self._max_total_chars = max_total_chars
        self._sessions: OrderedDict[str, ChatSession] = OrderedDict()
        self._closing: set[str] = set()
        """Closed, and still being answered."""
        self._deleted: set[str] = set()
        """No answer that is still under way brings these back."""
        self._tasks = Tasks()
        self._writing: set[asyncio.Task[str]] = set()
        self._failed = ""

    # -- in memory -----------------------------------------------------------------------

    def hold(self, session: ChatSession) -> None:
        """Put the conversation at the end of the list, as the one used last."""
        if session.id in self._deleted:  # while its question was made ready
            return
        self._sessions[session.id] = session
        self._sessions.move_to_end(session.id)
        self.shrink()

    def get(self, session_id: str) -> ChatSession:
        """A conversation in memory.

        Raises:
            ChatError: there is none of that id (any more).
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise ChatError(
                "this conversation is not known (any more)",
                code="unknown_session",
                cure="Start a new one.",
            )
        return session

    def close(self, session_id: str) -> None:
        """Forget it in memory; one that is being answered when that has ended.

        Until then it could be opened a second time, beside itself.
        """
        session = self._sessions.get(session_id)
        if session is None:
            return
        session.decided.clear()
        if session.busy:
            self._closing.add(session_id)
        else:
            del self._sessions[session_id]

    def shrink(self) -> None:
        """Forget the conversations used longest ago, but none that is being answered."""
        for session_id in list(self._closing):
            if not self._sessions[session_id].busy:
                self._closing.discard(session_id)
                del self._sessions[session_id]
        total = sum(each.size for each in self._sessions.values())
        for session in list(self._sessions.values())[:-1]:
            if len(self._sessions) <= self._max_sessions and total <= self._max_total_chars:
                return
            if not session.busy:
                total -= session.size
                del self._sessions[session.id]

    # -- on the disk ---------------------------------------------------------------------

    async def open(self, session_id: str) -> ChatSession:
        """A conversation, from the disk if it is not in memory.

        Raises:
            ChatError: ``unknown_session``.
            UserError: the disk can't be read.
        """
        history = self._history()
        if session_id not in self._sessions and history is not None:
            if self._writing:  # the last answer may still be on its way to the disk
                await asyncio.wait(self._writing)
            found = await history.load(session_id)
            # Somebody else may have opened or deleted it meanwhile.
            if found is not None and session_id not in {*self._sessions, *self._deleted}:
                self.hold(session_of(*found, self._gate))
        session = self.get(session_id)
        self._closing.discard(session_id)
        self._sessions.move_to_end(session_id)
        return session

    async def save(self, session: ChatSession, *turns: Turn) -> str:
        """Keep a conversation with some of its turns; what to tell the user if that fails.

        It is told once, and the conversation goes on in memory; what could not be written goes
        with the next turns, without which those would hang in the air.
        """
        session.unsaved.update(each.id for each in turns)
        history = self._history()
        if history is None or not session.keep or session.id in self._deleted:
            return ""
        wanted = set(session.unsaved)
        try:
            messages = [
                message_of(session, each) for each in session.tree.values() if each.id in wanted
            ]
            there = await history.save(record_of(session), messages)
            session.unsaved -= wanted
            more = len(wanted) < len(session.tree) and session.id not in self._deleted
            if not there and more:
                # Another editor has deleted it, and the user goes on with it here.
                everything = dict(session.tree)
                session.unsaved.update(everything)
                messages = [message_of(session, turn) for turn in everything.values()]
                await history.save(record_of(session), messages)
                session.unsaved.difference_update(everything)
        except UserError as error:
            problem = describe(error)
            told, self._failed = self._failed == problem.code, problem.code
            return "" if told else f"{problem.message}. {problem.cure}".rstrip()
        self._failed = ""
        return ""

    def save_soon(self, session: ChatSession, *turns: Turn) -> None:
        """As ``save``, by a task that outlives a cancelled caller."""
        session.unsaved.update(each.id for each in turns)
        if self._history() is not None and session.keep:
            work = self._tasks.spawn(self.save(session, *turns), name="keep")
            self._writing.add(work)
            work.add_done_callback(self._writing.discard)

    async def listing(
        self, query: str, root: str | None, limit: int, before: float | None
    ) -> list[SessionInfo]:
        """Conversations, the one used last first."""
        history = self._history()
        if history is not None:
            if query.strip():
                found = await history.search(query, root, limit)
            else:
                found = await history.sessions(root, limit, before)
            return [self._found(each) for each in found]
        words = query.casefold().split()
        newest = sorted(self._sessions.values(), key=lambda each: each.updated, reverse=True)
        return [
            self.info(each)
            for each in newest
            if each.keep
            and each.turns
            and each.id not in self._closing
            and (root is None or each.root == root)
            and (before is None or each.updated < before)
            and all(word in _words(each) for word in words)
        ][:limit]

    async def delete(self, session_id: str) -> None:
        """Forget it, everywhere."""
        self._drop(session_id)
        history = self._history()
        try:
            if history is not None:
                await history.delete(session_id)
        except UserError:
            self._deleted.discard(session_id)  # it is still there
            raise

    async def delete_all(self) -> tuple[str, ...]:
        """Forget everything, everywhere; which ones were in memory."""
        found = tuple(self._sessions)
        self._drop(*found)
        history = self._history()
        try:
            if history is not None:
                await history.delete_all()
        except UserError:
            self._deleted.difference_update(found)
            raise
        return found

    def _drop(self, *session_ids: str) -> None:
        self._deleted.update(session_ids)
        self._closing.difference_update(session_ids)
        for each in session_ids:
            self._sessions.pop(each, None)

    async def aclose(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    def info(self, session: ChatSession) -> SessionInfo:
        """A conversation, for a list."""
        return SessionInfo(
            session.id,
            session.title,
            session.provider,
            session.model,
            session.messages,
            session.created,
            session.updated,
            session.root,
            session.effort,
            session.mode or self._mode(),
        )

    def _found(self, summary: SessionSummary) -> SessionInfo:
        record = summary.session
        return SessionInfo(
            record.id,
            record.title,
            record.provider,
            record.model,
            summary.messages,
            record.created,
            record.updated,
            record.root,
            effort_of(record),
            mode_of(record) or self._mode(),
            summary.excerpt,
        )


def _words(session: ChatSession) -> str:
    texts = [session.title, *(plain(turn) for turn in session.turns)]
    return "\n".join(texts).casefold()
