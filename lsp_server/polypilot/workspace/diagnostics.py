"""What other tools of the editor report about documents: errors and warnings, by line.

Faces fill it; nothing here is sent anywhere.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCUMENTS = 64
ITEMS = 200
"""Kept of one document, the worst first."""
MESSAGE_CHARS = 300
"""Of a message that are of use."""
_KEPT_CHARS = 1_000
"""Of a message: a secret at the end of what is of use must still be recognised."""
_NAME_CHARS = 60

ERROR, WARNING, INFORMATION, HINT = 1, 2, 3, 4


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One report."""

    line: int
    """Where it begins, from 0."""
    message: str
    severity: int = ERROR
    """As LSP counts: 1 error, 2 warning, 3 information, 4 hint."""
    source: str = ""
    """The tool that says so."""
    code: str = ""


class Diagnostics:
    """The reports of the moment, for the documents told of last."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, tuple[Diagnostic, ...]] = OrderedDict()

    def set(self, uri: str, items: Iterable[Diagnostic]) -> None:
        """These are all reports about a document now; none forgets it."""
        kept = sorted(items, key=lambda item: (item.severity, item))[:ITEMS]
        self._items.pop(uri, None)
        if kept:
            self._items[uri] = tuple(sorted(_short(item) for item in kept))
        while len(self._items) > DOCUMENTS:
            self._items.popitem(last=False)

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._items.pop(uri, None)

    def of(self, uri: str) -> tuple[Diagnostic, ...]:
        """The reports about a document, by line."""
        return self._items.get(uri, ())

    def uris(self) -> tuple[str, ...]:
        """The documents that something is reported about, the one told of last at the end."""
        return tuple(self._items)

    def near(self, uri: str, line: int, within: int) -> list[Diagnostic]:
        """Those at most ``within`` lines from ``line``: the worst first, then the nearest."""
        found = [item for item in self.of(uri) if abs(item.line - line) <= within]
        return sorted(found, key=lambda item: (item.severity, abs(item.line - line), item))


def _short(item: Diagnostic) -> Diagnostic:
    return replace(
        item,
        message=item.message[:_KEPT_CHARS],
        source=item.source[:_NAME_CHARS],
        code=item.code[:_NAME_CHARS],
    )
