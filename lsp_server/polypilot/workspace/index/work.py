"""The work on one open database: walking, reading, tidying, in steps.

Each step yields the seconds after which to go on, so that orders can come in between. What is
done is saved every moment: a process that is killed loses little, and the next one goes on.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from polypilot.workspace.gate_lane import Wanted, see
from polypilot.workspace.index.rows import Rows, is_settled, stamp_of
from polypilot.workspace.index.store import Kind
from polypilot.workspace.index.values import Phase
from polypilot.workspace.index.walk import Walk
from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from polypilot.workspace.index.judging import FolderPolicy
    from polypilot.workspace.index.wire import Wish

_BATCH = 300
"""Files that are read in one transaction at most."""
_BATCH_SECONDS = 0.4
_WORTH_MERGING = 1_000
"""Files that were read, from which on the search table is tidied."""
_MERGES = 2_000
_WORN = 2_000


class Work:
    """One database, under one policy."""

    def __init__(
        self,
        wish: Wish,
        policy: FolderPolicy,
        rows: Rows,
        tell: Callable[[Phase, int, int], None],
    ) -> None:
        self._wish = wish
        self._policy = policy
        self._rows = rows
        self._tell = tell
        self._walk = Walk(policy, wish, rows)
        self._read_count = 0

    @property
    def many(self) -> bool:
        """Whether there were more files than are kept."""
        return self._walk.many

    def everything(self) -> Generator[float]:
        """Brings the database to what the disk is."""
        yield from self._names()
        yield from self._pending()
        if self._rows.is_worn(_WORN):
            self._rows.start_over()
            yield from self._pending()

    def tidy(self) -> Generator[float]:
        """Makes the database quicker and smaller; may be broken off."""
        rows = self._rows
        if self._read_count >= _WORTH_MERGING:
            for number in range(_MERGES):
                if not rows.merge(first=number == 0):
                    break
                yield 0.0
            while rows.shrink():
                yield 0.0
        rows.settle()

    def changed(self, paths: Iterable[str]) -> bool:
        """Looks at single files; False: only a look at everything can tell."""
        rows, certain = self._rows, True
        rows.begin()
        for path in paths:
            found = self._walk.at(path)
            if found is None:
                certain = False
            elif found:
                self._read(*found)
        rows.commit()
        return certain

    # -- inside --------------------------------------------------------------------------

    def _names(self) -> Generator[float]:
        """Compares names and stamps, and marks what is to be read."""
        rows, since = self._rows, time.monotonic()
        self._tell(Phase.WALKING, 0, 0)
        rows.begin()
        for seen in self._walk.steps():
            if time.monotonic() - since > _BATCH_SECONDS:
                rows.commit(done=seen, total=0)
                self._tell(Phase.WALKING, seen, 0)
                since = time.monotonic()
            yield 0.0
            rows.begin()
        rows.commit()

    def _pending(self) -> Generator[float]:
        """Reads what is marked."""
        rows, done, total = self._rows, 0, self._rows.count_pending()
        if total:
            self._tell(Phase.READING, 0, total)
        while batch := rows.pending(_BATCH):
            since = time.monotonic()
            for number, relative in batch:
                rows.begin()
                self._read(number, relative)
                done += 1
                if time.monotonic() - since > _BATCH_SECONDS:
                    rows.commit(done=done, total=max(total, done))
                    self._tell(Phase.READING, done, max(total, done))
                    since = time.monotonic()
                yield 0.0
            rows.commit(done=done, total=max(total, done))
            self._tell(Phase.READING, done, max(total, done))
        rows.begin()
        rows.commit(done=0, total=0)
        self._read_count += done

    def _read(self, number: int, relative: str) -> None:
        """Reads one file as the gate does, and keeps what is found in it."""
        rows = self._rows
        path = os.path.join(self._wish.real, relative)  # noqa: PTH118 - strings
        try:
            info = os.lstat(path)
        except (OSError, ValueError):
            rows.remove(number)
            return
        stamp = stamp_of(info) if is_settled(info) else 0
        seen = see(self._policy, Wanted(uri_of(path), False, read=True), self._wish.max_file_bytes)
        if not seen.verdict.allowed:
            rows.mark(number, stamp, Kind.HIDDEN)
        elif seen.content is None:
            rows.mark(number, stamp, Kind.OTHER)
        elif seen.content.media_type:
            rows.mark(number, stamp, Kind.MEDIA)
        else:
            rows.fill(number, stamp, relative, seen.content.text)
