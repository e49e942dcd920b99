"""Edits that an answer or a tool proposes, kept until the user has decided.

Nothing here changes a file. `accept` says what a face has to do to a document, for the text that
the document has at that moment: hunks are found again by what is in them and around them, and if
one no longer fits, nothing is applied.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from polypilot.chat import edits_lines as lines
from polypilot.chat.edits_apply import (
    applied,
    ended,
    given,
    hashed,
    in_place,
    placed,
    places,
    replaced,
)
from polypilot.chat.edits_targets import Target, Targets
from polypilot.chat.edits_values import (
    Change,
    EditError,
    Hunk,
    Proposal,
    Refused,
    TextEdit,
)
from polypilot.chat.values import Scene
from polypilot.errors import printable
from polypilot.tasks import run_blocking
from polypilot_prompts.proposals import Block, find_blocks
from polypilot_prompts.sanitize import strip_controls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot.workspace.roots import Roots

__all__ = ["Change", "EditError", "Edits", "Hunk", "Proposal", "Refused", "TextEdit"]

_KEPT = 200
_TICKS = re.compile(r"`{3,}")
_KEPT_CHARS = 20_000_000
_MOST_BLOCKS = 50
_ASIDE_S = 20.0
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Edits:
    """All edits that are proposed. For the event loop's thread."""

    def __init__(self, gate: Gate, documents: DocumentStore, roots: Roots) -> None:
        self._targets = Targets(gate, documents, roots)
        self._kept: OrderedDict[str, Proposal] = OrderedDict()
        self._accepted: dict[str, frozenset[int]] = {}

    # -- proposing -------------------------------------------------------------------------

    async def found(
        self, session_id: str, answer_text: str, scene: Scene, root: str | None
    ) -> tuple[Proposal | Refused, ...]:
        """The edits that a whole answer proposes: one for each file, in order, and what can't be.

        Several blocks for one file are made one after the other. Blocks that name no file are
        for the selection, if there is one and there is only one such block.
        """
        blocks = [block for block in find_blocks(answer_text) if block.path or block.code.strip()]
        named = [block for block in blocks if block.path][:_MOST_BLOCKS]
        made: list[Proposal | Refused] = []
        files: OrderedDict[str, tuple[Target, list[str]]] = OrderedDict()
        for block in named:
            try:
                target = await self._targets.named(block.path, scene, root)
                _, now = files.get(target.uri, (target, lines.lines_of(target.text or "")))
                fresh = target.text is None and target.uri not in files
                after = await _aside(applied, None if fresh else now, block)
                files[target.uri] = (target, after)
            except EditError as error:
                made.append(Refused(printable(block.path), error.message))
        for target, after in files.values():
            made += await self._kept_as(session_id, target, after)
        loose = [block for block in blocks if not block.path]
        if len(loose) == 1 and not named:
            made += await self._for_selection(session_id, loose[0], scene)
        return tuple(made)

    async def propose(
        self,
        session_id: str,
        path: str,
        new_text: str | None = None,
        edits: Sequence[tuple[str, str]] = (),
        *,
        scene: Scene | None = None,
        root: str | None = None,
    ) -> Proposal:
        """An edit of one file: all of its new text, or pairs of an old text and a new one.

        Raises:
            EditError: it may not be edited, an old text is not in it just once, or nothing changes.
        """
        target = await self._targets.named(path, scene or Scene(), root)
        now = lines.lines_of(target.text or "")
        if new_text is not None:
            now = lines.lines_of(strip_controls(new_text))
        for old, new in edits:
            if target.text is None and old.strip():
                raise EditError("there is no such file", code="edit_unmatched")
            now = await _aside(lines.replace, now, given(old), given(new))
        found = await self._kept_as(session_id, target, now)
        if not found:
            raise EditError("it would change nothing", code="edit_unmatched")
        return found[0]

    async def fit(
        self, session_id: str, code: str, language: str, scene: Scene, root: str | None
    ) -> Proposal:
        """Code of an answer, for the file it names, the selection, or the document in front.

        Raises:
            EditError: it is not clear where it belongs, or may not be there, or changes nothing.
        """
        fence = "`" * (max(map(len, _TICKS.findall(code)), default=2) + 1)
        ended_code = code if code.endswith("\n") else f"{code}\n"
        text = f"{fence}{language}\n{ended_code}{fence}\n"
        made = await self.found(session_id, text, scene, root)
        if not made:
            made = await self._into_front(session_id, text, scene)
        for each in made:
            if isinstance(each, Refused):
                raise EditError(each.reason)
            return each
        raise EditError("it would change nothing", code="edit_unmatched")

    async def _into_front(
        self, session_id: str, text: str, scene: Scene
    ) -> tuple[Proposal | Refused, ...]:
        uri = scene.selection.uri if scene.selection else scene.buffer
        if uri is None:
            raise EditError(
                "no document is in front", code="edit_unmatched", cure="Open the file it is for."
            )
        target = await self._targets.open(uri)
        after = await _aside(placed, lines.lines_of(target.text or ""), find_blocks(text)[0])
        return tuple(await self._kept_as(session_id, target, after))

    async def _for_selection(
        self, session_id: str, block: Block, scene: Scene
    ) -> list[Proposal | Refused]:
        """A block that names no file takes the place of the selection, or changes its document."""
        selection = scene.selection
        uri = selection.uri if selection else scene.buffer
        if uri is None:
            return []
        try:
            target = await self._targets.open(uri)
        except EditError:
            return []  # it named nothing, so nothing is amiss
        now = lines.lines_of(target.text or "")
        if block.hunks:
            try:
                after = await _aside(applied, now, block)
            except EditError:
                return []
        elif selection and selection.start and selection.end and selection.start != selection.end:
            bounds = self._targets.offsets(uri, selection.start, selection.end)
            after = lines.lines_of(in_place(target.text or "", bounds, block.code))
        else:
            return []
        return [*await self._kept_as(session_id, target, after)]

    async def _kept_as(
        self, session_id: str, target: Target, after: Sequence[str]
    ) -> list[Proposal]:
        """The proposal, if anything changes."""
        old = target.text or ""
        new_text = lines.eol_of(old).join(ended(after, target.text))
        if new_text == old and target.text is not None:
            return []
        hunks = await _aside(lines.hunks_between, old, new_text)
        proposal = Proposal(
            secrets.token_hex(8),
            session_id,
            target.uri,
            target.path,
            hashed(old),
            hunks,
            lines.unified(target.name, hunks, creates=target.text is None),
            new_text,
            target.text,
        )
        self._kept[proposal.id] = proposal
        self._bound()
        return [proposal]

    def _bound(self) -> None:
        chars = sum(len(each.new_text) + len(each.old_text or "") for each in self._kept.values())
        while len(self._kept) > 1 and (len(self._kept) > _KEPT or chars > _KEPT_CHARS):
            gone_id, gone = self._kept.popitem(last=False)
            self._accepted.pop(gone_id, None)
            chars -= len(gone.new_text) + len(gone.old_text or "")

    # -- deciding --------------------------------------------------------------------------

    def get(self, proposal_id: str) -> Proposal:
        """An edit by its id. Raises EditError (``unknown_edit``)."""
        found = self._kept.get(proposal_id)
        if found is None:
            raise EditError("this edit is not known any more", code="unknown_edit")
        return found

    def of(self, session_id: str) -> tuple[Proposal, ...]:
        """Those of a conversation, the oldest first."""
        return tuple(each for each in self._kept.values() if each.session_id == session_id)

    async def accept(self, proposal_id: str, hunks: Collection[int] | None = None) -> Change:
        """What makes the edit, or these of its hunks, in the document as it is now.

        A face that has made it calls `applied`.

        Raises:
            EditError: a hunk does not fit any more, or the edit is decided already.
        """
        proposal = self.get(proposal_id)
        wanted = self._wanted(proposal, hunks)
        target = await self._targets.again(proposal.uri, proposal.path)
        if proposal.creates and target.text:
            raise EditError("there is such a file now", code="edit_unmatched")
        if not proposal.creates and target.text is None:
            raise EditError("the file is gone", code="edit_unmatched")
        self._accepted[proposal_id] = frozenset(each.id for each in wanted)
        creates = target.text is None
        if proposal.creates:
            end = target.position(*lines.end_of(target.text or ""))
            edit = TextEdit(target.position(0, 0), end, proposal.new_text)
            return Change(target.uri, (edit,), creates, target.version)
        there = await _aside(places, target.text or "", proposal, wanted)
        made = tuple(
            replaced(target, at, at + len(each.old), each.new)
            for at, each in zip(there, wanted, strict=True)
        )
        return Change(target.uri, made, creates, target.version)

    def _wanted(self, proposal: Proposal, hunks: Collection[int] | None) -> list[Hunk]:
        if proposal.state != "open":
            raise EditError(f"this edit is {proposal.state} already")
        left = [each for each in proposal.hunks if each.id not in proposal.applied]
        if hunks is None:
            return left
        wanted = [each for each in left if each.id in set(hunks)]
        if not wanted or len(wanted) != len(set(hunks)):
            raise EditError("this edit has no such hunk left", code="edit_unmatched")
        return wanted

    def applied(self, proposal_id: str) -> Proposal:
        """What was accepted last is made. Raises EditError."""
        proposal = self.get(proposal_id)
        done = proposal.applied | self._accepted.pop(proposal_id, frozenset())
        state = "applied" if len(done) == len(proposal.hunks) else proposal.state
        self._kept[proposal_id] = proposal = replace(proposal, applied=done, state=state)
        return proposal

    def reject(self, proposal_id: str) -> Proposal:
        """The user does not want it, or no more of it. Raises EditError."""
        proposal = self.get(proposal_id)
        if proposal.state == "open":
            self._kept[proposal_id] = proposal = replace(proposal, state="rejected")
        return proposal

    def withdraw(self, proposal_id: str) -> None:
        """It was only to be shown; it is not known any more."""
        self._kept.pop(proposal_id, None)
        self._accepted.pop(proposal_id, None)

    def forget(self, session_id: str) -> None:
        """The conversation is deleted."""
        for each in self.of(session_id):
            del self._kept[each.id]
            self._accepted.pop(each.id, None)


async def _aside(do: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What may take a while, in a thread of its own."""
    try:
        return await run_blocking(partial(do, *args, **kwargs), timeout=_ASIDE_S, name="an edit")
    except TimeoutError:
        raise EditError("it takes too long to compare it with the file") from None
