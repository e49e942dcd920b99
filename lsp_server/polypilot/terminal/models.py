"""``polypilot models``: what providers serve, and the files of the embedded model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from polypilot.embedded.catalog import ModelFile, catalog, choose
from polypilot.errors import describe
from polypilot.settings.source import EMBEDDED
from polypilot.terminal.program import OK, Program, status_of
from polypilot.terminal.pull import pull

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.embedded.store import ModelStore
    from polypilot.terminal.output import Output

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

    Asks the provider for its list, which costs no tokens.
    """


@models.command("list")
@click.argument("provider_id", metavar="[PROVIDER]", required=False)
@click.option("--json", "json_mode", is_flag=True, help="One JSON array.")
@click.pass_obj
def list_models(program: Program, *, provider_id: str | None, json_mode: bool) -> int:
    """List models; without PROVIDER those of the providers in use."""
    with program.session() as session:
        return session.run(_list(session.backend, program.output, provider_id, as_json=json_mode))


async def _list(backend: Backend, output: Output, provider_id: str | None, *, as_json: bool) -> int:
    status = OK
    rows: list[dict[str, object]] = []
    settings = backend.loaded.settings
    chosen = dict.fromkeys((settings.completion.provider, settings.chat.provider))
    for name in [provider_id] if provider_id else chosen:
        try:
            rows += await _of_provider(backend, name)
        except Exception as error:  # noqa: BLE001 - shown; the other providers are still listed
            problem = describe(error)
            output.failure(problem.code, problem.message, problem.cure)
            status = status_of(problem.code)
    if as_json:
        output.json(rows)
    elif rows:
        output.table(("provider", "model", "name", "context", "state"), list(map(_cells, rows)))
    return status


async def _of_provider(backend: Backend, provider_id: str) -> list[dict[str, object]]:
    """One provider's models, as they stand in JSON output."""
    if provider_id == EMBEDDED:
        return [_embedded(backend.models_store, model) for model in catalog().values()]
    return [
        {"provider": provider_id, **asdict(model)}
        for model in await backend.list_models(provider_id)
    ]


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
    if state:
        state = f"{_STATES[state]} ({int(str(row['bytes'])) / 1e6:.0f} MB)"
    elif row.get("shutdown_date"):
        state = f"ends {row['shutdown_date']}"
    return (
        str(row["provider"]),
        str(row["id"]),
        str(row.get("name") or ""),
        f"{context:,}" if isinstance(context, int) else "",
        state,
    )


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
