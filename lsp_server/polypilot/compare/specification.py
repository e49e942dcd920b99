"""What a comparison is called in the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polypilot.backend import Backend
    from polypilot.compare.orders import Order
    from polypilot.compare.targets import Target

_FORMAT = 1
"""Of the tasks and the way they are asked: a comparison of another format is begun anew."""
_ROW = {
    "id", "wire", "completion", "completion_wire", "base_url", "variables", "query",
    "completion_model", "chat_model",
}  # fmt: skip
ASKED = "asked"
"""The name of what is not wished for, and changes the answers all the same."""


def spec_of(
    order: Order, targets: Sequence[Target], commit: str, *, asked: str = ""
) -> dict[str, Any]:
    """What decides whether two comparisons are the same; ``asked``: see :func:`asked_with`."""
    wish = asdict(order.wish)
    wish["numbers"] = {str(kind): number for kind, number in order.wish.numbers.items()}
    turn = order.turn
    return {
        "format": _FORMAT,
        "targets": [[each.label, each.file] for each in targets],
        "root": str(order.root),
        "commit": commit,
        "way": order.way,
        "wish": {**wish, "kinds": [str(kind) for kind in order.wish.kinds]},
        **({ASKED: asked} if asked else {}),
        **({"watch": turn.spec} if turn else {}),
    }


def asked_with(backend: Backend, targets: Sequence[Target], *, tests: bool) -> str:
    """A digest of the user's settings that change what targets answer, or how it is judged.

    Prices, keys and names are not among them. ``tests``: whether tests are run.
    """
    settings = backend.settings
    rows = [backend.rows()[each.provider] for each in targets]
    told = {
        "completion": settings.completion.model_dump(
            mode="json", include={"context", "disabled_languages", "max_file_bytes"}
        ),
        "chat": settings.chat.model_dump(mode="json", include={"system", "effort", "instructions"}),
        "embedded": settings.embedded.model_dump(mode="json", include={"model", "model_file"})
        if any(each.embedded for each in targets)
        else {},
        "rows": [row.model_dump(mode="json", include=_ROW) for row in rows],
        "tests": tests,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def same_but_asked(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the same is wished for, of the same commit."""
    first, second = (
        json.dumps({key: value for key, value in each.items() if key != ASKED}, sort_keys=True)
        for each in (one, other)
    )
    return first == second
