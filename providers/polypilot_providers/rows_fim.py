"""Suppliers with fill-in-the-middle of their own, and Ollama's cloud."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort

LEVELS: tuple[ReasoningEffort, ...] = ("low", "medium", "high")

GPT_OSS = tuple(
    ModelRow(
        id=f"gpt-oss{tag}",
        completion="chat",
        thinking="always",
        efforts=LEVELS,
        notes="Takes a level of reasoning where other models take on or off.",
    )
    for tag in ("", ":latest", ":20b", ":120b")
)
"""The one family in Ollama's library that can't be kept from reasoning."""

_CODESTRAL = ProviderRow(
    id="codestral",
    name="Codestral",
    wire="openai-chat",
    completion="mistral-fim",
    base_url="https://codestral.mistral.ai/v1",
    key_env=("CODESTRAL_API_KEY",),
    key_page="https://console.mistral.ai/codestral",
    completion_model="codestral-latest",
    chat_model="codestral-latest",
    stream_usage=False,
    models=(ModelRow(id="codestral-latest", images=False),),
    as_of="2026-11-21",
    source="The mistralai SDK 3.7 (endpoint and fields); Continue's documentation (host and key).",
    notes="Mistral's host for Codestral alone; its keys are other ones than those of "
    "api.mistral.ai. Lists no models that we know of, so a key can't be checked that way. "
    "Sources differ on its context window.",
)

_INCEPTION = ProviderRow(
    id="inception",
    name="Inception",
    wire="openai-chat",
    completion="mistral-fim",
    base_url="https://api.inceptionlabs.ai/v1",
    key_env=("INCEPTION_API_KEY",),
    key_page="https://platform.inceptionlabs.ai",
    completion_model="mercury-edit-2",
    chat_model="mercury-2",
    stream_usage=False,
    models=(
        ModelRow(id="mercury-edit-2", context_tokens=32_000, images=False),
        ModelRow(
            id="mercury-2",
            completion="chat",
            context_tokens=128_000,
            thinking="optional",
            images=False,
        ),
    ),
    as_of="2026-11-21",
    source="minuet-ai.nvim and LiteLLM's documentation.",
    notes="Models of the Mercury family, which write in parallel. Whether it takes "
    "stream_options, and by which field its reasoning is limited, was not found out.",
)

_OLLAMA_CLOUD = ProviderRow(
    id="ollama-cloud",
    name="Ollama Cloud",
    wire="ollama",
    completion="chat",
    base_url="https://ollama.com",
    key_env=("OLLAMA_API_KEY",),
    key_page="https://ollama.com/settings/keys",
    stop_limit=16,
    models=GPT_OSS,
    as_of="2026-11-21",
    source="Ollama's documentation and source.",
    notes="Ollama's API at another address. Its models change; the list is asked for.",
)

ROWS: tuple[ProviderRow, ...] = (_CODESTRAL, _INCEPTION, _OLLAMA_CLOUD)
