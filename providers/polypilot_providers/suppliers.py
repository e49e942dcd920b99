"""The catalog's rows: what is known of each supplier, as data.

Addresses, header and variable names come from the suppliers' SDKs and documentation, field
names and usage shapes from recorded answers where there are any, all as of November 2026.
None of these rows has been tried against its supplier with a key.
"""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort
from polypilot_providers.rows_bedrock import ROWS as BEDROCK_ROWS
from polypilot_providers.rows_fim import ROWS as FIM_ROWS
from polypilot_providers.rows_google import ROWS as GOOGLE_ROWS
from polypilot_providers.rows_local import ROWS as LOCAL_ROWS

_NONE_UP: tuple[ReasoningEffort, ...] = ("none", "low", "medium", "high")
_LOW_UP: tuple[ReasoningEffort, ...] = ("low", "medium", "high")

_OPENAI = ProviderRow(
    id="openai",
    name="OpenAI",
    wire="openai-responses",
    completion_wire="openai-chat",
    base_url="https://api.openai.com/v1",
    key_env=("OPENAI_API_KEY",),
    key_page="https://platform.openai.com/api-keys",
    completion_model="gpt-5.6-luna",
    chat_model="gpt-6-sol",
    max_tokens_field="max_completion_tokens",
    effort_field="reasoning_effort",
    cache="key",
    models=(
        ModelRow(id="gpt-5.6-luna", thinking="optional", efforts=_NONE_UP),
        ModelRow(
            id="gpt-5.4-nano",
            thinking="optional",
            efforts=_NONE_UP,
            notes="Served until 2027-04-01.",
        ),
        ModelRow(id="gpt-6-sol", thinking="optional", efforts=_NONE_UP),
        ModelRow(id="gpt-6-luna", thinking="optional", efforts=_NONE_UP),
        ModelRow(id="gpt-6.1-terra", thinking="optional", efforts=_NONE_UP),
        ModelRow(id="gpt-6-astra", thinking="always", efforts=_LOW_UP, sampling=False),
        ModelRow(id="gpt-6.1-sol", thinking="always", efforts=_LOW_UP, sampling=False),
        *(
            ModelRow(
                id=model,
                thinking="always",
                efforts=("minimal", "low", "medium", "high"),
                sampling=False,
                notes="Served until 2026-12-11.",
            )
            for model in ("gpt-5", "gpt-5-mini", "gpt-5-nano")
        ),
        ModelRow(
            id="o3",
            thinking="always",
            efforts=_LOW_UP,
            sampling=False,
            stop_limit=0,
            notes="Served until 2026-12-11.",
        ),
        ModelRow(id="gpt-4.1", notes="Served until 2027-01-14."),
        ModelRow(id="gpt-4o", notes="Served until 2027-01-14."),
    ),
    notes="No fill-in-the-middle: the one model that took a suffix is being withdrawn.",
)

_ANTHROPIC = ProviderRow(
    id="anthropic",
    name="Anthropic",
    wire="anthropic-messages",
    base_url="https://api.anthropic.com",
    api_version="2026-10-21",
    key_env=("ANTHROPIC_API_KEY",),
    key_page="https://console.anthropic.com/settings/keys",
    completion_model="claude-haiku-5-5",
    chat_model="claude-sonnet-5-5",
    models=(
        *(
            ModelRow(id=model, thinking="optional")
            for model in ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")
        ),
        *(
            ModelRow(id=model, thinking="optional", efforts=_LOW_UP)
            for model in (
                "claude-sonnet-4-6",
                "claude-opus-4-6",
                "claude-opus-4-7",
                "claude-opus-4-8",
                "claude-opus-5",
                "claude-sonnet-5",
                "claude-haiku-5-5",
            )
        ),
        ModelRow(id="claude-sonnet-5-5", thinking="between_tools", efforts=_LOW_UP),
        *(
            ModelRow(id=model, thinking="always", efforts=_LOW_UP)
            for model in ("claude-opus-5-5", "claude-fable-5", "claude-mythos-5")
        ),
    ),
)

_EMBEDDED = ProviderRow(
    id="embedded",
    name="Embedded model",
    wire="llama-cpp",
    completion="prefix",
    base_url="",
    auth="none",
    free=True,
    completion_model="qwen2.5-coder-0.5b",
    chat_model="qwen2.5-coder-0.5b",
    id_slot=0,
    chat_slot=1,
    prompt_tokens=1000,
    models=(
        ModelRow(
            id="qwen2.5-coder-0.5b",
            name="Qwen2.5-Coder 0.5B Instruct (Q4_K_M)",
            completion="prefix",
            notes="Measured better left to right than with fill-in-the-middle tokens.",
        ),
        ModelRow(
            id="qwen2.5-coder-1.5b",
            name="Qwen2.5-Coder 1.5B Instruct (Q4_K_M)",
            completion="llama-infill",
        ),
    ),
    notes="Runs on this machine in a process of its own; needs no account and no key.",
)

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
    stream_usage=False,
    cache="key",
    models=(
        ModelRow(id="codestral-latest", images=False),
        *(
            ModelRow(id=f"mistral-{size}-latest", completion="chat")
            for size in ("small", "medium", "large")
        ),
    ),
    as_of="2026-11-21",
    source="The mistralai SDK 3.7, recorded answers of chat.",
    notes="Sends token counts with the last chunk unasked; knows no stream_options. A key for "
    "codestral.mistral.ai is another one: that host is the provider `codestral`.",
)

_DEEPSEEK = ProviderRow(
    id="deepseek",
    name="DeepSeek",
    wire="openai-chat",
    completion="deepseek-fim",
    base_url="https://api.deepseek.com",
    key_env=("DEEPSEEK_API_KEY",),
    key_page="https://platform.deepseek.com/api_keys",
    completion_model="deepseek-v4-flash",
    chat_model="deepseek-v4-flash",
    stop_limit=16,
    effort_field="thinking",
    reasoning_back=True,
    models=tuple(
        ModelRow(id=model, thinking="optional", efforts=("none", "low", "high", "max"))
        for model in ("deepseek-v4-flash", "deepseek-v4-pro", "deepseek-flash")
    ),
    as_of="2026-11-21",
    source="DeepSeek's documentation, recorded answers of chat, minuet-ai.nvim (completions).",
    notes="Reasons unless told not to; ignores max_completion_tokens. Which models complete "
    "between prefix and suffix is not documented.",
)

_GROQ = ProviderRow(
    id="groq",
    name="Groq",
    wire="openai-chat",
    base_url="https://api.groq.com/openai/v1",
    key_env=("GROQ_API_KEY",),
    key_page="https://console.groq.com/keys",
    completion_model="llama-3.3-70b-versatile",
    chat_model="llama-3.3-70b-versatile",
    models=(ModelRow(id="llama-3.3-70b-versatile"),),
)

_TOGETHER = ProviderRow(
    id="together",
    name="Together AI",
    wire="openai-chat",
    base_url="https://api.together.xyz/v1",
    key_env=("TOGETHER_API_KEY",),
    key_page="https://api.together.ai/settings/api-keys",
    notes="Base models take raw fill-in-the-middle tokens: set `completion` to template:FAMILY.",
)

_OPENROUTER = ProviderRow(
    id="openrouter",
    name="OpenRouter",
    wire="openai-chat",
    base_url="https://openrouter.ai/api/v1",
    key_env=("OPENROUTER_API_KEY",),
    key_page="https://openrouter.ai/settings/keys",
    notes="Hands requests on to other companies; reports errors inside a stream that began well.",
)

_XAI = ProviderRow(
    id="xai",
    name="xAI",
    wire="openai-responses",
    completion_wire="openai-chat",
    base_url="https://api.x.ai/v1",
    key_env=("XAI_API_KEY",),
    key_page="https://console.x.ai",
    completion_model="grok-4.20-non-reasoning",
    chat_model="grok-4.3",
    max_tokens_field="max_completion_tokens",
    effort_field="reasoning_effort",
    models=(
        *(
            ModelRow(id=model)
            for model in ("grok-4.20-non-reasoning", "grok-build-0.1", "grok-code-fast-1")
        ),
        ModelRow(id="grok-4.3", thinking="optional", efforts=_NONE_UP, stop_limit=0),
        *(
            ModelRow(id=model, thinking="always", efforts=_LOW_UP, stop_limit=0)
            for model in ("grok-4.5", "grok-4.6", "grok-4.7")
        ),
    ),
    cache="key",
    notes="Chat goes over Responses; its Chat Completions, which have stop sequences, are "
    "deprecated and serve completions.",
)

SUPPLIERS = (
    _EMBEDDED,
    _ANTHROPIC,
    _OPENAI,
    _MISTRAL,
    _DEEPSEEK,
    _XAI,
    _GROQ,
    _OPENROUTER,
    _TOGETHER,
    *BEDROCK_ROWS,
    *FIM_ROWS,
    *GOOGLE_ROWS,
    *LOCAL_ROWS,
)

RETIRED = {
    "github-models": "GitHub Models was shut down on 2026-07-30; select another provider.",
    "llama-api": "Meta's Llama API was shut down on 2026-07-06; its models live on at many hosts.",
}
"""What to tell a user whose settings name a service that is no more."""
