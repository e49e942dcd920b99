"""A model as it is shown: the supplier's facts over the catalog's, and its prices. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from polypilot.backend.model_lists import Listed
    from polypilot.backend.pricing import Tariff
    from polypilot_providers.catalog import ModelRow, ProviderRow
    from polypilot_providers.types import ModelInfo

_Value = TypeVar("_Value")
State = Literal["", "new", "gone"]
_NATIVE = ("openai-completions", "mistral-fim", "deepseek-fim", "llama-infill", "ollama-generate")


@dataclass(frozen=True, slots=True)
class Offered:
    """One model of a provider; None where neither supplier nor catalog says."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None
    shutdown_date: str | None = None
    images: bool | None = None
    tools: bool | None = None
    thinking: bool | None = None
    fim: bool | None = None
    efforts: tuple[str, ...] = ()
    input_price: Decimal | None = None
    """US dollars for a million tokens, like the others."""
    output_price: Decimal | None = None
    cache_read_price: Decimal | None = None
    cache_write_price: Decimal | None = None
    tiered: bool | None = None
    """Longer prompts cost more than these prices."""
    state: State = ""


def offered(
    row: ProviderRow, info: ModelInfo, tariff: Tariff | None = None, state: State = ""
) -> Offered:
    """What is known of a model that the supplier listed."""
    listed = row.lists(info.id)
    facts = row.model(info.id)
    window = tariff.context_tokens if tariff else None
    return Offered(
        id=info.id,
        name=info.name or facts.name,
        context_tokens=_first(info.context_tokens, facts.context_tokens, window),
        output_tokens=_first(info.output_tokens, facts.max_output_tokens),
        shutdown_date=info.shutdown_date or facts.shutdown_date,
        images=_first(info.images, facts.images),
        tools=_first(info.tools, facts.tools if listed else None),
        thinking=_first(info.thinking, facts.thinking != "none" if listed else None),
        fim=_first(info.fim, _fim(row, facts) if listed else None),
        efforts=facts.efforts,
        input_price=tariff.input if tariff else None,
        output_price=tariff.output if tariff else None,
        cache_read_price=tariff.cache_read if tariff else None,
        cache_write_price=tariff.cache_write if tariff else None,
        tiered=tariff.tiered if tariff else None,
        state=state,
    )


def end_of(row: ProviderRow, model: str, kept: Iterable[Listed]) -> tuple[bool, str]:
    """Whether the supplier serves a model no more, and the date of its end, if it has one.

    A model that no list has is taken to be served: lists leave out much that is.
    """
    found = next((each for each in kept if each.info.id == model), None)
    date = (found.info.shutdown_date if found else None) or row.model(model).shutdown_date
    if (retired := row.retirement(model)) is not None:
        return True, retired.date or date or ""
    return found is not None and found.gone is not None, date or ""


def _fim(row: ProviderRow, facts: ModelRow) -> bool:
    mode = facts.completion or row.completion
    return mode in _NATIVE or mode.startswith("template:")


def _first(*values: _Value | None) -> _Value | None:
    return next((value for value in values if value is not None), None)
