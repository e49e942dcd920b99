"""The suppliers' refusals one by one: what each says, before an answer and inside one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.errors import (
    AuthError,
    ContextTooLong,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.failures import Peer, from_event, from_status

if TYPE_CHECKING:
    from collections.abc import Mapping

PEER = Peer("team", "api.example.org")


def openai(kind: str, message: str = "x", code: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str = "x", **details: object) -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message, **details}}


def gemini(code: int, status: str, message: str = "x", *details: object) -> dict[str, object]:
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48s"}
QUOTA = "You exceeded your current quota, please check your plan and billing details."
PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}

TABLE: dict[str, tuple[int, Mapping[str, object], type[ProviderError]]] = {
    "openai key": (
        401,
        openai("invalid_request_error", "Incorrect API key provided: x", "invalid_api_key"),
        AuthError,
    ),
    "openai model, chat": (404, openai("x", "no", "model_not_found"), UnknownModel),
    "openai model, responses": (
        400,
        openai("invalid_request_error", "The requested model 'x' does not exist.", None),
        UnknownModel,
    ),
    "openai too long": (400, openai("x", "no", "context_length_exceeded"), ContextTooLong),
    "openai rate": (429, openai("tokens", "Rate limit", "rate_limit_exceeded"), RateLimited),
    "openai quota": (
        429,
        openai("insufficient_quota", QUOTA, "insufficient_quota"),
        QuotaExhausted,
    ),
    "openai spend limit": (
        429,
        openai("requests", "You have reached your monthly spend limit", "rate_limit_exceeded"),
        QuotaExhausted,
    ),
    "azure key": (401, {"error": {"code": "401", "message": "Access denied"}}, AuthError),
    "azure rate": (
        429,
        {"error": {"code": "RateLimitReached", "message": "x", "details": "x"}},
        RateLimited,
    ),
    "anthropic key": (401, anthropic("authentication_error", "invalid x-api-key"), AuthError),
    "anthropic model": (404, anthropic("not_found_error", "model: claude-9"), UnknownModel),
    "anthropic too long": (
        400,
        anthropic("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
        ContextTooLong,
    ),
    "anthropic rate": (429, anthropic("rate_limit_error"), RateLimited),
    "anthropic spend limit": (
        429,
        anthropic("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
        QuotaExhausted,
    ),
    "anthropic billing": (402, anthropic("billing_error"), QuotaExhausted),
    "anthropic credit": (
        400,
        anthropic("invalid_request_error", "Your credit balance is too low."),
        QuotaExhausted,
    ),
    "anthropic overloaded": (529, anthropic("overloaded_error"), Unavailable),
    "anthropic timeout": (504, anthropic("timeout_error"), Unavailable),
    "gemini key": (
        400,
        gemini(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}),
        AuthError,
    ),
    "gemini model": (
        404,
        gemini(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
        UnknownModel,
    ),
    "gemini too long": (
        400,
        gemini(400, "INVALID_ARGUMENT", "exceeds the maximum number of tokens allowed"),
        ContextTooLong,
    ),
    "gemini rate": (429, gemini(429, "RESOURCE_EXHAUSTED", QUOTA, RETRY_INFO), RateLimited),
    "gemini day": (
        429,
        gemini(429, "RESOURCE_EXHAUSTED", QUOTA, PER_DAY, RETRY_INFO),
        QuotaExhausted,
    ),
    "gemini down": (503, gemini(503, "UNAVAILABLE"), Unavailable),
    "xai key": (
        400,
        {"code": "invalid-argument", "error": "Incorrect API key provided: x."},
        AuthError,
    ),
    "xai model": (404, {"code": "x", "error": "The model x does not exist."}, UnknownModel),
    "xai rate": (429, {"code": "x", "error": "Too many requests for team"}, RateLimited),
    "deepseek key": (
        401,
        openai("authentication_error", "Authentication Fails", "invalid_request_error"),
        AuthError,
    ),
    "deepseek too long": (
        400,
        openai("invalid_request_error", "maximum context length is 9", "invalid_request_error"),
        ContextTooLong,
    ),
    "deepseek balance": (402, openai("unknown_error", "Insufficient Balance"), QuotaExhausted),
    "deepseek down": (503, openai("service_unavailable_error"), Unavailable),
    "mistral key": (401, {"detail": "Invalid API Key"}, AuthError),
    "mistral rate": (429, {"message": "Requests rate limit exceeded"}, RateLimited),
    "mistral field": (422, {"detail": [{"loc": ["body", "x"], "msg": "bad"}]}, RequestRefused),
    "bedrock rate": (429, {"message": "Too many requests"}, RateLimited),
    "bedrock model": (400, {"message": "The model identifier is invalid."}, UnknownModel),
    "openrouter key": (401, {"error": {"message": "No auth credentials", "code": 401}}, AuthError),
    "openrouter model": (
        400,
        {"error": {"message": "x/y is not a valid model ID", "code": 400}},
        UnknownModel,
    ),
    "openrouter credit": (402, {"error": {"message": "x", "code": 402}}, QuotaExhausted),
    "openrouter rate": (
        429,
        {"error": {"message": "x", "code": 429, "metadata": {"provider_name": "p", "raw": "r"}}},
        RateLimited,
    ),
    "openrouter upstream": (502, {"error": {"message": "x", "code": 502}}, Unavailable),
    "ollama model": (404, {"error": "model 'x' not found"}, UnknownModel),
    "ollama no insert": (400, {"error": "x does not support insert"}, RequestRefused),
    "ollama cloud": (502, {"error": "upstream"}, Unavailable),
    "cohere key": (401, {"message": "invalid api token"}, AuthError),
    "cohere model": (404, {"message": "model 'x' not found, use another"}, UnknownModel),
    "cohere too long": (400, {"message": "too many tokens: 9 of 8"}, ContextTooLong),
    "cohere rate": (429, {"message": "trial token rate limit exceeded"}, RateLimited),
    "cohere down": (500, {"message": "internal server error"}, Unavailable),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_suppliers_refusal(name: str) -> None:
    status, body, kind = TABLE[name]
    error = from_status(status, {}, json.dumps(body).encode(), PEER)
    assert isinstance(error, kind)
    assert error.failover is (kind in (RateLimited, Unavailable))
    assert error.status == status


@pytest.mark.parametrize(
    ("name", "headers", "seconds"),
    [
        ("gemini rate", {}, 48.0),
        ("gemini rate", {"retry-after": "3"}, 3.0),
        ("gemini day", {"retry-after": "3"}, None),
        ("azure rate", {"retry-after": "1", "retry-after-ms": "0"}, 1.0),
        ("azure rate", {"retry-after-ms": "0"}, None),
        ("anthropic rate", {"retry-after": "7"}, 7.0),
        ("anthropic spend limit", {"retry-after": "7"}, None),
        ("deepseek down", {"retry-after": "9"}, 9.0),
        ("openai key", {"retry-after": "9"}, None),
        ("openai rate", {}, None),
    ],
)
def test_the_wait_it_asks_for(name: str, headers: dict[str, str], seconds: float | None) -> None:
    status, body, _ = TABLE[name]
    assert from_status(status, headers, json.dumps(body).encode(), PEER).retry_after == seconds


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        # OpenAI Responses: nested on the wire, flat in its SDK
        ({"type": "error", **openai("server_error", code="server_error")}, Unavailable),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "x"}, RateLimited),
        (openai("insufficient_quota", "x"), QuotaExhausted),
        # Groq
        ({"error": {"message": "x", "type": "x", "status_code": 400}}, RequestRefused),
        # OpenRouter: beside the choices
        ({"error": {"code": 502, "message": "x"}, "choices": []}, Unavailable),
        ({"error": {"code": 429, "message": "x"}, "choices": []}, RateLimited),
        (anthropic("overloaded_error"), Unavailable),
        (anthropic("rate_limit_error"), RateLimited),
        (gemini(503, "UNAVAILABLE"), Unavailable),
        (gemini(429, "RESOURCE_EXHAUSTED", "x", RETRY_INFO), RateLimited),
        ({"code": "throttlingException", "message": "x"}, RateLimited),
        ({"code": "modelStreamErrorException", "message": "x"}, Unavailable),
        ({"error": "something broke"}, StreamBroken),
    ],
)
def test_an_error_inside_an_answer(payload: dict[str, object], kind: type[ProviderError]) -> None:
    assert isinstance(from_event(payload, PEER), kind)


def test_a_wait_inside_an_answer() -> None:
    error = from_event(gemini(429, "RESOURCE_EXHAUSTED", "x", RETRY_INFO), PEER)
    assert error.retry_after == 48
