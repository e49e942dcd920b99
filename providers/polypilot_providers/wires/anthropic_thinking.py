"""How much reasoning is wanted, said as each Claude model takes it.

Models since 4.6 decide themselves how much to reason, steered by an effort; older ones are given
a number of tokens; some can't be kept from it. Source: the supplier's SDK and documentation,
pydantic-ai's profiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polypilot_providers.catalog import ModelRow
    from polypilot_providers.types import ChatRequest

_BUDGETS = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_000,
    "max": 32_000,
}
"""Tokens of reasoning per effort."""
_LEAST_BUDGET = 1024
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""Those of the newest models."""
_OFF: dict[str, object] = {"type": "disabled"}
_BETWEEN_TOOLS: dict[str, object] = {"type": "between_tools"}
_SHOWN: dict[str, object] = {"type": "adaptive", "display": "summarized"}
"""Newer models leave their reasoning's text out unless it is asked for."""


def thinking_of(
    request: ChatRequest, facts: ModelRow, limit: int, *, known: bool
) -> dict[str, object]:
    """The parameters that say what ``request`` wants.

    Args:
        request: its effort; None leaves how much to the model.
        facts: of the model.
        limit: the most tokens of the answer, which reasoning counts among.
        known: whether the catalog lists the model; of another it is tried what it takes.
    """
    effort = request.effort or ("none" if request.completion else None)
    if effort is None:
        return {"thinking": _SHOWN} if facts.thinks_unasked else {}
    if effort == "none":
        return _least(facts, known=known)
    if facts.thinking_budget:
        return _budget(effort, limit)
    efforts = facts if known else facts.model_copy(update={"efforts": _EFFORTS})
    if not efforts.efforts:
        return {}
    return {"thinking": _SHOWN, **_effort(efforts.nearest_effort(effort))}


def _least(facts: ModelRow, *, known: bool) -> dict[str, object]:
    """As little reasoning as can be."""
    if not known:
        # One of them will do, whether the model can be kept from reasoning or not.
        return {"thinking": _OFF, **_effort("low")}
    if facts.thinking == "optional":
        return {"thinking": _OFF}
    if facts.thinking == "between_tools":
        return {"thinking": _BETWEEN_TOOLS}
    return _effort(facts.efforts[0]) if facts.efforts else {}


def _budget(effort: str, limit: int) -> dict[str, object]:
    """A number of tokens that leaves room for the answer; none if there is too little."""
    budget = min(_BUDGETS[effort], limit // 2)
    if budget < _LEAST_BUDGET:
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _effort(effort: str) -> dict[str, object]:
    return {"output_config": {"effort": effort}}
