"""What suppliers say when they refuse, and what becomes of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_providers.errors import (
    AuthError,
    ContextTooLong,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    StreamBroken,
    Unavailable,
    UnknownModel,
)
from polypilot_providers.failures import (
    ParameterRefused,
    Peer,
    from_event,
    from_status,
)
from polypilot_providers.sanitise import MAX_TEXT, Hidden, clean

PEER = Peer("team", "api.example.org")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # OpenAI
        (
            401,
            {
                "error": {
                    "message": "Incorrect API key provided: sk-ab***********wxyz. You can find "
                    "your API key at https://platform.openai.com/account/api-keys.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "invalid_api_key",
                }
            },
            AuthError,
        ),
        (
            404,
            {
                "error": {
                    "message": "The model `gpt-9` does not exist or you do not have access to it.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "model_not_found",
                }
            },
            UnknownModel,
        ),
        (403, {"error": {"message": "no access", "code": "model_not_found"}}, UnknownModel),
        (
            400,
            {
                "error": {
                    "message": "This model's maximum context length is 8192 tokens.",
                    "type": "invalid_request_error",
                    "param": "messages",
                    "code": "context_length_exceeded",
                }
            },
            ContextTooLong,
        ),
        (429, {"error": {"message": "Rate limit", "code": "rate_limit_exceeded"}}, RateLimited),
        (
            429,
            {
                "error": {
                    "message": "You exceeded your current quota, please check your plan.",
                    "type": "insufficient_quota",
                    "param": None,
                    "code": "insufficient_quota",
                }
            },
            QuotaExhausted,
        ),
        (429, {"error": {"message": "You exceeded your current quota."}}, QuotaExhausted),
        # xAI: a bad key is a 400
        (
            400,
            {
                "code": "invalid-argument",
                "error": "Incorrect API key provided: ab***yz. You can obtain an API key "
                "from https://console.x.ai.",
            },
            AuthError,
        ),
        # Gemini's disguise, and its list
        (
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": "API key not valid. Please pass a valid API key.",
                        "status": "INVALID_ARGUMENT",
                        "details": [{"reason": "API_KEY_INVALID"}],
                    }
                }
            ],
            AuthError,
        ),
        # Mistral
        (401, {"detail": "Invalid API Key"}, AuthError),
        (401, {"message": "Unauthorized", "request_id": "x"}, AuthError),
        (
            422,
            {"detail": [{"loc": ["body", "stop", 0], "msg": "bad type", "type": "t"}]},
            RequestRefused,
        ),
        (
            400,
            {
                "object": "error",
                "message": "Invalid model: nope",
                "type": "invalid_model",
                "code": "1500",
            },
            UnknownModel,
        ),
        # DeepSeek
        (
            402,
            {"error": {"message": "Insufficient Balance", "type": "unknown_error"}},
            QuotaExhausted,
        ),
        (400, {"error": {"message": "Model Not Exist", "type": "x"}}, UnknownModel),
        # OpenRouter
        (401, {"error": {"message": "User not found.", "code": 401}}, AuthError),
        (
            429,
            {"error": {"message": "upstream", "code": 429, "metadata": {"raw": "x"}}},
            RateLimited,
        ),
        (502, {"error": {"message": "Provider returned error", "code": 502}}, Unavailable),
        # Ollama
        (404, {"error": "model 'x' not found"}, UnknownModel),
        (400, {"error": "x does not support insert"}, RequestRefused),
        # Azure, Groq, vLLM
        (429, {"error": {"code": "RateLimitReached", "message": "wait"}}, RateLimited),
        (404, {"error": {"code": "DeploymentNotFound", "message": "?"}}, UnknownModel),
        (
            413,
            {"error": {"message": "Request too large", "code": "rate_limit_exceeded"}},
            ContextTooLong,
        ),
        (
            400,
            {
                "object": "error",
                "message": "suffix is not currently supported",
                "type": "BadRequestError",
                "code": 400,
            },
            RequestRefused,
        ),
        # no JSON at all
        (400, "model: field required", RequestRefused),
        (503, "<html><h1>Service Unavailable</h1></html>", Unavailable),
        (404, "", RequestRefused),
        (405, "", RequestRefused),
        (418, "", RequestRefused),
        (409, "", Unavailable),
        (425, "", Unavailable),
        (501, "", RequestRefused),
        (400, "[" * 100_000, RequestRefused),
    ],
)
def test_bodies(status: int, body: object, kind: type[ProviderError]) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = from_status(status, {}, data, PEER)
    assert type(error) is kind or (kind is RequestRefused and type(error) is ParameterRefused)
    assert error.status == status
    assert (error.provider, error.host) == ("team", "api.example.org")
    assert error.message.startswith("api.example.org ")
    assert "sk-ab" not in error.message
    assert "html" not in error.message


def test_problems_of_a_list_are_named_without_what_we_sent() -> None:
    body = {"detail": [{"loc": ["body", "stop", 0], "msg": "bad type", "input": "my code"}, "x"]}
    error = from_status(422, {}, json.dumps(body).encode(), PEER)
    assert "stop.0: bad type" in error.message
    assert "my code" not in error.message


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        ({"error": {"message": "x", "status_code": 400}}, RequestRefused, 400),
        ({"error": {"code": "503", "message": "x"}}, Unavailable, 503),
        ({"error": {"type": "overloaded_error"}}, Unavailable, None),
        ({"error": {"type": "invalid_request_error"}}, RequestRefused, None),
        ({"error": {"type": "never heard of"}}, StreamBroken, None),
        ({"error": True, "code": 200}, StreamBroken, None),
        ({"error": {"type": "invalid_api_key"}}, AuthError, None),
        ({"error": {"type": "rate_limit_error"}}, RateLimited, None),
        ({"code": "throttlingException", "message": "x"}, RateLimited, None),
        ({"code": "modelStreamErrorException", "message": "x"}, Unavailable, None),
        (
            {"error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
            ContextTooLong,
            None,
        ),
    ],
)
def test_errors_inside_a_stream(
    payload: dict[str, object], kind: type[ProviderError], status: int | None
) -> None:
    error = from_event(payload, PEER)
    assert isinstance(error, kind)
    assert error.status == status


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (403, "UnrecognizedClientException", "The security token is invalid.", AuthError),
        (403, "ExpiredTokenException", "The security token has expired", AuthError),
        (400, "ExpiredTokenException", "The security token has expired", AuthError),
        (403, "InvalidSignatureException", "Signature expired", AuthError),
        (
            403,
            "AccessDeniedException",
            "User: arn:x is not authorized to perform: y",
            PermissionDenied,
        ),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            UnknownModel,
        ),
        (404, "ResourceNotFoundException", "It has reached its end of life.", UnknownModel),
        (400, "ValidationException", "The provided model identifier is invalid.", UnknownModel),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn't supported.",
            UnknownModel,
        ),
        (400, "ValidationException", "Input is too long for requested model.", ContextTooLong),
        (400, "ValidationException", "Malformed input request", RequestRefused),
        (429, "ThrottlingException", "Too many tokens per day", RateLimited),
        (400, "ThrottlingException", "Rate exceeded", RateLimited),
        (400, "ServiceQuotaExceededException", "over the service quota", QuotaExhausted),
        (429, "ModelNotReadyException", "not ready to serve", Unavailable),
        (408, "ModelTimeoutException", "took too long", Unavailable),
        (424, "ModelErrorException", "failed", Unavailable),
        (500, "InternalServerException", "oh", Unavailable),
        (503, "ServiceUnavailableException", "later", Unavailable),
    ],
)
def test_aws_says_what_it_is_in_a_header_or_in_the_body(
    status: int, name: str, message: str, kind: type[ProviderError]
) -> None:
    expected = (kind, ParameterRefused) if kind is RequestRefused else (kind,)
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/x/"}
    inside = {"__type": f"com.amazon.coral.service#{name}", "Message": message}
    for error in (
        from_status(status, headers, json.dumps({"message": message}).encode(), PEER),
        from_status(status, {}, json.dumps(inside).encode(), PEER),
    ):
        assert type(error) in expected
        assert error.status == status
        assert message in error.message


@pytest.mark.parametrize(
    ("message", "param", "name", "named"),
    [
        ("Unsupported parameter: 'stop' is not supported", "", "stop", True),
        ("please stop", "", "stop", False),
        ("anything", "stop", "stop", True),
        ("anything", "reasoning.effort", "reasoning", True),
        ("`temperature` is deprecated for this model.", "", "temperature", True),
        ("temperature: Extra inputs are not permitted", "", "temperature", True),
        ("body.stream_options.include_usage: no", "", "stream_options", True),
        ("unknown field stream_options", "", "stream_options", True),
        ("thinking.type: bad", "", "thinking", True),
        ("the thinking of the user", "", "thinking", False),
        ("#: extraneous key [thinking] is not permitted", "", "thinking", True),
        ("doesn't support the stopSequences field.", "", "stopSequences", True),
    ],
)
def test_which_parameter_is_meant(message: str, param: str, name: str, *, named: bool) -> None:
    error = from_status(
        400, {}, json.dumps({"error": {"message": message, "param": param}}).encode(), PEER
    )
    assert isinstance(error, ParameterRefused)
    assert error.names(name) is named
    assert error.allowed() == []


# What may be shown

KEY = "not-even-a-known-shape"
CODE = "def secret_algorithm(x):\n    return x ** 42\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("a\r\nb\tc\x1b[31md\x00e\u202ef\u200bg", "a b c [31md e f g"),
        ("Incorrect API key provided: sk-ab***********wxyz.", "Incorrect API key provided: …"),
        ("Bearer abcdef0123456789 is bad", "… is bad"),
        (f"key {KEY} refused", "key … refused"),
        ("see https://u:p@host.example/a/b?key=1#z now", "see https://host.example/a/b now"),
        ("see https://host.example/a.", "see https://host.example/a."),
        ("model claude-haiku-4-5-20251001 is gone", "model claude-haiku-4-5-20251001 is gone"),
        ("req 0123456789abcdefABCDEF0123456789", "req …"),
        ("bad: return x ** 42", "bad: return x ** 42"),
        ("bad: def secret_algorithm(x): here", "bad: … here"),
        ("you said password", "you said …"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    hidden = Hidden((CODE.replace("\n    return x ** 42\n", ""), "password", "hi"), (KEY, ""))
    assert clean(text, hidden) == shown
    assert KEY not in repr(hidden)


@given(st.text(max_size=500), st.text(min_size=8, max_size=60), st.text(max_size=200))
def test_clean_never_shows_the_key_or_control_characters(before: str, key: str, after: str) -> None:
    shown = clean(before + key + after, Hidden((), (key,)))
    assert len(shown) <= MAX_TEXT
    assert key not in shown or key.strip("…") == ""
    assert not any(ord(char) < 32 or char in "\x7f\u202e\u2066" for char in shown)


@given(st.text(min_size=16, max_size=80), st.text(max_size=50))
def test_clean_never_repeats_sixteen_characters_of_the_users_text(code: str, around: str) -> None:
    shown = clean(around + code + around, Hidden((code,)))
    for start in range(len(code) - 15):
        assert code[start : start + 16] not in shown
