"""What a run of a team's server gave, counted."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from team_typist import LOOKING
from typing_replay import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from team_tap import Asked
    from team_typist import Rest, Typist


@dataclass(slots=True)
class Figures:
    """One run. Times in seconds."""

    users: int
    slots: int
    model: str
    prefetch: str
    first: list[float] = field(default_factory=list[float])
    """From looking up to the first text; LOOKING if none came, however short the wait was."""
    looks: int = 0
    """Times that a typist looked up and a request was sent."""
    known: int = 0
    """Times that no request was sent: none was needed, or Polypilot left the server alone."""
    in_time: int = 0
    """First text within the pause that the typist makes anyway."""
    unanswered: int = 0
    """No text before the typist typed on, after LOOKING seconds or an answer without any."""
    keys: int = 0
    sent: int = 0
    aborted: int = 0
    failed: int = 0
    """Requests answered with another status than 200."""
    waiting: float = 0.0
    """Requests that wait for a slot, on average."""
    most_waiting: int = 0
    shares: list[float] = field(default_factory=list[float])
    """Of each typist: share of the looks answered in time."""
    got: list[float] = field(default_factory=list[float])
    """Of each typist: share of the looks answered at all."""
    longest: list[float] = field(default_factory=list[float])
    """Of each typist: the longest wait."""
    starved: int = 0
    """Typists who never got any text."""
    read: int = 0
    """Prompt tokens that the server read, by its own count."""
    written: int = 0
    texts: list[float] = field(default_factory=list[float])
    """Of each request that had text: seconds to its first."""
    pieces: list[int] = field(default_factory=list[int])
    """And how many pieces of text came before Polypilot had enough, or gave it up."""
    rode: int = 0
    """Looks that needed no request of their own, with one under way or known already."""
    seconds: float = 0.0
    editors_cpu: float = 0.0
    """Of one core: the typists' Polypilots together."""

    @property
    def p50(self) -> float:
        """Of the first texts."""
        return share(self.first, 0.5) or 0.0

    @property
    def p95(self) -> float:
        """Of the first texts."""
        return share(self.first, 0.95) or 0.0

    @property
    def jain(self) -> float:
        """How even the shares in time are: 1, all the same; 1/users, one has everything."""
        return jain(self.shares)

    @property
    def jain_got(self) -> float:
        """The same of the shares answered at all."""
        return jain(self.got)

    @property
    def part(self) -> float:
        """Of the looks: in time."""
        return self.in_time / self.looks if self.looks else 0.0

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        more = {"p50": self.p50, "p95": self.p95, "jain": self.jain, "part": self.part}
        more["jain_got"] = self.jain_got
        return asdict(self) | more


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness; 1 of nothing, and of nothing but zeros."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def first_text(rest: Rest, asked: Sequence[Asked]) -> float | None:
    """Seconds from looking up to the first text; infinite: none; None: nothing was asked for it.

    A request that was under way may bring it, and an answer that ends whole without any text is
    one too: the model had nothing to say.
    """
    key = rest.key
    own = [each for each in asked if key.at <= each.at <= rest.until]
    if not own:
        own = [each for each in asked if each.at < key.at < each.end]
    shown = [key.answered] if key.answered is not None and key.text else []
    if not own and not shown:
        return None
    ends = [each.end for each in own if not each.aborted and each.status == 200]
    return max(0.0, min([each.text for each in own] + ends + shown) - key.at)


def count(figures: Figures, typists: Sequence[Typist], begin: float) -> Figures:
    """Count what happened after ``begin``, when everybody's files had been read once."""
    for typist in typists:
        asked = [each for each in typist.tap.asked if each.at >= begin]
        figures.keys += sum(key.at >= begin for key in typist.keys)
        figures.sent += len(asked)
        with_text = [each for each in asked if each.text < math.inf]
        figures.texts += [each.text - each.at for each in with_text]
        figures.pieces += [each.events for each in with_text]
        figures.aborted += sum(each.aborted for each in asked)
        figures.failed += sum(each.status not in {0, 200} for each in asked)
        figures.starved += all(each.text == math.inf for each in typist.tap.asked)
        good = looks = none = 0
        longest = 0.0
        for rest in typist.rests:
            if rest.key.at < begin or rest.until == math.inf:
                continue
            took = first_text(rest, typist.tap.asked)
            if took is None:
                figures.known += 1
                continue
            own = any(rest.key.at <= each.at <= rest.until for each in typist.tap.asked)
            figures.rode += not own
            waited = rest.until - rest.key.at
            none += took > waited
            longest = max(longest, min(took, waited))
            # Who is answered with nothing does not wait, and has no text all the same.
            figures.first.append(took if took <= waited else LOOKING)
            looks += 1
            good += took <= rest.pause
        figures.looks += looks
        figures.in_time += good
        figures.unanswered += none
        figures.longest.append(longest)
        if looks:
            figures.shares.append(good / looks)
            figures.got.append(1 - none / looks)
    return figures


HEAD = (
    "users", "slots", "model", "ahead", "first text p50 / p95", "in time", "no text in 10 s",
    "requests (given up, failed)", "waiting mean / max", "in time, per typist min / median / max",
    "at all, min",
    "Jain: in time, at all", "longest wait", "starved", "tokens read, written /s", "editors' CPU",
)  # fmt: skip


def row(found: Figures) -> str:
    """The run as a line of a table."""
    shares = found.shares or [0.0]
    cells = (
        found.users,
        found.slots,
        found.model,
        found.prefetch,
        f"{found.p50:.2f} / {found.p95:.2f} s",
        f"{found.part:.0%} of {found.looks}",
        found.unanswered,
        f"{found.sent} ({found.aborted}, {found.failed})",
        f"{found.waiting:.1f} / {found.most_waiting}",
        f"{min(shares):.0%} / {statistics.median(shares):.0%} / {max(shares):.0%}",
        f"{min(found.got, default=0.0):.0%}",
        f"{found.jain:.2f}, {found.jain_got:.2f}",
        f"{max(found.longest, default=0.0):.1f} s",
        found.starved,
        f"{found.read / found.seconds:.0f}, {found.written / found.seconds:.0f}",
        f"{found.editors_cpu:.2f}",
    )
    return f"| {' | '.join(map(str, cells))} |"
