"""Suppliers with fill-in-the-middle of their own, and Ollama's cloud."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort, RetiredModel

_AS_OF = "2026-11-21"
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

_MISTRAL = ProviderRow(
    id="mistral",
    name="Mistral",
    wire="openai-chat",
    completion="mistral-fim",
    base_url="https://api.mistral.ai/v1",
    key_env=("MISTRAL_API_KEY",),
    key_page="https://console.mistral.ai/api-keys",
    completion_model="codestral-latest",
    chat_model="mistral-small-latest",
    effort_field="reasoning_effort",
    stream_usage=False,
    cache="key",
    models=(
        ModelRow(id="codestral-latest", images=False),
        ModelRow(
            id="mistral-small-latest",
            completion="chat",
            context_tokens=262_144,
            thinking="optional",
            efforts=("none", "high"),
        ),
        *(ModelRow(id=f"mistral-{size}-latest", completion="chat") for size in ("medium", "large")),
    ),
    as_of=_AS_OF,
    source="The mistralai SDK 3.7, recorded answers of chat, genai-prices 0.2.3 (windows).",
    notes="Sends token counts with the last chunk unasked; knows no stream_options. Sources differ "
    "on Codestral's window (32,000 or 256,000 tokens). Which models take a level of reasoning was "
    "not found out, but for mistral-small. A key for codestral.mistral.ai is another one: that "
    "host is the provider `codestral`.",
)

_DEEPSEEK = ProviderRow(
    id="deepseek",
    name="DeepSeek",
    wire="openai-chat",
    completion="deepseek-fim",
    base_url="https://api.deepseek.com",
    key_env=("DEEPSEEK_API_KEY",),
    key_page="https://platform.deepseek.com/api_keys",
    check="GET /user/balance",
    completion_model="deepseek-v4-flash",
    chat_model="deepseek-v4-flash",
    stop_limit=16,
    effort_field="thinking",
    logprobs=True,
    reasoning_back=True,
    models=tuple(
        ModelRow(
            id=model,
            context_tokens=1_000_000,
            thinking="optional",
            efforts=("none", "low", "high", "max"),
        )
        for model in ("deepseek-v4-flash", "deepseek-v4-pro", "deepseek-flash")
    ),
    retired=tuple(
        RetiredModel(id=model, date="2026-07-24", instead="deepseek-v4-flash")
        for model in ("deepseek-chat", "deepseek-reasoner")
    ),
    as_of=_AS_OF,
    source="DeepSeek's documentation, recorded answers of chat, minuet-ai.nvim (completions), "
    "genai-prices 0.2.3 (windows).",
    notes="Reasons unless told not to; ignores max_completion_tokens. Which models complete "
    "between prefix and suffix is not documented.",
)

_CODESTRAL = ProviderRow(
    id="codestral",
    name="Codestral",
    wire="openai-chat",
    completion="mistral-fim",
    base_url="https://codestral.mistral.ai/v1",
    key_env=("CODESTRAL_API_KEY",),
    key_page="https://console.mistral.ai/codestral",
    check="completion",
    completion_model="codestral-latest",
    chat_model="codestral-latest",
    stream_usage=False,
    models=(ModelRow(id="codestral-latest", images=False),),
    as_of=_AS_OF,
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
    as_of=_AS_OF,
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
    as_of=_AS_OF,
    source="Ollama's documentation and source.",
    notes="Ollama's API at another address. Its models change; the list is asked for.",
)

ROWS: tuple[ProviderRow, ...] = (_MISTRAL, _CODESTRAL, _DEEPSEEK, _INCEPTION, _OLLAMA_CLOUD)
