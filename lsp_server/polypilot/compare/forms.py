"""Tasks, answers and judgements as text: as they are kept, and as they go to other machines."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from polypilot.compare import values
from polypilot.compare.values import Marks, Reply, Task

Kept = TypeVar("Kept", Task, Reply, Marks)


@cache
def _form(kind: type[Task | Reply | Marks]) -> TypeAdapter[Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(kind, _parent_depth=0)
    adapter.rebuild(_types_namespace={**vars(values), "Decimal": Decimal})
    return adapter


def from_json(kind: type[Kept], text: str) -> Kept:
    """The value that :func:`as_json` has written.

    Raises:
        ValueError: it is none.
    """
    return _form(kind).validate_json(text)


def as_json(value: Task | Reply | Marks) -> str:
    """A value's text, as it is kept and as it is sent to another machine."""
    # Only what differs from the default, so that a later version may add fields.
    return _form(type(value)).dump_json(value, exclude_defaults=True).decode()
