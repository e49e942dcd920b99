"""What a prompt is for, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.budget import Budget, Fitted, estimate
from polypilot_prompts.filter_spec import FilterSpec, spec_for
from polypilot_providers.types import ChatRequest, CompletionRequest

if TYPE_CHECKING:
    from polypilot_prompts.context import CursorContext

LINE_TOKENS = 64
BLOCK_TOKENS = 256
STREAK_TOKENS = 32
"""For each line wanted beyond the first, up to as much as for a block."""
_LEAST_TOKENS = 64
"""What text of the document gets, however small a window is said to be."""


@dataclass(frozen=True, slots=True)
class Aim:
    """What the prompt is for: a model, and how it takes completions."""

    model: str
    mode: str
    """A completion mode of the catalog, see ``polypilot_providers.catalog.CompletionMode``."""
    tokens: int = 8000
    """Budget of the whole prompt."""
    prefill: bool = False
    """The model goes on from an answer's beginning, so that its answer need not be looked for."""
    suffix_share: float = 0.15
    """Of the budget, at most, for the text after the cursor."""
    context_share: float = 0.25
    """Of the budget, at most, for other files; 0: none are sent."""
    window: int | None = None
    """Tokens the model takes in all, its answer included; None: not known."""
    family: str = ""
    """Whose form other files have in mode ``prefix``; empty: that of comments."""

    def budget(self, *, answer: int, fixed: int = 0) -> Budget:
        """What is left for text around an answer of ``answer`` tokens.

        ``fixed`` tokens of instructions count too, but leave half of the budget to the text.
        """
        room = max(self.tokens - fixed, self.tokens // 2)
        if self.window is not None:
            room = min(room, max(self.window - answer - fixed, _LEAST_TOKENS))
        left_to_right = self.mode == "prefix"
        return Budget(room, 0.0 if left_to_right else self.suffix_share, self.context_share)


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A piece of a prompt, for showing what was sent."""

    name: str
    text: str
    tokens: int
    """Estimated."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request, and how to filter what comes back."""

    request: CompletionRequest | ChatRequest
    filter: FilterSpec
    parts: tuple[PromptPart, ...]
    """In the order they are sent in: put together, they are the request's text. An endpoint that
    takes prefix and suffix as fields of their own puts them in an order of its own."""
    budget: int = 0
    """Tokens it may have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the answer is to be."""

    truth: CursorContext
    """The document's own text around the cursor, for filtering what comes back."""
    block: bool
    streak: int = 0
    temperature: float = 0.0

    @property
    def max_tokens(self) -> int:
        """Of the answer."""
        if self.block:
            return BLOCK_TOKENS
        return min(BLOCK_TOKENS, LINE_TOKENS + STREAK_TOKENS * self.streak)

    def stops(self, ends: tuple[str, ...]) -> tuple[str, ...]:
        """The stop strings to send.

        Suppliers take only the first few: the one that ends soonest goes first.
        """
        return ends if self.block or self.streak else ("\n", *ends)

    def spec(self, ends: tuple[str, ...], *, lead: str = "") -> FilterSpec:
        """The filter for an answer that ends at one of ``ends``."""
        return spec_for(self.truth, block=self.block, stops=ends, lead=lead, streak=self.streak)


@dataclass(frozen=True, slots=True)
class Task:
    """All that a prompt is made from."""

    aim: Aim
    context: CursorContext
    """Path, language and indentation; its text is larger than what may be sent."""
    fitted: Fitted
    """The text to send, with ``\\n`` line breaks."""
    wanted: Wanted


def part(name: str, text: str) -> PromptPart:
    """A piece with its tokens counted."""
    return PromptPart(name, text, estimate(text))


def parts(*named: tuple[str, str]) -> tuple[PromptPart, ...]:
    """Those pieces that have text."""
    return tuple(part(name, text) for name, text in named if text)


def parts_of(request: CompletionRequest | ChatRequest) -> tuple[PromptPart, ...]:
    """A request's text by its fields, where it is not known any more what it was made from."""
    if isinstance(request, ChatRequest):
        turns = ((message.role, message.text) for message in request.messages)
        return parts(("instructions", request.system), *turns)
    files = ((f"file {file.path}", file.text) for file in request.extra)
    return parts(*files, ("suffix", request.suffix), ("prefix", request.prefix))
