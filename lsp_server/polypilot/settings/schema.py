"""The JSON Schema of ``config.toml``, for editors' validation and completion."""

from __future__ import annotations

import ast
import inspect
import itertools
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

from polypilot.settings.model import KEYS, SECTIONS, Reach, Settings, Tighten, reach
from polypilot_providers.catalog import ModelRow, ProviderRow

if TYPE_CHECKING:
    from pydantic import BaseModel

ROW_DESCRIPTIONS = {
    "name": "Name to show.",
    "wire": "Protocol the endpoint speaks.",
    "completion": "How a completion is asked for: openai-completions, mistral-fim, deepseek-fim, "
    "llama-infill and ollama-generate use the endpoint's own fill-in-the-middle, chat asks in "
    "words, prefix sends only what is before the cursor, template:FAMILY writes the family's own "
    "tokens.",
    "raw_tokens": "Takes raw prompts: models whose names are of a family with fill-in-the-middle "
    "tokens are asked in those, unless `completion` is set.",
    "completion_wire": "Protocol of completions, if it is another one than chat's.",
    "base_url": "Address the wire's paths are appended to, https, or http on this machine. "
    "{name} is filled in from variables; the environment's variables are not expanded.",
    "variables": "Table of what base_url leaves open, such as resource or region.",
    "query": "Table of what is added to every address, such as Azure's api-version.",
    "headers": "Table of headers added to every request; keys do not belong here.",
    "auth": "Where the key comes from: the system's keyring (or the variables of key_env), a "
    "command's output, this machine's AWS credentials (bedrock-converse, bedrock-invoke), or none "
    "is needed.",
    "auth_header": "How the key is sent, if not as the wire does it.",
    "account": "Name of the key to use if you have several (`polypilot auth set PROVIDER --account "
    "NAME`); with auth = aws the AWS profile. Empty: the one without a name.",
    "check": "What proves the key: empty, the list of models; `GET /path`, an answer from there; "
    "`completion` or `chat`, one token of an answer.",
    "requests_per_minute": "The most requests that are sent in a minute; left out, as many as the "
    "supplier takes.",
    "client_cert": "PEM file (absolute path) of your certificate, shown to this provider alone.",
    "client_key": "PEM file (absolute path) of its key, if that is a file of its own.",
    "key_env": "Environment variables that may hold the key, first found wins.",
    "key_page": "Web page where one gets a key.",
    "command": "Program (a name on PATH or an absolute path) and arguments that print a key, with "
    "auth = command.",
    "completion_model": "Model for completion unless another is selected.",
    "chat_model": "Model for chat unless another is selected.",
    "models": "What is known of single models.",
    "free": "Whether requests cost nothing, so that they may be made in advance.",
    "prices": "Whose prices apply, by the supplier's name in genai-prices (openai, anthropic, aws, "
    "...), where the address does not tell; none: no price per token applies (a monthly plan).",
    "forwards": "Whether it hands what it is sent on to other machines (a gateway); then it does "
    "not count as local, wherever it runs.",
    "stop_limit": "How many stop sequences the endpoint takes.",
    "max_tokens_field": "Name of the request's field that limits the answer.",
    "prompt_tokens": "Tokens a completion prompt may have, estimated at 3 characters each.",
    "suffix_share": "Share of prompt_tokens, at most, for the text after the cursor.",
    "context_share": "Share of prompt_tokens, at most, for pieces of other files; 0 sends none.",
    "tried_live": "Whether the row has been tried with the supplier itself.",
    "effort_field": "The request's field for the reasoning effort, if the endpoint has one "
    "(openai-chat); thinking: the same, but switched off by a field of its own.",
    "stream_usage": "Whether to ask for token counts while streaming (openai-chat).",
    "reasoning_back": "Whether tool calls are sent back with the reasoning that led to them "
    "(openai-chat).",
    "api_version": "Version of the API (anthropic-messages); empty is 2023-06-01.",
    "cache": "How prompt caching is asked for, if it has to be: by a key, or by marks in the "
    "prompt.",
    "retired": "Models that are no longer served, and what to use instead.",
    "as_of": "Date of the row's facts.",
    "source": "Where the row's facts are from.",
    "id_slot": "The server's slot for completions, so that its cache is not shared (llama-cpp).",
    "chat_slot": "The server's slot for chat, another one than id_slot (llama-cpp).",
    "notes": "Anything worth knowing.",
}
MODEL_DESCRIPTIONS = {
    "id": "The model's id, as the endpoint names it.",
    "name": "Name to show.",
    "completion": "Overrides the provider's completion for this model.",
    "context_tokens": "Size of the model's window.",
    "max_output_tokens": "Longest answer.",
    "efforts": "Reasoning efforts the model takes, lowest first.",
    "thinking": "Whether and when the model reasons.",
    "thinks_unasked": "Whether the model reasons unless it is told not to (anthropic-messages).",
    "sampling": "Whether the model takes a temperature.",
    "prefill": "Whether the model goes on from an answer's beginning that it is given.",
    "stop_limit": "How many stop sequences this model takes, if not as many as the others.",
    "thinking_budget": "Whether its reasoning is limited in tokens, not by a level "
    "(gemini, bedrock-converse, anthropic-messages).",
    "max_tokens_field": "Overrides the provider's for this model.",
    "images": "Whether the model takes pictures; left out, it is tried.",
    "tools": "Whether the model calls tools.",
    "wire": "Protocol of this model, if it is served over another one.",
    "shutdown_date": "Date after which the model is no longer served.",
    "instead": "Model to use when it is no longer served.",
    "trained_on": "Whether the supplier may train models on what it is sent.",
    "notes": "Anything worth knowing.",
}
_WORKSPACE_WORDS = {
    Tighten.CHOOSE: "may choose among those you list",
    Tighten.ONLY_TRUE: "may set true",
    Tighten.ONLY_FALSE: "may set false",
    Tighten.ADD: "may add",
    Tighten.LOWER: "may lower",
}


def json_schema() -> dict[str, Any]:
    """The schema, draft 2020-12, with a description of every setting.

    ``x-editor`` and ``x-workspace`` say what those sources may do; without them only the
    user's own file counts.
    """
    schema = deepcopy(Settings.model_json_schema(by_alias=False))
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Polypilot's config.toml"
    schema["description"] = "See docs/settings.md."
    definitions = cast("dict[str, Any]", schema["$defs"])
    for section, model in SECTIONS.items():
        definition = definitions[model.__name__]
        _drop_titles(definition)
        schema["properties"][section] = {
            "$ref": f"#/$defs/{model.__name__}",
            "description": (model.__doc__ or "").strip(),
        }
    for section, field, info in KEYS.values():
        properties = definitions[SECTIONS[section].__name__]["properties"]
        properties[field].update(_who(reach(info)))
    _rows(schema, definitions)
    return schema


def _who(allowed: Reach) -> dict[str, str]:
    words: dict[str, str] = {}
    if allowed.editor != "no":
        words["x-editor"] = "may set" if allowed.editor == "free" else "may tighten"
    if allowed.workspace is not None:
        words["x-workspace"] = _WORKSPACE_WORDS[allowed.workspace]
    return words


def _rows(schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    """A row's id is its table's name; over a catalog row every field is optional."""
    row = definitions[ProviderRow.__name__]
    row["properties"].pop("id")
    row.pop("required", None)
    row["description"] = "One supplier: a row of your own, or changes to the catalog's."
    model = definitions[ModelRow.__name__]
    model["description"] = "One model of a provider."
    _describe(row, ProviderRow, ROW_DESCRIPTIONS)
    _describe(model, ModelRow, MODEL_DESCRIPTIONS)
    schema["properties"]["accounts"] = {
        "type": "object",
        "description": "Which of several keys is used in which folder: tables by absolute folder, "
        "in each the name of a key by provider.",
        "additionalProperties": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9._-]{0,64}$"},
        },
    }
    schema["properties"]["providers"] = {
        "type": "object",
        "description": "Your own providers, and changes to the catalog's, by id.",
        "propertyNames": {"pattern": "^[a-z0-9][a-z0-9._-]*$", "not": {"const": "embedded"}},
        "additionalProperties": {"$ref": f"#/$defs/{ProviderRow.__name__}"},
    }


def _describe(definition: dict[str, Any], model: type[BaseModel], words: dict[str, str]) -> None:
    """Describe a row's fields in the user's words, or as the catalog's source does."""
    documented = {**_docstrings(model), **words}
    for name, field in definition["properties"].items():
        if name in documented:
            field["description"] = documented[name]
    _drop_titles(definition)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The string below each field of a model's class; Python itself does not keep it."""
    body = cast("ast.ClassDef", ast.parse(inspect.getsource(model)).body[0]).body
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(s))
            ):
                found[name] = " ".join(s.split())
            case _:
                continue
    return found


def _drop_titles(definition: dict[str, Any]) -> None:
    definition.pop("title", None)
    for value in definition.get("properties", {}).values():
        value.pop("title", None)
