"""What a comparison is called in the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.compare.orders import Order
    from polypilot.compare.targets import Target

_FORMAT = 1
"""Of the tasks and the way they are asked: a comparison of another format is begun anew."""


def spec_of(order: Order, targets: Sequence[Target], commit: str) -> dict[str, Any]:
    """What decides whether two comparisons are the same."""
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
        **({"watch": turn.spec} if turn else {}),
    }
