"""The page on suppliers: what it says to write into config.toml can be written there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from polypilot.settings import load

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS, ids=lambda text: text.splitlines()[0])
def test_every_example_is_taken_as_it_stands(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    loaded = load(file, env={})
    assert loaded.problems == ()
    named = re.findall(r"\[providers\.([a-z.-]+?)(?:\.variables)?\]", text)
    assert named
    for name in named:
        row = loaded.row(name)
        assert not row.missing or f"[providers.{name}.variables]" not in text


def test_there_are_examples_of_all_that_has_to_be_set() -> None:
    assert len(BLOCKS) >= 6
