"""Which models another chat can use now, with no more asking than that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.backend.offered import Offered, offered
from polypilot.errors import UserError
from polypilot.settings import EMBEDDED
from polypilot.tasks import run_blocking
from polypilot_providers.errors import ProviderError
from polypilot_providers.types import ModelInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.backend.core import Backend
    from polypilot.backend.providers_view import ProviderState
    from polypilot_providers.catalog import ProviderRow

    Running = Mapping[str, tuple[ModelInfo, ...]]
    """What can be used without a key, by provider."""

DISK_S = 5.0


@dataclass(frozen=True, slots=True)
class LmModel:
    """A model that can be used now."""

    provider: str
    provider_name: str
    model: Offered
    local: bool
    """Whether what it is told stays on this machine."""
    selected: bool
    """Whether the settings choose it for chat."""


async def usable(backend: Backend, provider: str | None = None) -> list[LmModel]:
    """The models that can be used now, the selected one first.

    Of a provider that is named, or selected for chat, all that it lists; of the others with a
    key what the catalog knows, since nobody is asked unasked. Servers on this machine are
    looked for.

    Raises:
        ProviderError: there is no such provider, or its list can't be had.
    """
    states = await backend.provider_states()
    if provider is not None:
        row = backend.row(provider)
        (named,) = (each for each in states if each.id == row.id)
        return _sorted(_shown(backend, named, await _named(backend, row)))
    running = await _running(backend)
    found: list[LmModel] = []
    for state in states:
        if _can_be_used(backend, state, running):
            found += _shown(backend, state, await _offered(backend, state, running))
    return _sorted(found)


def _sorted(models: list[LmModel]) -> list[LmModel]:
    return sorted(models, key=lambda each: not each.selected)


def _shown(backend: Backend, state: ProviderState, models: list[Offered]) -> list[LmModel]:
    chosen = backend.target("chat")
    selected = chosen.model if chosen.provider_id == state.id else None
    return [
        LmModel(state.id, state.name, each, state.local, each.id == selected) for each in models
    ]


async def _running(backend: Backend) -> Running:
    """Servers that answer on this machine, by the row to use them by, and the embedded model."""
    servers = await backend.own_rows.discover()
    running = {each.id: tuple(map(ModelInfo, each.models)) for each in servers if each.id}
    if embedded := await _embedded(backend):
        running[EMBEDDED] = embedded
    return running


async def _embedded(backend: Backend) -> tuple[ModelInfo, ...]:
    """The embedded model, if its file is there."""
    try:
        model = backend.embedded_model
        store = backend.models_store
        found = await run_blocking(store.status, model, timeout=DISK_S, name="model file")
    except (UserError, TimeoutError):
        return ()
    if found.state != "ready":
        return ()
    return (ModelInfo(model.id, model.name, model.context_tokens),)


def _can_be_used(backend: Backend, state: ProviderState, running: Running) -> bool:
    row = backend.rows()[state.id]
    if row.missing or (backend.settings.privacy.local_only and not state.local):
        return False
    if state.local and not state.selected_for:
        return state.id in running
    if state.id == EMBEDDED:
        return EMBEDDED in running
    return state.key_stored is not False


async def _named(backend: Backend, row: ProviderRow) -> list[Offered]:
    if row.id == EMBEDDED:
        return [offered(row, each) for each in await _embedded(backend)]
    listing = await backend.catalogue.listing(row.id, wait=False)
    return [each for each in listing.models if each.state != "gone"]


async def _offered(backend: Backend, state: ProviderState, running: Running) -> list[Offered]:
    row = backend.rows()[state.id]
    if "chat" in state.selected_for:
        try:
            return await _named(backend, row)
        except ProviderError:  # it can't be reached at the moment; what the catalog knows stays
            pass
    infos = running.get(row.id) or tuple(ModelInfo(each.id) for each in row.models)
    chosen = backend.target("chat")
    if chosen.provider_id == row.id and chosen.model not in {"", *(each.id for each in infos)}:
        infos = (ModelInfo(chosen.model), *infos)
    return [offered(row, each) for each in infos]
