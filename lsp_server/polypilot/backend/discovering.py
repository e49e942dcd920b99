"""Which of the known servers runs on this machine. Looks at loopback, and only when asked to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.backend.looking import likeliest, lists_of
from polypilot.backend.probing import Prober
from polypilot.settings import EMBEDDED
from polypilot_providers.detect import (
    Kind,
    model_id,
    models,
    place,
    recognise,
    writers,
)
from polypilot_providers.detect_row import CATALOG
from polypilot_providers.errors import ProviderError
from polypilot_providers.factory import address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.http import HttpClient
    from polypilot_providers.origin import Origin

LOOK_S = 0.5
"""Seconds that a server on this machine has for one answer."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that answers on this machine."""

    id: str | None
    """The row to use it by; None: there is none yet."""
    name: str
    """What it is."""
    url: str
    models: tuple[str, ...]
    """Those that write text."""
    wants_key: bool
    selected_for: tuple[str, ...]
    offer: str
    """The command that makes use of it."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """One port, and the rows that expect their server there."""

    origin: Origin
    path: str
    rows: tuple[ProviderRow, ...]


async def discover(
    rows: Mapping[str, ProviderRow],
    catalog: Mapping[str, ProviderRow],
    http: HttpClient,
    selected: Mapping[str, str],
) -> list[LocalServer]:
    """The servers that answer at the addresses on this machine that rows have.

    Nothing but requests for lists of models and versions is sent, without a key and past any
    proxy; none leaves the machine, and none is made elsewhere on it.

    Args:
        rows: those in force.
        catalog: those that come with Polypilot; the others are the user's.
        http: the connections, the caller's to close.
        selected: the provider of each job.
    """
    spots = list(_spots(rows.values()))
    found = await asyncio.gather(*(_look(spot, catalog, http, selected) for spot in spots))
    return [each for each in found if each is not None]


def _spots(rows: Iterable[ProviderRow]) -> Iterable[_Spot]:
    by_port: dict[int, list[tuple[Origin, str, ProviderRow]]] = {}
    for row in rows:
        if row.id == EMBEDDED or row.missing:
            continue
        try:
            origin, path = address(row.address())
        except ProviderError:
            continue
        if origin.is_loopback:
            by_port.setdefault(origin.port, []).append((origin, path, row))
    for found in by_port.values():
        origin, path, _ = found[0]
        yield _Spot(origin, path, tuple(row for *_, row in found))


async def _look(
    spot: _Spot,
    catalog: Mapping[str, ProviderRow],
    http: HttpClient,
    selected: Mapping[str, str],
) -> LocalServer | None:
    where = place(spot.path)
    prober = Prober(http, spot.origin, spot.rows[0].id, each=LOOK_S, whole=LOOK_S)
    lists, marks = await asyncio.gather(lists_of(prober, where), prober.marks(where.root))
    _, listed = likeliest(lists)
    kind = recognise(listed, marks)
    if kind is None:
        return None
    row = _row(spot, kind, catalog)
    names = tuple(writers(model_id(entry) for entry in models(listed)))
    url = f"{spot.origin}{where.root}"
    return LocalServer(
        id=row,
        name=str(kind),
        url=url,
        models=names,
        wants_key=listed.status in (401, 403),
        selected_for=tuple(job for job, provider in selected.items() if provider == row),
        offer=f"polypilot use {row}" if row else f"polypilot providers add NAME --url {url}",
    )


def _row(spot: _Spot, kind: Kind, catalog: Mapping[str, ProviderRow]) -> str | None:
    """The row of a server that answers as ``kind``: the user's own first."""
    own = [row.id for row in spot.rows if row.id not in catalog]
    known = [row.id for row in spot.rows if row.id in CATALOG.get(kind, ())]
    return next(iter(own + known), None)
