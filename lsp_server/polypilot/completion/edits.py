"""What the user has changed lately, elsewhere: in other documents and far away in this one.

A key costs nothing here but a note of the time. What was changed is found when a completion
is asked for: the text as it was when the document was first seen is compared with what it is
now. The store's texts share the blocks that no edit has touched, so only blocks that differ
are looked into, whatever the document's size.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.completion.context_values import Piece, Pieces, name_of
from polypilot.completion.context_visits import is_file
from polypilot.workspace.text_units import count_breaks, well_formed
from polypilot_prompts.context import unix
from polypilot_prompts.recent import Edit, Gap, Hunk, differing, hunks, pack, render

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from polypilot.completion.values import Ask
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate

AGE_S = 600.0
"""Seconds for which an edit is recent."""
FAR_LINES = 100
"""What is nearer to the cursor is in the prompt anyway."""
_DOCUMENTS = 20
_MOST_CHARS = 2_000_000
_GAP_CHARS = 200_000
"""More changed text than this is no edit, but another text."""
_MARGIN = 2
"""Blocks on each side of a change that are searched for secrets with it; and more than
enough to hold the lines around it."""
_MOST_HUNKS = 64

Blocks = tuple[str, ...]


@dataclass(slots=True)
class _Edited:
    """One document."""

    path: str | None
    base: Blocks
    """Its text when it was first seen."""
    last: Blocks | None = None
    """Its text when it was closed."""
    changed: float = float("-inf")
    """When it was edited last."""
    edits: int = 0
    """How often, so that two edits at one moment are two."""
    refused: str = ""
    """The settings under which it could not be sent."""
    times: dict[tuple[str, ...], float] = field(default_factory=dict[tuple[str, ...], float])
    """When each hunk was first like this."""
    compared: dict[tuple[Blocks, Blocks, str], list[Hunk]] = field(
        default_factory=dict[tuple[Blocks, Blocks, str], list[Hunk]]
    )
    """Hunks by what was compared and under which policy; line numbers count from there."""


class EditsSource:
    """Remembers what documents were like."""

    def __init__(self, documents: DocumentStore, gate: Gate, clock: Callable[[], float]) -> None:
        self._documents = documents
        self._gate = gate
        self._clock = clock
        self._edited: OrderedDict[str, _Edited] = OrderedDict()
        """The one edited last is last."""
        self.compared = 0
        """Comparisons of texts so far."""

    def seen(self, uri: str) -> None:
        """The user is at a document: what it is like now is what edits are compared with."""
        document = self._documents.get(uri)
        edited = self._edited.get(uri)
        if document is None or not is_file(document):
            return
        if edited is not None:
            edited.refused = ""
        if edited is not None and edited.last is not None:
            if "".join(edited.last) != "".join(document.blocks):  # changed by who knows whom
                del self._edited[uri]
                edited = None
            else:
                edited.last = None
        if edited is None and document.length <= _MOST_CHARS:
            self._edited[uri] = _Edited(document.path, document.blocks)
            while len(self._edited) > _DOCUMENTS:
                self._edited.popitem(last=False)

    def edited(self, uri: str) -> None:
        """A key: takes the same time in every document."""
        edited = self._edited.get(uri)
        if edited is None:  # never seen, or so long ago that it has been forgotten
            self.seen(uri)
        else:
            edited.changed = self._clock()
            edited.edits += 1
            self._edited.move_to_end(uri)

    def closed(self, uri: str) -> None:
        """Its edits stay, if its text is still known."""
        edited = self._edited.get(uri)
        document = self._documents.get(uri)
        if edited is None:
            return
        if document is None:
            del self._edited[uri]
        else:
            edited.last = document.blocks

    def forget(self, uri: str) -> bool:
        """It leaves its place to others until it is opened again, or the settings change."""
        edited = self._edited.get(uri)
        if edited is None:
            return False
        edited.refused = self._gate.policy_hash()
        return True

    # -- as a source ---------------------------------------------------------------------

    def key(self, ask: Ask) -> Hashable:
        """Which documents have been edited, and where the cursor is in those steps that count."""
        now = self._clock()
        recent = [
            (uri, each.edits) for uri, each in self._edited.items() if now - each.changed <= AGE_S
        ]
        return tuple(recent), ask.snapshot.line // FAR_LINES, self._gate.policy_hash()

    async def prepare(self, uri: str) -> None:
        """Nothing to do: `seen` has done it."""
        del uri

    async def make(self, ask: Ask) -> Pieces:
        """A diff per document, of the one edited last first."""
        now, here = self._clock(), ask.snapshot.uri
        recent = [uri for uri, each in self._edited.items() if now - each.changed <= AGE_S]
        if not recent:
            return ()
        policy = self._gate.policy_hash()
        dated: list[tuple[float, Edit]] = []
        for uri in reversed(recent):
            edited = self._edited.get(uri)
            if edited is None or edited.refused == policy:
                continue
            for hunk in self._hunks(uri, edited, policy):
                near = uri == here and abs(hunk.line - ask.snapshot.line) <= FAR_LINES
                when = edited.times[hunk.lines]
                if not near and now - when <= AGE_S:
                    dated.append((when, Edit(uri, hunk)))
            await asyncio.sleep(0)
        dated.sort(key=lambda each: (-each[0], each[1].name, each[1].hunk.line))
        packed = pack(edit for _, edit in dated)
        return tuple(
            self._piece(uri, policy, [edit.hunk for edit in packed if edit.name == uri])
            for uri in dict.fromkeys(edit.name for edit in packed)
        )

    def _piece(self, uri: str, policy: str, found: list[Hunk]) -> Piece:
        edited = self._edited.get(uri)
        name = name_of(self._gate, uri, edited.path if edited else None)
        return Piece(f"{name}.diff", render(found), "edits", uri, policy)

    # -- comparing -----------------------------------------------------------------------

    def _hunks(self, uri: str, edited: _Edited, policy: str) -> list[Hunk]:
        """All changes of a document since it was first seen."""
        document = self._documents.current(uri)
        text = edited.last if edited.last is not None else document and document.blocks
        if text is None:
            return []
        found: list[Hunk] = []
        compared: dict[tuple[Blocks, Blocks, str], list[Hunk]] = {}
        counted = first = 0  # the gaps are in order: no block is counted twice
        for a, b, c, d in gaps(edited.base, text):
            parts = edited.base[a:b], text[c:d], policy
            if sum(map(len, parts[0] + parts[1])) > _GAP_CHARS:
                continue
            known = edited.compared.get(parts)
            compared[parts] = new = self._compare(parts) if known is None else known
            if new:
                first += sum(map(count_breaks, text[counted:c]))
                counted = c
                found += [Hunk(first + hunk.line, hunk.lines) for hunk in new]
        edited.compared = compared
        edited.times = {hunk.lines: edited.times.get(hunk.lines, edited.changed) for hunk in found}
        if len(found) > _MOST_HUNKS:  # a new beginning
            edited.base, edited.compared, edited.times = text, {}, {}
            return []
        return found

    def _compare(self, parts: tuple[Blocks, Blocks, str]) -> list[Hunk]:
        """The changes between two parts, without their secrets."""
        self.compared += 1
        old, new = (self._gate.release(well_formed("".join(part))).text for part in parts[:2])
        return hunks(unix(old).split("\n"), unix(new).split("\n"))


def gaps(old: Blocks, new: Blocks) -> list[Gap]:
    """Where two texts differ, with a margin of blocks that are the same on both sides."""
    merged: list[Gap] = []
    for a, b, c, d in differing(old, new):
        left = min(a, c, _MARGIN)
        right = min(len(old) - b, len(new) - d, _MARGIN)
        gap = (a - left, b + right, c - left, d + right)
        if merged and (gap[0] < merged[-1][1] or gap[2] < merged[-1][3]):
            before = merged.pop()
            gap = (before[0], gap[1], before[2], gap[3])
        merged.append(gap)
    return merged
