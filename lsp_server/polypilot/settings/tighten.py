"""What it means to allow less: pure functions, the heart of rule "a workspace may only tighten"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot.settings.model import Tighten

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_ADDED = 500
_MAX_PATTERN = 500


def provider_of(target: str) -> str:
    """The provider's id in ``ID`` or ``ID/MODEL``."""
    return target.partition("/")[0]


def meet(rule: Tighten | None, old: Any, value: Any) -> tuple[Any, bool]:
    """``old`` restricted by ``value``, and whether ``value`` would also have allowed more."""
    match rule:
        case Tighten.ONLY_TRUE:
            return old or value, old and not value
        case Tighten.ONLY_FALSE:
            return old and value, value and not old
        case Tighten.LOWER:
            return min(old, value), value > old
        case Tighten.ADD:
            added, left_out = _additions(old, value)
            return (*old, *added), left_out
        case _:  # CHOOSE needs both of its settings: see Offer
            return old, True


def _additions(old: tuple[str, ...], value: tuple[str, ...]) -> tuple[list[str], bool]:
    """Entries of ``value`` that add to ``old``, and whether others had to be left out.

    A pattern that begins with ``!`` takes files back in; one that is huge only costs time.
    """
    usable = [
        item
        for item in dict.fromkeys(value)
        if item not in old and not item.lstrip().startswith("!") and len(item) <= _MAX_PATTERN
    ]
    left_out = any(item not in old and item not in usable for item in value)
    return usable[:_MAX_ADDED], left_out or len(usable) > _MAX_ADDED


@dataclass(frozen=True, slots=True)
class Offer:
    """The providers a user lists for one purpose: the first with its model, and the others."""

    provider: str
    model: str
    fallback: tuple[str, ...]

    def has(self, targets: Iterable[str]) -> bool:
        """Whether each target is listed: by its provider alone, or written as the user did."""
        return all(self._entry(target) is not None for target in targets)

    def narrow(self, provider: str | None, fallback: tuple[str, ...] | None) -> Offer:
        """Exactly what was asked for, with the models the user chose for each.

        Without a fallback asked for there is none: switching was not asked for either.
        """
        first = self._entry(provider) if provider is not None else None
        rest = [entry for each in fallback or () if (entry := self._entry(each)) is not None]
        kept = tuple(self._written(*entry) for entry in dict.fromkeys(rest))
        name, model = first or (self.provider, self.model)
        return Offer(name, model, tuple(each for each in kept if provider_of(each) != name))

    def _entry(self, target: str) -> tuple[str, str] | None:
        """Provider and model of the user's own entry that ``target`` means."""
        wanted, slash, model = target.partition("/")
        for provider, own_model in self._entries():
            if wanted == provider and (not slash or model == own_model):
                return provider, own_model
        return None

    def _entries(self) -> Iterable[tuple[str, str]]:
        yield self.provider, self.model
        for target in self.fallback:
            provider, _, model = target.partition("/")
            yield provider, model

    @staticmethod
    def _written(provider: str, model: str) -> str:
        return f"{provider}/{model}" if model else provider
