"""One conversation over five suppliers, with tools and reasoning in its history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from suppliers_support import (
    PROOFS,
    StrictServer,
    chat,
    deepseek_rule,
    gemini,
    gemini_rule,
    messages,
    messages_rule,
    responses,
    responses_rule,
    template_rule,
)
from tool_support import Box, Echo

from polypilot import paths
from polypilot.backend import Backend
from polypilot.chat import events
from polypilot.chat.values import Question

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("the test writes a settings file")

SUPPLIERS: dict[str, tuple[str, Callable[..., list[Step]], Callable[..., str], str]] = {
    "responses": ("openai-responses", responses, responses_rule, ""),
    "anthropic": ("anthropic-messages", messages, messages_rule, ""),
    "google": ("gemini", gemini, gemini_rule, ""),
    "deep": ("openai-chat", chat, deepseek_rule, "reasoning_back = true\n"),
    "local": ("llama-cpp", chat, template_rule, ""),
}
ORDERS = [
    ("responses", "anthropic", "google", "deep", "local"),
    ("local", "deep", "google", "anthropic", "responses"),
    ("google", "responses", "local", "anthropic", "deep", "google"),
    ("anthropic", "anthropic", "deep", "deep", "responses", "google", "anthropic"),
]


@pytest.fixture
async def backend() -> AsyncGenerator[Callable[[dict[str, str]], Backend]]:
    made: list[Backend] = []

    def open_(urls: dict[str, str]) -> Backend:
        text = '[chat]\nprovider = "responses"\nmodel = "m"\n'
        for name, (wire, _, _, more) in SUPPLIERS.items():
            text += f'\n[providers.{name}]\nwire = "{wire}"\nauth = "none"\n'
            text += f'base_url = "{urls[name]}/v1"\n{more}'
            if name == "local":
                text += '[[providers.local.models]]\nid = "m"\ntools = false\n'
        file = paths.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        backend = Backend.open(env={})
        backend.board.settle()
        made.append(backend)
        return backend

    yield open_
    for each in made:
        await each.aclose()


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_a_conversation_goes_on_with_any_supplier(
    order: tuple[str, ...], backend: Callable[[dict[str, str]], Backend]
):
    servers = {
        name: StrictServer(rule, say("unused")) for name, (_, say, rule, _) in SUPPLIERS.items()
    }
    for server in servers.values():
        await server.__aenter__()
    try:
        opened = backend({name: server.url for name, server in servers.items()})
        opened.chat._sender._parts.tools = Box((Echo(opened.gate, name="look"),))  # pyright: ignore[reportPrivateUsage]
        session: str | None = None
        for number, name in enumerate(order):
            _, say, _, _ = SUPPLIERS[name]
            calls = name != "local"
            if calls:
                first = say(f"look {number}.", call=f"call_{number}")
                servers[name].play(first, say(f"answer {number}."))
            else:
                servers[name].play(say(f"answer {number}."))
            question = Question(f"question {number}?", session_id=session, provider=name, model="m")
            found = [event async for event in opened.chat.send(question)]
            refused = [(each, server.refused) for each, server in servers.items() if server.refused]
            assert refused == []
            (end,) = [event for event in found if isinstance(event, events.End)]
            assert end.error is None
            assert end.text.endswith(f"answer {number}.")
            updates = [each for each in found if isinstance(each, events.ToolUpdate)]
            assert bool(updates) == calls
            session = end.session_id
            sent = json.dumps(servers[name].requests[-1].json)
            for before in range(number):
                assert f"question {before}?" in sent
                assert f"answer {before}." in sent
            foreign = {proof for wire, proof in PROOFS.items() if wire != SUPPLIERS[name][0]}
            assert not [proof for proof in foreign if proof in sent]
    finally:
        for server in servers.values():
            await server.__aexit__(None, None, None)


def test_the_rules_can_refuse():
    """A rule that lets everything pass would show nothing."""
    call = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "a", "output": "x"}
    assert responses_rule({"input": [call]})
    assert responses_rule({"input": [output]})
    assert responses_rule({"input": [{"type": "reasoning", "encrypted_content": "x"}]})
    assert not responses_rule({"input": [call, output]})
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look"}]}
    ask = {"role": "user", "content": "x"}
    tools = [{"name": "look"}]
    assert messages_rule({"messages": [ask, use, ask], "tools": tools})
    assert messages_rule({"messages": [ask, use]})
    assert messages_rule({"messages": [use]})
    thought = {"type": "thinking", "thinking": "hm", "signature": "other"}
    assert messages_rule({"messages": [ask, {"role": "assistant", "content": [thought]}]})
    made = {"role": "model", "parts": [{"functionCall": {"name": "look"}}]}
    assert gemini_rule({"contents": [made, {"role": "user", "parts": [{"text": "x"}]}]})
    assert gemini_rule({"contents": [made]})
    assert gemini_rule({"contents": [{"role": "model", "parts": []}]})
    called = {"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}
    asked = {"role": "user", "content": "x"}
    said = {"role": "tool", "tool_call_id": "a", "content": "x"}
    assert deepseek_rule({"messages": [asked, called]})
    assert deepseek_rule({"messages": [asked, said]})
    assert deepseek_rule({"messages": [asked, called, said]}), "without its reasoning"
    assert not deepseek_rule({"messages": [asked, called | {"reasoning_content": "hm"}, said]})
    assert template_rule({"messages": [asked, asked]})
    assert template_rule({"messages": [asked], "tools": tools})
    assert not template_rule({"messages": [{"role": "system", "content": "s"}, asked]})
