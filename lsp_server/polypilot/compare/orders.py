"""What a user wants compared, what is about to be asked, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from polypilot.compare.money import charged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from polypilot.compare.money import Bill
    from polypilot.compare.running import Outcome
    from polypilot.compare.values import Marks, Reply, Task, Way
    from polypilot.compare.watch_history import Turn
    from polypilot.compare.wishes import Wish
    from polypilot.errors import Problem


@dataclass(frozen=True, slots=True)
class Order:
    """What a user wants compared."""

    targets: tuple[str, ...]
    root: Path
    wish: Wish
    way: Way = "product"
    beside: int = 3
    """Questions at once to each target that is not on this machine."""
    cap: Decimal | None = None
    """US dollars that it may cost in all; None: no limit."""
    allow_unpriced: bool = False
    """Whether targets are asked whose price is not known, though there is a limit."""
    anew: bool = False
    """Whether to begin anew what was compared before."""
    turn: Turn | None = None
    """Of a watch: which round it is."""


@dataclass(slots=True)
class Prepared:
    """What is about to be asked."""

    tasks: Sequence[Task]
    commit: str
    problems: Sequence[str]
    bills: Mapping[str, Bill]
    """Of what is left to ask, by target."""
    absent: Mapping[str, Problem]
    """Targets that can't be asked, and why."""
    known: Sequence[Reply]
    """What was answered before."""
    cut_off: Sequence[tuple[str, str]]
    """Target and task of questions that went out before and were cut off."""
    run: int | None
    """The comparison that goes on; None: it is a new one."""
    begun: float | None = None

    @property
    def expected(self) -> Decimal | None:
        """US dollars that the rest will cost; None if a price is not known."""
        return _sum([bill.dollars for bill in self.bills.values()])

    @property
    def most(self) -> Decimal | None:
        """US dollars that the rest may cost at the most."""
        return _sum([bill.most for bill in self.bills.values()])

    @property
    def spent(self) -> Decimal:
        """US dollars that it has cost so far; what is not known, as what it may have cost."""
        kinds = {task.id: task.kind for task in self.tasks}

        def most(target: str, task: str) -> Decimal | None:
            bill = self.bills.get(target)
            return bill.each.get(kinds[task]) if bill and task in kinds else None

        paid = (charged(each, most(each.target, each.task)) for each in self.known)
        lost = (most(*each) or Decimal(0) for each in self.cut_off)
        return sum(paid, Decimal(0)) + sum(lost, Decimal(0))

    @property
    def again(self) -> int:
        """Questions that were cut off and are asked again."""
        answered = {(each.target, each.task) for each in self.known}
        return len({*self.cut_off} - answered)

    @property
    def left(self) -> int:
        """Questions that are left."""
        return sum(bill.requests for bill in self.bills.values())


@dataclass(slots=True)
class Result:
    """What came of it."""

    outcome: Outcome
    tasks: Sequence[Task]
    replies: Sequence[Reply]
    marks: Sequence[Marks]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What is needed to repeat it."""


def _sum(parts: Sequence[Decimal | None]) -> Decimal | None:
    known = [each for each in parts if each is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None
