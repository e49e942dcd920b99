"""What a round's price list and lists of models say that earlier ones did not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

from polypilot.compare.watched import changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polypilot.compare.watched import Round

What = Literal["quality", "speed", "cost", "failures", "price", "new", "gone", "ends"]
KINDS: Final = {
    "quality": "quality", "speed": "speed", "cost": "tokens used", "failures": "reliability",
    "price": "price", "new": "new models", "gone": "models gone", "ends": "an end announced",
}  # fmt: skip
"""As people say it."""
_LEAST: Final = Decimal("0.10")
_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Told:
    """One change, told in one line."""

    kind: What
    target: str
    """A target's label; of a list of models the provider."""
    purpose: str
    better: bool | None
    """None: neither, as of a new model."""
    text: str
    models: tuple[str, ...] = ()
    """New ones, or those that are gone."""


def facts_found(latest: Round, past: Sequence[Round]) -> list[Told]:
    """Prices, lists and ends, each against the newest earlier round that knows it."""
    return [*_prices(latest, past), *_models(latest, past), *_ends(latest, past)]


def _prices(latest: Round, past: Sequence[Round]) -> Iterator[Told]:
    for name, now in latest.facts.prices.items():
        known = (each.facts.prices[name] for each in reversed(past) if name in each.facts.prices)
        if (before := next(known, None)) is None:
            continue
        label, _, purpose = name.rpartition(" ")
        steps = [_step(Decimal(old), Decimal(new)) for old, new in zip(before, now, strict=True)]
        if max(map(abs, steps)) < _LEAST:
            continue
        dearer = sum(steps) > 0
        yield Told("price", label, purpose, not dearer, (
            f"{label} ({purpose}) got {'dearer' if dearer else 'cheaper'} by the price list: "
            f"${now[0]} in and ${now[1]} out for a million tokens, "
            f"before ${before[0]} and ${before[1]}"))  # fmt: skip


def _step(old: Decimal, new: Decimal) -> Decimal:
    if not old:
        return Decimal(bool(new))
    return (new - old) / old


def _models(latest: Round, past: Sequence[Round]) -> Iterator[Told]:
    for provider, now in latest.facts.models.items():
        known = (each.facts.models[provider] for each in reversed(past)
                 if provider in each.facts.models)  # fmt: skip
        if (before := next(known, None)) is None:
            continue
        come, gone = changed(before, now)
        if come:
            text = f"{provider} has new models: {_some(come)}"
            yield Told("new", provider, "", None, text, tuple(come))
        if gone:
            text = f"{provider} does not list any more: {_some(gone)}"
            yield Told("gone", provider, "", None, text, tuple(gone))


def _ends(latest: Round, past: Sequence[Round]) -> Iterator[Told]:
    for label, date in latest.facts.ends.items():
        if not any(each.facts.ends.get(label) == date for each in past):
            yield Told("ends", label, "", False, f"{label} ends on {date}")


def _some(ids: Sequence[str]) -> str:
    more = len(ids) - _NAMES
    return ", ".join(ids[:_NAMES]) + (f" and {more} more" if more > 0 else "")
