"""The catalog's rows, and providers made of them."""

from __future__ import annotations

import pickle
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from polypilot_providers.base import Limits, Provider, Secret
from polypilot_providers.catalog import ModelRow, ProviderRow, rows
from polypilot_providers.errors import ConfigurationError, RequestRefused
from polypilot_providers.factory import GROUP, Plugin, address, build, load_entry_points
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot_providers.base import KeySource
    from polypilot_providers.http import HttpClient


def test_the_users_rows_come_first() -> None:
    mine = ProviderRow(id="openai", wire="openai-chat", base_url="https://example.org")
    merged = rows({"openai": mine, "team": mine})
    assert merged["openai"] is mine
    assert merged["team"] is mine
    assert merged["anthropic"].wire == "anthropic-messages"


def test_a_row_takes_both_spellings_and_nothing_unknown() -> None:
    row = ProviderRow.model_validate(
        {"id": "t", "wire": "llama-cpp", "baseUrl": "http://127.0.0.1:1", "stop_limit": 2}
    )
    assert (row.base_url, row.stop_limit) == ("http://127.0.0.1:1", 2)
    with pytest.raises(ValidationError):
        ProviderRow.model_validate({"id": "t", "wire": "gopher", "base_url": ""})
    with pytest.raises(ValidationError):
        ProviderRow.model_validate({"id": "t", "wire": "llama-cpp", "base_url": "", "shell": "x"})


def test_a_dated_model_has_the_row_of_its_name() -> None:
    row = rows({})["anthropic"]
    assert row.model("claude-haiku-4-5-20251001") == row.model("claude-haiku-4-5")
    assert row.lists("claude-haiku-4-5-20251001")
    assert rows({})["openai"].lists("gpt-5-mini-2025-08-07")
    assert row.model("unheard-of") == ModelRow(id="unheard-of")
    assert not row.lists("unheard-of")


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [("none", "low"), ("minimal", "low"), ("low", "low"), ("medium", "high"), ("high", "high")],
)
def test_the_nearest_effort(wanted: str, nearest: str) -> None:
    assert ModelRow(id="m", efforts=("low", "high")).nearest_effort(wanted) == nearest
    assert ModelRow(id="m", efforts=("none", "low")).nearest_effort("high") == "low"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.org", ""),
        ("https://example.org/", ""),
        ("https://example.org/v1/", "/v1"),
        ("http://127.0.0.1:1/a/b", "/a/b"),
    ],
)
def test_addresses(url: str, path: str) -> None:
    origin, found = address(url)
    assert (origin, found) == (Origin.parse(url), path)


@pytest.mark.parametrize("url", ["nothing", "https://x?key=1", "https://x#y", "http://example.org"])
def test_addresses_that_can_not_be_used(url: str, http: HttpClient, key: KeySource) -> None:
    row = ProviderRow(id="team", wire="openai-chat", base_url=url)
    with pytest.raises(ConfigurationError):
        build(row, key, http)


PLUGIN = """
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.factory import Plugin

def plugin():
    row = ProviderRow(id="acme", wire="openai-chat", base_url="https://acme.example")
    return Plugin(row)

def other_name():
    return plugin()

def nothing():
    return None

def broken():
    raise SystemError("no")
"""


def test_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An installed package brings a provider; one that fails is left out."""
    (tmp_path / "acme_for_tests.py").write_text(PLUGIN, encoding="utf-8")
    info = tmp_path / "acme_for_tests-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-for-tests\nVersion: 1\n", encoding="utf-8"
    )
    points = [f"{name} = acme_for_tests:{name}" for name in ("other_name", "nothing", "broken")]
    points += ["acme = acme_for_tests:plugin", "gone = acme_for_tests:gone"]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *points]), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert metadata.version("acme-for-tests") == "1"
    plugins = load_entry_points()
    assert list(plugins) == ["acme"]
    assert len(caplog.records) == 4
    sys.modules.pop("acme_for_tests")


async def test_a_plugin_makes_its_own_provider(http: HttpClient, key: KeySource) -> None:
    row = ProviderRow(id="acme", wire="plugin", base_url="https://acme.example")
    with pytest.raises(ConfigurationError, match="acme"):
        build(row, key, http)
    plain = row.model_copy(update={"wire": "openai-chat"})
    made: list[str | None] = []

    def factory(
        row: ProviderRow, key: KeySource, http: HttpClient, *, base_url: str | None = None
    ) -> Provider:
        made.append(base_url)
        return build(row.model_copy(update={"wire": "openai-chat"}), key, http)

    plugins = {"acme": Plugin(row, factory)}
    assert build(row, key, http, base_url="https://x", plugins=plugins).id == "acme"
    assert made == ["https://x"]
    assert build(plain, key, http, plugins={"acme": Plugin(plain)}).id == "acme"


def test_a_secret_shows_nothing() -> None:
    secret = Secret("canary")
    for text in (str(secret), repr(secret), f"{secret}", f"{secret:>20}", f"{[secret]}"):
        assert "canary" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret.reveal() == "canary"


def test_errors_say_what_they_know() -> None:
    error = RequestRefused("no", provider="p", host="h", status=400, cure="c", limit="x")
    assert (str(error), error.code, error.failover, error.limit) == (
        "no",
        "request_refused",
        False,
        "x",
    )
    assert Limits().total is None


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("qwen2.5-coder-7b-instruct", "template:qwen"),
        ("mlx-community/Qwen2.5-Coder-7B-4bit", "template:qwen"),
        ("bigcode/starcoder2-15b", "template:starcoder"),
        ("llama-3.3-70b-instruct", None),
    ],
)
def test_a_models_name_tells_its_tokens_where_raw_prompts_are_taken(
    name: str, mode: str | None
) -> None:
    for provider in ("lmstudio", "vllm", "mlx-lm"):
        assert rows({})[provider].model(name).completion == mode
    assert rows({})["together"].model(name).completion is None
    listed = ModelRow(id=name, completion="chat")
    row = rows({})["vllm"].model_copy(update={"models": (listed,)})
    assert row.model(name) is listed
