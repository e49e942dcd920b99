"""``polypilot providers set``, ``show``, ``remove`` and ``discover``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import click

from polypilot.terminal.program import OK, USAGE

if TYPE_CHECKING:
    from polypilot.terminal.program import Program

_BELOW = ("notes", "source", "as_of")
"""Fields that are shown as sentences under the others."""
_SOME = 6
"""Entries of a list that are shown."""


@click.command("set")
@click.argument("provider_id", metavar="PROVIDER")
@click.argument("pairs", nargs=-1, metavar="KEY=VALUE...")
@click.option("--unset", multiple=True, metavar="KEY", help="Take back what your file says of it.")
@click.option("--json", "json_mode", is_flag=True, help="The outcome as one JSON object.")
@click.pass_obj
def set_fields(
    program: Program,
    *,
    provider_id: str,
    pairs: tuple[str, ...],
    unset: tuple[str, ...],
    json_mode: bool,
) -> None:
    """Set what a provider's address leaves open (region=eu-west-1), and other fields of its row.

    Writes your config.toml; the rest of it stays. A value that can't be used changes nothing.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            # Not repeated: it may be a key.
            message = "Write KEY=VALUE, such as region=eu-west-1."
            raise click.UsageError(message)
        values[key] = value
    if not values and not unset:
        message = "Say what to set: KEY=VALUE, or --unset KEY."
        raise click.UsageError(message)
    with program.session() as session:
        file = session.run(session.backend.own_rows.change(provider_id, values, unset))
        row = session.backend.rows().get(provider_id)
    missing = row.missing if row is not None else ()
    if json_mode:
        told = {"provider": provider_id, "set": values, "unset": list(unset), "file": str(file)}
        program.output.json({**told, "missing": list(missing)})
        return
    program.output.print(f"written to {file}")
    if missing:
        names = " ".join(f"{name}=..." for name in missing)
        program.output.note(f"Still to be told: polypilot providers set {provider_id} {names}")


@click.command()
@click.argument("provider_id", metavar="PROVIDER")
@click.option("--json", "json_mode", is_flag=True, help="One JSON object.")
@click.pass_obj
def show(program: Program, *, provider_id: str, json_mode: bool) -> None:
    """Show a provider's row as it is in force, and where each value comes from."""
    with program.session() as session:
        fields = session.backend.own_rows.show(provider_id)
        missing = session.backend.row(provider_id).missing
    if json_mode:
        told = {each.name: {"value": each.value, "from": each.source} for each in fields}
        program.output.json({"provider": provider_id, "fields": told, "missing": list(missing)})
        return
    program.output.table(
        ("field", "value", "from"),
        [
            (each.name, _value(each.value), each.source)
            for each in fields
            if each.name not in _BELOW
        ],
    )
    program.output.print()
    for each in fields:
        if each.name in _BELOW:
            label = "as of" if each.name == "as_of" else each.name
            program.output.print(f"{label}: {each.value}")
    if missing:
        names = " ".join(f"{name}=..." for name in missing)
        program.output.note(f"Not told yet: polypilot providers set {provider_id} {names}")


def _value(value: object) -> str:
    if isinstance(value, list) and len(entries := cast("list[object]", value)) > _SOME:
        some = ", ".join(str(each) for each in entries[:_SOME])
        return f"{some} and {len(entries) - _SOME} more"
    return json.dumps(value, ensure_ascii=False)


@click.command()
@click.argument("provider_id", metavar="PROVIDER")
@click.option("--with-key", is_flag=True, help="Remove its keys from the keyring too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "json_mode", is_flag=True, help="The outcome as one JSON object.")
@click.pass_obj
def remove(
    program: Program, *, provider_id: str, with_key: bool, yes: bool, json_mode: bool
) -> int:
    """Remove a provider of your own from your config.toml. Its key stays unless --with-key."""
    with program.session() as session:
        own = session.backend.own_rows
        own.check_removable(provider_id)
        used = own.used_for(provider_id)
        if not yes:
            if json_mode or not sys.stdin.isatty():
                message = "There is nobody to ask; say --yes."
                raise click.UsageError(message)
            warning = f" It is your {' and '.join(used)}." if used else ""
            if not click.confirm(f"Remove {provider_id}?{warning}", default=False, err=True):
                program.output.print("Nothing was changed.")
                return USAGE
        file, keys = session.run(own.remove(provider_id, with_key=with_key))
    if json_mode:
        told = {"provider": provider_id, "removed": True, "file": str(file), "keys_removed": keys}
        program.output.json({**told, "still_named_by": used})
        return OK
    kept = f" and {keys} of its keys from the keyring" * bool(keys)
    program.output.print(f"{provider_id} is removed from {file}{kept}.")
    if used:
        program.output.note(f"{' and '.join(used)} still names it: `polypilot use` another.")
    return OK


@click.command()
@click.option("--json", "json_mode", is_flag=True, help="One JSON array.")
@click.pass_obj
def discover(program: Program, *, json_mode: bool) -> None:
    """Look for servers on this machine. Nothing leaves it; nothing found is used unasked."""
    with program.session() as session:
        found = session.run(session.backend.own_rows.discover())
    if json_mode:
        program.output.json([asdict(each) for each in found])
        return
    if not found:
        program.output.print("None of the known servers runs on this machine.")
        program.output.print(
            "At another address? polypilot providers add NAME --url URL", style="dim"
        )
        return
    program.output.table(
        ("provider", "server", "at", "models", "selected for", "to use it"),
        [
            (
                each.id or "",
                each.name,
                each.url,
                "wants a key" if each.wants_key else ", ".join(each.models) or "none",
                ", ".join(each.selected_for),
                each.offer,
            )
            for each in found
        ],
    )
