"""The ways in which ``quality.py`` asks a model for what a hole held.

Each makes one request of a hole. ``product`` is the product's own prompt for the model; the
others leave something out, add something, or ask in another mode.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from polypilot_prompts.completion import build
from polypilot_prompts.fim import FAMILIES
from polypilot_prompts.prompt_values import BLOCK_TOKENS, LINE_TOKENS, Aim
from polypilot_providers.rows_local import EMBEDDED
from polypilot_providers.types import CompletionRequest
from quality_context import fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polypilot_prompts.context import Snippet
    from polypilot_prompts.postprocess import FilterSpec
    from quality_holes import Hole

BLOCK_LIMIT = min(BLOCK_TOKENS, 96)
"""Tokens a model may write at a block's hole: the truths have up to eight lines."""
SHARE = 0.25
"""Of the budget, for other files: what a row has unless it says otherwise."""
_FAMILY = "qwen"

Mode = Literal["prefix", "template:qwen", "llama-infill"]
FIM: Mode = "template:qwen"


def nothing(_hole: Hole) -> tuple[Snippet, ...]:
    """No other files."""
    return ()


@dataclass(frozen=True)
class Way:
    """One way of asking."""

    name: str
    mode: Mode
    tokens: int = 1000
    """Budget of the prompt, as the product estimates tokens."""
    model: str = ""
    """Needed where the wire goes by the model's row: to be filled in by itself."""
    bare: bool = False
    """The text around the cursor as it is, blanks and all: nothing done for the model."""
    gather: Callable[[Hole], Sequence[Snippet]] = nothing
    """Pieces of other files, best first; cut to the budget's share for them."""

    def question(self, hole: Hole) -> tuple[CompletionRequest, FilterSpec]:
        """The request, and the filter that the product would use on its answer."""
        aim = Aim(
            model=self.model,
            mode=self.mode,
            tokens=self.tokens,
            context_share=SHARE,
            family=_FAMILY,
        )
        prompt = build(
            hole.context(),
            aim,
            block=hole.kind == "block",
            snippets=fitting(self.gather(hole), int(self.tokens * SHARE)),
        )
        request = prompt.request
        assert isinstance(request, CompletionRequest)
        if self.bare:
            request = self._with_blanks(hole, request)
        limit = BLOCK_LIMIT if hole.kind == "block" else LINE_TOKENS
        # Raw requests are the same for every row's mode: it is this way's that counts.
        raw = self.mode != "llama-infill"
        return (
            replace(request, max_tokens=limit, raw=raw, temperature=0.0, logprobs=True),
            prompt.filter,
        )

    def _with_blanks(self, hole: Hole, request: CompletionRequest) -> CompletionRequest:
        """The blanks before the cursor, which the product leaves to the model."""
        blanks = hole.prefix[len(hole.prefix.rstrip(" \t")) :]
        if self.mode == "prefix":
            return replace(request, prefix=request.prefix + blanks)
        middle = FAMILIES[_FAMILY].template.partition("{prefix}")[2].partition("{")[0]
        return replace(request, prefix=request.prefix.replace(middle, blanks + middle, 1))


def ways_of(
    model: str,
    tokens: int,
    held: Sequence[Hole],
    gatherers: Mapping[str, Callable[[Sequence[Hole]], dict[Hole, list[Snippet]]]],
) -> list[Way]:
    """All ways for one model, the product's first; some may come to the same."""
    mode = cast("Mode", EMBEDDED.model(model).completion or EMBEDDED.completion)
    ways = [
        Way("product", mode, tokens, model),
        Way("bare", "prefix", tokens, bare=True),
        Way("left to right", "prefix", tokens),
        Way("fill in the middle", FIM, tokens),
        Way("half the budget", mode, tokens // 2, model),
        Way("twice the budget", mode, tokens * 2, model),
    ]
    for name, gather in gatherers.items():
        pieces = gather(held)
        ways.append(Way(f"with {name}", mode, tokens, model, gather=pieces.__getitem__))
        ways.append(Way(f"twice, with {name}", mode, tokens * 2, model, gather=pieces.__getitem__))
    return ways
