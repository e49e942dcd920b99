"""All conversations of one server: listing, opening, changing and continuing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat.answer import harmless
from polypilot.chat.checking import chosen, effort_after, idle, known
from polypilot.chat.keeping import Keeper
from polypilot.chat.parts import Parts
from polypilot.chat.plan import MAX_MESSAGE_CHARS, MAX_SESSION_CHARS, ChatError, ChatPlan
from polypilot.chat.sending import Sender
from polypilot.chat.session import ChatSession
from polypilot.chat.shown import conversation
from polypilot_prompts.chat import title_for
from polypilot_prompts.sanitize import strip_controls

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot.chat import events
    from polypilot.chat.previewing import Preview
    from polypilot.chat.values import (
        Client,
        CommandInfo,
        Conversation,
        EffortChange,
        Mode,
        Question,
        SessionInfo,
    )
    from polypilot.workspace.gate import Gate
    from polypilot_providers.router import Router

__all__ = [
    "MAX_MESSAGE_CHARS",
    "MAX_SESSION_CHARS",
    "ChatError",
    "ChatPlan",
    "ChatService",
    "Parts",
]


class ChatService:
    """Answers messages, one at a time per conversation.

    Args:
        router: sends requests.
        gate: all text passes it.
        plan: whom to ask for a provider id and model of the user's choice; both may be empty,
            for what the settings select. May raise UserError or ProviderError.
        parts: the rest.
    """

    def __init__(
        self,
        *,
        router: Router,
        gate: Gate,
        plan: Callable[[str, str], ChatPlan],
        parts: Parts,
        keeper: Keeper | None = None,
    ) -> None:
        self._router = router
        self._gate = gate
        self._plan = plan
        self._parts = parts
        self._accounts = parts.accounts
        self._keeper = keeper or Keeper(gate, parts.history, mode=parts.mode)
        self._sender = Sender(router, gate, plan, parts, self._keeper)

    # -- conversations -------------------------------------------------------------------

    async def create(
        self,
        root: str | None = None,
        *,
        provider: str | None = None,
        model: str | None = None,
        mode: Mode | None = None,
        effort: EffortChange | None = None,
    ) -> SessionInfo:
        """A new conversation, empty. It is listed once it has a message.

        Raises:
            UserError, ProviderError: its provider can't be asked.
        """
        session = ChatSession(root=self._parts.root(root))
        self._choose(session, provider, model, effort, mode)
        self._keeper.hold(session)
        return self._keeper.info(session)

    async def sessions(
        self,
        query: str = "",
        *,
        root: str | None = None,
        limit: int = 50,
        before: float | None = None,
    ) -> list[SessionInfo]:
        """Conversations, the one used last first; with ``query``, those that have its words.

        ``before`` is the ``updated`` of the last one of the page before.
        """
        return await self._keeper.listing(query, root, limit, before)

    def get(self, session_id: str) -> ChatSession:
        """A conversation that is in memory.

        Raises:
            ChatError: ``unknown_session``.
        """
        return self._keeper.get(session_id)

    async def load(self, session_id: str) -> Conversation:
        """A conversation, as it is shown.

        Raises:
            ChatError: ``unknown_session``.
        """
        session = await self._keeper.open(session_id)
        return conversation(session, self._keeper.info(session), self._window(session), harmless)

    async def rename(self, session_id: str, title: str) -> None:
        """Give it a title of the user's.

        Raises:
            ChatError: ``unknown_session``, or ``empty``: it has no text.
        """
        line = title_for(strip_controls(title), limit=200)
        if not line:
            raise ChatError("the title is empty", code="empty")
        session = await self._keeper.open(session_id)
        session.title = line
        if session.turns:
            await self._keeper.save(session)

    async def delete(self, session_id: str) -> None:
        """Forget it, on the disk too. One that is answering is forgotten, but ends by itself."""
        self._parts.forget(session_id)
        await self._keeper.delete(session_id)

    async def delete_all(self) -> None:
        """Forget all conversations, on the disk too."""
        for session_id in await self._keeper.delete_all():
            self._parts.forget(session_id)

    async def close(self, session_id: str) -> None:
        """Forget it in memory. What the user has allowed in it is asked again."""
        self._keeper.close(session_id)

    async def configure(
        self,
        session_id: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        effort: EffortChange | None = None,
        mode: Mode | None = None,
    ) -> SessionInfo:
        """Change who answers from now on, and what it may use.

        Raises:
            ChatError: ``unknown_session``.
            UserError, ProviderError: the provider can't be asked; nothing has changed.
        """
        session = await self._keeper.open(session_id)
        self._choose(session, provider, model, effort, mode)
        if session.turns:
            await self._keeper.save(session)
        return self._keeper.info(session)

    async def select(self, session_id: str, message_id: str) -> Conversation:
        """Go to the branch through a message.

        Raises:
            ChatError: ``unknown_session``, ``unknown_message`` or ``busy``.
        """
        session = await self._keeper.open(session_id)
        idle(session)
        known(session, message_id)
        session.head = session.newest_below(message_id)
        await self._keeper.save(session)
        return await self.load(session_id)

    async def export(self, session_id: str) -> str:
        """The branch in use as Markdown.

        Raises:
            ChatError: ``unknown_session``.
        """
        from polypilot.chat.export import exported  # noqa: PLC0415 - few sessions need it

        return exported(await self.load(session_id))

    async def commands(self, root: str | None = None) -> tuple[CommandInfo, ...]:
        """The slash commands that can be used."""
        commands = self._parts.asking.commands
        return (
            ()
            if commands is None
            else tuple(await commands.listing(self._parts.root(root) or None))
        )

    async def aclose(self) -> None:
        """Wait until everything is kept."""
        await self._keeper.aclose()

    # -- answers -------------------------------------------------------------------------

    async def preview(self, question: Question, client: Client | None = None) -> Preview:
        """What a question would send, part by part; nothing is sent and nothing changes.

        Raises:
            ChatError, UserError, ProviderError: as ``send``.
        """
        return await self._sender.preview(question, client)

    def send(
        self, question: Question, client: Client | None = None
    ) -> AsyncGenerator[events.ChatEvent, None]:
        """Answer a message, as a stream of events that ends with an End.

        Closing the generator, or cancelling the task that iterates it, stops the answer and
        closes the supplier's socket; what arrived is kept, marked as cancelled. A failure of
        the supplier is an End with an error.

        Raises:
            ChatError: before any event; nothing was sent and nothing has changed.
            UserError, ProviderError: from ``plan`` or the question's command; likewise.
        """
        return self._sender.send(question, client)

    # -- inside --------------------------------------------------------------------------

    def _choose(
        self,
        session: ChatSession,
        provider: str | None,
        model: str | None,
        effort: EffortChange | None,
        mode: Mode | None,
    ) -> None:
        """What is given holds from now on."""
        now = chosen(session, provider, model)
        self._plan(*now)
        session.provider, session.model = now
        session.effort = effort_after(session, effort)
        session.mode = mode or session.mode

    def _window(self, session: ChatSession) -> int | None:
        try:
            return self._plan(session.provider, session.model).window
        except Exception:  # noqa: BLE001 - whoever answered may be gone; it is shown all the same
            return None
