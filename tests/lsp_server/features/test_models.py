"""Lists of models and money over the language server's connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

MORE = 'key_env = ["TEAM_KEY"]\nprices = "openai"\n'
LIST = {"object": "list", "data": [{"id": "gpt-5.6-luna", "shutdown_date": "2099-01-01"}]}


async def test_a_list_has_facts_prices_and_its_age(
    editor: Any, settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", "tk-0123456789abcdef")
    async with ScriptedServer(reply(200, json.dumps(LIST).encode())) as server:
        settings(server.url, MORE)
        await editor.start()
        (model,) = await editor.result("polypilot/models", {"provider": "team"})
        assert model["id"] == "gpt-5.6-luna"
        assert model["shutdownDate"] == "2099-01-01"
        assert (model["inputPrice"], model["outputPrice"], model["tiered"]) == ("0.2", "1.2", True)
        assert model["age"] >= 0
        assert "new" not in model
        more = json.dumps({"data": [*LIST["data"], {"id": "newer"}]}).encode()
        server.play(reply(200, more))
        found = await editor.result("polypilot/models", {"provider": "team", "refresh": True})
        assert {each["id"]: each.get("new") for each in found} == {
            "gpt-5.6-luna": None,
            "newer": True,
        }
        server.play(reply(200, json.dumps(LIST).encode()))
        found = await editor.result("polypilot/models", {"provider": "team", "refresh": True})
        assert [each["id"] for each in found] == ["gpt-5.6-luna"], "what is gone is no choice"


async def test_an_answer_and_the_status_say_what_was_spent(
    editor: Any, settings: Callable[..., None]
) -> None:
    events: list[dict[str, object]] = [
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1, "cost": 0.00000036}},
    ]
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    async with ScriptedServer(stream(*lines, b"data: [DONE]\n\n")) as server:
        settings(server.url)
        await editor.start()
        params = {"text": "Hello?", "partialResultToken": "t"}
        result = await editor.result("polypilot/chat/send", params)
        told = {"cost": "0.00000036", "costSource": "supplier", "inputTokens": 9, "outputTokens": 1}
        assert result["usage"] == told
        deltas = [each["value"] for each in editor.all("$/progress")]
        (counted,) = [each for each in deltas if each["kind"] == "usage"]
        assert counted.items() >= told.items()
        status = await editor.result("polypilot/status")
        assert status["spent"] == [
            {
                "provider": "team",
                "requests": 1,
                "inputTokens": 9,
                "outputTokens": 1,
                "cacheReadTokens": 0,
                "cost": "0.00000036",
                "unpriced": 0,
            }
        ]
