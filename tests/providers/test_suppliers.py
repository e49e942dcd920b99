"""The catalog's rows as a whole: what each of them has to be, and what stands in some."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from datetime import date
from inspect import getsource
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polypilot_prompts.budget import estimate
from polypilot_prompts.completion import BLOCK_TOKENS, Aim
from polypilot_prompts.completion import build as prompt
from polypilot_prompts.context import CursorContext
from polypilot_prompts.fim import FAMILIES
from polypilot_providers import retired, rows_gateways
from polypilot_providers.base import KeySource, Provider
from polypilot_providers.catalog import ModelRow, ProviderRow, example, rows
from polypilot_providers.errors import UnknownModel
from polypilot_providers.factory import build
from polypilot_providers.origin import Origin
from polypilot_providers.suppliers import SUPPLIERS
from polypilot_providers.testing import ScriptedServer, outcome, reply, stream
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Stop,
    StopReason,
    TextDelta,
    user,
)

if TYPE_CHECKING:
    from polypilot_providers.http import HttpClient

ROWS = rows({})
PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
UNSURE = re.compile(r"not found out|from memory|not documented|differ|from another client")
ANSWER = (
    b'data: {"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
SAID = ([TextDelta("ok"), Stop(StopReason.END, None)], None)


@pytest.mark.parametrize("row", SUPPLIERS, ids=lambda row: row.id)
def test_every_row_makes_a_provider(row: ProviderRow, http: HttpClient, key: KeySource) -> None:
    given = row.model_copy(update={"variables": row.variables | dict.fromkeys(row.missing, "here")})
    base_url = given.address() or "http://127.0.0.1:1"
    provider = build(row, key, http, base_url=base_url)
    assert isinstance(provider, Provider)
    assert provider.id == row.id
    origin = Origin.parse(base_url)
    assert origin.scheme == "https" or origin.is_loopback
    assert provider.local == (origin.is_loopback and not row.forwards)
    assert row.free == provider.local


@pytest.mark.parametrize("row", SUPPLIERS, ids=lambda row: row.id)
def test_every_row_says_where_it_is_from(row: ProviderRow) -> None:
    assert row.name
    assert row.as_of == "2026-11-21"
    assert row.source
    assert not row.tried_live
    assert row.auth in ("none", "aws") or row.command or (row.key_env and row.key_page)
    assert row.auth != "command" or (row.command and not row.key_env)
    assert all(name.isupper() for name in row.key_env)
    assert not row.key_page or Origin.parse(row.key_page).scheme == "https"
    assert not retired.by_id(row.id)
    assert not retired.by_address(example(row.base_url))


@pytest.mark.parametrize("row", SUPPLIERS, ids=lambda row: row.id)
def test_what_a_row_says_of_models_fits_together(row: ProviderRow) -> None:
    known = [model.id for model in row.models]
    gone = [model.id for model in row.retired]
    assert not [model for model, times in Counter(known + gone).items() if times > 1]
    for default in {row.completion_model, row.chat_model} - {""}:
        assert default in known or not known
        assert not row.retirement(default)
        assert not row.model(default).trained_on
        assert not row.model(default).shutdown_date
    for model in row.models:
        assert model.thinking != "none" or not model.efforts
        assert model.shutdown_date is None or date.fromisoformat(model.shutdown_date)
        assert not model.instead or row.lists(model.instead)
    for model in row.retired:
        assert not model.instead or row.lists(model.instead)
        assert not model.date or model.date <= row.as_of
    modes = {row.completion, *(model.completion or "" for model in row.models)}
    templates = {mode.partition(":")[2] for mode in modes if mode.startswith("template:")}
    assert templates <= FAMILIES.keys()


def test_ids_are_unique() -> None:
    assert len(ROWS) == len(SUPPLIERS)


@pytest.mark.parametrize(
    ("group", "ids"),
    [
        ("OpenAI", "openai"),
        ("Azure and Foundry", "azure azure-entra azure-classic foundry foundry-entra"),
        ("Microsoft MAI", "foundry-mai"),
        ("Claude", "anthropic foundry-anthropic vertex-anthropic bedrock-anthropic"),
        ("Gemini", "gemini vertex"),
        ("Bedrock", "bedrock bedrock-mantle"),
        ("own wire or fill-in-the-middle", "xai deepseek mistral codestral inception meta"),
        ("Apple's model", "apple-fm apfel afm"),
        ("this machine", "embedded ollama llama.cpp lmstudio vllm mlx-lm"),
        ("gateways", "openrouter litellm groq together fireworks cerebras zai zai-coding"),
        ("more gateways", "vercel cloudflare portkey ollama-cloud"),
    ],
)
def test_who_is_there(group: str, ids: str) -> None:
    assert set(ids.split()) <= ROWS.keys(), group


def test_completion_models_can_be_kept_from_reasoning() -> None:
    """Rows whose models all reason have no completion model: one is told so when choosing."""
    slow = {row.id for row in SUPPLIERS if row.model(row.completion_model).slow}
    assert not slow
    only_slow = {"foundry-mai", "meta", "cerebras"}
    assert all(not ROWS[name].completion_model for name in only_slow)
    assert all(ROWS[name].model(ROWS[name].chat_model).slow for name in only_slow)


def test_llama_is_where_its_weights_are_served() -> None:
    for name in ("groq", "together", "bedrock", "foundry", "cloudflare"):
        assert any("llama" in model.id.lower() for model in ROWS[name].models), name


def test_how_a_key_is_proved_where_a_list_of_models_does_not() -> None:
    checks = {row.id: row.check for row in SUPPLIERS if row.check}
    assert checks == checks | {
        "xai": "GET /api-key",
        "deepseek": "GET /user/balance",
        "openrouter": "GET /key",
        "codestral": "completion",
        "azure-classic": "chat",
    }


# --- lines


def test_a_new_compatible_supplier_takes_fifteen_lines_of_data() -> None:
    """As the formatter lays them out, the list of models aside; and the shortest with it."""
    tree = ast.parse(getsource(rows_gateways))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ProviderRow"
    ]
    lines = {ast.unparse(_argument(call, "id")): _lines(call) for call in calls}
    assert len(lines) == len(calls) >= 10
    whole = {name: total for name, (total, models) in lines.items() if total - models > 15}
    assert not whole
    cerebras, _ = lines["'cerebras'"]
    assert cerebras <= 15


def _argument(call: ast.Call, name: str) -> ast.expr:
    return next(each.value for each in call.keywords if each.arg == name)


def _lines(call: ast.Call) -> tuple[int, int]:
    """Lines of a row, and those of its models among them."""
    assert call.end_lineno
    models = [each for each in call.keywords if each.arg == "models"]
    taken = sum((each.end_lineno or 0) - each.lineno + 1 for each in models)
    return call.end_lineno - call.lineno + 1, taken


# --- Azure


def addressed(name: str, **variables: str) -> str:
    return ROWS[name].model_copy(update={"variables": variables}).address()


def test_azures_addresses() -> None:
    assert addressed("azure", resource="r") == "https://r.openai.azure.com/openai/v1"
    assert addressed("foundry", resource="r") == "https://r.services.ai.azure.com/openai/v1"
    classic = addressed("azure-classic", resource="r", deployment="gpt-4.1")
    assert classic == "https://r.openai.azure.com/openai/deployments/gpt-4.1"


@pytest.mark.parametrize("name", ["azure", "foundry"])
def test_the_entra_row_differs_in_the_key_alone(name: str) -> None:
    plain, entra = ROWS[name], ROWS[f"{name}-entra"]
    same = {"wire", "base_url", "variables", "models", "query", "completion_wire", "effort_field"}
    assert plain.model_dump(include=same) == entra.model_dump(include=same)
    assert (entra.auth, entra.auth_header) == ("command", "bearer")
    assert entra.command[:3] == ("az", "account", "get-access-token")


async def test_the_classic_form_names_the_deployment_and_the_version_in_its_address(
    http: HttpClient, key: KeySource
) -> None:
    row = ROWS["azure-classic"]
    async with ScriptedServer(stream(ANSWER)) as server:
        url = f"{server.url}/openai/deployments/mine"
        provider = build(row, key, http, base_url=url)
        assert await outcome(provider.chat(ChatRequest("", (user("q"),)))) == SAID
        asked = server.requests[0]
    assert asked.path == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert asked.headers["api-key"] == "sk-test-1"


# --- Apple


@pytest.mark.parametrize("name", ["apple-fm", "apfel", "afm"])
def test_a_completion_fits_the_on_device_window(name: str) -> None:
    row = ROWS[name]
    window = row.model(row.completion_model).context_tokens
    assert window == 4096
    code = CursorContext(
        prefix="value = compute(left, right)\n" * 2000,
        suffix="print(value)\n" * 2000,
        path="a.py",
        language="python",
        line=2000,
        column=0,
        eol="\n",
        tab_size=4,
        insert_spaces=True,
    )
    made = prompt(code, Aim("m", row.completion, row.prompt_tokens), block=True).request
    assert isinstance(made, ChatRequest)
    sent = made.system + "".join(message.text for message in made.messages)
    assert estimate(sent) + BLOCK_TOKENS <= window


async def test_apples_servers_are_sent_no_stop_sequences(http: HttpClient, key: KeySource) -> None:
    request = ChatRequest("", (user("q"),), stop=("</x>",), completion=True, max_tokens=9)
    for name in ("apple-fm", "apfel", "afm"):
        async with ScriptedServer(stream(ANSWER)) as server:
            provider = build(ROWS[name], key, http, base_url=server.url)
            assert await outcome(provider.chat(request)) == SAID
            body = json.loads(server.requests[0].body)
        assert "stop" not in body
        assert body["stream"] is True


# --- gateways


async def test_portkey_gets_its_key_in_its_header(http: HttpClient, key: KeySource) -> None:
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = build(ROWS["portkey"], key, http, base_url=server.url)
        assert await outcome(provider.chat(ChatRequest("@a/b", (user("q"),)))) == SAID
        headers = server.requests[0].headers
    assert headers["x-portkey-api-key"] == "sk-test-1"
    assert "authorization" not in headers


async def test_a_gateway_on_this_machine_is_not_local(http: HttpClient, key: KeySource) -> None:
    for name, local in (("litellm", False), ("vllm", True)):
        assert build(ROWS[name], key, http).local == local


# --- ends


def test_services_that_ended_are_known_by_name_and_address() -> None:
    for service in retired.SERVICES:
        for name in service.ids:
            assert retired.by_id(name) is service
        for host in service.hosts:
            assert retired.by_address(f"https://{host}/v1") is service
            assert retired.by_address(f"https://{host.upper()}:443") is service
        assert service.date in service.message
        used = re.findall(r"`([a-z-]+)`", service.cure)
        assert used
        assert set(used) <= ROWS.keys()
    assert retired.by_id("openai") is None
    assert retired.by_address("https://not-api.llama.com") is None
    assert retired.by_address("nothing") is None


@pytest.mark.parametrize(
    ("provider", "model", "instead"),
    [
        ("openai", "o1", "gpt-6-sol"),
        ("openai", "o1-2024-12-17", "gpt-6-sol"),
        ("openai", "o3-mini", "gpt-6-sol"),
        ("openai", "gpt-4", "gpt-5.6-luna"),
        ("openai", "gpt-4o-2024-05-13", "gpt-5.6-luna"),
        ("openai", "gpt-4o-2024-11-20", None),
        ("openai", "gpt-4o", None),
        ("openai", "gpt-4-something", None),
        ("azure", "gpt-4", None),
        ("deepseek", "deepseek-chat", "deepseek-v4-flash"),
        ("gemini", "gemini-2.0-flash", "gemini-3.5-flash"),
        ("gemini", "models/gemini-2.0-flash", "gemini-3.5-flash"),
    ],
)
def test_models_that_ended(provider: str, model: str, instead: str | None) -> None:
    gone = ROWS[provider].retirement(model)
    assert (gone.instead if gone else None) == instead


def test_a_dated_model_that_is_listed_outlives_its_name() -> None:
    row = ROWS["openai"]
    dated = "gpt-4-2027-01-01"
    assert row.retirement(dated)
    listed = row.model_copy(update={"models": (ModelRow(id=dated),)})
    assert listed.retirement(dated) is None


async def test_a_model_that_ended_is_not_asked_for_by_its_other_name(
    http: HttpClient, key: KeySource
) -> None:
    async with ScriptedServer() as server:
        provider = build(ROWS["gemini"], key, http, base_url=server.url)
        request = ChatRequest("models/gemini-2.0-flash", (user("q"),))
        _, error = await outcome(provider.chat(request))
        assert isinstance(error, UnknownModel)
        assert "gemini-3.5-flash" in error.cure
        assert server.requests == []


@pytest.mark.parametrize(("model", "instead"), [("o3", "gpt-6-sol"), ("gpt-9", "")])
async def test_a_model_that_its_supplier_no_longer_knows(
    model: str, instead: str, http: HttpClient, key: KeySource
) -> None:
    refusal = b'{"error":{"message":"The model does not exist","code":"model_not_found"}}'
    async with ScriptedServer(reply(404, refusal)) as server:
        provider = build(ROWS["openai"], key, http, base_url=server.url)
        request = ChatRequest(model, (user("q"),), completion=True)
        _, error = await outcome(provider.chat(request))
        assert isinstance(error, UnknownModel)
        assert ("2026-12-11" in error.cure) == bool(instead)
        assert instead in error.cure


async def test_native_completions_have_a_key_check_that_they_serve(
    http: HttpClient, key: KeySource
) -> None:
    """Codestral's host lists no models; its completions do answer."""
    row = ROWS["codestral"]
    assert row.check == "completion"
    async with ScriptedServer(stream(ANSWER)) as server:
        provider = build(row, key, http, base_url=server.url)
        assert await outcome(provider.complete(CompletionRequest("", "x = "))) == SAID
        assert server.requests[0].path == "/fim/completions"


# --- the page


def test_the_page_names_every_row_and_every_variable() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = {
        cells[1].strip().strip("`"): line
        for line in text.splitlines()
        if (cells := line.split("|"))[0] == "" and len(cells) > 4
    }
    for row in SUPPLIERS:
        assert row.id in table, row.id
        for name in (*row.key_env, *row.missing):
            assert f"`{name}`" in table[row.id], (row.id, name)
    for service in retired.SERVICES:
        assert service.name in text
        assert service.date in text


def test_what_is_not_sure_is_noted() -> None:
    """Where no recording, SDK or page of the supplier's settled it, a note says so."""
    for name in ("azure", "codestral", "foundry-mai", "inception", "meta", "cloudflare", "zai"):
        row = ROWS[name]
        notes = " ".join((row.notes, row.source, *(model.notes for model in row.models)))
        assert UNSURE.search(notes), name
