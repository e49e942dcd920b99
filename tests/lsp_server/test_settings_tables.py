"""The tables within a provider's row: what addresses leave open, query, headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.settings import Loaded


def loaded(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, env={})


def test_what_an_address_leaves_open_is_filled_in(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        '[providers.vertex.variables]\nproject = "mine"\nlocation = "europe-west1"\n',
    )
    assert not found.problems
    assert (
        found.row("vertex")
        .address()
        .startswith("https://europe-west1-aiplatform.googleapis.com/v1/projects/mine/")
    )


def test_entries_are_laid_over_the_catalogs(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[providers.bedrock.variables]\nregion = "eu-central-1"\n')
    assert found.row("bedrock").variables == {"region": "eu-central-1"}
    both = loaded(tmp_path, '[providers.openai]\nheaders = {x-a = "1", x-b = "2"}\n')
    assert both.row("openai").headers == {"x-a": "1", "x-b": "2"}
    assert both.row("openai").chat_model


def test_a_row_of_ones_own_may_leave_something_open(tmp_path: Path) -> None:
    text = '[providers.team]\nwire = "openai-chat"\nbase_url = "https://{site}.example.org/v1"\n'
    assert loaded(tmp_path, text).row("team").missing == ("site",)
    full = text + 'query = {version = "2"}\n[providers.team.variables]\nsite = "north"\n'
    row = loaded(tmp_path, full).row("team")
    assert row.address() == "https://north.example.org/v1"
    assert row.query == {"version": "2"}


@pytest.mark.parametrize(
    "bad", ["headers = {Authorization = 'x'}", "variables = {site = 7}", "query = {a = ['b']}"]
)
def test_a_bad_table_keeps_the_provider_from_being_used(tmp_path: Path, bad: str) -> None:
    found = loaded(tmp_path, f"[providers.openai]\n{bad}\n")
    assert found.problems
    assert found.problems[0].line == 2
    assert "openai" not in found.settings.providers
