"""What requests cost: what the supplier says, or its price list, or nothing known.

The one importer of genai-prices. Its import takes a quarter of a second of CPU time, so it is
done when a price is first wanted, on a thread of its own. The package can fetch newer prices
from the network; that is never asked for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from polypilot.tasks import run_blocking
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin
from polypilot_providers.types import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from genai_prices.types import ModelInfo as PricedModel
    from genai_prices.types import ModelPrice
    from genai_prices.types import Provider as PricedSupplier

    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.types import Usage

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Where = tuple[str, str]
"""A row's name for the price list, or its address."""

PRICES_S = 30.0
"""For the first price on a slow disk; the later ones take less than a millisecond."""
UNPRICED = "none"
"""A row's name for the price list where no price of a token holds, such as a monthly plan's."""
NOTHING = Decimal(0)
_SMALLEST = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Tariff:
    """A model's prices: US dollars for a million tokens; None where the list has none."""

    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    tiered: bool = False
    """Longer prompts cost more; these are the prices of short ones."""
    context_tokens: int | None = None
    """The list knows windows too."""


FREE = Tariff(NOTHING, NOTHING, NOTHING, NOTHING)
_UNKNOWN = Tariff(None, None)


class Prices:
    """Finds prices. Safe to ask from several tasks.

    Args:
        clock: the time of a request, in UTC: some prices change with the date or the hour.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    @staticmethod
    def at_once(row: ProviderRow, usage: Usage | None) -> tuple[bool, Cost | None]:
        """Whether the cost needs no price list, and what it is then."""
        if usage is not None and usage.cost is not None:
            return True, Cost(usage.cost, "supplier")
        here = _is_here(row)
        # A gateway on this machine costs whatever those cost that it asks.
        if row.free or (here and not row.forwards and not row.prices):
            return True, Cost(NOTHING, "prices")
        counted = usage is not None and None not in (usage.input_tokens, usage.output_tokens)
        listed = row.prices != UNPRICED and (bool(row.prices) or here is False)
        return not (counted and listed), None

    async def cost(
        self, row: ProviderRow, models: Sequence[str], usage: Usage | None
    ) -> Cost | None:
        """What a request cost; None if that is not known.

        ``models`` are names of the model that answered, the surest first.
        """
        known, cost = self.at_once(row, usage)
        if known or usage is None:
            return cost
        return await _ask(_cost, _where(row), tuple(models), usage, self._clock())

    async def tariffs(self, row: ProviderRow, models: Iterable[str]) -> dict[str, Tariff]:
        """The prices of those of ``models`` that have any."""
        if row.free:
            return dict.fromkeys(models, FREE)
        if row.prices == UNPRICED or (not row.prices and _is_here(row) is not False):
            return {}
        return await _ask(_tariffs, _where(row), tuple(models), self._clock()) or {}

    async def dearest(self, row: ProviderRow, model: str) -> Tariff:
        """A model's highest prices of the next day: some suppliers' change with the hour."""
        now = self._clock()
        hours = [now + timedelta(hours=each / 2) for each in range(48)]
        found = [
            (await Prices(lambda at=at: at).tariffs(row, [model])).get(model, _UNKNOWN)
            for at in hours
        ]

        def most(name: str) -> Decimal | None:
            known = [getattr(each, name) for each in found]
            return None if None in known else max(known)

        return replace(found[0], input=most("input"), output=most("output"))


async def _ask(look: Callable[..., _T], *arguments: object) -> _T | None:
    try:
        return await run_blocking(look, *arguments, timeout=PRICES_S, name="prices")
    except Exception as error:  # noqa: BLE001 - a price is never worth an answer
        log.warning("no price: %s", type(error).__name__)
        return None


def source() -> str:
    """Whose list the prices are from, with its version. Reads the disk."""
    return f"genai-prices {version('genai-prices')}"


def newest(today: date) -> str:
    """Since when the newest price of the list is in force, as an ISO date; empty: it says none.

    The list itself has no date. Takes as long as its import; blocks.
    """
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - see the module

    models = (model for supplier in get_snapshot().providers for model in supplier.models)
    conditional = (each for model in models if isinstance(model.prices, list)
                   for each in model.prices)  # fmt: skip
    begun = (getattr(each.constraint, "start_date", None) for each in conditional)
    known = [day for day in begun if day is not None and day <= today]
    return max(known).isoformat() if known else ""


def dollars(cost: Cost | None) -> str:
    """A cost for people: ``$0.0012``, ``< $0.0001`` or ``unknown``."""
    if cost is None:
        return "unknown"
    return amount(cost.dollars)


def amount(value: Decimal) -> str:
    """Money for people: as many digits as show its size, from two to four behind the point."""
    if not value:
        return "$0"
    if value < _SMALLEST:
        return f"< ${_SMALLEST}"
    digits = min(4, max(2, 1 - value.adjusted()))
    return f"${value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"


def _where(row: ProviderRow) -> _Where:
    return (row.prices, "" if row.prices else row.address())


def _is_here(row: ProviderRow) -> bool | None:
    """Whether the address is one of this machine's; None if there is none that can be used."""
    try:
        return Origin.parse(row.address()).is_loopback
    except ConfigurationError:
        return None


# -- on a thread of its own ----------------------------------------------------------------


def _cost(where: _Where, models: tuple[str, ...], usage: Usage, when: datetime) -> Cost | None:
    from genai_prices import Usage as Counted  # noqa: PLC0415 - see the module

    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_reasoning_tokens": usage.reasoning_tokens,
    }
    for name in models:
        if (found := _price(where, name, when)) is not None:
            # Parts of others there as here: cached ones of the input, reasoning of the output.
            return Cost(found[1].calc_price(Counted(**counts))["total_price"], "prices")
    return None


def _tariffs(where: _Where, models: tuple[str, ...], when: datetime) -> dict[str, Tariff]:
    found = ((name, _price(where, name, when)) for name in models)
    return {name: _tariff(*each) for name, each in found if each is not None}


def _tariff(model: PricedModel, price: ModelPrice) -> Tariff:
    names = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    values = [getattr(price, name) for name in names]
    return Tariff(
        *(getattr(value, "base", value) for value in values),
        tiered=any(hasattr(value, "base") for value in values),
        context_tokens=model.context_window,
    )


@cache
def _supplier(where: _Where) -> PricedSupplier | None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - see the module

    name, address = where
    try:
        return get_snapshot().find_provider(None, name or None, None if name else address)
    except LookupError:
        return None


@lru_cache(maxsize=4096)
def _model(where: _Where, name: str) -> PricedModel | None:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - see the module

    supplier = _supplier(where)
    if supplier is None or not name:
        return None
    return supplier.find_model(name, all_providers=get_snapshot().providers)


def _price(where: _Where, name: str, when: datetime) -> tuple[PricedModel, ModelPrice] | None:
    """A model and its prices; None where they are not per token, or there are none."""
    model = _model(where, name)
    if model is None:
        return None
    price = model.get_prices(when)
    return None if price.input_mtok is None or price.output_mtok is None else (model, price)
