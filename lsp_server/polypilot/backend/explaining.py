"""What a completion would be asked with: the prompt by part, as it leaves this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.completion.values import Ask, Trigger
from polypilot.errors import UserError
from polypilot_providers.errors import ConfigurationError

if TYPE_CHECKING:
    from polypilot.backend.core import Backend
    from polypilot.workspace.documents import Position
    from polypilot_prompts.completion import PromptPart


@dataclass(frozen=True, slots=True)
class Explained:
    """A prompt and whom it is for. It holds the user's text: to be shown, never logged."""

    provider: str
    model: str
    mode: str
    """How the provider takes completions, see ``catalog.CompletionMode``."""
    parts: tuple[PromptPart, ...]
    """In the order sent; put together they are all the text that is sent."""
    tokens: int
    """Of all parts, estimated."""
    budget: int
    """How many there may be."""

    def as_json(self) -> dict[str, object]:
        """For JSON output and the protocol."""
        return {
            "provider": self.provider,
            "model": self.model,
            "mode": self.mode,
            "parts": [
                {"name": part.name, "text": part.text, "tokens": part.tokens} for part in self.parts
            ],
            "tokens": self.tokens,
            "budget": self.budget,
        }


async def explain_completion(backend: Backend, uri: str, position: Position) -> Explained:
    """See :meth:`Backend.explain_completion`."""
    snapshot = backend.snapshot(uri, position)
    if snapshot is None:
        raise UserError(
            "the document's text is not known for sure", code="stale", cure="close and reopen it"
        )
    found = await backend.engine.prompt(Ask(snapshot, position, Trigger.INVOKED))
    if found is None:
        raise nobody_to_ask(backend)
    choice, prompt = found
    return Explained(
        provider=choice.target.provider_id,
        model=choice.target.model,
        mode=choice.model.completion or choice.row.completion,
        parts=prompt.parts,
        tokens=sum(part.tokens for part in prompt.parts),
        budget=prompt.budget,
    )


def nobody_to_ask(backend: Backend) -> ConfigurationError:
    """Why no provider of the settings may be asked."""
    wanted = backend.row(backend.target("completion").provider_id).id
    return ConfigurationError(
        f"{wanted} is not on this machine, and only local providers are allowed",
        provider=wanted,
        cure="Choose a local provider, or switch `privacy.local_only` off.",
    )
