"""Microsoft's rows: Azure OpenAI and AI Foundry, by key and by Entra token, and MAI's models.

A model is asked for by its deployment's name, which the user chose: the rows know models by the
names that deployments have unless told otherwise.
"""

from __future__ import annotations

from polypilot_providers.catalog import ModelRow, ProviderRow
from polypilot_providers.rows_openai import MODELS as OPENAI_MODELS

_AS_OF = "2026-11-21"
_KEY_ENV = ("AZURE_OPENAI_API_KEY",)
_KEY_PAGE = "https://ai.azure.com"
_OPENAI = "https://{resource}.openai.azure.com/openai"
_FOUNDRY = "https://{resource}.services.ai.azure.com/openai/v1"
_ENTRA_COMMAND = (
    *("az", "account", "get-access-token", "--resource", "https://ai.azure.com"),
    *("--query", "accessToken", "-o", "tsv"),
)

# When a model ends on Azure is Azure's to say.
_MODELS = tuple(
    row.model_copy(update={"shutdown_date": None, "instead": ""}) for row in OPENAI_MODELS
)
_LLAMA = tuple(
    ModelRow(id=model, images=images, notes="The id is from memory.")
    for model, images in (
        ("Llama-3.3-70B-Instruct", False),
        ("Llama-4-Maverick-17B-128E-Instruct-FP8", True),
    )
)
_MAI = (
    ModelRow(
        id="MAI-Thinking-1",
        context_tokens=256_000,
        thinking="always",
        images=False,
        notes="Which levels of reasoning it takes was not found out.",
    ),
    ModelRow(
        id="MAI-Cyber-1-Flash",
        thinking="always",
        images=False,
        notes="Its window, and which levels of reasoning it takes, were not found out.",
    ),
)


def _entra(row: ProviderRow) -> ProviderRow:
    """The same supplier, asked with the token of the user's Azure account."""
    return row.model_copy(
        update={
            "id": f"{row.id}-entra",
            "name": f"{row.name} (Entra)",
            "auth": "command",
            "auth_header": "bearer",
            "command": _ENTRA_COMMAND,
            "key_env": (),
            "key_page": "",
            "notes": f"{row.notes} The token is from the Azure CLI: run `az login` first.",
        }
    )


_AZURE = ProviderRow(
    id="azure",
    name="Azure OpenAI",
    wire="openai-responses",
    completion_wire="openai-chat",
    base_url=f"{_OPENAI}/v1",
    variables={"resource": ""},
    auth_header="api-key",
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    max_tokens_field="max_completion_tokens",
    effort_field="reasoning_effort",
    cache="key",
    models=_MODELS,
    as_of=_AS_OF,
    source="The openai SDK 3.54, pydantic-ai 2.68, recorded answers.",
    notes="Models are deployments of yours, asked for by their names. Needs no api-version and "
    "refuses one. Whether its list of models has deployments, or all there could be, was not "
    "found out.",
)

_CLASSIC = ProviderRow(
    id="azure-classic",
    name="Azure OpenAI (classic)",
    wire="openai-chat",
    base_url=_OPENAI + "/deployments/{deployment}",
    variables={"resource": "", "deployment": ""},
    query={"api-version": "2024-10-21"},
    auth_header="api-key",
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    check="chat",
    completion_model="deployment",
    chat_model="deployment",
    max_tokens_field="max_completion_tokens",
    effort_field="reasoning_effort",
    models=(ModelRow(id="deployment", name="The one in the address"),),
    as_of=_AS_OF,
    source="The openai SDK 3.54.",
    notes="The form before v1, for resources that have no other. The deployment is in the "
    "address, so there is one model, and nothing lists them. That the name in a request counts for "
    "nothing there is from memory.",
)

_FOUNDRY_ROW = ProviderRow(
    id="foundry",
    name="Azure AI Foundry",
    wire="openai-chat",
    base_url=_FOUNDRY,
    variables={"resource": ""},
    auth_header="api-key",
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    effort_field="reasoning_effort",
    models=(*_LLAMA, *_MODELS),
    as_of=_AS_OF,
    source="The openai SDK 3.54, Microsoft's documentation, recorded answers.",
    notes="Every model of Foundry that has a chat endpoint, by the name of your deployment. Its "
    "OpenAI models have Responses too, under the provider azure.",
)

_MAI_ROW = ProviderRow(
    id="foundry-mai",
    name="Microsoft MAI (AI Foundry)",
    wire="openai-chat",
    base_url=_FOUNDRY,
    variables={"resource": ""},
    auth_header="api-key",
    key_env=_KEY_ENV,
    key_page=_KEY_PAGE,
    chat_model="MAI-Thinking-1",
    effort_field="reasoning_effort",
    models=_MAI,
    as_of=_AS_OF,
    source="LiteLLM's data of Azure's prices. No answer of these models was seen.",
    notes="They always reason, so they are for chat; a completion is slow and costs more. "
    "Deployments of yours, by their names.",
)

ROWS = (_AZURE, _entra(_AZURE), _CLASSIC, _FOUNDRY_ROW, _entra(_FOUNDRY_ROW), _MAI_ROW)
