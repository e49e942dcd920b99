"""How likely a model's tokens were: whether to ask for it, and what to make of what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_providers.jsonvalue import as_dict, as_list
from polypilot_providers.types import ChatRequest, CompletionRequest, TextDelta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot_providers.catalog import ModelRow, ProviderRow

_LEAST = -1e9
"""OpenAI says -9999 of what is next to impossible; what is far below that was never computed."""


def wanted(row: ProviderRow, facts: ModelRow, request: ChatRequest | CompletionRequest) -> bool:
    """Whether to ask for the tokens' probabilities: it is wished, and the supplier tells.

    Not while the model reasons (OpenAI, DeepSeek) or is offered tools (llama.cpp): they refuse
    the whole request then.
    """
    tells = row.logprobs if facts.logprobs is None else facts.logprobs
    if not request.logprobs or not tells:
        return False
    if isinstance(request, CompletionRequest):
        return True
    effort = request.effort or ("none" if request.completion else None)
    quiet = facts.thinking == "none" or (facts.thinking == "optional" and effort == "none")
    return quiet and not request.tools


class Likelihood:
    """Adds up the tokens' log probabilities until the text that they make goes out."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._tokens = 0

    def add(self, logprobs: Iterable[object]) -> None:
        """Count those that can be one: numbers, not above 0 and finite."""
        for value in logprobs:
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if _LEAST < value <= 0:  # false of NaN too
                self._sum += value
                self._tokens += 1

    def read(self, entries: object, name: str = "logprob") -> None:
        """Count what each of ``entries`` says under ``name``, if that is a list of objects."""
        if entries:
            self.add(as_dict(entry).get(name) for entry in as_list(entries))

    def delta(self, text: str) -> TextDelta:
        """``text`` with what has been added since the last one."""
        if not self._tokens:
            return TextDelta(text)
        delta = TextDelta(text, self._sum, self._tokens)
        self._sum, self._tokens = 0.0, 0
        return delta
