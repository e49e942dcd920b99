"""Providers, models, choice, trust, pause, doctor and status."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.lsp import methods
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from decimal import Decimal

    from polypilot.backend import Backend, Choice, Status
    from polypilot.backend.offered import Offered
    from polypilot.lsp.server import PolypilotServer

TRUST_S = 5.0
"""Seconds that the disk has to show what is trusted."""


def register(server: PolypilotServer[Backend]) -> None:
    """Add the features."""
    _choice(server)
    _state(server)


def _choice(server: PolypilotServer[Backend]) -> None:
    @server.feature(methods.PROVIDERS)
    async def providers(_params: None) -> list[methods.ProviderInfo]:
        backend = await server.backend()
        await backend.refresh()
        return [methods.ProviderInfo(**asdict(each)) for each in await backend.provider_states()]

    @server.feature(methods.DISCOVER)
    async def discover(_params: None) -> list[methods.LocalServer]:
        backend = await server.backend()
        await backend.refresh()
        found = await backend.own_rows.discover()
        return [methods.LocalServer(**asdict(each)) for each in found]

    @server.feature(methods.MODELS)
    async def models(params: methods.ModelsParams) -> list[methods.ModelInfo]:
        backend = await server.backend()
        await backend.refresh()
        row = backend.row(params.provider)
        default = {row.completion_model, row.chat_model} - {""}
        found = await backend.catalogue.listing(params.provider, refresh=params.refresh, wait=False)
        age = None if found.read is None else int(found.age)
        return [
            _model(each, age=age, default=each.id in default)
            for each in found.models
            if each.state != "gone"
        ]

    @server.feature(methods.SELECT)
    async def select(params: methods.SelectParams) -> methods.SelectResult:
        backend = await server.backend()
        chosen = await backend.select(params.for_, params.provider, params.model)
        return methods.SelectResult(
            chosen.provider,
            chosen.model,
            chosen.for_,
            str(chosen.file),
            warning=chosen.warning or None,
        )

    @server.feature(methods.TRUST)
    async def trust(params: methods.TrustParams) -> methods.TrustResult:
        backend = await server.backend()
        if params.uri not in server.folders:
            raise UserError(
                "this folder is not open in the editor",
                code="trust",
                cure="Give the URI of a workspace folder.",
            )
        await backend.refresh()
        pending = await backend.set_trust(params.uri, trusted=params.trusted)
        trusted = await run_blocking(
            backend.trust.trusted, params.uri, timeout=TRUST_S, name="trust"
        )
        return methods.TrustResult(params.uri, trusted, pending)


def _model(model: Offered, *, age: int | None, default: bool) -> methods.ModelInfo:
    return methods.ModelInfo(
        id=model.id,
        name=model.name,
        context_tokens=model.context_tokens,
        output_tokens=model.output_tokens,
        shutdown_date=model.shutdown_date,
        images=model.images,
        tools=model.tools,
        thinking=model.thinking,
        fim=model.fim,
        efforts=model.efforts or None,
        input_price=_decimal(model.input_price),
        output_price=_decimal(model.output_price),
        cache_read_price=_decimal(model.cache_read_price),
        tiered=model.tiered or None,
        new=True if model.state == "new" else None,
        age=age,
        default=default or None,
    )


def _decimal(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def _state(server: PolypilotServer[Backend]) -> None:
    @server.feature(methods.PAUSE)
    async def pause(params: methods.PauseParams) -> methods.PauseResult:
        (await server.backend()).pause(paused=params.paused)
        return methods.PauseResult(params.paused)

    @server.feature(methods.DOCTOR)
    async def doctor(_params: None) -> list[methods.Check]:
        backend = await server.backend()
        await backend.refresh()
        checks = await backend.doctor()
        return [
            methods.Check(each.check, each.ok, each.detail, each.cure or None) for each in checks
        ]

    @server.feature(methods.STATUS)
    async def status(_params: None) -> methods.Status:
        return to_wire((await server.backend()).status)


def _selected(choice: Choice) -> methods.Selected:
    return methods.Selected(choice.provider, choice.model, choice.account or None)


def to_wire(status: Status) -> methods.Status:
    """The status as it travels."""
    error = status.error
    return methods.Status(
        state=status.state,
        paused=status.paused,
        completion=_selected(status.completion),
        chat=_selected(status.chat),
        trusted=status.trusted,
        redactions=status.redactions,
        keyring=status.keyring,
        notices=status.notices,
        spent=tuple(
            methods.Spent(
                each.provider,
                each.requests,
                each.input_tokens,
                each.output_tokens,
                each.cache_read_tokens,
                f"{each.cost:f}",
                each.unpriced,
            )
            for each in status.spent
        ),
        spent_today=None if status.spent_today is None else f"{status.spent_today:f}",
        error=methods.Problem(error.code, error.message, error.cure or None) if error else None,
    )
