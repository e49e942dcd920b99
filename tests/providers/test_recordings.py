"""Recorded answers of real suppliers, where a folder of them is at hand.

POLYPILOT_RECORDINGS names the folder; else ``shared/recordings`` beside the repository is
taken. It is not part of the project: without it there is nothing here to run.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from polypilot_providers.errors import ProviderError
from polypilot_providers.failures import Peer
from polypilot_providers.testing import read
from polypilot_providers.types import (
    Event,
    Stop,
    StopReason,
    TextDelta,
    ThoughtDelta,
    ToolCall,
    Usage,
)
from polypilot_providers.wires.anthropic_stream import AnthropicParser
from polypilot_providers.wires.bedrock_invoke_stream import InvokeParser
from polypilot_providers.wires.bedrock_stream import ConverseParser
from polypilot_providers.wires.gemini_stream import GeminiParser
from polypilot_providers.wires.openai_chat import OpenAIParser
from polypilot_providers.wires.responses_stream import ResponsesParser

if TYPE_CHECKING:
    from polypilot_providers.wires.shared import WireParser

FOLDER = Path(
    os.environ.get("POLYPILOT_RECORDINGS")
    or Path(__file__).parents[2] / ".." / "shared" / "recordings"
)


def wire(endpoint: str) -> type[WireParser] | None:
    if endpoint.endswith(("/completions", "/chat/completions")):
        return OpenAIParser
    if endpoint.endswith("/responses"):
        return ResponsesParser
    if endpoint.endswith(":streamGenerateContent"):
        return GeminiParser
    if endpoint.endswith("/converse-stream"):
        return ConverseParser
    if endpoint.endswith("/invoke-with-response-stream"):
        return InvokeParser
    return AnthropicParser if endpoint.endswith(("/messages", ":streamRawPredict")) else None


def recordings() -> list[Path]:
    found: list[Path] = []
    for path in sorted([*FOLDER.glob("*/*.sse"), *FOLDER.glob("*/*.eventstream")]):
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if facts["status"] == 200 and wire(facts["endpoint"].partition("?")[0]):
            found.append(path)
    return found


RECORDINGS = recordings()
PEER = Peer("recorded", "host")


def merged(events: list[Event]) -> tuple[str, str, list[ToolCall]]:
    return (
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ThoughtDelta)),
        [event for event in events if isinstance(event, ToolCall)],
    )


# Defined only where there is something to run on: an empty parameter set would be a skip.
if RECORDINGS:
    each = pytest.mark.parametrize(
        "path", RECORDINGS, ids=lambda path: f"{path.parent.name}-{path.stem}"
    )

    @each
    def test_recording(path: Path) -> None:
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        data, features = path.read_bytes(), str(facts["features"])
        make = wire(facts["endpoint"].partition("?")[0])
        assert make is not None
        try:
            events = read(make(PEER), data)
        except ProviderError:
            assert "error" in features
            return
        text, thought, calls = merged(events)
        assert text or thought or calls
        assert isinstance(events[-1], Stop)
        assert sum(isinstance(event, Stop) for event in events) == 1
        if features != "-":  # of these nobody has said what they hold
            assert ("tools" in features) == bool(calls)
        assert (events[-1].reason is StopReason.TOOL_CALLS) == bool(calls)
        for call in calls:
            assert call.id
            assert call.name
            assert isinstance(json.loads(call.arguments), dict)
        if "reasoning" in features:
            assert thought
        if "usage" in features:
            usage = events[-2]
            assert isinstance(usage, Usage)
            assert usage.input_tokens
            assert usage.output_tokens
            assert (usage.reasoning_tokens or 0) <= usage.output_tokens
        # Nothing came that we know no meaning for, and however the bytes are cut.
        parser = make(PEER)
        assert read(parser, *(data[at : at + 1] for at in range(len(data)))) == events
        assert not parser.unknown

    @each
    def test_recording_cut_short(path: Path) -> None:
        """What came before the break stands, and a break is never taken for an end."""
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        data = path.read_bytes()
        make = cast("type[WireParser]", wire(facts["endpoint"].partition("?")[0]))
        for size in range(0, len(data), max(1, len(data) // 40)):
            parser = make(PEER)
            try:
                list(parser.feed(data[:size]))
                closing = list(parser.close())
            except ProviderError:
                continue
            assert parser.complete
            assert isinstance(closing[-1], Stop)
