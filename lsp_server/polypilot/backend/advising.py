"""What the user should hear of a model on choosing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot_providers.catalog import ModelRow, ProviderRow


def advice(row: ProviderRow, model: str, *, completes: bool, today: str) -> str:
    """Sentences that advise against a model, or say that there is none; mostly empty.

    Args:
        row: the provider's.
        model: the one chosen; empty if the row has no default.
        completes: whether it is to complete while one types.
        today: ISO date.
    """
    name = row.name or row.id
    if not model:
        return (
            f"{name} needs to be told a model: `polypilot models {row.id}` lists them, "
            f"`polypilot use {row.id}/MODEL` takes one."
        )
    if gone := row.retirement(model):
        since = f" since {gone.date}" if gone.date else ""
        return f"{name} has not served {model}{since}: {_instead(row, gone.instead)}."
    return " ".join(_on_model(row, row.model(model), completes=completes, today=today))


def _on_model(row: ProviderRow, model: ModelRow, *, completes: bool, today: str) -> Iterator[str]:
    end = model.shutdown_date
    if end is not None and end < today:
        yield f"{model.id} was to be served until {end}: {_instead(row, model.instead)}."
    elif end is not None:
        yield f"{model.id} is served until {end}; after that, {_instead(row, model.instead)}."
    if model.trained_on:
        yield f"{row.name or row.id} may train models on what you send to {model.id}."
    if completes and model.slow:
        yield (
            f"{model.id} always reasons before it answers: slow and costly for inline completion; "
            f"{_quicker(row)}."
        )


def _instead(row: ProviderRow, model: str) -> str:
    return f"use {model}" if model else f"use another that `polypilot models {row.id}` lists"


def _quicker(row: ProviderRow) -> str:
    """How to have another model for completion alone."""
    quick = row.completion_model
    if quick and not row.model(quick).slow:
        return f"choose another: `polypilot use {row.id}/{quick} --for completion`"
    return "choose another provider for that: `polypilot use PROVIDER --for completion`"
