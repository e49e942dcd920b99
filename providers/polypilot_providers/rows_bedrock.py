"""The catalog's rows of Amazon Bedrock: Converse, and the two wires of its host Mantle."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort

_AS_OF = "2026-11-21"
_SOURCE = "AWS's user guides, botocore's service model, recorded answers"
_KEY_ENV = ("AWS_BEARER_TOKEN_BEDROCK",)
_KEY_PAGE = "https://console.aws.amazon.com/bedrock/home#/api-keys"
_LOW_UP: tuple[ReasoningEffort, ...] = ("low", "medium", "high")
_HAIKU = "anthropic.claude-haiku-4-5"
_OPUS = "anthropic.claude-opus-4-8"

_CONVERSE = ProviderRow(
    id="bedrock",
    name="Amazon Bedrock",
    wire="bedrock-converse",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    variables={"region": ""},
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    completion_model="amazon.nova-micro-v1:0",
    chat_model="global.amazon.nova-2-lite-v1:0",
    cache="marks",
    models=(
        ModelRow(id="amazon.nova-micro-v1:0", name="Nova Micro", images=False),
        ModelRow(id="amazon.nova-lite-v1:0", name="Nova Lite", images=True),
        ModelRow(id="amazon.nova-pro-v1:0", name="Nova Pro", images=True),
        ModelRow(
            id="global.amazon.nova-2-lite-v1:0",
            name="Nova 2 Lite",
            thinking="optional",
            efforts=_LOW_UP,
            images=True,
            notes="Takes neither temperature nor limit while it reasons at the effort high.",
        ),
        ModelRow(
            id="global.anthropic.claude-haiku-4-5-20251001-v1:0",
            name="Claude Haiku 4.5",
            thinking="optional",
            thinking_budget=True,
            images=True,
        ),
        *(
            ModelRow(id=model, name=name, context_tokens=tokens, images=images)
            for model, name, tokens, images in (
                ("us.meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B", 128_000, False),
                ("us.meta.llama4-maverick-17b-instruct-v1:0", "Llama 4 Maverick", 1_000_000, True),
                ("mistral.mistral-large-3-675b-instruct", "Mistral Large 3", 256_000, None),
            )
        ),
    ),
    as_of=_AS_OF,
    source=_SOURCE,
    notes="No fill-in-the-middle. Most models are asked for by an inference profile: their id "
    "after us., eu. or global. Signs with AWS credentials instead with auth aws, which needs the "
    "extra bedrock; account then names the AWS profile. The models are listed from this row.",
)

_MANTLE_OPENAI = ProviderRow(
    id="bedrock-mantle",
    name="Amazon Bedrock (OpenAI models)",
    wire="openai-responses",
    base_url="https://bedrock-mantle.{region}.api.aws/openai/v1",
    prices="aws",
    variables={"region": ""},
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    chat_model="openai.gpt-5.5",
    models=(
        ModelRow(
            id="openai.gpt-5.5",
            thinking="optional",
            efforts=("none", "low", "medium", "high"),
            sampling=False,
        ),
    ),
    as_of=_AS_OF,
    source=_SOURCE,
    notes="Serves gpt-5.4 and later by Responses; gpt-oss is under /v1 instead. The ids of tool "
    "calls begin anew at call_0 in each answer.",
)

_MANTLE_ANTHROPIC = ProviderRow(
    id="bedrock-anthropic",
    name="Amazon Bedrock (Claude)",
    wire="anthropic-messages",
    base_url="https://bedrock-mantle.{region}.api.aws/anthropic",
    prices="aws",
    variables={"region": ""},
    auth_header="bearer",
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    completion_model=_HAIKU,
    chat_model=_OPUS,
    cache="marks",
    models=(
        ModelRow(
            id=_HAIKU,
            name="Claude Haiku 4.5",
            max_output_tokens=64_000,
            thinking="optional",
            thinking_budget=True,
            prefill=True,
            images=True,
        ),
        ModelRow(
            id=_OPUS,
            name="Claude Opus 4.8",
            max_output_tokens=128_000,
            thinking="optional",
            efforts=("low", "medium", "high", "xhigh", "max"),
            sampling=False,
            images=True,
        ),
    ),
    as_of=_AS_OF,
    source=_SOURCE,
    notes="API version 2023-06-01, since the later one exists for Claude 4.7 and later only.",
)

ROWS = (_CONVERSE, _MANTLE_OPENAI, _MANTLE_ANTHROPIC)
