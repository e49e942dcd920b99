"""The user's choice of a provider: written to the file of the user's, and put in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from polypilot.backend.advising import advice
from polypilot.embedded.catalog import GGUF, choose, user_file
from polypilot.embedded.errors import EmbeddedError
from polypilot.settings import EMBEDDED, SettingsError, choose_account, update_user_file
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.backend.composition import Composition
    from polypilot.backend.planning import Purpose

WRITE_S = 10.0
"""As for every small file: longer than that is a network disk that hangs."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A choice that was written to the user's file."""

    provider: str
    model: str
    for_: str
    file: Path
    warning: str = ""
    """What speaks against it; it was written all the same."""


async def select(
    backend: Composition,
    purpose: Literal["completion", "chat", "both"],
    provider_id: str,
    model: str | None,
) -> Selected:
    """See :meth:`Backend.select`."""
    backend.row(provider_id)
    jobs: tuple[Purpose, ...] = ("completion", "chat") if purpose == "both" else (purpose,)
    changes: dict[str, object | None] = {}
    for job in jobs:
        changes[f"{job}.provider"] = provider_id
        changes[f"{job}.model"] = None if provider_id == EMBEDDED else (model or None)
    if provider_id == EMBEDDED and model:
        changes |= _embedded_choice(backend, model)
    file = await run_blocking(update_user_file, changes, timeout=WRITE_S, name="settings")
    await backend.reload()
    for job in jobs:
        if (stays := backend.target(job).provider_id) != provider_id:
            raise SettingsError(
                f"saved in {file}, but {stays} is set elsewhere and stays",
                cure=f"Change {job}.provider in your editor's settings.",
            )
    target = backend.target(jobs[0])
    return Selected(target.provider_id, target.model, purpose, file, _warning(backend, jobs))


def _warning(backend: Composition, jobs: tuple[Purpose, ...]) -> str:
    """What there is to say of the models chosen, each thing once."""
    today = datetime.now(UTC).date().isoformat()
    said = (
        advice(backend.row(to.provider_id), to.model, completes=job == "completion", today=today)
        for job, to in ((job, backend.target(job)) for job in jobs)
    )
    return " ".join(dict.fromkeys(text for text in said if text))


async def use_account(
    backend: Composition, provider_id: str, account: str | None, folder: Path | None
) -> Path:
    """See :meth:`Keys.use`."""
    if account is not None:
        backend.row(provider_id)
    file = await run_blocking(
        choose_account, provider_id, account, folder, timeout=WRITE_S, name="settings"
    )
    await backend.reload()
    return file


def _embedded_choice(backend: Composition, model: str) -> dict[str, object | None]:
    """What to write so that the embedded provider has this model, or this file."""
    if model.endswith(GGUF):
        user_file(model)  # raises if it is none
        return {"embedded.model_file": model}
    try:
        now = backend.embedded_model.id
    except EmbeddedError:  # the settings name none that can be used
        now = None
    if now == model:
        return {}
    # A file of the user's own would win over the model.
    return {"embedded.model": choose(model).id, "embedded.model_file": None}
