"""Servers that answer by path, as the kinds of servers do that a user may have."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from polypilot_providers.testing import Request, Step

Routes = "Mapping[str, list[Step] | Callable[[Request], list[Step]]]"


class Routed(ScriptedServer):
    """Answers ``METHOD /path`` as told, else with ``otherwise``; without the key with 401."""

    def __init__(
        self,
        routes: Mapping[str, Any],
        *,
        otherwise: list[Step] | None = None,
        refusal: list[Step] | None = None,
        header: tuple[str, str] = ("", ""),
        public: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.routes = dict(routes)
        self.otherwise = reply(404, {"detail": "Not Found"}) if otherwise is None else otherwise
        self._refusal = refusal or reply(
            401,
            {
                "error": {
                    "message": "Incorrect API key provided.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "invalid_api_key",
                }
            },
        )
        self._header = header
        self._public = public

    def next_script(self, request: Request) -> list[Step]:
        """See ScriptedServer."""
        self.requests.append(request)
        name, value = self._header
        place = f"{request.method} {request.path}"
        if name and request.headers.get(name) != value and place not in self._public:
            return self._refusal
        script = self.routes.get(place, self.otherwise)
        if callable(script):
            script = script(request)
        return cast("list[Step]", script)

    @property
    def asked(self) -> list[str]:
        """The requests so far, as ``METHOD /path``."""
        return [f"{each.method} {each.path}" for each in self.requests]


def model_list(*names: str, **more: object) -> list[Step]:
    """OpenAI's list of models."""
    entries = [{"id": name, "object": "model", "created": 1730000000, **more} for name in names]
    return reply(200, {"object": "list", "data": entries})


def a_400(message: str, param: str | None = None) -> list[Step]:
    """OpenAI's refusal of a request."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    return reply(400, {"error": error})


def chatting(refused: Callable[[dict[str, Any]], str | None] = lambda _: None) -> Any:
    """A chat endpoint that streams ``ok``; ``refused`` names a parameter it does not take."""

    def answer(request: Request) -> list[Step]:
        body: dict[str, Any] = request.json
        if "messages" not in body:
            return a_400("Missing required parameter: 'messages'.", "messages")
        if name := refused(body):
            return a_400(f"Unsupported parameter: '{name}' is not supported here.", name)
        pieces: list[Any] = [
            {"choices": [{"index": 0, "delta": {"content": "ok"}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
        return stream(
            *(f"data: {json.dumps({'id': 'x', **each})}\n\n".encode() for each in pieces),
            b"data: [DONE]\n\n",
        )

    return answer


def completing(*, heeds: bool) -> Any:
    """A legacy completions endpoint that counts, or ignores, a suffix."""

    def answer(request: Request) -> list[Step]:
        body: dict[str, Any] = request.json
        if "prompt" not in body:
            return a_400("you must provide a prompt", "prompt")
        tokens = 9 + (21 if heeds and body.get("suffix") else 0)
        return reply(
            200,
            {
                "object": "text_completion",
                "choices": [{"index": 0, "text": "f", "finish_reason": "length"}],
                "usage": {"prompt_tokens": tokens, "completion_tokens": 1},
            },
        )

    return answer


def openai_like(*, prefix: str = "/v1", heeds: bool = False) -> dict[str, Any]:
    """The routes of a server that follows OpenAI's API, whoever wrote it."""
    return {
        f"GET {prefix}/models": model_list("talker-1", "coder-1", owned_by="acme"),
        f"POST {prefix}/chat/completions": chatting(),
        f"POST {prefix}/completions": completing(heeds=heeds),
    }


def ollama() -> tuple[dict[str, Any], dict[str, Any]]:
    """Ollama 0.12: routes, and how it answers elsewhere."""

    def show(request: Request) -> list[Step]:
        coder = "coder" in str(request.json["model"])
        able = ["completion", "tools", *(["insert"] if coder else [])]
        return reply(200, {"capabilities": able, "model_info": {}})

    names = ("llama3.2:3b", "qwen2.5-coder:1.5b-base")
    tags = [
        {"name": name, "model": name, "modified_at": "2026-10-01T10:00:00Z", "size": 1}
        for name in names
    ]
    routes = {
        "GET /api/version": reply(200, {"version": "0.12.6"}),
        "GET /v1/models": model_list(*names, owned_by="library"),
        "GET /api/tags": reply(200, {"models": tags}),
        "POST /api/show": show,
    }
    page = reply(404, b"404 page not found", {"content-type": "text/plain"})
    return routes, {"otherwise": page}


def llama_cpp(*, infill: bool = True) -> tuple[dict[str, Any], dict[str, Any]]:
    """llama.cpp's server with one model."""
    missing = {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}
    wrong = {"code": 400, "message": '"input_prefix" is required', "type": "invalid_request_error"}
    unable = {
        "code": 501,
        "message": "Infill is not supported by this model",
        "type": "not_supported_error",
    }
    server = {"server": "llama.cpp"}
    listed = model_list("qwen2.5-coder-1.5b-q8_0.gguf", owned_by="llamacpp", meta={"n_ctx": 8192})
    routes = {
        "GET /v1/models": listed,
        "GET /models": listed,
        "GET /props": reply(200, {"default_generation_settings": {"n_ctx": 8192}}, server),
        "POST /infill": reply(400, {"error": wrong}) if infill else reply(501, {"error": unable}),
        "POST /v1/chat/completions": chatting(),
    }
    return routes, {"otherwise": reply(404, missing, server)}


def lmstudio() -> tuple[dict[str, Any], dict[str, Any]]:
    """LM Studio 0.4, which answers 200 wherever it has nothing."""
    names = ("qwen2.5-coder-7b-instruct", "text-embedding-nomic-embed-text-v1.5")
    native: list[dict[str, object]] = [
        {"type": "llm", "key": name, "loaded_instances": []} for name in names
    ]
    routes = {
        "GET /api/v1/models": reply(200, {"models": native}),
        "GET /v1/models": model_list(*names, owned_by="organization_owner"),
    }
    nothing = {"error": "Unexpected endpoint or method. (GET /x)"}
    return routes, {"otherwise": reply(200, nothing)}


def vllm() -> tuple[dict[str, Any], dict[str, Any]]:
    """vLLM."""
    name = "Qwen/Qwen2.5-Coder-7B"
    return {"GET /v1/models": model_list(name, owned_by="vllm", max_model_len=32768)}, {}


def mlx() -> tuple[dict[str, Any], dict[str, Any]]:
    """mlx-lm's server, made of Python's http.server."""
    name = "mlx-community/Qwen2.5-Coder-7B-4bit"
    entries = [{"id": name, "object": "model", "created": 1730000000}]
    by = {"server": "BaseHTTP/0.6 Python/3.12.4"}
    routes = {"GET /v1/models": reply(200, {"object": "list", "data": entries}, by)}
    return routes, {"otherwise": reply(404, b"Not Found", {**by, "content-type": "text/plain"})}


def apfel() -> tuple[dict[str, Any], dict[str, Any]]:
    """apfel, at the port that Ollama has."""
    listed = model_list("apple-foundationmodel", owned_by="apple", context_window=4096)
    return {"GET /v1/models": listed}, {}


def litellm() -> tuple[dict[str, Any], dict[str, Any]]:
    """A LiteLLM proxy."""
    by = {"x-litellm-version": "1.94.1"}
    entries = [{"id": "team-gpt", "object": "model", "owned_by": "openai"}]
    routes = {
        "GET /v1/models": reply(200, {"object": "list", "data": entries}, by),
        "POST /v1/chat/completions": chatting(),
        "POST /v1/completions": completing(heeds=True),
    }
    return routes, {}


def anthropic_like() -> tuple[dict[str, Any], dict[str, Any]]:
    """A server that follows Anthropic's API, without a list of models."""

    def messages(request: Request) -> list[Step]:
        if "model" not in request.json:
            return anthropic_error(400, "invalid_request_error", "model: Field required")
        return reply(
            200,
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "ok"}],
                "stop_reason": "max_tokens",
                "usage": {"input_tokens": 9, "output_tokens": 1},
            },
        )

    missing = anthropic_error(404, "not_found_error", "Not found")
    refusal = anthropic_error(401, "authentication_error", "x-api-key header is required")
    return {"POST /v1/messages": messages}, {"otherwise": missing, "refusal": refusal}


def anthropic_error(status: int, kind: str, message: str) -> list[Step]:
    """Anthropic's refusal."""
    return reply(status, {"type": "error", "error": {"type": kind, "message": message}})


def plain_openai(**options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A server that is known by nothing but what it speaks."""
    return openai_like(**options), {}


KINDS: dict[str, Callable[..., tuple[dict[str, Any], dict[str, Any]]]] = {
    "ollama": ollama,
    "llama.cpp": llama_cpp,
    "lmstudio": lmstudio,
    "vllm": vllm,
    "mlx-lm": mlx,
    "apfel": apfel,
    "litellm": litellm,
    "anthropic": anthropic_like,
    "openai": plain_openai,
}


@pytest.fixture
async def serving() -> AsyncGenerator[Callable[..., Awaitable[Routed]]]:
    """Starts a server of a kind, or with routes of one's own; options as for Routed."""
    async with AsyncExitStack() as running:

        async def start(what: str | Mapping[str, Any], **options: Any) -> Routed:
            made = {
                name: options.pop(name) for name in ("prefix", "heeds", "infill") if name in options
            }
            routes, usual = KINDS[what](**made) if isinstance(what, str) else (what, {})
            return await running.enter_async_context(Routed(routes, **{**usual, **options}))

        yield start


@pytest.fixture
def endpoints() -> dict[str, Any]:
    """Answers to make routes of, by name."""
    return {"models": model_list, "chat": chatting, "completions": completing, "reply": reply}
