"""Providers, models, choice, trust, pause, doctor and status."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.lsp import methods
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from polypilot.backend import Backend, Status
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

    @server.feature(methods.MODELS)
    async def models(params: methods.ModelsParams) -> list[methods.ModelInfo]:
        backend = await server.backend()
        await backend.refresh()
        row = backend.row(params.provider)
        default = {row.completion_model, row.chat_model} - {""}
        return [
            methods.ModelInfo(
                id=each.id,
                name=each.name,
                context_tokens=each.context_tokens,
                shutdown_date=each.shutdown_date,
                default=True if each.id in default else None,
            )
            for each in await backend.list_models(params.provider)
        ]

    @server.feature(methods.SELECT)
    async def select(params: methods.SelectParams) -> methods.SelectResult:
        backend = await server.backend()
        chosen = await backend.select(params.for_, params.provider, params.model)
        return methods.SelectResult(chosen.provider, chosen.model, chosen.for_, str(chosen.file))

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


def to_wire(status: Status) -> methods.Status:
    """The status as it travels."""
    error = status.error
    return methods.Status(
        state=status.state,
        paused=status.paused,
        completion=methods.Selected(status.completion.provider, status.completion.model),
        chat=methods.Selected(status.chat.provider, status.chat.model),
        trusted=status.trusted,
        redactions=status.redactions,
        keyring=status.keyring,
        notices=status.notices,
        error=methods.Problem(error.code, error.message, error.cure or None) if error else None,
    )
