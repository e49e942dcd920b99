"""What a server is told to be by its answers, and the row that they make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polypilot_providers import failures
from polypilot_providers.answer import Answer
from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.catalog import ProviderRow, rows
from polypilot_providers.detect import (
    Kind,
    exists,
    is_list,
    is_page,
    model_id,
    models,
    place,
    recognise,
    speaks,
    writers,
)
from polypilot_providers.detect_row import (
    CATALOG,
    Found,
    Question,
    fill,
    heeds_suffix,
    inserts,
    lacks_infill,
    took,
)
from polypilot_providers.errors import AuthError, ConfigurationError, NetworkError
from polypilot_providers.families import family
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot_providers.http import HttpClient

PEER = failures.Peer("box", "host")
NOTHING = Answer(404, {}, b'{"detail":"Not Found"}')
MARKS = {"version": NOTHING, "props": NOTHING, "lmstudio": NOTHING}
LIMITS = Limits(5, 5, 5, 5)


def ok(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(200, headers or {}, json.dumps(value).encode())


def no(status: int, value: object) -> Answer:
    body = json.dumps(value).encode()
    return Answer(status, {}, body, failures.from_status(status, {}, body, PEER))


def listed(*names: str, **more: object) -> Answer:
    entries = [{"id": name, "object": "model", **more} for name in names]
    return ok({"object": "list", "data": entries})


def openai_error(message: str, param: str | None = None) -> Answer:
    return no(400, {"error": {"message": message, "type": "invalid_request_error", "param": param}})


# --- the answer itself -----------------------------------------------------------


async def test_an_answer_is_taken_whole_and_a_refusal_too(http: HttpClient) -> None:
    async with ScriptedServer(reply(200, {"a": 1}), reply(401, {"error": "no"})) as server:
        call = Call("box", Origin.parse(server.url), "/x", needs_key=False)
        first = await http.ask(call, LIMITS)
        assert (first.status, first.ok, first.json, first.error) == (200, True, {"a": 1}, None)
        assert first.headers["Content-Type"] == "application/json"
        second = await http.ask(call, LIMITS)
        assert (second.status, second.ok, second.json) == (401, False, {"error": "no"})
        assert isinstance(second.error, AuthError)
        assert "no" in repr(second.error.message)
        assert server.requests[0].method == "GET"


async def test_a_redirect_and_an_absent_server_are_errors(http: HttpClient) -> None:
    async with ScriptedServer(reply(302, b"", {"location": "https://b.example/"})) as server:
        call = Call("box", Origin.parse(server.url), "/x", needs_key=False)
        with pytest.raises(ConfigurationError, match=r"b\.example"):
            await http.ask(call, LIMITS)
    with pytest.raises(NetworkError):
        await http.ask(call, LIMITS)


def test_what_is_not_json_has_no_value() -> None:
    assert Answer(200, {}, b"<html>").json is None
    assert Answer().ok is False


# --- where to look ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "root", "bases"),
    [
        ("", "", ("", "/v1")),
        ("/", "", ("", "/v1")),
        ("/v1", "", ("/v1", "")),
        ("/v1/", "", ("/v1", "")),
        ("/api/v1/chat/completions", "/api", ("/api/v1", "/api")),
        ("/api/anthropic/v1/messages", "/api/anthropic", ("/api/anthropic/v1", "/api/anthropic")),
        ("/v1beta", "", ("/v1beta", "")),
        ("/api/tags", "", ("", "/v1")),
        ("/openai", "/openai", ("/openai", "/openai/v1")),
    ],
)
def test_an_address_as_people_paste_it(path: str, root: str, bases: tuple[str, str]) -> None:
    found = place(path)
    assert (found.root, found.bases) == (root, bases)


# --- what it is ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "answer", "marks"),
    [
        (Kind.OLLAMA, listed("a", owned_by="library"), {"version": ok({"version": "0.12.6"})}),
        (Kind.LLAMA_CPP, listed("a", owned_by="llamacpp"), {}),
        (Kind.LLAMA_CPP, no(401, {"error": {}}), {"props": ok({"default_generation_settings": 1})}),
        (Kind.LLAMA_CPP, Answer(401, {"server": "llama.cpp"}, b"{}"), {}),
        (Kind.LMSTUDIO, listed("a"), {"lmstudio": ok({"models": [{"key": "a"}]})}),
        (Kind.VLLM, listed("a", owned_by="vllm"), {}),
        (Kind.VLLM, listed("a", max_model_len=4096), {}),
        (Kind.APPLE, listed("a", owned_by="Apple"), {"version": ok({"version": "1"})}),
        (Kind.LITELLM, listed("a", owned_by="openai"), {"props": Answer(404, {"X-LiteLLM-X": ""})}),
        (Kind.GEMINI, no(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}), {}),
        (
            Kind.GEMINI,
            ok({"models": [{"name": "models/g", "supportedGenerationMethods": ["a"]}]}),
            {},
        ),
        (Kind.ANTHROPIC, no(401, {"type": "error", "error": {"type": "authentication_error"}}), {}),
        (Kind.ANTHROPIC, ok({"data": [{"type": "model", "id": "c"}], "has_more": False}), {}),
        (Kind.MLX, ok({"data": [{"id": "a"}]}, {"server": "BaseHTTP/0.6 Python/3.12"}), {}),
        (Kind.OPENAI, listed(), {}),
        (Kind.OPENAI, listed("a"), {"lmstudio": ok({"models": [{"id": "x"}]})}),
        (Kind.OPENAI, no(401, {"error": {"message": "no key"}}), {}),
        (Kind.OPENAI, ok([{"id": "bare"}]), {}),
        (None, NOTHING, {}),
        (None, ok({"error": "Unexpected endpoint"}), {}),
        (None, Answer(200, {}, b"<html>"), {"version": ok({"version": 3})}),
        (None, Answer(), {}),
    ],
)
def test_servers_are_told_apart(
    kind: Kind | None, answer: Answer, marks: dict[str, Answer]
) -> None:
    assert recognise(answer, MARKS | marks) is kind


def test_models_are_named_as_they_are_asked_for() -> None:
    entries = models(
        ok({"models": [{"model": "a:1", "name": "A"}, {"key": "k"}, {"name": "models/g"}, {}, 3]})
    )
    assert [model_id(entry) for entry in entries] == ["a:1", "k", "g"]
    assert models(no(400, {"data": [{"id": "x"}]})) == []
    assert is_list(listed())
    assert not is_list(no(400, {"data": []}))


def test_an_api_speaks_and_a_page_does_not() -> None:
    assert speaks(listed("a"))
    assert speaks(no(422, {"detail": []}))
    assert not speaks(NOTHING)
    assert not speaks(Answer(401, {}, b"Unauthorized"))
    assert is_page(Answer(200, {}, b"  <!DOCTYPE html><p>"))
    assert is_page(Answer(200, {"content-type": "text/html; charset=utf-8"}, b"Hi"))
    assert not is_page(listed("a"))


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (NOTHING, False),
        (no(405, {"detail": "Method Not Allowed"}), False),
        (no(404, {"error": {"message": "File Not Found", "type": "not_found_error"}}), False),
        (no(404, {"error": {"message": "model is gone", "type": "not_found_error"}}), True),
        (openai_error("Missing required parameter: 'messages'"), True),
        (no(401, {"error": "x"}), True),
        (Answer(403, {}, b"<html>blocked"), False),
        (ok({"choices": []}), True),
        (Answer(200, {}, b"<!doctype html>"), False),
        (no(500, {}), None),
        (Answer(), None),
    ],
)
def test_an_endpoint_is_there_if_it_minds_an_empty_request(
    answer: Answer, *, there: bool | None
) -> None:
    assert exists(answer) is there


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Qwen/Qwen2.5-Coder-7B", "qwen"),
        ("qwen3-coder:30b", "qwen"),
        ("mistralai/Codestral-22B-v0.1", "codestral"),
        ("deepseek-coder-v2-lite", "deepseek"),
        ("deepseek-chat", ""),
        ("bigcode/starcoder2-3b", "starcoder"),
        ("stable-code-3b", "starcoder"),
        ("CodeLlama-7b-hf", "codellama"),
        ("codegemma:2b", "codegemma"),
        ("granite-4.0-h-small", "granite"),
        ("granite-3.3-8b", "granite3"),
        ("granite_code:8b", "granite3"),
        ("seed-coder-8b-base", "seed-coder"),
        ("codegeex4-all-9b", "codegeex4"),
        ("llama3.2", ""),
    ],
)
def test_a_name_speaks_for_a_family(name: str, wanted: str) -> None:
    assert family(name) == wanted


def test_models_that_write_nothing_are_left_out() -> None:
    assert writers(["a", "text-embedding-3", "whisper-1", "b"]) == ["a", "b"]


# --- what it takes ---------------------------------------------------------------


def test_a_question_is_changed_as_the_refusal_says() -> None:
    first = Question("openai-chat", "m")
    assert first.path == "/chat/completions"
    assert first.body()["max_tokens"] == 1
    renamed = first.after(openai_error("Unsupported parameter: 'max_tokens'", "max_tokens"))
    assert renamed is not None
    assert "max_completion_tokens" in renamed.body()
    bare = renamed.after(openai_error("unknown field", "stream_options"))
    assert bare is not None
    assert "stream_options" not in bare.body()
    assert bare.after(openai_error("unknown field", "stream_options")) is None
    assert first.after(openai_error("no", "temperature")) is None
    assert first.after(listed("a")) is None
    enough = openai_error("Could not finish, max_tokens or model output limit was reached")
    assert renamed.after(enough) is None
    assert took(enough)


def test_the_other_wires_are_asked_in_their_own_words() -> None:
    responses, messages = (
        Question("openai-responses", "m"),
        Question("anthropic-messages", "m"),
    )
    assert (responses.path, messages.path) == ("/responses", "/messages")
    assert responses.body()["store"] is False
    assert messages.body()["max_tokens"] == 1
    assert "stream" not in messages.body()
    assert messages.after(openai_error("no", "max_tokens")) is None


def test_an_answer_counts_if_it_holds_one() -> None:
    assert took(ok({"choices": []}))
    assert took(ok({"content": []}))
    assert not took(ok({"error": "x"}))
    assert not took(no(401, {"choices": []}))


def test_a_suffix_is_heeded_if_the_prompt_is_longer_with_it() -> None:
    def counted(tokens: int | None) -> Answer:
        return ok({"choices": [], "usage": {"prompt_tokens": tokens}})

    assert "suffix" in fill("m", suffix=True)
    assert "suffix" not in fill("m", suffix=False)
    assert heeds_suffix(counted(9), counted(30)) is True
    assert heeds_suffix(counted(9), counted(9)) is False
    assert heeds_suffix(counted(None), counted(9)) is None
    assert heeds_suffix(counted(9), counted(None)) is None
    assert heeds_suffix(counted(9), openai_error("suffix is not currently supported")) is False
    assert heeds_suffix(counted(9), Answer()) is None


def test_what_local_servers_say_of_their_models() -> None:
    assert inserts(ok({"capabilities": ["completion", "insert"]}))
    assert not inserts(ok({}))
    assert lacks_infill(no(501, {}))
    assert lacks_infill(no(400, {"error": {"type": "not_supported_error"}}))
    assert not lacks_infill(no(400, {"error": {"type": "invalid_request_error"}}))


# --- the row ---------------------------------------------------------------------


def found(kind: Kind, *names: str, url: str = "http://127.0.0.1:8080", **more: object) -> Found:
    path = url.split("/", 3)[3] if url.count("/") > 2 else ""
    where = place(f"/{path}")
    made = Found(Origin.parse(url), where, kind, where.bases[0], list(names))
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_the_wire_is_the_servers_own_or_one_that_answers() -> None:
    assert found(Kind.OLLAMA).wire == "ollama"
    assert found(Kind.OLLAMA, given_wire="openai-chat").wire == "openai-chat"
    assert found(Kind.OPENAI).wire == "openai-chat"
    only = {"chat": False, "responses": True}
    assert found(Kind.OPENAI, endpoints=only).wire == "openai-responses"
    only = {"chat": False, "responses": False, "messages": True}
    assert found(Kind.OPENAI, endpoints=only).wire == "anthropic-messages"
    assert found(Kind.OPENAI, endpoints={"chat": False}).wire == "openai-chat"


def test_models_are_chosen_where_there_is_little_doubt() -> None:
    coder = "qwen2.5-coder-1.5b-base"
    few = found(Kind.OPENAI, coder, "talker", "text-embedding-3")
    assert (few.chat_model, few.completion_model) == ("talker", coder)
    assert found(Kind.OPENAI, coder).chat_model == coder
    many = found(Kind.OPENAI, *(f"m{i}" for i in range(9)))
    assert (many.chat_model, many.completion_model) == ("", "")
    assert "m0" in found(Kind.VLLM, *many.names).chat_model
    many.given_model = "mine"
    assert (many.chat_model, many.completion_model) == ("mine", "mine")
    many.given_model = coder
    assert many.completion_model == coder
    assert found(Kind.OPENAI).chat_model == ""


@pytest.mark.parametrize(
    ("wanted", "server"),
    [
        ("ollama-generate", found(Kind.OLLAMA, "c", inserts=["c"])),
        ("template:starcoder", found(Kind.OLLAMA, "starcoder2:3b")),
        ("llama-infill", found(Kind.LLAMA_CPP, "m")),
        ("template:qwen", found(Kind.LLAMA_CPP, "qwen2.5-coder", infill=False)),
        ("chat", found(Kind.LLAMA_CPP, "m", infill=False)),
        ("template:qwen", found(Kind.LMSTUDIO, "qwen2.5-coder")),
        ("chat", found(Kind.VLLM, "m")),
        ("chat", found(Kind.APPLE, "codegemma")),
        ("chat", found(Kind.ANTHROPIC, "codegemma")),
        ("chat", found(Kind.GEMINI, "g")),
        ("mistral-fim", found(Kind.OPENAI, "m", fim=True)),
        ("openai-completions", found(Kind.OPENAI, "m", suffix=True)),
        ("template:qwen", found(Kind.OPENAI, "qwen2.5-coder", endpoints={"completions": True})),
        ("chat", found(Kind.OPENAI, "qwen2.5-coder", endpoints={"completions": False})),
    ],
)
def test_the_best_way_to_complete_is_taken(wanted: str, server: Found) -> None:
    assert server.completion == wanted


@pytest.mark.parametrize(
    ("kind", "url", "wanted"),
    [
        (Kind.OLLAMA, "http://127.0.0.1:1/v1", "http://127.0.0.1:1"),
        (Kind.ANTHROPIC, "https://a.example/api/v1", "https://a.example/api"),
        (Kind.GEMINI, "https://g.example", "https://g.example/v1beta"),
        (Kind.GEMINI, "https://g.example/v1", "https://g.example/v1"),
        (Kind.OPENAI, "https://o.example/v1", "https://o.example/v1"),
    ],
)
def test_the_address_is_where_the_wires_paths_begin(kind: Kind, url: str, wanted: str) -> None:
    assert found(kind, url=url).base_url == wanted


def test_a_row_has_only_what_differs_from_a_new_one() -> None:
    assert found(Kind.OPENAI, url="https://o.example").fields() == {
        "wire": "openai-chat",
        "base_url": "https://o.example",
    }
    asked = Question("openai-chat", "m", "max_completion_tokens", stream_usage=False)
    fields = found(Kind.OPENAI, "m", question=asked, auth_header="api-key").fields()
    assert fields["max_tokens_field"] == "max_completion_tokens"
    assert fields["stream_usage"] is False
    assert fields["auth_header"] == "api-key"
    assert found(Kind.VLLM, "m").fields()["effort_field"] == "reasoning_effort"
    assert "free" not in found(Kind.VLLM, "m", url="https://v.example").fields()
    assert found(Kind.APPLE, "m").fields()["prompt_tokens"] == 2500
    assert found(Kind.LITELLM, "m").fields()["forwards"] is True


def test_what_is_not_known_is_said() -> None:
    assert found(Kind.OLLAMA, "m").unknown() == []
    (which, whether) = found(Kind.OPENAI).unknown()
    assert "which models" in which
    assert "whether a model answers" in whether
    asked = Question("openai-chat", "m")
    many = found(Kind.OPENAI, *(f"m{i}" for i in range(9)), question=asked)
    assert "which of its models" in many.unknown()[0]
    guess = found(Kind.OPENAI, "m", question=asked, endpoints={"completions": True})
    assert "between prefix and suffix" in guess.unknown()[0]
    guess.suffix = False
    assert guess.unknown() == []


@pytest.mark.parametrize("kind", list(CATALOG))
def test_a_server_of_a_known_kind_is_treated_as_the_catalogs(kind: Kind) -> None:
    made = found(kind, "m").fields()
    row = ProviderRow.model_validate({"id": "mine", **made})
    like = rows({})[CATALOG[kind][0]]
    for name in ("effort_field", "prompt_tokens", "stop_limit"):
        assert getattr(row, name) == getattr(like, name)
