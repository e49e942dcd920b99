"""What the record had to let go because the disk did not take it: how much, and of when."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from polypilot.usage.values import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from polypilot.usage.values import Entry

log = logging.getLogger(__name__)

_NOTICE: Final = (
    "The disk has not taken the record of usage for so long that its oldest part is being left"
    " out. Completions and chat go on; `polypilot usage` will say how much is missing."
)


class Losses:
    """Counts what is lost, day by day, until the record itself has the counts.

    Args:
        notice: is told, once until the disk works again, that something is being lost.
    """

    def __init__(self, notice: Callable[[str], None] | None = None) -> None:
        self._notice = notice
        self._gaps: dict[str, Gap] = {}
        self._told = False
        self.count = 0
        """Entries, or changes of them, since the start."""

    def add(self, entry: Entry, *, new: bool) -> None:
        """This entry, or a change of it, will not be written. Never waits, never fails."""
        self._add(entry, new=new)
        if not self._told:
            self._told = True
            log.warning("usage: the disk takes nothing; the oldest rows are left out")
            if self._notice is not None:
                self._notice(_NOTICE)

    def unwritten(self) -> Sequence[Gap]:
        """Of each day what the record does not know yet."""
        return tuple(self._gaps.values())

    def written(self, gaps: Iterable[Gap]) -> None:
        """The record has them. What has grown meanwhile is to be written again."""
        for gap in gaps:
            if self._gaps.get(gap.day) == gap:
                del self._gaps[gap.day]

    def over(self) -> None:
        """The disk works."""
        self._told = False

    def end(self, left: Iterable[tuple[Entry, bool]], code: str) -> None:
        """The process ends, and this could not be written in time; ``code`` says why.

        The log is the only place that is left to say it.
        """
        for entry, new in left:
            self._add(entry, new=new)
        gaps = self.unwritten()
        log.warning(
            "usage: %d rows and %d changes of rows may be missing from the record (%s)",
            sum(gap.entries for gap in gaps),
            sum(gap.changes for gap in gaps),
            code,
        )
        self._gaps.clear()

    def _add(self, entry: Entry, *, new: bool) -> None:
        gap = self._gaps.get(entry.day) or Gap(entry.day, entry.at, entry.at)
        self._gaps[entry.day] = replace(
            gap,
            first=min(gap.first, entry.at),
            last=max(gap.last, entry.at),
            entries=gap.entries + new,
            changes=gap.changes + (not new),
        )
        self.count += 1
