"""xAI's row."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort

_LOW_UP: tuple[ReasoningEffort, ...] = ("low", "medium", "high")

ROWS = (
    ProviderRow(
        id="xai",
        name="xAI",
        wire="openai-responses",
        completion_wire="openai-chat",
        base_url="https://api.x.ai/v1",
        key_env=("XAI_API_KEY",),
        key_page="https://console.x.ai",
        check="GET /api-key",
        completion_model="grok-4.20-non-reasoning",
        chat_model="grok-4.3",
        max_tokens_field="max_completion_tokens",
        effort_field="reasoning_effort",
        cache="key",
        models=(
            ModelRow(id="grok-4.20-non-reasoning", context_tokens=1_000_000),
            ModelRow(id="grok-build-0.1", context_tokens=256_000),
            ModelRow(id="grok-code-fast-1", context_tokens=256_000),
            *(
                ModelRow(
                    id=model,
                    context_tokens=tokens,
                    thinking="optional",
                    efforts=("none", *_LOW_UP),
                    stop_limit=0,
                )
                for model, tokens in (("grok-4.3", 1_000_000), ("grok-4-fast", 2_000_000))
            ),
            *(
                ModelRow(
                    id=model,
                    context_tokens=500_000,
                    thinking="always",
                    efforts=_LOW_UP,
                    stop_limit=0,
                )
                for model in ("grok-4.5", "grok-4.6", "grok-4.7")
            ),
        ),
        as_of="2026-11-21",
        source="xAI's documentation, pydantic-ai 2.68 (levels of reasoning), genai-prices 0.2.3 "
        "(windows), recorded answers.",
        notes="Chat goes over Responses; its Chat Completions, which have stop sequences, are "
        "deprecated and serve completions. Models that reason refuse stop sequences. That "
        "GET /api-key tells of a blocked key is from other clients, not its documentation.",
    ),
)
