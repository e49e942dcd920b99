"""What the user can choose in a conversation: mode, model and how much the model reasons.

The same choices are told twice, as options and as the older ``modes``, which some clients know
alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, get_args

from polypilot.acp.faults import invalid
from polypilot.chat.values import Mode
from polypilot.settings import EMBEDDED
from polypilot_providers.types import Effort

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.chat.values import EffortChange, SessionInfo

MODE, MODEL, EFFORT = "mode", "model", "thought_level"
"""Ids of the options, which are their categories as well."""

MODES: tuple[tuple[Mode, str, str], ...] = (
    ("ask", "Ask", "Reads and searches the workspace; changes nothing."),
    ("edit", "Edit", "Also proposes edits and uses your MCP servers; asks before each."),
    ("plain", "Plain", "No tools: the model gets what you send, and nothing else."),
)
MOST_MODELS = 100
"""Of one provider: some list many hundred."""
_AS_IT_IS = "default"


@dataclass(frozen=True, slots=True)
class Choice:
    """A change of an option."""

    provider: str | None = None
    model: str | None = None
    mode: Mode | None = None
    effort: EffortChange | None = None


def mode_of(value: str, field: str) -> Mode:
    """A mode by its id.

    Raises:
        RpcError: there is none.
    """
    if value not in get_args(Mode):
        raise invalid(field, "is no mode of this conversation")
    return cast("Mode", value)


def chosen(option: str, value: object) -> Choice:
    """What setting an option means.

    Raises:
        RpcError: there is no such option, or it has no such value.
    """
    if not isinstance(value, str):
        raise invalid("value", "must be a string")
    if option == MODE:
        return Choice(mode=mode_of(value, "value"))
    if option == MODEL:
        provider, slash, model = value.partition("/")
        if not slash:
            raise invalid("value", "is no model of this conversation")
        return Choice(provider=provider, model=model)
    if option == EFFORT:
        if value != _AS_IT_IS and value not in get_args(Effort):
            raise invalid("value", "is no thought level of this conversation")
        return Choice(effort=cast("EffortChange", value))
    raise invalid("configId", "is no option of this conversation")


def modes(info: SessionInfo) -> dict[str, object]:
    """The modes, as they were told before there were options."""
    return {
        "currentModeId": info.mode,
        "availableModes": [
            {"id": each, "name": name, "description": text} for each, name, text in MODES
        ],
    }


async def options(backend: Backend, info: SessionInfo) -> list[dict[str, object]]:
    """All options of a conversation with their values. Asks no provider."""
    provider, model = asked_now(backend, info)
    found = [
        _select(
            MODE,
            "Mode",
            info.mode,
            [{"value": each, "name": name, "description": text} for each, name, text in MODES],
        ),
        _select(MODEL, "Model", f"{provider}/{model}", await _models(backend, provider, model)),
    ]
    levels = _levels(backend, provider, model)
    if levels:
        if info.effort is not None and info.effort not in levels:
            levels = [info.effort, *levels]
        levels = [_AS_IT_IS, *levels]
        values: list[dict[str, object]] = [
            {"value": each, "name": each.capitalize()} for each in levels
        ]
        now = info.effort or _AS_IT_IS
        found.append(_select(EFFORT, "Thought level", now, values))
    return found


def asked_now(backend: Backend, info: SessionInfo) -> tuple[str, str]:
    """Who answers in a conversation, by provider and model."""
    target = backend.target("chat")
    provider = info.provider or target.provider_id
    if provider == EMBEDDED:
        return provider, target.model if target.provider_id == EMBEDDED else _embedded(backend)
    if info.model:
        return provider, info.model
    if provider == target.provider_id:
        return provider, target.model
    row = backend.rows().get(provider)
    return provider, row.chat_model if row else ""


def _embedded(backend: Backend) -> str:
    try:
        return backend.embedded_model.id
    except Exception:  # noqa: BLE001 - the settings name none that can be used; asking will say so
        return ""


async def _models(backend: Backend, provider: str, model: str) -> list[dict[str, object]]:
    """The models of the providers that the user has set up, the current one among them."""
    values: dict[str, dict[str, object]] = {}

    def add(of: str, each: str, name: str | None) -> None:
        row = backend.rows().get(of)
        whose = row.name or row.id if row else of
        value = f"{of}/{each}"
        values.setdefault(
            value, {"value": value, "name": name or each or whose, "description": whose}
        )

    add(provider, model, None)
    for each in await _set_up(backend, provider):
        if each == EMBEDDED:
            add(each, _embedded(backend), None)
            continue
        for known in (await backend.catalogue.known(each))[:MOST_MODELS]:
            add(each, known.id, known.name)
    return list(values.values())


async def _set_up(backend: Backend, current: str) -> list[str]:
    """The providers that can be asked as things are; the rest would only fail."""
    chosen_ones = [provider for provider, _ in backend.loaded.targets("chat")]
    states = await backend.provider_states()
    sources = backend.loaded.sources
    own = {each for each, source in sources.items() if source.kind == "user"}
    usable = [
        each.id
        for each in states
        if each.key_stored or (each.auth == "none" and f"providers.{each.id}" in own)
    ]
    found = dict.fromkeys((current, *chosen_ones, *usable, EMBEDDED))
    known = backend.rows()
    local_only = backend.settings.privacy.local_only
    return [
        each
        for each in found
        if each in known and (not local_only or backend.loaded.is_local(each))
    ]


def _levels(backend: Backend, provider: str, model: str) -> list[str]:
    row = backend.rows().get(provider)
    return list(row.model(model).efforts) if row is not None else []


def _select(option: str, name: str, now: str, values: list[dict[str, object]]) -> dict[str, object]:
    return {
        "type": "select",
        "id": option,
        "category": option,
        "name": name,
        "currentValue": now,
        "options": values,
    }
