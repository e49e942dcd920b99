"""``polypilot settings``: what is in force, where each value came from, and the schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import click

from polypilot.settings import json_schema
from polypilot.settings.source import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot.settings import Loaded, Source
    from polypilot.terminal.program import Program


@click.command()
@click.option("--schema", is_flag=True, help="The JSON Schema of config.toml, for editors.")
@click.option("--sources", is_flag=True, help="Say where each value came from.")
@click.option("--json", "json_mode", is_flag=True, help="The settings in force as JSON.")
@click.pass_obj
def settings(program: Program, *, schema: bool, sources: bool, json_mode: bool) -> None:
    """Show the settings in force."""
    if schema:
        program.output.print(json.dumps(json_schema(), indent=2))
        return
    with program.session() as session:
        loaded = session.backend.loaded
    values = _in_force(loaded)
    if json_mode:
        told = {key: _told(source) for key, source in loaded.sources.items()}
        program.output.json({"settings": values, "sources": told})
        return
    rows = [
        (key, json.dumps(value), _source(loaded.sources, key)) for key, value in flatten(values)
    ]
    if sources:
        program.output.table(("setting", "value", "from"), rows)
    else:
        program.output.table(("setting", "value"), [row[:2] for row in rows])


def _in_force(loaded: Loaded) -> dict[str, object]:
    """The settings, with the user's own provider rows but without the whole catalog."""
    values = loaded.settings.model_dump(mode="json", exclude={"providers"})
    values["providers"] = {
        name: row.model_dump(mode="json", exclude_defaults=True)
        for name, row in loaded.settings.providers.items()
        if loaded.sources.get(f"providers.{name}", DEFAULT).kind != "default"
    }
    return values


def flatten(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted keys and their values; empty sections are left out."""
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from flatten(cast("dict[str, object]", value), f"{key}.")
        else:
            yield key, value


def _source(sources: Mapping[str, Source], key: str) -> str:
    """The source of a key, or of the nearest section that was given as a whole."""
    while key:
        if key in sources:
            return _told(sources[key])
        key = key.rpartition(".")[0]
    return _told(DEFAULT)


def _told(source: Source) -> str:
    if source.file is None:
        return source.kind
    return f"{source.file}:{source.line}" if source.line else source.file
