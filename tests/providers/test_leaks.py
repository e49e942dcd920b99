"""What no error message may repeat, wherever in an answer the error stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.call import Call
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.factory import build
from polypilot_providers.origin import Origin
from polypilot_providers.sanitise import Hidden, clean
from polypilot_providers.testing import ScriptedServer, key_of, outcome, reply, stream
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    ContextFile,
    FilePart,
    Message,
    TextPart,
    ThoughtPart,
    Tool,
    user,
)
from polypilot_providers.wires.asking import own_text

if TYPE_CHECKING:
    from polypilot_providers.http import HttpClient

KEY = "6f1d2c3b-aaaa-bbbb-cccc-0123456789ab"
"""Shaped like no key, so that only those who know it can hide it."""
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ("openai-chat", 'data: {"error":{"message":"bad key %s"}}\n\n'),
        ("openai-responses", 'data: {"type":"error","error":{"message":"bad key %s"}}\n\n'),
        ("anthropic-messages", 'data: {"type":"error","error":{"message":"bad key %s"}}\n\n'),
        ("gemini", 'data: {"error":{"code":500,"message":"bad key %s"}}\n\n'),
        ("ollama", '{"error":"bad key %s"}\n'),
    ],
)
async def test_an_error_in_a_stream_does_not_repeat_the_key(
    wire: str, said: str, http: HttpClient
) -> None:
    made = {"id": "acme", "wire": wire, "base_url": "https://acme.example"}
    async with ScriptedServer(stream((said % KEY).encode())) as server:
        provider = build(ProviderRow.model_validate(made), key_of(KEY), http, base_url=server.url)
        _, error = await outcome(provider.chat(ChatRequest("m", (user("q"),))))
        assert error is not None
        assert "bad key" in error.message
        assert KEY[:8] not in error.message


def test_a_key_that_the_cut_goes_through_is_hidden_whole() -> None:
    code = "x = compute(the_answer_of_everything)\n" * 16
    for length in range(560, 600):
        shown = clean(f"{code[:length]} {KEY}", Hidden((code,), (KEY,)))
        assert KEY[:6] not in shown


def test_a_key_is_hidden_as_addresses_spell_it() -> None:
    hidden = Hidden().also("a/b+c==secretvalue")
    assert clean("token=a%2Fb%2Bc%3D%3Dsecretvalue refused", hidden) == "token=… refused"
    assert clean("a/b+c==secretvalue", hidden) == "…"
    assert Hidden().also(None).keys == ()


@pytest.mark.parametrize("quoted", [json.dumps, repr, str])
def test_code_is_known_however_it_is_quoted(quoted: object) -> None:
    code = "pw = 'hunter2'\nuser = \"é\"\nport = 22\n"
    assert callable(quoted)
    shown = clean(f"invalid input: {quoted(code)}", Hidden((code,)))
    assert "hunter2" not in shown
    assert "invalid input" in shown


async def test_all_that_the_user_attached_is_known(http: HttpClient) -> None:
    made = ProviderRow(id="acme", wire="openai-chat", base_url="https://acme.example")
    parts = (
        TextPart("the question of the user"),
        FilePart("text/plain", "salaries-of-2026.txt", b"Alice earns 120000 a year"),
        FilePart("application/pdf", "merger-with-acme.pdf", b"%PDF"),
    )
    thought = Message("assistant", (ThoughtPart("Alice must be paid well", "sig"),))
    tools = (Tool("lookup_in_the_payroll", "Looks a salary up in the payroll."),)
    request = ChatRequest("m", (Message("user", parts), thought, user("go on")), tools=tools)
    texts = (
        "the question of the user",
        "salaries-of-2026.txt",
        "Alice earns 120000 a year",
        "merger-with-acme.pdf",
        "Alice must be paid well",
        "lookup_in_the_payroll",
        "Looks a salary up in the payroll.",
    )
    for text in texts:
        body = json.dumps({"error": {"message": f"refused because of {text}"}}).encode()
        async with ScriptedServer(reply(400, body)) as server:
            provider = build(made, key_of(KEY), http, base_url=server.url)
            _, error = await outcome(provider.chat(request))
            assert error is not None
            assert "refused because of" in error.message
            assert text not in error.message


async def test_files_beside_a_completion_are_known(http: HttpClient) -> None:
    row = ProviderRow(
        id="acme", wire="openai-chat", completion="prefix", base_url="https://acme.example"
    )
    request = CompletionRequest("m", "x = ", extra=(ContextFile("src/unreleased_product.py", "y"),))
    body = b'{"error":{"message":"no place for src/unreleased_product.py"}}'
    async with ScriptedServer(reply(400, body)) as server:
        _, error = await outcome(
            build(row, key_of(KEY), http, base_url=server.url).complete(request)
        )
        assert error is not None
        assert "unreleased" not in error.message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("kunden/offer_acme.pdf", "offer_acme.pdf"),
        ("a_b_salary_of_joe.smith_q3.pdf", "a b salary of joe smith q3 pdf"),
        ("M\u00fcllers.pdf", "M\\u00fcllers.pdf"),
    ],
)
def test_a_files_name_is_known_however_it_is_written(name: str, said: str) -> None:
    part = FilePart("application/pdf", name, b"%PDF")
    request = ChatRequest("m", (Message("user", (part, TextPart("hi"))),))
    shown = clean(f"no place for {said} here", Hidden(own_text(request)))
    assert said not in shown
    assert "no place for" in shown


def test_a_call_does_not_show_what_it_carries() -> None:
    call = Call(
        "acme",
        Origin.parse("https://acme.example"),
        "/",
        {"messages": "the user's code"},
        headers={"x-team": "the team's name"},
        own_text=("the user's code",),
    )
    assert "code" not in repr(call)
    assert "team" not in repr(call)
