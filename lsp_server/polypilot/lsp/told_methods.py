"""What the editor tells unasked: a document's problems, and what became of our items.

See ``methods`` for the form.
"""

from __future__ import annotations

from typing import Any

import attrs
from lsprotocol import types  # noqa: TC002 -- cattrs reads the annotations at run time


@attrs.frozen(eq=False, slots=False)
class DiagnosticTold:
    """A problem that the editor shows in a document."""

    range: types.Range
    message: str
    severity: int | None = None
    source: str | None = None
    code: str | int | None = None


@attrs.frozen(eq=False, slots=False)
class DiagnosticsParams:
    """All problems that the editor shows in a document now."""

    uri: str
    diagnostics: tuple[DiagnosticTold, ...]


@attrs.frozen(eq=False, slots=False)
class CommandTold:
    """The command of an item that we gave."""

    arguments: tuple[Any, ...] = ()  # cattrs has no hook for `object`


@attrs.frozen(eq=False, slots=False)
class ItemTold:
    """An item that we gave; a client may send back all of it, or no more than its command."""

    insert_text: str | None = None
    command: CommandTold | None = None


@attrs.frozen(eq=False, slots=False)
class DidShowParams:
    """An item is on the screen."""

    item: ItemTold


@attrs.frozen(eq=False, slots=False)
class DidPartiallyAcceptParams:
    """The beginning of an item was taken."""

    item: ItemTold
    accepted_length: int
    """UTF-16 code units, whatever the positions are in, from the start of `insertText`."""
