"""How a key is proved: by the list of models, by the supplier's own word, by one token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import (
    AuthError,
    ConfigurationError,
    NetworkError,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    Unavailable,
)
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.testing import ScriptedServer, Stall, key_of, reply, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot_providers.testing import Step
    from polypilot_providers.wires.provider import WireProvider

    Check = Callable[..., Awaitable[str]]

KEY = "canary-key-0123456789"
CHAT = stream(
    b'data: {"choices":[{"index":0,"delta":{"content":"He"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n',
    b"data: [DONE]\n\n",
)
REASONED = stream(
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}\n\n',
    b"data: [DONE]\n\n",
)
TEXT = stream(
    b'data: {"choices":[{"index":0,"text":"th"}]}\n\n',
    b'data: {"choices":[{"index":0,"text":"","finish_reason":"length"}]}\n\n',
    b"data: [DONE]\n\n",
)
RESPONSES = stream(
    b'data: {"type":"response.output_text.delta","delta":"He","item_id":"i",'
    b'"content_index":0,"output_index":0}\n\n',
    b'data: {"type":"response.completed","response":{"status":"completed"}}\n\n',
)


@pytest.fixture
def check(http: HttpClient) -> Check:
    """Asks the server about a key, by a row of the given fields."""

    async def ask(server: ScriptedServer, **fields: object) -> str:
        start: dict[str, object] = {
            "id": "team",
            "name": "Team",
            "wire": "openai-chat",
            "base_url": f"{server.url}/v1",
        }
        row = ProviderRow.model_validate(start | fields)
        provider = cast("WireProvider", build(row, key_of(KEY), http))
        return await provider.check()

    return ask


@pytest.mark.parametrize(
    ("ids", "said"), [((), "0 models"), (("a",), "1 model"), ("ab", "2 models")]
)
async def test_the_list_of_models_proves_a_key(check: Check, ids: str, said: str) -> None:
    async with ScriptedServer(reply(200, {"data": [{"id": each} for each in ids]})) as server:
        assert await check(server) == said
        assert server.requests[0].path == "/v1/models"
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    ("by", "what"), [("", "has no list of models"), ("GET /api-key", "has no /api-key")]
)
async def test_nothing_at_the_address_is_no_fault_of_the_key(
    check: Check, status: int, by: str, what: str
) -> None:
    async with ScriptedServer(reply(status, {"error": {"type": "not_found_error"}})) as server:
        with pytest.raises(ConfigurationError, match=what) as caught:
            await check(server, check=by)
    assert caught.value.status == status
    assert "base_url of [providers.team]" in caught.value.cure


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(401, {"error": {"code": "invalid_api_key"}}), AuthError),
        (reply(400, {"code": "invalid-argument", "error": "Incorrect API key: x"}), AuthError),
        (reply(403, {"error": {"message": "Missing scopes: model.read"}}), PermissionDenied),
        (reply(403, {"error": {"type": "permission_error"}}), PermissionDenied),
        (reply(403, {"error": {"message": "Invalid API key"}}), AuthError),
        (reply(403, {"message": "Please make sure your API Key is valid."}), AuthError),
        (reply(402, {"error": {"message": "no credit"}}), QuotaExhausted),
        (reply(429, {"error": {"code": "insufficient_quota"}}), QuotaExhausted),
        (reply(429), RateLimited),
        (reply(422), RequestRefused),
        (reply(503), Unavailable),
        (reply(301, headers={"location": "https://elsewhere.example"}), ConfigurationError),
    ],
)
@pytest.mark.parametrize("by", ["", "GET /key", "chat", "completion"])
async def test_each_fault_has_its_own_kind_however_the_key_is_proved(
    check: Check, answer: list[Step], kind: type[ProviderError], by: str
) -> None:
    async with ScriptedServer(answer) as server:
        with pytest.raises(ProviderError) as caught:
            await check(
                server,
                check=by,
                chat_model="m",
                completion_model="m",
                completion="openai-completions",
            )
    raised = caught.value
    assert isinstance(raised, kind)
    assert isinstance(raised, PermissionDenied) == (kind is PermissionDenied)
    assert KEY not in f"{raised!r}{raised.message}{raised.cure}"


@pytest.mark.parametrize("by", ["", "GET /key"])
async def test_a_log_in_page_is_no_word_on_the_key(check: Check, by: str) -> None:
    async with ScriptedServer(reply(200, b"<html>log in</html>")) as server:
        with pytest.raises(Unavailable, match="JSON") as caught:
            await check(server, check=by)
    assert "base_url" in caught.value.cure


async def test_an_address_where_nobody_listens_is_no_fault_of_the_key(check: Check) -> None:
    async with ScriptedServer() as server:
        pass
    with pytest.raises(NetworkError):
        await check(server)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({}, "the key is known"),
        ({"api_key_blocked": False, "team_blocked": False}, "the key is known"),
        ({"data": {"limit_remaining": None}}, "the key is known"),
        ({"data": {"limit_remaining": 3.5}}, "the key is known"),
        (
            {
                "is_available": True,
                "balance_infos": [
                    {"currency": "\x1b[31m", "total_balance": "1"},
                    {"currency": "CNY", "total_balance": "110.00"},
                ],
            },
            "balance 110.00 CNY",
        ),
        ([], "the key is known"),
    ],
)
async def test_a_suppliers_own_word_on_the_key(check: Check, answer: object, word: str) -> None:
    async with ScriptedServer(reply(200, cast("dict[str, object]", answer))) as server:
        assert await check(server, check="GET /user/balance") == word
        assert server.requests[0].path == "/v1/user/balance"


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        ({"api_key_blocked": True}, AuthError, "blocked"),
        ({"api_key_disabled": True}, AuthError, "switched off"),
        ({"team_blocked": True}, AuthError, "team is blocked"),
        ({"is_available": False, "balance_infos": []}, QuotaExhausted, "no credit"),
        ({"data": {"limit_remaining": 0}}, QuotaExhausted, "no credit"),
    ],
)
@pytest.mark.parametrize("page", ["", "https://console.example/keys"])
async def test_a_key_that_is_known_and_of_no_use(
    check: Check, answer: dict[str, object], kind: type[ProviderError], word: str, page: str
) -> None:
    async with ScriptedServer(reply(200, answer)) as server:
        with pytest.raises(kind, match=word) as caught:
            await check(server, check="GET /api-key", key_page=page)
    assert caught.value.cure
    assert not page or kind is QuotaExhausted or page in caught.value.cure


@pytest.mark.parametrize(
    ("fields", "answer", "room"),
    [
        ({}, CHAT, 1),
        ({}, REASONED, 1),
        ({"models": [{"id": "m", "thinking": "always"}]}, CHAT, 16),
        ({"models": [{"id": "m", "thinking": "optional"}]}, CHAT, 1),
    ],
)
async def test_one_token_of_chat(
    check: Check, fields: dict[str, object], answer: list[Step], room: int
) -> None:
    async with ScriptedServer(answer) as server:
        assert await check(server, check="chat", chat_model="m", **fields) == "m answers"
        (request,) = server.requests
        assert (request.path, request.json["max_tokens"]) == ("/v1/chat/completions", room)


@pytest.mark.parametrize(
    "fields",
    [
        {"wire": "openai-responses"},
        {"models": [{"id": "m", "wire": "openai-responses"}]},
    ],
)
async def test_sixteen_tokens_where_fewer_are_refused(
    check: Check, fields: dict[str, object]
) -> None:
    async with ScriptedServer(RESPONSES) as server:
        assert await check(server, check="chat", chat_model="m", **fields) == "m answers"
        assert server.requests[0].path == "/v1/responses"
        assert server.requests[0].json["max_output_tokens"] == 16


@pytest.mark.parametrize(
    ("mode", "path"),
    [
        ("openai-completions", "/v1/completions"),
        ("mistral-fim", "/v1/fim/completions"),
        ("template:qwen", "/v1/completions"),
    ],
)
async def test_one_token_of_a_completion(check: Check, mode: str, path: str) -> None:
    async with ScriptedServer(TEXT) as server:
        said = await check(server, check="completion", completion=mode, completion_model="m")
        assert said == "m answers"
        (request,) = server.requests
        assert (request.path, request.json["max_tokens"]) == (path, 1)


async def test_a_supplier_of_several_wires_is_asked_over_the_right_one(check: Check) -> None:
    fields: dict[str, object] = {
        "wire": "openai-responses",
        "completion_wire": "openai-chat",
        "completion": "openai-completions",
        "completion_model": "m",
    }
    async with ScriptedServer(reply(200, {"data": [{"id": "a"}]})) as server:
        assert await check(server, **fields) == "1 model"
        assert await check(server, check="GET /key", **fields) == "the key is known"
        server.play(TEXT)
        assert await check(server, check="completion", **fields) == "m answers"
        assert [each.path for each in server.requests] == [
            "/v1/models",
            "/v1/key",
            "/v1/completions",
        ]


async def test_what_answers_is_left_as_soon_as_it_does(check: Check) -> None:
    piece = b'data: {"choices":[{"index":0,"delta":{"content":"He"}}]}\n\n'
    async with ScriptedServer(stream(piece, Stall(), end=False)) as server:
        assert await check(server, check="chat", chat_model="m") == "m answers"
        await server.requests[0].gone.wait()


async def test_no_model_to_ask_is_told_before_anything_is_sent(check: Check) -> None:
    async with ScriptedServer(CHAT) as server:
        with pytest.raises(ConfigurationError, match="no model"):
            await check(server, check="chat")
        assert server.requests == []


async def test_a_bad_certificate_and_a_proxy_are_no_fault_of_the_key(authority: Any) -> None:
    server_tls = authority.server("127.0.0.1")
    async with ScriptedServer(reply(200, {"data": []}), tls=server_tls) as server:
        told = await _refused(server.url, Network(env={}))
        assert "certificate" in told.message
    told = await _refused("https://api.example.org", Network(proxy="http://127.0.0.1:9", env={}))
    assert isinstance(told, NetworkError)
    assert "canary" not in told.message


async def _refused(url: str, network: Network) -> ProviderError:
    client = HttpClient(network)
    row = ProviderRow(id="team", wire="openai-chat", base_url=url)
    provider = cast("WireProvider", build(row, key_of(KEY), client))
    try:
        with pytest.raises(NetworkError) as caught:
            await provider.check()
    finally:
        await client.aclose()
    return caught.value
