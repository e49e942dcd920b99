"""Rows of the hosts and gateways that serve other companies' models in OpenAI's wire format.

One more of their kind is one more row here: data, in fifteen lines or fewer, its models aside.
"""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort

_AS_OF = "2026-11-21"
_LOW_UP: tuple[ReasoningEffort, ...] = ("low", "medium", "high")
_PRICES = "genai-prices 0.2.3 (models and windows)"


def _gpt_oss(*ids: str) -> tuple[ModelRow, ...]:
    """OpenAI's open models, which can't be kept from reasoning."""
    return tuple(
        ModelRow(id=id_, context_tokens=131_072, thinking="always", efforts=_LOW_UP, images=False)
        for id_ in ids
    )


_GLM = (
    ModelRow(id="glm-4.7-flash", thinking="optional", efforts=("none", "high")),
    *(
        ModelRow(
            id=model,
            context_tokens=1_000_000,
            thinking="optional",
            efforts=("none", "high", "max"),
        )
        for model in ("glm-5.2", "glm-5.3", "glm-5.3-flash")
    ),
)
_ZAI_KEYS = "https://z.ai/manage-apikey/apikey-list"

ROWS = (
    ProviderRow(
        id="openrouter",
        name="OpenRouter",
        wire="openai-chat",
        base_url="https://openrouter.ai/api/v1",
        key_env=("OPENROUTER_API_KEY",),
        key_page="https://openrouter.ai/settings/keys",
        check="GET /key",
        effort_field="reasoning_effort",
        as_of=_AS_OF,
        source="OpenRouter's documentation, recorded answers.",
        notes="Hands requests on to other companies; reports errors inside a stream that began "
        "well. Its list of models needs no key. Models are named like meta-llama/NAME.",
    ),
    ProviderRow(
        id="litellm",
        name="LiteLLM proxy",
        wire="openai-chat",
        base_url="http://127.0.0.1:4000/v1",
        forwards=True,
        key_env=("LITELLM_API_KEY",),
        key_page="https://docs.litellm.ai/docs/proxy/virtual_keys",
        effort_field="reasoning_effort",
        as_of=_AS_OF,
        source="LiteLLM's documentation.",
        notes="Set base_url to your proxy's. It hands requests on to other companies, so it does "
        "not count as local; without a key of its own, set auth to none.",
    ),
    ProviderRow(
        id="groq",
        name="Groq",
        wire="openai-chat",
        base_url="https://api.groq.com/openai/v1",
        key_env=("GROQ_API_KEY",),
        key_page="https://console.groq.com/keys",
        completion_model="llama-3.3-70b-versatile",
        chat_model="llama-3.3-70b-versatile",
        effort_field="reasoning_effort",
        models=(
            ModelRow(id="llama-3.3-70b-versatile", context_tokens=131_072, images=False),
            ModelRow(id="llama-3.1-8b-instant", context_tokens=131_072, images=False),
            *_gpt_oss("openai/gpt-oss-120b", "openai/gpt-oss-20b"),
        ),
        as_of=_AS_OF,
        source=f"Recorded answers, {_PRICES}.",
        notes="The windows of Llama's models are from memory.",
    ),
    ProviderRow(
        id="together",
        name="Together AI",
        wire="openai-chat",
        base_url="https://api.together.xyz/v1",
        key_env=("TOGETHER_API_KEY",),
        key_page="https://api.together.ai/settings/api-keys",
        completion_model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        chat_model="meta-llama/Llama-3.3-70B-Instruct-Turbo",
        effort_field="reasoning_effort",
        models=(
            ModelRow(id="meta-llama/Llama-3.3-70B-Instruct-Turbo", images=False),
            ModelRow(id="meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", images=True),
            *_gpt_oss("openai/gpt-oss-120b"),
        ),
        as_of=_AS_OF,
        source=f"Together's documentation, {_PRICES}.",
        notes="Base models take raw fill-in-the-middle tokens: `completion` template:FAMILY.",
    ),
    ProviderRow(
        id="fireworks",
        name="Fireworks AI",
        wire="openai-chat",
        base_url="https://api.fireworks.ai/inference/v1",
        key_env=("FIREWORKS_API_KEY",),
        key_page="https://app.fireworks.ai/settings/users/api-keys",
        completion_model="accounts/fireworks/models/deepseek-v4-flash",
        chat_model="accounts/fireworks/models/deepseek-v4-pro",
        effort_field="reasoning_effort",
        models=(
            *(
                ModelRow(
                    id=f"accounts/fireworks/models/deepseek-v4-{size}",
                    context_tokens=1_040_000,
                    thinking="optional",
                    efforts=("none", *_LOW_UP),
                    images=False,
                )
                for size in ("flash", "pro")
            ),
            *_gpt_oss("accounts/fireworks/models/gpt-oss-120b"),
        ),
        as_of=_AS_OF,
        source=f"Fireworks' documentation of reasoning, the Vercel AI SDK, {_PRICES}.",
        notes="Base models take raw fill-in-the-middle tokens: `completion` template:FAMILY.",
    ),
    ProviderRow(
        id="cerebras",
        name="Cerebras",
        wire="openai-chat",
        base_url="https://api.cerebras.ai/v1",
        key_env=("CEREBRAS_API_KEY",),
        key_page="https://cloud.cerebras.ai",
        chat_model="gpt-oss-120b",
        max_tokens_field="max_completion_tokens",
        effort_field="reasoning_effort",
        models=_gpt_oss("gpt-oss-120b"),
        as_of=_AS_OF,
        source=f"Cerebras' documentation, {_PRICES}.",
    ),
    ProviderRow(
        id="zai",
        name="Z.ai",
        wire="openai-chat",
        base_url="https://api.z.ai/api/paas/v4",
        key_env=("ZAI_API_KEY",),
        key_page=_ZAI_KEYS,
        check="chat",
        completion_model="glm-4.7-flash",
        chat_model="glm-5.2",
        effort_field="thinking",
        models=_GLM,
        as_of=_AS_OF,
        source=f"The Vercel AI SDK, {_PRICES}.",
        notes="That it lists no models is from another client; so is the effort max.",
    ),
    ProviderRow(
        id="zai-coding",
        name="Z.ai (coding plan)",
        wire="openai-chat",
        base_url="https://api.z.ai/api/coding/paas/v4",
        prices="none",
        key_env=("ZAI_API_KEY",),
        key_page=_ZAI_KEYS,
        check="chat",
        completion_model="glm-4.7-flash",
        chat_model="glm-5.2",
        effort_field="thinking",
        models=_GLM,
        as_of=_AS_OF,
        source="Recorded answers; another client (that it lists no models, and the effort max).",
    ),
    ProviderRow(
        id="vercel",
        name="Vercel AI Gateway",
        wire="openai-chat",
        base_url="https://ai-gateway.vercel.sh/v1",
        key_env=("AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
        key_page="https://vercel.com/docs/ai-gateway/authentication-and-byok/api-keys",
        check="GET /credits",
        effort_field="reasoning_effort",
        as_of=_AS_OF,
        source="Vercel's and LiteLLM's documentation.",
        notes="Hands requests on to other companies. Models are named like openai/NAME. That "
        "GET /credits needs a key where the list of models does not is from memory.",
    ),
    ProviderRow(
        id="cloudflare",
        name="Cloudflare Workers AI",
        wire="openai-chat",
        base_url="https://api.cloudflare.com/client/v4/accounts/{account_id}/ai/v1",
        variables={"account_id": ""},
        key_env=("CLOUDFLARE_API_TOKEN",),
        key_page="https://dash.cloudflare.com/profile/api-tokens",
        check="chat",
        completion_model="@cf/qwen/qwen2.5-coder-32b-instruct",
        chat_model="@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        models=(
            ModelRow(id="@cf/qwen/qwen2.5-coder-32b-instruct", images=False),
            ModelRow(
                id="@cf/meta/llama-3.3-70b-instruct-fp8-fast", context_tokens=24_000, images=False
            ),
        ),
        as_of=_AS_OF,
        source=f"Cloudflare's and promptfoo's documentation, {_PRICES}.",
        notes="Whether this address lists models was not found out.",
    ),
    ProviderRow(
        id="portkey",
        name="Portkey",
        wire="openai-chat",
        base_url="https://api.portkey.ai/v1",
        auth_header="x-portkey-api-key",
        key_env=("PORTKEY_API_KEY",),
        key_page="https://app.portkey.ai/api-keys",
        effort_field="reasoning_effort",
        as_of=_AS_OF,
        source="Portkey's documentation.",
        notes="Hands requests on to the suppliers of your Model Catalog there. Models are named "
        "like @SLUG/NAME.",
    ),
)
