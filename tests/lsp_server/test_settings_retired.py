"""Settings that name a service that is no more, and gateways that only look local."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.settings import Loaded, SettingsError, load

if TYPE_CHECKING:
    from pathlib import Path


def loaded(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, env={})


@pytest.mark.parametrize(
    ("name", "service", "use"),
    [
        ("github-models", "GitHub Models, which was shut down on 2026-07-30", "`foundry`"),
        ("llama-api", "Meta's Llama API, which was shut down on 2026-07-06", "`meta`"),
    ],
)
def test_a_choice_of_one_that_ended_says_what_to_use(
    name: str, service: str, use: str, tmp_path: Path
) -> None:
    for text in (f'[chat]\nprovider = "{name}"\n', f'[chat]\nfallback = ["{name}/m"]\n'):
        result = loaded(tmp_path, text)
        (problem,) = result.problems
        assert (problem.code, problem.line) == ("unknown_provider", 2)
        assert service in problem.message
        assert use in problem.cure
        assert result.settings.chat.provider == "embedded"
    with pytest.raises(SettingsError, match="was shut down") as caught:
        result.row(name)
    assert use in caught.value.cure


@pytest.mark.parametrize(
    "address",
    [
        "https://models.github.ai/inference",
        "https://MODELS.inference.ai.azure.com",
        "https://api.llama.com/compat/v1",
    ],
)
def test_a_row_that_leads_to_one_is_not_used(address: str, tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        f'[chat]\nprovider = "mine"\n[providers.mine]\nwire = "openai-chat"\n'
        f'base_url = "{address}"\n',
    )
    (problem,) = result.problems
    assert (problem.key, problem.line) == ("providers.mine.base_url", 5)
    assert "was shut down on" in problem.message
    with pytest.raises(SettingsError, match="was shut down on") as caught:
        result.row("mine")
    assert "Use the provider" in caught.value.cure


def test_its_name_may_be_given_to_something_else(tmp_path: Path) -> None:
    text = '[chat]\nprovider = "github-models"\n[providers.github-models]\nwire = "openai-chat"\n'
    result = loaded(tmp_path, f'{text}base_url = "https://models.example/v1"\n')
    assert result.problems == ()
    assert result.row("github-models").base_url == "https://models.example/v1"


def test_a_gateway_on_this_machine_is_not_asked_where_only_local_ones_may_be(
    tmp_path: Path,
) -> None:
    choice = '[chat]\nprovider = "litellm"\nfallback = ["vllm"]\n[privacy]\nlocal_only = true\n'
    result = loaded(tmp_path, choice)
    assert result.targets("chat") == (("vllm", ""),)
    row = "[providers.vllm]\nforwards = true\n"
    assert loaded(tmp_path, choice + row).targets("chat") == ()
    unclear = loaded(tmp_path, choice + '[providers.vllm]\nforwards = "perhaps"\n')
    assert unclear.targets("chat") == ()
    with pytest.raises(SettingsError, match="must be"):
        unclear.row("vllm")
