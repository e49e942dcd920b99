"""The list of models as OpenAI and the many that follow it give it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polypilot_providers.jsonvalue import as_dict, as_int, as_str
from polypilot_providers.types import ModelInfo
from polypilot_providers.wires.shared import first_int

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def newest_first(entries: Iterable[Mapping[str, object]]) -> list[ModelInfo]:
    """The models of a ``/models`` answer, the newest first."""

    def created(entry: Mapping[str, object]) -> int:
        return as_int(entry.get("created")) or 0

    return [_info(entry) for entry in sorted(entries, key=created, reverse=True)]


def _info(entry: Mapping[str, object]) -> ModelInfo:
    return ModelInfo(
        id=as_str(entry.get("id")),
        name=as_str(entry.get("name")) or None,
        context_tokens=first_int(
            entry.get("context_length"),  # OpenRouter, Together
            entry.get("context_window"),  # Groq
            entry.get("max_context_length"),  # Mistral
            entry.get("max_model_len"),  # vLLM
            as_dict(entry.get("meta")).get("n_ctx_train"),  # llama.cpp
        ),
        output_tokens=first_int(
            entry.get("max_completion_tokens"),
            as_dict(entry.get("top_provider")).get("max_completion_tokens"),
        ),
        shutdown_date=_date(entry.get("shutdown_date")),
    )


def _date(value: object) -> str | None:
    """An ISO date from a date as text or seconds since 1970."""
    seconds = as_int(value)
    if seconds is None:
        return as_str(value)[:10] or None
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None
