"""The lists of models that suppliers gave, kept on disk with their age.

One file for each provider, origin and account: what one key may use says nothing about
another's. The files are a cache: one that is damaged, or of another version, is no list.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from polypilot import paths
from polypilot.errors import printable, redact
from polypilot_providers.types import ModelInfo  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

log = logging.getLogger(__name__)

DAY_S = 86_400.0
NEW_S = 7 * DAY_S
"""How long a model is shown as new, or as gone."""
MAX_BYTES = 16 * 2**20
"""More is no list of ours: that of the largest gateway takes a sixteenth of it."""


class Account(NamedTuple):
    """Whose list it is."""

    provider: str
    origin: str
    account: str


class Listed(BaseModel):
    """A model in a list, and since when it is there, or gone."""

    info: ModelInfo
    since: float
    gone: float | None = None


class ModelList(BaseModel):
    """What a supplier listed. Times are seconds since 1970."""

    version: Literal[1] = 1
    provider: str
    origin: str
    account: str
    began: float
    """When the first list was read; the models in it are not new."""
    read: float
    models: tuple[Listed, ...] = Field(repr=False)

    @property
    def current(self) -> tuple[Listed, ...]:
        """The models that are served, in the supplier's order."""
        return tuple(each for each in self.models if each.gone is None)

    def age(self, now: float) -> float:
        """Seconds; for ever, if the clock was set back since."""
        return now - self.read if now >= self.read else float("inf")

    def is_new(self, model: Listed, now: float) -> bool:
        """Whether a model has come lately."""
        return model.gone is None and model.since > self.began and now - model.since < NEW_S

    def is_gone(self, model: Listed, now: float) -> bool:
        """Whether a model has gone lately."""
        return model.gone is not None and now - model.gone < NEW_S


def load(whose: Account) -> ModelList | None:
    """The list that is kept, if there is one that can be read."""
    try:
        with _file(whose).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        found = ModelList.model_validate_json(data if len(data) <= MAX_BYTES else b"")
    except (OSError, ValidationError):
        return None
    return found if Account(found.provider, found.origin, found.account) == whose else None


def keep(models: ModelList) -> None:
    """Keep a list in place of the one before it. A disk that is full or read-only keeps none."""
    file = _file(Account(models.provider, models.origin, models.account))
    try:
        paths.ensure_private(file.parent)
        paths.write_private(file, models.model_dump_json(exclude_none=True).encode())
    except OSError as error:
        log.info("the list of models is not kept: %s", error.strerror)


def updated(
    before: ModelList | None, whose: Account, infos: Iterable[ModelInfo], now: float
) -> ModelList:
    """The list after the supplier was asked again: what is gone stays in it for a while.

    Models without a name that can be shown are left out; so is one that repeats a key.
    """
    known = {each.info.id: each for each in before.models} if before else {}
    models = {
        info.id: Listed(info=_shown(info), since=_since(known.get(info.id), now))
        for info in infos
        if info.id.isprintable() and redact(info.id) == info.id
    }
    for model_id, each in known.items():
        gone = now if each.gone is None else each.gone
        if model_id not in models and now - gone < NEW_S:
            models[model_id] = each.model_copy(update={"gone": gone})
    return ModelList(
        **whose._asdict(),
        began=before.began if before else now,
        read=now,
        models=tuple(models.values()),
    )


def changes(before: ModelList | None, after: ModelList) -> tuple[list[str], list[str]]:
    """Ids that have come and that have gone between two lists."""
    if before is None:
        return [], []
    old = {each.info.id for each in before.current}
    new = {each.info.id for each in after.current}
    come = [each.info.id for each in after.current if each.info.id not in old]
    return come, [each.info.id for each in before.current if each.info.id not in new]


def _shown(info: ModelInfo) -> ModelInfo:
    """With texts that steer no terminal and that a file can hold."""
    name, date = (text and printable(redact(text)) for text in (info.name, info.shutdown_date))
    return replace(info, name=name, shutdown_date=date)


def _since(known: Listed | None, now: float) -> float:
    return now if known is None or known.gone is not None else known.since


def _file(whose: Account) -> Path:
    digest = hashlib.sha256("\0".join(whose).encode()).hexdigest()[:32]
    return paths.cache_dir() / "models" / f"{digest}.json"
