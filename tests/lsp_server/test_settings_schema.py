"""The published schema and the reference page say what the code does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from polypilot.settings import Settings, json_schema, load
from polypilot.settings.model import KEYS, SECTIONS
from polypilot_providers.catalog import ModelRow, ProviderRow

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
SCHEMA = json_schema()
VALIDATOR: Any = jsonschema.Draft202012Validator(SCHEMA)  # its methods are half typed


def fields() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Heading of the page, name and schema of every setting and field of a row."""
    for section in SECTIONS:
        definition = SCHEMA["$defs"][SCHEMA["properties"][section]["$ref"].rpartition("/")[2]]
        for name, field in definition["properties"].items():
            yield f"[{section}]", name, field
    for heading, model in (("[providers.ID]", ProviderRow), ("[[providers.ID.models]]", ModelRow)):
        for name, field in SCHEMA["$defs"][model.__name__]["properties"].items():
            yield heading, name, field


def kind(field: dict[str, Any]) -> str:
    """A field's type in the words of the page."""
    if "anyOf" in field:
        return " or ".join(kind(each) for each in field["anyOf"] if each.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{json.dumps(each)}`" for each in field["enum"])
    if field["type"] == "object":
        return "table of texts"
    if field["type"] == "array":
        return "list of tables" if "$ref" in field["items"] else "list of texts"
    words = {"string": "text", "integer": "whole number", "number": "number"}
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    limits = "" if high is None else f", {low:,} to {high:,}"
    more = ", more than" if "exclusiveMinimum" in field else ","
    return words.get(field["type"], "true or false") + limits.replace(",", more, 1)


def line(heading: str, name: str, field: dict[str, Any]) -> str:
    """The row of the page's table that describes a field."""
    default = field.get("default")
    cells = [f"`{name}`", kind(field), "" if default is None else f"`{json.dumps(default)}`"]
    cells.append(field["description"])
    if not heading.startswith(("[providers", "[[")):
        editor = field.get("x-editor", "no")
        cells.append({"may set": "yes", "may tighten": "stricter only"}.get(editor) or "no")
        cells.append(field.get("x-workspace", "no"))
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize(("heading", "name", "field"), list(fields()))
def test_the_page_has_every_setting_as_the_schema_has_it(
    heading: str, name: str, field: dict[str, Any]
) -> None:
    sections = PAGE.read_text(encoding="utf-8").split("\n### ")
    section = next(part for part in sections if part.startswith(f"`{heading}`"))
    assert line(heading, name, field) in section.splitlines()


def test_the_page_has_no_setting_that_is_none() -> None:
    for section in PAGE.read_text(encoding="utf-8").split("\n### ")[1:]:
        heading = section.splitlines()[0].strip("`")
        named = {row.split("`")[1] for row in section.splitlines() if row.startswith("| `")}
        assert named == {name for each, name, _ in fields() if each == heading}


def test_every_setting_has_a_description_of_its_own() -> None:
    for heading, name, field in fields():
        assert field.get("description", "").endswith("."), f"{heading} {name}"


def test_the_schema_is_one_and_takes_what_the_code_takes() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    defaults = json.loads(Settings().model_dump_json())
    VALIDATOR.validate(defaults)
    examples = PAGE.read_text(encoding="utf-8").split("```toml\n")[1:]
    assert len(examples) >= 2
    for example in examples:
        VALIDATOR.validate(tomllib.loads(example.partition("```")[0]))


def test_the_pages_first_example_loads_without_a_problem(tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].partition("```")[0]
    (tmp_path / "config.toml").write_text(example, encoding="utf-8")
    assert load(tmp_path / "config.toml", env={}).problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "[completion]\nmodle = 'x'",
        "[completion]\nmax_file_bytes = 'lots'",
        "[completion]\nmax_file_bytes = -1",
        "[log]\nlevel = 'loud'",
        "[providers.team]\nwire = 'telepathy'",
        "[providers.team]\napi_key = 'x'",
        "[providers.Team]\nfree = true",
        "[providers.embedded]\nfree = true",
        "[privacy]\nexclude = '*.pem'",
        "nonsense = 1",
    ],
)
def test_the_schema_refuses_what_the_code_refuses(tmp_path: Path, text: str) -> None:
    assert not VALIDATOR.is_valid(tomllib.loads(text))
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "config.toml", env={}).problems


def test_the_schema_says_who_may_set_what() -> None:
    for section, name, _ in KEYS.values():
        definition = SCHEMA["$defs"][SECTIONS[section].__name__]["properties"][name]
        if section in {"network", "keyring", "log"} or name in {"mirror", "model_file"}:
            assert "x-editor" not in definition
            assert "x-workspace" not in definition
    privacy = SCHEMA["$defs"]["PrivacySettings"]["properties"]
    assert {field["x-editor"] for field in privacy.values()} == {"may tighten"}
    assert all("x-workspace" in field for field in privacy.values())
