"""How much reasoning is wanted, said as each Gemini model takes it.

The 2.5 models are given a number of tokens, later ones a level. Source: the supplier's SDK
(google-genai 3.4) and recorded requests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_providers.catalog import ModelRow, ReasoningEffort
    from polypilot_providers.types import ChatRequest

_BUDGETS = {
    "minimal": 512,
    "low": 2048,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""Tokens of reasoning per effort, within what every Gemini 2.5 takes."""
_LEAST_BUDGET = 128
"""The least that Gemini 2.5 Pro takes, which can't be kept from reasoning."""
_LEVELS: tuple[ReasoningEffort, ...] = ("minimal", "low", "medium", "high")


def thinking_of(request: ChatRequest, facts: ModelRow, *, known: bool) -> dict[str, object]:
    """The fields of thinkingConfig that say what ``request`` wants.

    Args:
        request: its effort; None leaves how much to the model.
        facts: of the model.
        known: whether the catalog lists the model; of another it is tried what it takes.
    """
    wanted = "none" if request.completion else request.effort
    if not known and wanted is not None:
        facts = _assumed(facts)
    if facts.thinking == "none":
        return {}
    config: dict[str, object] = {} if wanted == "none" else {"includeThoughts": True}
    if wanted is None:
        return config
    if facts.thinking_budget:
        least = 0 if facts.thinking == "optional" else _LEAST_BUDGET
        config["thinkingBudget"] = _BUDGETS.get(wanted, least)
    elif facts.efforts:
        config["thinkingLevel"] = facts.nearest_effort(wanted)
    return config


def instead(name: str, refused: object, words: str) -> Sequence[object]:
    """What to choose instead, if it is this choice that ``words`` object to."""
    if name == "thinkingBudget" and isinstance(refused, int) and refused < _LEAST_BUDGET:
        return (_LEAST_BUDGET,)
    if name == "thinkingLevel" and refused in _LEVELS:
        named = re.search(rf"\b{refused}\b", words, re.IGNORECASE)
        return _LEVELS[_LEVELS.index(refused) + 1 :] if named else ()
    return ()


def _assumed(facts: ModelRow) -> ModelRow:
    """What is tried of a model that is not listed."""
    in_tokens = "gemini-2.5" in facts.id
    return facts.model_copy(
        update={"thinking": "optional", "thinking_budget": in_tokens, "efforts": _LEVELS}
    )
