"""A hostile provider, shown by somebody else's chat."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable

ASK = {
    "provider": "team",
    "model": "coder",
    "messages": [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}],
}
NASTY = "no\x1b]0;owned\x07\u202e\x9b2J"


def _chunk(reason: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()


async def test_refusals_and_sources_hold_no_control_characters(
    editor: Any, settings: Callable[..., None]
) -> None:
    source = {"type": "url_citation", "url_citation": {"url": f"https://a/{NASTY}", "title": NASTY}}
    script = stream(
        _chunk(content="x", annotations=[source]),
        _chunk(refusal=NASTY),
        _chunk("stop"),
        b"data: [DONE]\n\n",
    )
    async with ScriptedServer(script) as server:
        settings(server.url)
        await editor.start()
        result = await editor.result("polypilot/lm/respond", {**ASK, "partialResultToken": "t"})
    values = [each["value"] for each in editor.all("$/progress") if each["token"] == "t"]
    assert {"refusal", "citation"} <= {each["kind"] for each in values}
    shown = json.dumps([values, result], ensure_ascii=False)
    for sign in ("\\u001b", "\\u0007", "\x9b", "\u202e"):
        assert sign not in shown
