"""``polypilot models``: what providers serve, and the files of the embedded model."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from polypilot.embedded.catalog import ModelFile, catalog, choose
from polypilot.errors import describe
from polypilot.settings.source import EMBEDDED
from polypilot.terminal.program import OK, Program, status_of
from polypilot.terminal.pull import pull

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.backend.catalogue import Listing
    from polypilot.embedded.store import ModelStore
    from polypilot.terminal.output import Output

NOW_S = 60
"""A list so young goes without saying when it was read."""
_SUBCOMMANDS = ("list", "pull", "remove")
_STATES = {
    "ready": "here",
    "missing": "not fetched",
    "partial": "partly fetched",
    "broken": "broken: pull it again",
}


class _Models(click.Group):
    """``polypilot models anthropic`` means ``polypilot models list anthropic``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        helped = bool(args) and args[0] in ctx.help_option_names
        if not helped and (not args or args[0] not in _SUBCOMMANDS):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Models, subcommand_metavar="[PROVIDER] | pull [MODEL] | remove MODEL")
def models() -> None:
    """List a provider's models (default: the chosen ones'), or manage the embedded model.

    Asks the provider for its list once a day, which costs no tokens.
    """


@models.command("list")
@click.argument("provider_id", metavar="[PROVIDER]", required=False)
@click.option("--refresh", is_flag=True, help="Ask anew, though the list is of today.")
@click.option("--json", "json_mode", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_models(
    program: Program, *, provider_id: str | None, refresh: bool, json_mode: bool
) -> int:
    """List models; without PROVIDER those of the providers in use.

    A list is asked for once a day. Prices are US dollars for a million tokens in and out.
    """
    with program.session() as session:
        work = _list(
            session.backend, program.output, provider_id, refresh=refresh, as_json=json_mode
        )
        return session.run(work)


async def _list(
    backend: Backend, output: Output, provider_id: str | None, *, refresh: bool, as_json: bool
) -> int:
    status = OK
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    settings = backend.loaded.settings
    chosen = dict.fromkeys((settings.completion.provider, settings.chat.provider))
    for name in [provider_id] if provider_id else chosen:
        try:
            if name == EMBEDDED:
                rows += [_embedded(backend.models_store, model) for model in catalog().values()]
                continue
            found = await backend.catalogue.listing(name, refresh=refresh)
        except Exception as error:  # noqa: BLE001 - shown; the other providers are still listed
            problem = describe(error)
            output.failure(problem.code, problem.message, problem.cure)
            status = status_of(problem.code)
        else:
            rows += _rows(found)
            notes += _notes(found)
    if as_json:
        output.json(rows)
    elif rows:
        columns = ("provider", "model", "name", "context", "price", "state")
        output.table(columns, list(map(_cells, rows)))
    for note in notes:
        output.note(note)
    return status


def _rows(found: Listing) -> list[dict[str, object]]:
    """One provider's models, as they stand in JSON output; money as the text of a number."""
    read = None if found.read is None else datetime.fromtimestamp(found.read, UTC)
    as_of = read and read.isoformat(timespec="seconds")
    rows: list[dict[str, object]] = []
    for model in found.models:
        fields = {
            name: f"{value:f}" if isinstance(value, Decimal) else value
            for name, value in asdict(model).items()
        }
        source = found.prices if model.input_price is not None else None
        rows.append({"provider": found.provider, **fields, "prices": source, "as_of": as_of})
    return rows


def _notes(found: Listing) -> list[str]:
    """What a person should know of where a list is from."""
    notes: list[str] = []
    if found.problem and found.read is None:
        notes.append(f"{found.provider}: {found.problem}.")
    elif found.problem:
        notes.append(f"{found.provider}: {found.problem}; this is the list of {_ago(found.age)}.")
    elif found.age >= NOW_S:
        notes.append(f"{found.provider}: the list of {_ago(found.age)}; --refresh asks again.")
    if found.prices:
        notes.append(
            f"{found.provider}: prices as {found.prices} has them, in US dollars for a million "
            "tokens in / out; + where long prompts cost more."
        )
    return notes


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def _embedded(store: ModelStore, model: ModelFile) -> dict[str, object]:
    return {
        "provider": EMBEDDED,
        "id": model.id,
        "name": model.name,
        "context_tokens": model.context_tokens,
        "state": store.status(model).state,
        "bytes": model.size,
    }


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    context = row.get("context_tokens")
    state = str(row.get("state") or "")
    if "bytes" in row:
        state = f"{_STATES[state]} ({int(str(row['bytes'])) / 1e6:.0f} MB)"
    elif row.get("shutdown_date"):
        state = f"{state} ends {row['shutdown_date']}".strip()
    return (
        str(row["provider"]),
        str(row["id"]),
        str(row.get("name") or ""),
        f"{context:,}" if isinstance(context, int) else "",
        _price(row),
        state,
    )


def _price(row: dict[str, object]) -> str:
    if "bytes" in row:
        return "free"
    price_in, price_out = row["input_price"], row["output_price"]
    if price_in is None or price_out is None:
        return ""
    if not Decimal(str(price_in)) and not Decimal(str(price_out)):
        return "free"
    return f"${price_in} / ${price_out}{'+' if row['tiered'] else ''}"


@models.command("pull")
@click.argument("model_id", metavar="[MODEL]", required=False)
@click.option("--json", "json_mode", is_flag=True, help="One JSON object; progress on stderr.")
@click.pass_obj
def pull_model(program: Program, *, model_id: str | None, json_mode: bool) -> None:
    """Fetch the embedded model (about 0.5 GB), or another one that `models embedded` lists.

    Ctrl-C is safe: the same command goes on where it stopped.
    """
    with program.session() as session:
        embedded = session.backend.loaded.settings.embedded
        model = choose(model_id or embedded.model, "" if model_id else embedded.model_file)
        try:
            path = pull(session.backend.models_store, model, program.output)
        except KeyboardInterrupt:
            program.output.note("What has arrived is kept; `polypilot models pull` goes on.")
            raise
    if json_mode:
        program.output.json({"id": model.id, "file": str(path)})
    else:
        program.output.print(f"{model.name}: {path}")


@models.command("remove")
@click.argument("model_id", metavar="MODEL")
@click.pass_obj
def remove_model(program: Program, *, model_id: str) -> None:
    """Delete a fetched model's file."""
    model = choose(model_id)
    with program.session() as session:
        freed = session.backend.models_store.remove(model) if isinstance(model, ModelFile) else 0
    program.output.print(f"{freed / 1e6:,.0f} MB freed.")
