"""Which models a supplier has: asked at most once a day, kept on disk, with facts and prices.

A supplier is asked when the user asks for its list, or in the background after it has answered
a request of the user's: never before it was used, and never one that is not selected.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from polypilot.backend.model_lists import (
    DAY_S,
    Account,
    ModelList,
    changes,
    keep,
    load,
    updated,
)
from polypilot.backend.offered import Offered, end_of, offered
from polypilot.backend.pricing import source
from polypilot.errors import describe, printable, redact
from polypilot.settings import EMBEDDED
from polypilot.tasks import run_blocking
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    ProviderError,
    RequestRefused,
)
from polypilot_providers.types import ModelInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend.composition import Composition
    from polypilot.backend.planning import Purpose
    from polypilot.tasks import Tasks
    from polypilot_providers.catalog import ProviderRow

log = logging.getLogger(__name__)

_T = TypeVar("_T")

DISK_S = 5.0
SOON = timedelta(days=60)
"""How long before its end the user is told of it, if the model is in use."""
MOST_NAMES = 3
"""In one notice."""
_PURPOSES: tuple[Purpose, ...] = ("completion", "chat")


@dataclass(frozen=True, slots=True)
class Listing:
    """A provider's models."""

    provider: str
    models: tuple[Offered, ...]
    read: float | None
    """When the supplier gave the list, in seconds since 1970; None: it is our own."""
    age: float
    """Seconds since then."""
    prices: str = ""
    """Whose price list the prices are from; empty if none has one."""
    problem: str = ""
    """Why it is an old list, or our own."""


class Catalogue:
    """The lists of models of one backend.

    Args:
        backend: whom to ask, and what to tell.
        tasks: owns what goes on in the background.
        clock: seconds since 1970.
    """

    def __init__(
        self, backend: Composition, tasks: Tasks, clock: Callable[[], float] = time.time
    ) -> None:
        self._backend = backend
        self._tasks = tasks
        self._clock = clock
        self._watching = False
        self._asked: dict[Account, float] = {}
        """When the background last asked, whatever came of it."""
        self._told: set[str] = set()

    async def listing(
        self, provider_id: str, *, refresh: bool = False, wait: bool = True
    ) -> Listing:
        """A provider's models. A list of less than a day is not asked for again.

        Args:
            provider_id: whose.
            refresh: ask, however young the list is.
            wait: for a new list if there is only an old one; else the old one is given, and a
                new one asked for in the background, where that may be.

        Raises:
            ProviderError: the provider can't be asked, and there is no earlier list; or its key
                is refused.
        """
        row = self._backend.row(provider_id)
        if row.id == EMBEDDED:
            infos = await self._backend.list_models(EMBEDDED)
            return Listing(EMBEDDED, tuple(offered(row, info) for info in infos), None, 0)
        whose = self._account(row)
        kept = await self._load(whose)
        problem = ""
        if kept is None or refresh or self._is_old(row, kept):
            if kept is not None and not refresh and not wait and self._may_ask(row):
                self._spawn(row, whose)
            else:
                try:
                    kept, problem = await self._read(row, whose, kept)
                except RequestRefused:
                    if not row.models:
                        raise
                    return await self._unlisted(row, whose)
        return await self._shown(row, kept, problem)

    async def known(self, provider_id: str) -> tuple[Offered, ...]:
        """A provider's models as far as they are known here; asks nobody. Without prices.

        Raises:
            ProviderError: there is no such provider.
        """
        row = self._backend.row(provider_id)
        kept = None if row.id == EMBEDDED else await self._load(self._account(row))
        if kept is not None:
            return tuple(offered(row, each.info) for each in kept.models if each.gone is None)
        return tuple(offered(row, ModelInfo(model.id)) for model in row.models)

    async def watch(self) -> None:
        """From now on keep the lists of the providers in use fresh, and tell what changes."""
        self._watching = True
        await self.look()

    async def look(self) -> None:
        """Tell once of each selected model that is gone or is about to go. Asks nobody.

        Nothing before :meth:`watch`.
        """
        if not self._watching:
            return
        for purpose in _PURPOSES:
            target = self._backend.target(purpose)
            try:
                row = self._backend.row(target.provider_id)
                kept = await self._load(self._account(row)) if row.id != EMBEDDED else None
            except ProviderError:
                continue  # the request itself will say so
            gone, date = end_of(row, target.model, kept.models if kept else ())
            if message := self._warning(target.model, date, gone=gone):
                self._tell(message)

    def answered(self, provider_id: str) -> None:
        """A provider has answered a request: its key is good, and it may be asked for its list."""
        if not self._watching:
            return
        try:
            row = self._backend.row(provider_id)
            whose = self._account(row)
        except ProviderError:
            return
        if self._may_ask(row) and self._due(whose):
            self._spawn(row, whose)

    # -- asking --------------------------------------------------------------------------

    def _may_ask(self, row: ProviderRow) -> bool:
        """Whether the user's settings let a provider be asked unbidden."""
        loaded = self._backend.loaded
        selected = {each for purpose in _PURPOSES for each, _ in loaded.targets(purpose)}
        remote_allowed = not loaded.settings.privacy.local_only
        allowed = remote_allowed or loaded.is_local(row.id)
        return row.auth != "none" and row.id in selected and allowed

    def _due(self, whose: Account) -> bool:
        last = self._asked.get(whose)
        return last is None or not 0 <= self._clock() - last < DAY_S

    def _spawn(self, row: ProviderRow, whose: Account) -> None:
        if self._due(whose):
            self._asked[whose] = self._clock()
            self._tasks.spawn(self._renew(row, whose), name="models")

    async def _renew(self, row: ProviderRow, whose: Account) -> None:
        """Ask in the background, if the list is old, and tell what has changed."""
        before = await self._load(whose)
        if before is not None and not self._is_old(row, before):
            return
        try:
            after, problem = await self._read(row, whose, before)
        except ProviderError as error:
            log.info("no list of models from %s: %s", row.id, error.code)
            return
        if problem:
            return
        if told := _difference(row, *changes(before, after)):
            self._tell(told)
        await self.look()

    async def _read(
        self, row: ProviderRow, whose: Account, before: ModelList | None
    ) -> tuple[ModelList, str]:
        """The supplier's list now; or the one before it, and why."""
        try:
            infos = await self._backend.list_models(row.id)
        except (AuthError, ConfigurationError):
            raise
        except ProviderError as error:
            if before is None:
                raise
            return before, describe(error).message
        after = updated(before, whose, infos, self._clock())
        await self._disk(keep, after)
        return after, ""

    # -- what is known -------------------------------------------------------------------

    def _account(self, row: ProviderRow) -> Account:
        return Account(row.id, str(self._backend.origin(row.id)), row.account)

    def _is_old(self, row: ProviderRow, kept: ModelList) -> bool:
        # What a server on this machine has changes as the user pleases, and costs nothing to ask.
        return row.auth == "none" or kept.age(self._clock()) >= DAY_S

    async def _load(self, whose: Account) -> ModelList | None:
        return await self._disk(load, whose)

    @staticmethod
    async def _disk(work: Callable[..., _T], *arguments: object) -> _T | None:
        try:
            return await run_blocking(work, *arguments, timeout=DISK_S, name="models")
        except TimeoutError:
            return None  # a disk that hangs has no list

    async def _unlisted(self, row: ProviderRow, whose: Account) -> Listing:
        """What the catalog knows, of a supplier that has no list."""
        infos = [ModelInfo(model.id) for model in row.models]
        ours = updated(None, whose, infos, self._clock())
        problem = f"{row.name or row.id} gives no list of its models; these are known"
        return replace(await self._shown(row, ours, problem), read=None)

    async def _shown(self, row: ProviderRow, kept: ModelList, problem: str) -> Listing:
        now = self._clock()
        tariffs = await self._backend.prices.tariffs(row, [each.info.id for each in kept.models])
        models = [
            offered(
                row,
                each.info,
                tariffs.get(each.info.id),
                "gone" if each.gone else "new" if kept.is_new(each, now) else "",
            )
            for each in kept.models
            if each.gone is None or kept.is_gone(each, now)
        ]
        prices = (await self._disk(source) or "") if tariffs and not row.free else ""
        return Listing(row.id, tuple(models), kept.read, max(0.0, now - kept.read), prices, problem)

    # -- telling -------------------------------------------------------------------------

    def _warning(self, model: str, date: str, *, gone: bool) -> str:
        today = datetime.fromtimestamp(self._clock(), UTC).date()
        cure = "choose another with `polypilot use`"
        past = bool(date) and date < today.isoformat()
        if gone or past:
            since = f" since {date}" if past else ""
            return f"{model} is not served any more{since}: {cure}"
        if date and date <= (today + SOON).isoformat():
            return f"{model} ends on {date}: {cure}"
        return ""

    def _tell(self, message: str) -> None:
        message = printable(redact(message))
        if message not in self._told:
            self._told.add(message)
            log.info("models: %s", message)
            self._backend.board.notice(message)


def _difference(row: ProviderRow, come: list[str], gone: list[str]) -> str:
    """One sentence on what has changed in a list; empty if nothing has."""
    parts = [f"{what} {_some(ids)}" for what, ids in (("new:", come), ("gone:", gone)) if ids]
    return f"models of {row.name or row.id}: {'; '.join(parts)}" if parts else ""


def _some(ids: list[str]) -> str:
    more = len(ids) - MOST_NAMES
    return ", ".join(ids[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
