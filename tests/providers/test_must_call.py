"""That an answer has to be a tool's call, as each wire says it."""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.errors import ProviderError
from polypilot_providers.testing import ScriptedServer, reply
from polypilot_providers.types import ChatRequest, Tool, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.base import Provider

TOOLS = (Tool("f", "does f"),)


async def sent(made: Callable[[str], Provider], **fields: Any) -> dict[str, Any]:
    """The first body that a supplier gets, whatever it answers."""
    async with ScriptedServer(reply(401, {})) as server:
        request = ChatRequest("m", (user("hi"),), **fields)
        with suppress(ProviderError):
            async with aclosing(made(server.url).chat(request)) as events:
                async for _ in events:
                    pass
        return server.requests[0].json


WIRES = [
    ("openai-chat", "tool_choice", "required"),
    ("openai-responses", "tool_choice", "required"),
    ("anthropic-messages", "tool_choice", {"type": "any"}),
    ("gemini", "toolConfig", {"functionCallingConfig": {"mode": "ANY"}}),
]


@pytest.mark.parametrize(("wire", "field", "value"), WIRES)
async def test_a_call_can_be_demanded(
    provider: Callable[..., Provider], wire: str, field: str, value: object
) -> None:
    def made(url: str) -> Provider:
        return provider(wire=wire, base_url=f"{url}/v1")

    assert (await sent(made, tools=TOOLS, must_call=True))[field] == value
    assert field not in await sent(made, tools=TOOLS)
    assert field not in await sent(made, must_call=True)  # there is nothing to call


async def test_a_claude_that_reasons_is_not_forced(provider: Callable[..., Provider]) -> None:
    models = [{"id": "m", "thinking": "always", "thinking_budget": True, "max_output_tokens": 9000}]

    def made(url: str) -> Provider:
        return provider(wire="anthropic-messages", base_url=f"{url}/v1", models=models)

    body = await sent(made, tools=TOOLS, must_call=True, effort="high")
    assert body["thinking"]["type"] == "enabled"
    assert "tool_choice" not in body
