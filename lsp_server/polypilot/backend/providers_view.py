"""The providers as a picker shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polypilot.backend.core import Backend
    from polypilot.backend.planning import Purpose
    from polypilot_providers.catalog import ProviderRow

_PURPOSES: tuple[Purpose, ...] = ("completion", "chat")


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider as a picker shows it."""

    id: str
    name: str
    local: bool
    free: bool
    auth: str
    key_stored: bool | None
    """None where no key is needed."""
    selected_for: tuple[Purpose, ...]
    key_page: str | None = None
    completion_model: str | None = None
    chat_model: str | None = None
    account: str | None = None
    """Name of the key in use, of several."""


async def provider_states(backend: Backend) -> list[ProviderState]:
    """See :meth:`Backend.provider_states`."""
    # From their list, which is a file: the keyring is not touched, and can't prompt.
    stored = {(key.provider, key.account) for key in await backend.credentials.stored()}
    chosen: dict[Purpose, str] = {each: backend.target(each).provider_id for each in _PURPOSES}
    states = [
        _state(
            row,
            tuple(each for each in _PURPOSES if chosen[each] == row.id),
            local=backend.loaded.is_local(row.id),
            key=_has_key(backend, row, stored),
        )
        for row in backend.rows().values()
    ]
    return sorted(states, key=lambda state: (not state.selected_for, not state.local))


def _has_key(backend: Backend, row: ProviderRow, stored: set[tuple[str, str]]) -> bool | None:
    if row.auth != "keyring":
        return None
    return (row.id, row.account) in stored or backend.keys.environment(row.id) is not None


def _state(
    row: ProviderRow, selected: tuple[Purpose, ...], *, local: bool, key: bool | None
) -> ProviderState:
    return ProviderState(
        id=row.id,
        name=row.name or row.id,
        local=local,
        free=row.free,
        auth=row.auth,
        key_stored=key,
        selected_for=selected,
        key_page=row.key_page or None,
        completion_model=row.completion_model or None,
        chat_model=row.chat_model or None,
        account=row.account or None,
    )
