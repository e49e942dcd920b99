"""What the gate sees on disk, and when it looks.

A look at a file system that hangs never returns, so requests look in another thread: one
look at a time for each workspace root (for each folder outside of them), so that a hung root
holds up no other and costs one thread. What a look has found is in force for the request that
asked for it, and kept for the case that a later look does not come back in time. A document
that has never been judged is then excluded; one that has been stays as it was, until an
ignore file is known to have changed. A verdict that is not fresh is worth a longer wait, on a
disk that is not known to hang: ignore files may have been changed by who does not tell us.

Where nothing ever calls `Looks.look`, a question looks by itself, where it is asked; that is
for the terminal. A request that has looked never does: what it did not look at, or looked at
under settings that have changed since, is as it was judged last.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.workspace.gate_lane import PATIENCE, Lane, Seen, Wanted, see
from polypilot.workspace.gate_outgoing import Verdict
from polypilot.workspace.gate_policy import Policy
from polypilot.workspace.ignore import NameRules
from polypilot.workspace.ignore_state import IGNORE_NAMES
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polypilot.workspace.disk import Disk
    from polypilot.workspace.gate_policy import Privacy
    from polypilot.workspace.roots import Roots

LATE = "the disk does not answer, so it is not known whether it may be sent"
FIRST = 1.0
"""Seconds for which a request waits at least, where there is no earlier verdict to go by."""
_FRESH = 2.0
"""Seconds for which an earlier verdict is as good as a new one."""
_YOUNG = 0.2
"""Seconds after which a verdict that is taken without a look is renewed."""
_KEPT = 2_048
_IGNORE_NAMES = frozenset(name.casefold() for name in IGNORE_NAMES)
_LANES = 256


@dataclass(frozen=True, slots=True)
class _Request:
    """What one request goes by."""

    looks: Looks
    seen: Mapping[str, Seen]


_request: ContextVar[_Request | None] = ContextVar("looked", default=None)
"""Of the running task; a request's tasks inherit it."""


class Looks:
    """All looks under one set of settings. For the event loop's thread."""

    def __init__(
        self,
        roots: Roots,
        privacy: Privacy,
        disk: Disk,
        max_file_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.roots = roots
        self.privacy = privacy
        self._disk = disk
        self._max_file_bytes = max_file_bytes
        self._clock = clock
        self._names = NameRules(privacy.exclude)
        self._nowhere = self._policy()
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._kept: OrderedDict[Wanted, tuple[Seen, float]] = OrderedDict()
        """The last verdicts, and when they were given."""

    def warm(self) -> None:
        """Compiles the patterns. May be called in another thread."""
        self._nowhere.warm()

    @property
    def state(self) -> str:
        """Changes with the settings."""
        return self._nowhere.state

    def by_name(self, uri: str) -> Verdict:
        """What the name alone says; no disk is asked."""
        return self._nowhere.by_name(uri)

    def now(self, wanted: Wanted) -> Seen:
        """What the running request has seen, or else what a look of its own shows.

        That look is made here, in the caller's thread, unless another one hangs there.
        """
        request = _request.get()
        if request is not None and request.looks is self:
            seen = request.seen.get(wanted.uri)
            if seen is not None and seen.wanted.serves(wanted) and self._holds(seen):
                return seen
        path = wanted.path
        if path is None:
            return see(self._nowhere, wanted, 0)
        if request is not None:  # in the event loop, which must not wait for a disk
            return self._without(wanted)
        lane = self._lane(path)
        if not lane.lock.acquire(timeout=0 if lane.late else PATIENCE):
            return self._without(wanted)
        try:
            return self._keep(see(lane.policy, wanted, self._max_file_bytes))
        finally:
            lane.lock.release()

    async def look(self, wanted: Sequence[Wanted], within: float, *, lately: float = 0.0) -> None:
        """Looks for the running request, at most ``within`` seconds; the look goes on behind it.

        It begins after the call: what was changed on disk before the call, it sees. For what
        has no earlier verdict, it waits longer. With ``lately``, verdicts that are not older than
        so many seconds are taken at once, and renewed behind the request.
        """
        if lately and self._recall(wanted, lately):
            return
        waiting: dict[Wanted, asyncio.Future[Seen | None]] = {}
        seen: dict[str, Seen] = {}
        lanes: dict[str, list[Wanted]] = {}
        for each in wanted:
            path = each.path
            if path is None:
                seen[each.uri] = see(self._nowhere, each, 0)
            else:
                lanes.setdefault(self._lane_name(path), []).append(each)
        for name, group in lanes.items():
            waiting |= self._lane_named(name).ask(group)
        if waiting:
            await asyncio.wait(waiting.values(), timeout=within)
        unsure = [future for each, future in waiting.items() if self._worth_waiting(each)]
        if within < FIRST and not all(future.done() for future in unsure):
            await asyncio.wait(unsure, timeout=FIRST - within)
        for each, future in waiting.items():
            found = future.result() if future.done() else None
            if found is None or not self._holds(found):
                found = self._without(each)
            seen[each.uri] = found
        self._go_by(seen)

    def _recall(self, wanted: Sequence[Wanted], lately: float) -> bool:
        """Go by the last verdicts, if all are young enough."""
        now = self._clock()
        seen: dict[str, Seen] = {}
        for each in wanted:
            kept, when = self._kept.get(replace(each, read=False), (None, 0.0))
            if kept is None or each.read or now - when > lately or not self._holds(kept):
                return False
            seen[each.uri] = kept
        self._go_by(seen)
        for each in wanted:
            aged = now - self._kept[replace(each, read=False)][1] > _YOUNG
            if aged and each.path is not None and not (lane := self._lane(each.path)).busy:
                lane.ask([each])
        return True

    def _go_by(self, seen: Mapping[str, Seen]) -> None:
        request = _request.get()
        if request is not None and request.looks is self:
            seen = {**request.seen, **seen}
        _request.set(_Request(self, seen))

    def changed(self, uri: str) -> None:
        """A file was saved. If ignore files are called so, no earlier verdict counts any more."""
        place = locate(uri)
        if place.path and _names_rules(place.path):
            self._kept.clear()
            for lane in self._lanes.values():
                lane.outdated = True

    # -- what is kept --------------------------------------------------------------------

    def _holds(self, seen: Seen) -> bool:
        return seen.roots == frozenset(self.roots)

    def _keep(self, seen: Seen) -> Seen:
        kept = replace(seen, content=None)
        self._kept[replace(seen.wanted, read=False)] = (kept, self._clock())
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return seen

    def _kept_for(self, wanted: Wanted) -> Seen | None:
        kept, _when = self._kept.get(replace(wanted, read=False), (None, 0.0))
        return kept if kept is not None and self._holds(kept) else None

    def _worth_waiting(self, wanted: Wanted) -> bool:
        """Whether a look that is late should be waited for."""
        _kept, when = self._kept.get(replace(wanted, read=False), (None, float("-inf")))
        if not self._kept_for(wanted):
            return True
        hangs = wanted.path is not None and self._lane(wanted.path).taken > FIRST
        return self._clock() - when > _FRESH and not hangs

    def _without(self, wanted: Wanted) -> Seen:
        """What holds when the look has not come back."""
        kept = self._kept_for(wanted)
        if kept is not None:
            return replace(kept, wanted=wanted, unread=LATE)
        return Seen(wanted, frozenset(self.roots), Verdict(False, LATE, "disk"), LATE)

    # -- who looks -----------------------------------------------------------------------

    def _policy(self) -> Policy:
        return Policy(self.roots, self.privacy, self._disk, self._names)

    def _lane_name(self, path: str) -> str:
        root = self.roots.of(path)
        return root.path if root else os.path.dirname(path)  # noqa: PTH120 - strings

    def _lane(self, path: str) -> Lane:
        return self._lane_named(self._lane_name(path))

    def _lane_named(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            idle = [each for each, old in self._lanes.items() if not old.busy]
            for each in idle[: max(0, len(self._lanes) + 1 - _LANES)]:
                del self._lanes[each]
            lane = self._lanes[name] = Lane(name, self._policy(), self._max_file_bytes, self._keep)
        self._lanes.move_to_end(name)
        return lane


def _names_rules(path: str) -> bool:
    """Whether ignore files are called so, on any file system."""
    return os.path.basename(path).casefold() in _IGNORE_NAMES  # noqa: PTH119 - strings
