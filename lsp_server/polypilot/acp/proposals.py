"""The edits that an answer or a tool proposes: shown as diffs, made when the user allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.acp import translate
from polypilot.acp.writing import write
from polypilot.chat.values import FileDiff
from polypilot.errors import UserError, describe
from polypilot.tasks import run_blocking
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot.acp.turn import Turn
    from polypilot.backend import Backend
    from polypilot.chat import events
    from polypilot.chat.edits import Proposal

WRITE_S = 10.0
"""Seconds that the disk has for one file."""


class Proposals:
    """What becomes of one answer's edits."""

    def __init__(self, backend: Backend, turn: Turn, session_id: str) -> None:
        self._backend = backend
        self._turn = turn
        self._session_id = session_id

    async def of_tool(self, ids: Iterable[str], call_id: str) -> None:
        """Edits of a call that the user has allowed, with their diffs in sight: made at once."""
        for each in ids:
            failure = await self._make(self._backend.edits.get(each))
            if failure:
                self._turn.send(translate.settled(call_id, "failed", failure))

    async def of_answer(self, proposals: Iterable[events.Proposal]) -> None:
        """Edits in an answer's text: the user is asked for each."""
        for each in proposals:
            if each.refused:
                self._turn.tell(f"{each.path}: {each.refused}")
            else:
                await self._offer(self._backend.edits.get(each.id))
        self._turn.finish()

    async def _offer(self, proposal: Proposal) -> None:
        call_id = f"edit:{proposal.id}"
        title = f"{'Create' if proposal.creates else 'Edit'} {proposal.path}"
        diff = FileDiff(proposal.path, proposal.old_text, proposal.new_text)
        call = translate.proposed(call_id, diff, title, "pending")
        self._turn.send(call)
        shown = {name: value for name, value in call.items() if name != "sessionUpdate"}
        options = [
            {"optionId": each, "name": name, "kind": each}
            for each, name in translate.PERMISSIONS
            if each.endswith("once")
        ]
        said = await self._turn.ask(
            {"sessionId": self._session_id, "toolCall": shown, "options": options}
        )
        if said != "allow_once":
            self._backend.edits.reject(proposal.id)
            self._turn.send(translate.settled(call_id, "failed"))
            return
        failure = await self._make(proposal)
        status = "failed" if failure else "completed"
        self._turn.send(translate.settled(call_id, status, failure))

    async def _make(self, proposal: Proposal) -> str:
        """Make an edit; why it could not be, or nothing."""
        edits = self._backend.edits
        try:
            change = await edits.accept(proposal.id)
            path = locate(change.uri).path or proposal.path

            def work() -> None:
                write(path, change.edits, creates=change.creates)

            await run_blocking(work, timeout=WRITE_S, name="write an edit")
            edits.applied(proposal.id)
        except (UserError, TimeoutError) as error:
            problem = describe(error)
            return f"{problem.message}. {problem.cure}".rstrip(". ") + "."
        return ""
