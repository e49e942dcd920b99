"""The conversations that a client has open, and what it does with them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.acp import checks, greeting, translate
from polypilot.acp.faults import Code, RpcError, invalid, told
from polypilot.acp.listing import folders_of, listed, moment
from polypilot.acp.rpc import Reply
from polypilot.acp.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.acp.checks import Params
    from polypilot.acp.offer import Abilities
    from polypilot.acp.options import Choice
    from polypilot.acp.turn import Line
    from polypilot.backend import Backend
    from polypilot.chat.values import Conversation, SessionInfo
    from polypilot.tasks import Tasks

PAGE = 50
"""Conversations in one answer to `session/list`."""
STOP_S = 2.0
"""Seconds that a stopped answer has to end before its conversation is closed all the same."""

Result = dict[str, object]


@dataclass(slots=True)
class Open:
    """A conversation of this connection."""

    id: str
    folders: tuple[str, ...]
    """Its own folder first, then the others that it may look into."""
    notes: list[str] = field(default_factory=list[str])
    """What the user is to be told with the next answer."""
    answering: asyncio.Task[object] | None = None


class Sessions:
    """Handlers for `session/*`. ``provider`` answers in new ones; empty: as the settings say."""

    def __init__(
        self,
        line: Line,
        tasks: Tasks,
        backend: Callable[[], Awaitable[Backend]],
    ) -> None:
        self._line = line
        self._tasks = tasks
        self._backend = backend
        self._open: dict[str, Open] = {}
        self._folders = asyncio.Lock()
        self._greeting = greeting.Greeting()
        self.provider = ""
        self.can: Abilities

    # -- opening and closing -------------------------------------------------------------

    async def new(self, params: Params) -> Reply:
        """`session/new`."""
        folders = folders_of(params)
        servers = checks.things(params, "mcpServers", needed=True)
        backend = await self._backend()
        await self._reach(backend, folders)
        try:
            info = await backend.chat.create(folders[0], provider=self.provider or None)
        except BaseException:
            await self._reach(backend)
            raise
        reply = await self._opened(backend, info, folders, servers)
        return Reply({"sessionId": info.session_id, **reply.result}, reply.then)

    async def load(self, params: Params) -> Reply:
        """`session/load`: the conversation is sent again, then the answer."""
        backend, conversation, folders = await self._kept(params)
        from polypilot.acp import replay  # noqa: PLC0415 - with the backend, not before

        servers = checks.things(params, "mcpServers", needed=True)
        reply = await self._opened(backend, conversation.info, folders, servers)
        replay.show(conversation, self._turn(conversation.info.session_id))
        await self._line.drained()
        return reply

    async def resume(self, params: Params) -> Reply:
        """`session/resume`: the client has the conversation still."""
        backend, conversation, folders = await self._kept(params)
        servers = checks.things(params, "mcpServers")
        return await self._opened(backend, conversation.info, folders, servers)

    async def close(self, params: Params) -> Result:
        """`session/close`."""
        session = self._known(params)
        backend = await self._backend()
        await self._stop(session)
        self._open.pop(session.id, None)
        await backend.chat.close(session.id)
        await self._reach(backend)
        return {}

    async def delete(self, params: Params) -> Result:
        """`session/delete`. One that is not there (any more) is none."""
        session_id = checks.text(params, "sessionId")
        backend = await self._backend()
        session = self._open.pop(session_id, None)
        if session is not None:
            await self._stop(session)
        await backend.chat.delete(session_id)
        if session is not None:
            await self._reach(backend)
        return {}

    async def listing(self, params: Params) -> Result:
        """`session/list`, the one used last first. Those without a folder are left out."""
        folder = checks.maybe_folder(params, "cwd")
        before = moment(checks.maybe_text(params, "cursor"))
        backend = await self._backend()
        found = await backend.chat.sessions(root=folder, limit=PAGE, before=before)
        result: Result = {"sessions": [listed(each) for each in found if each.root]}
        if len(found) == PAGE:
            result["nextCursor"] = repr(found[-1].updated)
        return result

    # -- talking -------------------------------------------------------------------------

    async def prompt(self, params: Params) -> Result:
        """`session/prompt`. It may be cancelled from its first step on."""
        session = self._known(params)
        if session.answering is not None:
            raise told("busy", "this conversation is still being answered", "Stop it, or wait.")
        blocks = checks.things(params, "prompt", needed=True)
        session.answering = asyncio.current_task()
        try:
            return await self._answer(session, blocks)
        except asyncio.CancelledError:
            return {"stopReason": "cancelled"}
        finally:
            session.answering = None

    async def _answer(self, session: Open, blocks: list[Params]) -> Result:
        from polypilot.acp import blocks as content  # noqa: PLC0415 - with the backend
        from polypilot.acp.proposals import Proposals  # noqa: PLC0415 - likewise
        from polypilot.chat.values import Question  # noqa: PLC0415 - likewise

        backend = await self._backend()
        asked = content.read(blocks)
        await backend.refresh()
        turn = self._turn(session.id)
        notes, session.notes = session.notes, []
        for note in notes:
            turn.tell(note)
        question = Question(asked.text, tuple(asked.attachments), session.id)
        proposals = Proposals(backend, turn, session.id)
        end = await turn.run(backend.chat.send(question, turn), proposals.of_tool)
        if end is None:
            return {"stopReason": "cancelled"}
        if (error := end.error) is not None:
            fault = told(error.code, error.message, error.cure)
            if end.stop_reason != "budget":
                raise fault
            turn.tell(fault.message)
            turn.finish()
        elif turn.proposals:
            await proposals.of_answer(turn.proposals)
        return {"stopReason": translate.stop_reason(end.stop_reason)}

    def cancel(self, params: Params) -> None:
        """`session/cancel`."""
        session = self._open.get(checks.text(params, "sessionId"))
        if session is not None and session.answering is not None:
            session.answering.cancel()

    # -- choosing ------------------------------------------------------------------------

    async def set_mode(self, params: Params) -> Result:
        """`session/set_mode`, which clients use that know no options."""
        from polypilot.acp import options  # noqa: PLC0415 - with the backend, not before

        session = self._known(params)
        mode = options.mode_of(checks.text(params, "modeId"), "modeId")
        backend = await self._backend()
        info = await backend.chat.configure(session.id, mode=mode)
        update = {
            "sessionUpdate": "config_option_update",
            "configOptions": await options.options(backend, info),
        }
        self._turn(session.id).send(update)
        return {}

    async def set_option(self, params: Params) -> Result:
        """`session/set_config_option`."""
        from polypilot.acp import options  # noqa: PLC0415 - with the backend, not before

        session = self._known(params)
        choice = options.chosen(checks.text(params, "configId"), params.get("value"))
        backend = await self._backend()
        if choice.provider is not None and choice.provider not in backend.rows():
            raise invalid("value", "is no model of this conversation")
        info = await self._configure(backend, session, choice)
        if choice.mode is not None:
            update = {"sessionUpdate": "current_mode_update", "currentModeId": choice.mode}
            self._turn(session.id).send(update)
        return {"configOptions": await options.options(backend, info)}

    @staticmethod
    async def _configure(backend: Backend, session: Open, choice: Choice) -> SessionInfo:
        return await backend.chat.configure(
            session.id,
            provider=choice.provider,
            model=choice.model,
            mode=choice.mode,
            effort=choice.effort,
        )

    # -- inside --------------------------------------------------------------------------

    def _known(self, params: Params) -> Open:
        session = self._open.get(checks.text(params, "sessionId"))
        if session is None:
            raise RpcError(Code.NOT_FOUND, "this conversation is not open; load it first")
        return session

    def _turn(self, session_id: str) -> Turn:
        return Turn(self._line, self.can, session_id)

    async def _kept(self, params: Params) -> tuple[Backend, Conversation, tuple[str, ...]]:
        """A conversation that is to be opened again."""
        folders = folders_of(params)
        session_id = checks.text(params, "sessionId")
        backend = await self._backend()
        conversation = await backend.chat.load(session_id)
        if conversation.info.root != folders[0]:
            raise invalid("cwd", "is not this conversation's folder")
        await self._reach(backend, folders)
        return backend, conversation, folders

    async def _opened(
        self,
        backend: Backend,
        info: SessionInfo,
        folders: tuple[str, ...],
        servers: list[Params],
    ) -> Reply:
        from polypilot.acp import options  # noqa: PLC0415 - with the backend, not before

        before = self._open.get(info.session_id)
        session = Open(info.session_id, folders)
        if before is not None:
            session.answering = before.answering
        self._open[info.session_id] = session
        result: Result = {
            "modes": options.modes(info),
            "configOptions": await options.options(backend, info),
        }
        note = self._greeting.not_started(backend, servers)
        session.notes += [note] if note else []
        return Reply(result, lambda: self._after(backend, session))

    def _after(self, backend: Backend, session: Open) -> None:
        """What belongs to a conversation that the client has only now heard of."""
        turn = self._turn(session.id)
        if self.can.notices:
            notes, session.notes = session.notes, []
            for note in notes:
                turn.tell(note)
        self._tasks.spawn(greeting.commands(backend, turn, session.folders[0]), name="commands")

    async def _stop(self, session: Open) -> None:
        """End the answer that is being given, and let it say so."""
        task = session.answering
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_S)

    async def _reach(self, backend: Backend, more: tuple[str, ...] = ()) -> None:
        """Make the folders of all open conversations, and ``more``, the workspace."""
        async with self._folders:
            wanted = [each for session in self._open.values() for each in session.folders]
            roots = tuple(dict.fromkeys((*wanted, *more)))
            if set(roots) != set(backend.roots):
                await backend.configure(roots=roots)
