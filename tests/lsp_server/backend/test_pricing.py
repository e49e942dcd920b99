"""What a request cost, against the price lists themselves; nothing known stays unknown."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from polypilot.backend import pricing
from polypilot.backend.pricing import FREE, Prices, dollars
from polypilot_providers.catalog import ProviderRow, rows
from polypilot_providers.types import Cost, Usage

pytestmark = pytest.mark.allow_blocking("reads the package's version, and loads the list once")

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
CATALOG = rows({})
BEDROCK = CATALOG["bedrock"].model_copy(update={"variables": {"region": "us-east-1"}})


def own(**fields: object) -> ProviderRow:
    """A row of the user's own."""
    given: dict[str, object] = {
        "id": "own",
        "wire": "openai-chat",
        "base_url": "https://models.example.com/v1",
    }
    return ProviderRow.model_validate(given | fields)


async def cost(row: ProviderRow, model: str, usage: Usage | None) -> Cost | None:
    return await Prices(lambda: WHEN).cost(row, (model,), usage)


def tokens(*counts_and_prices: tuple[int, str]) -> Decimal:
    """Tokens at US dollars per million each."""
    return sum((count * Decimal(price) for count, price in counts_and_prices), Decimal()) / 10**6


# --- figures


@pytest.mark.parametrize(
    ("row", "model", "usage", "expected"),
    [
        pytest.param(
            CATALOG["openai"],
            "gpt-5.6-luna",
            Usage(2000, 500, cache_read_tokens=1024, reasoning_tokens=300),
            tokens((976, "0.2"), (1024, "0.02"), (500, "1.2")),
            id="openai: cached input at its own price, reasoning once",
        ),
        pytest.param(
            CATALOG["openai"],
            "gpt-5.6-luna-2026-09-01",
            Usage(2000, 500),
            tokens((2000, "0.2"), (500, "1.2")),
            id="openai: a dated name",
        ),
        pytest.param(
            CATALOG["openai"],
            "gpt-5.6-lunatic",
            Usage(2000, 500),
            None,
            id="openai: a name that the list does not know",
        ),
        pytest.param(
            CATALOG["anthropic"],
            "claude-sonnet-5-5",
            Usage(5000, 200, cache_read_tokens=3000, cache_write_tokens=1500),
            tokens((500, "2"), (3000, "0.1"), (1500, "2.5"), (200, "10")),
            id="anthropic: cache written and read",
        ),
        pytest.param(
            CATALOG["anthropic"],
            "claude-haiku-5-5",
            Usage(200_000, 100),
            tokens((200_000, "0.5"), (100, "2.5")),
            id="anthropic: a prompt that is long enough for the higher price",
        ),
        pytest.param(
            CATALOG["deepseek"],
            "deepseek-v4-flash",
            Usage(2000, 500, cache_read_tokens=1024, reasoning_tokens=300),
            tokens((976, "0.15"), (1024, "0.003"), (500, "0.6")),
            id="deepseek: cached input, off-peak",
        ),
        pytest.param(
            BEDROCK,
            "global.amazon.nova-2-lite-v1:0",
            Usage(2000, 500),
            tokens((2000, "0.3"), (500, "2.5")),
            id="bedrock: nova",
        ),
        pytest.param(
            BEDROCK,
            "us.amazon.nova-micro-v1:0",
            Usage(2000, 500),
            tokens((2000, "0.035"), (500, "0.14")),
            id="bedrock: nova behind an inference profile",
        ),
        pytest.param(
            CATALOG["xai"],
            "grok-4.3",
            Usage(2000, 500, cache_read_tokens=1024),
            tokens((976, "1.25"), (1024, "0.2"), (500, "2.5")),
            id="xai: where it does not say itself",
        ),
        pytest.param(
            CATALOG["mistral"],
            "codestral-latest",
            Usage(2000, 500, cache_read_tokens=1024),
            tokens((2000, "0.3"), (500, "0.9")),
            id="mistral: no price of its own for cached input",
        ),
        pytest.param(
            own(base_url="https://api.openai.com/v1"),
            "gpt-5.6-luna",
            Usage(2000, 500),
            tokens((2000, "0.2"), (500, "1.2")),
            id="a row of the user's own, told from its address",
        ),
        pytest.param(
            own(base_url="http://127.0.0.1:4000", prices="openai"),
            "gpt-5.6-luna",
            Usage(2000, 500),
            tokens((2000, "0.2"), (500, "1.2")),
            id="a gateway whose prices the user names",
        ),
    ],
)
async def test_tokens_are_priced(
    row: ProviderRow, model: str, usage: Usage, expected: Decimal | None
) -> None:
    found = await cost(row, model, usage)
    assert found == (None if expected is None else Cost(expected, "prices"))


async def test_the_hour_of_the_request_counts() -> None:
    usage = Usage(2000, 500)
    found = [
        await Prices(lambda: WHEN.replace(hour=hour)).cost(  # noqa: B023 - asked at once
            CATALOG["deepseek"], ("deepseek-v4-flash",), usage
        )
        for hour in (8, 12)
    ]
    peak, off_peak = (each.dollars for each in found if each is not None)
    assert peak == 2 * off_peak == tokens((2000, "0.3"), (500, "1.2"))


async def test_what_the_supplier_says_wins() -> None:
    # 3,155,600 ticks of 1e-10 dollars, as xAI counts.
    said = Usage(186, 121, cost=Decimal(3_155_600).scaleb(-10))
    for row in (CATALOG["xai"], CATALOG["openrouter"], own(free=True)):
        assert await cost(row, "grok-4.3", said) == Cost(Decimal("0.00031556"), "supplier")


async def test_the_second_name_counts_where_the_first_is_not_known() -> None:
    names = ("gpt-5.6-lunatic", "gpt-5.6-luna")
    found = await Prices(lambda: WHEN).cost(CATALOG["openai"], names, Usage(1000, 0))
    assert found == Cost(Decimal("0.0002"), "prices")


@pytest.mark.parametrize(
    ("row", "usage"),
    [
        (own(), Usage(10, 10)),
        (own(prices="nobody"), Usage(10, 10)),
        (own(base_url="https://api.openai.com/v1", prices="none"), Usage(10, 10)),
        (CATALOG["codestral"], Usage(10, 10)),
        (CATALOG["bedrock"].model_copy(update={"variables": {}}), Usage(10, 10)),
        (own(base_url="http://127.0.0.1:4000", forwards=True), Usage(10, 10)),
        (CATALOG["openai"], None),
        (CATALOG["openai"], Usage(10, None)),
        (CATALOG["openai"], Usage(None, 10)),
        # Counts that contradict each other.
        (CATALOG["openai"], Usage(10, 10, cache_read_tokens=11)),
    ],
)
async def test_what_is_not_known_is_not_guessed(row: ProviderRow, usage: Usage | None) -> None:
    assert await cost(row, "gpt-5.6-luna", usage) is None


@pytest.mark.parametrize(
    "row", [CATALOG["embedded"], CATALOG["ollama"], own(base_url="http://127.0.0.1:8000/v1")]
)
async def test_what_runs_on_this_machine_costs_nothing(row: ProviderRow) -> None:
    assert Prices.at_once(row, Usage(10, 10)) == (True, Cost(Decimal(0), "prices"))
    assert await cost(row, "any", None) == Cost(Decimal(0), "prices")


# --- lists


async def test_the_prices_of_models() -> None:
    prices = Prices(lambda: WHEN)
    found = await prices.tariffs(CATALOG["anthropic"], ["claude-haiku-5-5", "claude-nothing"])
    (tariff,) = found.values()
    assert (tariff.input, tariff.output) == (Decimal("0.1"), Decimal("0.5"))
    assert tariff.tiered
    assert tariff.context_tokens == 1_000_000
    flat = (await prices.tariffs(CATALOG["deepseek"], ["deepseek-v4-flash"]))["deepseek-v4-flash"]
    assert (flat.cache_read, flat.cache_write, flat.tiered) == (Decimal("0.003"), None, False)
    assert await prices.tariffs(own(free=True), ["m"]) == {"m": FREE}
    assert await prices.tariffs(own(base_url="http://127.0.0.1:1/v1"), ["m"]) == {}
    assert await prices.tariffs(own(), ["gpt-5.6-luna"]) == {}
    plan = own(base_url="https://api.openai.com/v1", prices="none")
    assert await prices.tariffs(plan, ["gpt-5.6-luna"]) == {}


def test_every_supplier_of_the_catalog_that_the_list_names_is_found() -> None:
    """A row's own name for the list must be one that the list has."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - it takes a while

    names = {supplier.id for supplier in get_snapshot().providers}
    assert {row.prices for row in CATALOG.values()} - {"", "none"} <= names
    assert pricing.source().startswith("genai-prices 0.")


# --- words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "$0"),
        ("0.00000036", "< $0.0001"),
        ("0.0001", "$0.0001"),
        ("0.00123", "$0.0012"),
        ("0.0357", "$0.036"),
        ("0.5", "$0.50"),
        ("12.345", "$12.35"),
    ],
)
def test_money_for_people(value: str, shown: str) -> None:
    assert dollars(Cost(Decimal(value), "prices")) == shown
    assert dollars(None) == "unknown"


def test_the_list_is_not_loaded_before_a_price_is_wanted() -> None:
    script = (
        "import asyncio, sys\n"
        "import polypilot.backend\n"
        "from polypilot.backend.pricing import Prices\n"
        "from polypilot_providers.catalog import rows\n"
        "from polypilot_providers.types import Usage\n"
        "ask = Prices().cost\n"
        "asyncio.run(ask(rows({})['ollama'], ('m',), Usage(1, 1)))\n"
        "assert 'genai_prices' not in sys.modules\n"
        "asyncio.run(ask(rows({})['openai'], ('m',), Usage(1, 1)))\n"
        "assert 'genai_prices' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-c", script], check=True, timeout=60)
