"""Choosing a provider: what speaks against a model is said, and the choice holds all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.backend.advising import advice
from polypilot_providers.catalog import ModelRow, ProviderRow, RetiredModel
from polypilot_providers.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

ROW = ProviderRow(
    id="acme",
    name="Acme",
    wire="openai-chat",
    base_url="https://acme.example",
    completion_model="quick",
    models=(
        ModelRow(id="quick"),
        ModelRow(id="slow", thinking="always"),
        ModelRow(id="ending", shutdown_date="2026-12-11", instead="quick"),
        ModelRow(id="lone", shutdown_date="2026-12-11"),
        ModelRow(id="open", trained_on=True, thinking="always"),
    ),
    retired=(
        RetiredModel(id="old", date="2026-01-02", instead="quick"),
        RetiredModel(id="older"),
    ),
)
SLOW_ONLY = ROW.model_copy(update={"completion_model": "slow", "name": ""})


def said(model: str, *, row: ProviderRow = ROW, completes: bool = True, today: str = "") -> str:
    return advice(row, model, completes=completes, today=today or "2026-11-21")


@pytest.mark.parametrize(
    ("model", "today", "pieces"),
    [
        ("quick", "", ()),
        ("unheard-of", "", ()),
        ("", "", ("Acme needs to be told a model", "polypilot use acme/MODEL")),
        ("slow", "", ("slow always reasons", "`polypilot use acme/quick --for completion`")),
        ("ending", "2026-12-11", ("is served until 2026-12-11", "use quick")),
        ("ending", "2026-12-12", ("was to be served until 2026-12-11", "use quick")),
        ("lone", "", ("`polypilot models acme`",)),
        ("old", "", ("has not served old since 2026-01-02", "use quick")),
        ("older", "", ("has not served older: use another that `polypilot models acme`",)),
        ("open", "", ("Acme may train models on what you send to open", "open always reasons")),
    ],
)
def test_what_is_said_of_a_model(model: str, today: str, pieces: tuple[str, ...]) -> None:
    text = said(model, today=today)
    assert bool(text) == bool(pieces)
    for piece in pieces:
        assert piece in text


def test_reasoning_speaks_against_completions_alone() -> None:
    assert said("slow", completes=False) == ""
    assert "train" in said("open", completes=False)


def test_where_every_model_reasons_another_provider_is_the_cure() -> None:
    assert "another provider" in said("slow", row=SLOW_ONLY)
    assert "acme may train" in said("open", row=SLOW_ONLY)


async def test_a_choice_is_saved_with_what_speaks_against_it(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure()
    backend = backends()
    chosen = await backend.select("both", "meta", None)
    assert (chosen.provider, chosen.model, chosen.file) == ("meta", "muse-spark-1.3", file)
    assert chosen.warning.count("always reasons") == 1
    assert backend.target("completion").provider_id == "meta"
    assert (await backend.select("chat", "meta", None)).warning == ""
    assert (await backend.select("both", "mistral", None)).warning == ""
    contributor = await backend.select("chat", "meta", "muse-spark-1.3-contributor")
    assert "may train" in contributor.warning
    unnamed = await backend.select("both", "openrouter", None)
    assert unnamed.warning.count("needs to be told a model") == 1


async def test_a_service_that_ended_can_not_be_chosen(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure()
    before = file.read_bytes()
    with pytest.raises(ConfigurationError) as caught:
        await backends().select("both", "github-models", None)
    assert "GitHub Models was shut down on 2026-07-30" in caught.value.message
    assert "`foundry`" in caught.value.cure
    assert file.read_bytes() == before


async def test_nor_can_a_row_be_made_of_its_address(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure()
    with pytest.raises(ConfigurationError, match="Meta's Llama API was shut down") as caught:
        backends().own_rows.add("mine", "https://api.llama.com/compat/v1", say=print)
    assert "`meta`" in caught.value.cure
