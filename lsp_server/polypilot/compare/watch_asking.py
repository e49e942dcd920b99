"""What suppliers and the price list say of targets: asked once a round, nothing is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.backend.offered import end_of
from polypilot.compare.watched import Facts
from polypilot.errors import UserError, describe
from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.backend import Backend
    from polypilot.compare.targets import Target
    from polypilot.compare.watched import Key


async def facts(
    backend: Backend, targets: Sequence[Target], answered: Mapping[Key, str]
) -> tuple[Facts, list[str]]:
    """Prices, lists of models and announced ends.

    Args:
        backend: the user's own.
        targets: whose.
        answered: the models that answered, by label and purpose.

    Returns:
        what is known, and a line for each supplier whose list could not be read.
    """
    models: dict[str, tuple[str, ...]] = {}
    prices: dict[str, tuple[str, str]] = {}
    ends: dict[str, str] = {}
    dates: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    for provider in dict.fromkeys(each.provider for each in targets if not each.embedded):
        try:
            listing = await backend.catalogue.listing(provider, refresh=True)
        except (ProviderError, UserError, TimeoutError) as error:
            problems.append(f"no list of models from {provider}: {describe(error).message}")
            continue
        if listing.read is not None and not listing.problem:
            models[provider] = tuple(each.id for each in listing.models if each.state != "gone")
        dates |= {(provider, each.id): each.shutdown_date for each in listing.models
                  if each.shutdown_date}  # fmt: skip
    for target in targets:
        row = backend.row(target.provider)
        for purpose in ("completion", "chat"):
            if model := answered.get((target.label, purpose), ""):
                tariff = (await backend.prices.tariffs(row, [model])).get(model)
                if tariff and tariff.input is not None and tariff.output is not None:
                    prices[f"{target.label} {purpose}"] = str(tariff.input), str(tariff.output)
                if date := dates.get((target.provider, model)) or end_of(row, model, ())[1]:
                    ends[target.label] = date
    return Facts(prices, models, ends), problems
