"""docs/prompts.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from polypilot.backend.own_prompts import LIMIT
from polypilot.completion.values import PREFIX_CHARS, SUFFIX_CHARS
from polypilot_prompts.asking import NAMES
from polypilot_prompts.completion import BLOCK_TOKENS, LINE_TOKENS
from polypilot_prompts.fim import FAMILIES
from polypilot_prompts.overrides import read_families
from polypilot_providers.catalog import rows

PAGE = (Path(__file__).parents[2] / "docs" / "prompts.md").read_text("utf-8")


def test_the_example_of_a_family_is_one():
    (example,) = re.findall(r"```toml\n(\[\[family\]\].*?)```", PAGE, re.DOTALL)
    families, faults = read_families(example)
    assert faults == ()
    assert families["my-model"].file == "<FILE>{path}\n{text}\n"


def test_every_family_and_every_name_is_there():
    listed = PAGE[PAGE.index("`template:FAMILY`") :].split("\n")[0]
    assert {family.name for family in FAMILIES.values()} == set(
        re.findall(r"`([a-z0-9-]+)`", listed)
    )
    assert all(f"`${name}`" in PAGE for name in (*NAMES, "language"))


def test_the_figures_are_those_in_force():
    for figure in (PREFIX_CHARS, SUFFIX_CHARS, LIMIT):
        assert f"{figure:,}" in PAGE
    assert f"{LINE_TOKENS} tokens for the rest of a line and {BLOCK_TOKENS} for a block" in PAGE
    everybody = rows({})
    assert everybody["embedded"].prompt_tokens == 1000
    here = {"ollama", "lmstudio", "llama.cpp", "mlx-lm"}
    assert {everybody[name].prompt_tokens for name in here} == {2000}
    apple = {"apple-fm", "apfel", "afm"}
    assert {everybody[name].prompt_tokens for name in apple} == {2500}
    rest = everybody.keys() - here - apple - {"embedded"}
    assert {everybody[name].prompt_tokens for name in rest} == {8000}
    usual = [row for row in everybody.values() if row.id != "embedded"]
    assert {(row.suffix_share, row.context_share) for row in usual} == {(0.15, 0.25)}
    assert everybody["embedded"].context_share == 0
