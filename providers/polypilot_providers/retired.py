"""Services that are no more, and what to use instead.

A user's settings may still name one, by the name that tools gave it or by its address.
"""

from __future__ import annotations

from dataclasses import dataclass

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin


@dataclass(frozen=True, slots=True)
class RetiredService:
    """One that its supplier shut down. Shows as what to tell the user."""

    name: str
    ids: tuple[str, ...]
    """What settings call it."""
    hosts: tuple[str, ...]
    date: str
    """ISO date of its end."""
    cure: str
    """What to use in its place; without a full stop."""

    @property
    def message(self) -> str:
        """That it is no more."""
        return f"{self.name} was shut down on {self.date}"


SERVICES = (
    RetiredService(
        name="GitHub Models",
        ids=("github-models", "github_models", "github"),
        hosts=("models.github.ai", "models.inference.ai.azure.com"),
        date="2026-07-30",
        cure="Use the provider `foundry` or `azure` for the same models with an Azure account, "
        "`openrouter` with one key for many companies, or the company's own, such as `openai` or "
        "`mistral`",
    ),
    RetiredService(
        name="Meta's Llama API",
        ids=("llama-api", "meta-llama", "llama"),
        hosts=("api.llama.com",),
        date="2026-07-06",
        cure="Use the provider `meta` for Meta's own Muse models; Llama's are at `groq`, "
        "`together`, `bedrock` or `foundry`, and on your machine with `ollama`",
    ),
)


def by_id(provider_id: str) -> RetiredService | None:
    """The service that settings mean by ``provider_id``, if it is one that ended."""
    return next((each for each in SERVICES if provider_id in each.ids), None)


def by_address(base_url: str) -> RetiredService | None:
    """The service at ``base_url``, if it is one that ended."""
    try:
        host = Origin.parse(base_url).host
    except ConfigurationError:
        return None
    return next((each for each in SERVICES if host in each.hosts), None)
