"""Anthropic's rows: its own host, and the clouds that serve its models in its own format."""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow, ReasoningEffort, RetiredModel

_AS_OF = "2026-11-21"
_SOURCE = (
    "anthropic 2.12 (fields, hosts, ends of models), Anthropic's model pages (windows, limits, "
    "thinking), pydantic-ai 2.68 (efforts per model), recorded answers"
)
_EFFORTS_46: tuple[ReasoningEffort, ...] = ("low", "medium", "high", "max")
_EFFORTS: tuple[ReasoningEffort, ...] = ("low", "medium", "high", "xhigh", "max")
_WINDOW = 1_000_000
_MOST = 128_000


def _budgeted(model: str, shutdown: str | None = None) -> ModelRow:
    """A model that is given a number of tokens to reason in, if it is to reason."""
    return ModelRow(
        id=model,
        context_tokens=200_000,
        max_output_tokens=64_000,
        thinking="optional",
        thinking_budget=True,
        prefill=True,
        images=True,
        shutdown_date=shutdown,
        instead="claude-sonnet-5-5" if shutdown else "",
    )


MODELS = (
    _budgeted("claude-haiku-4-5"),
    _budgeted("claude-sonnet-4-5", "2026-11-30"),
    _budgeted("claude-opus-4-5"),
    *(
        ModelRow(
            id=model,
            context_tokens=_WINDOW,
            max_output_tokens=_MOST,
            thinking="optional",
            efforts=_EFFORTS_46,
            images=True,
        )
        for model in ("claude-sonnet-4-6", "claude-opus-4-6")
    ),
    *(
        ModelRow(
            id=model,
            context_tokens=_WINDOW,
            max_output_tokens=_MOST,
            thinking="optional",
            thinks_unasked=unasked,
            efforts=_EFFORTS,
            sampling=False,
            images=True,
        )
        for model, unasked in (
            ("claude-opus-4-7", False),
            ("claude-opus-4-8", False),
            ("claude-opus-5", True),
            ("claude-sonnet-5", True),
            ("claude-haiku-5-5", True),
        )
    ),
    ModelRow(
        id="claude-sonnet-5-5",
        context_tokens=_WINDOW,
        max_output_tokens=_MOST,
        thinking="between_tools",
        thinks_unasked=True,
        efforts=_EFFORTS,
        sampling=False,
        images=True,
    ),
    *(
        ModelRow(
            id=model,
            context_tokens=_WINDOW,
            max_output_tokens=_MOST,
            thinking="always",
            thinks_unasked=True,
            efforts=_EFFORTS,
            sampling=False,
            images=True,
        )
        for model in (
            "claude-opus-5-5",
            "claude-fable-5",
            "claude-fable-5-1",
            "claude-fable-5-2",
            "claude-mythos-5",
            "claude-mythos-5-1",
            "claude-mythos-5-2",
        )
    ),
)

RETIRED = (
    *(
        RetiredModel(id=model, date="2026-06-15", instead=instead)
        for model, instead in (
            ("claude-sonnet-4", "claude-sonnet-5-5"),
            ("claude-sonnet-4-0", "claude-sonnet-5-5"),
            ("claude-opus-4", "claude-opus-5-5"),
            ("claude-opus-4-0", "claude-opus-5-5"),
        )
    ),
    RetiredModel(id="claude-opus-4-1", date="2026-08-05", instead="claude-opus-5-5"),
    *(
        RetiredModel(id=model, date="2026-02-19", instead=instead)
        for model, instead in (
            ("claude-3-7-sonnet", "claude-sonnet-5-5"),
            ("claude-3-7-sonnet-latest", "claude-sonnet-5-5"),
            ("claude-3-5-haiku", "claude-haiku-5-5"),
            ("claude-3-5-haiku-latest", "claude-haiku-5-5"),
        )
    ),
    RetiredModel(id="claude-3-opus", date="2026-01-05", instead="claude-opus-5-5"),
    RetiredModel(id="claude-mythos-preview", date="2026-06-30", instead="claude-mythos-5-2"),
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
    cache="marks",
    models=MODELS,
    retired=RETIRED,
    as_of=_AS_OF,
    source=_SOURCE,
    notes="No fill-in-the-middle. Takes no temperature unless api_version is 2023-06-01.",
)

_FOUNDRY = ProviderRow(
    id="foundry-anthropic",
    name="Microsoft Foundry (Claude)",
    wire="anthropic-messages",
    base_url="https://{resource}.services.ai.azure.com/anthropic",
    variables={"resource": ""},
    api_version="2026-10-21",
    key_env=("ANTHROPIC_FOUNDRY_API_KEY",),
    key_page="https://ai.azure.com",
    completion_model="claude-haiku-5-5",
    chat_model="claude-sonnet-5-5",
    cache="marks",
    models=MODELS,
    retired=RETIRED,
    as_of=_AS_OF,
    source=_SOURCE,
    notes="The model is the name of your deployment, which is the model's unless you chose "
    "another. A token of Entra ID instead of a key: auth command, auth_header bearer and command "
    "az account get-access-token --resource https://ai.azure.com --query accessToken -o tsv. The "
    "models are listed from this row.",
)

_VERTEX = ProviderRow(
    id="vertex-anthropic",
    name="Google Vertex AI (Claude)",
    wire="anthropic-messages",
    base_url="https://{location}-aiplatform.googleapis.com/v1/projects/{project}"
    "/locations/{location}/publishers/anthropic",
    variables={"project": "", "location": ""},
    api_version="vertex-2023-10-16",
    auth="command",
    auth_header="bearer",
    command=("gcloud", "auth", "print-access-token"),
    completion_model="claude-haiku-5-5",
    chat_model="claude-sonnet-5-5",
    cache="marks",
    models=MODELS,
    as_of=_AS_OF,
    source=_SOURCE,
    notes="Models up to 4.5 have their date in their id: claude-haiku-4-5@20251001. The locations "
    "global, us and eu have hosts of their own: set base_url to https://aiplatform.googleapis.com, "
    "https://aiplatform.us.rep.googleapis.com or https://aiplatform.eu.rep.googleapis.com, with "
    "/v1/projects/PROJECT/locations/LOCATION/publishers/anthropic behind it, and `command` again, "
    "since no token goes to another address unasked. The models are listed from this row; which "
    "is served where differs.",
)

_INVOKE = ProviderRow(
    id="bedrock-invoke",
    name="Amazon Bedrock (Claude by InvokeModel)",
    wire="bedrock-invoke",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    variables={"region": ""},
    api_version="bedrock-2023-05-31",
    key_env=("AWS_BEARER_TOKEN_BEDROCK",),
    key_page="https://console.aws.amazon.com/bedrock/home#/api-keys",
    completion_model="global.anthropic.claude-haiku-4-5-20251001-v1:0",
    chat_model="global.anthropic.claude-sonnet-4-6",
    cache="marks",
    models=(
        _budgeted("global.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ModelRow(
            id="global.anthropic.claude-sonnet-4-6",
            context_tokens=_WINDOW,
            max_output_tokens=_MOST,
            thinking="optional",
            efforts=_EFFORTS_46,
            images=True,
        ),
    ),
    as_of=_AS_OF,
    source=_SOURCE,
    notes="The way to ask for Claude up to 4.6 that has its own format, and so its citations; the "
    "provider bedrock (Converse) serves the same models, bedrock-anthropic (Mantle) newer ones. "
    "Signs with AWS credentials instead with auth aws, as bedrock does.",
)

ROWS = (_ANTHROPIC, _FOUNDRY, _VERTEX, _INVOKE)
