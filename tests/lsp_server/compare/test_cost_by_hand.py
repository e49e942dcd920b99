"""What a reply cost, of five suppliers, against sums done by hand.

Each answer is the supplier's own form, sent over HTTP and asked through the editor's path. The
prices beside the sums are those of the price list, US dollars for a million tokens, and are
checked against it first: where it changes, the sums are to be done anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from oracle_support import chat_task, write_tree

from polypilot import paths
from polypilot.backend.pricing import Tariff
from polypilot.compare.asking import ask
from polypilot.compare.desk import Desk
from polypilot.compare.targets import Target
from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

pytestmark = pytest.mark.allow_blocking("backends read settings files when they are opened")

ROW = """
[providers.team]
wire = "{wire}"
base_url = "{url}"
auth = "none"
prices = "{prices}"
"""


@dataclass(frozen=True)
class Case:
    """One supplier's answer, and what is to be kept of it."""

    wire: str
    prices: str
    """The supplier's name in the price list."""
    model: str
    events: Sequence[Mapping[str, object]]
    tariff: Tariff
    tokens: tuple[int, int, int | None, int | None]
    """Input, output, cached ones of the input, reasoning of the output."""
    dollars: str
    off_peak: tuple[Tariff, str] | None = None
    """Its other prices and sum, where the hour decides which of the two hold."""


MESSAGE: dict[str, object] = {
    "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "It sums.", "annotations": []}]}  # fmt: skip
OPENAI = Case(
    "openai-responses", "openai", "gpt-5-mini",
    [
        {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5-mini",
                                                  "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0,
         "item": {**MESSAGE, "status": "in_progress", "content": []}},
        {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0,
         "content_index": 0, "delta": "It sums."},
        {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
        {"type": "response.completed", "response": {
            "id": "resp_1", "model": "gpt-5-mini", "status": "completed", "output": [MESSAGE],
            "usage": {"input_tokens": 2000, "input_tokens_details": {"cached_tokens": 1024},
                      "output_tokens": 500, "output_tokens_details": {"reasoning_tokens": 320},
                      "total_tokens": 2500}}},
    ],
    Tariff(Decimal("0.25"), Decimal(2), Decimal("0.025")),
    (2000, 500, 1024, 320),
    # 2000 in, of which 1024 cached: 976 x 0.25  =  244
    #                               1024 x 0.025 =   25.6
    # 500 out, 320 of reasoning among them: 500 x 2 = 1000
    #                                        1269.6 millionths
    "0.0012696",
)  # fmt: skip
ANTHROPIC = Case(
    "anthropic-messages", "anthropic", "claude-haiku-4-5",
    [
        {"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
            "content": [], "stop_reason": None, "usage": {
                "input_tokens": 100, "cache_creation_input_tokens": 1500,
                "cache_read_input_tokens": 3000, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "text_delta", "text": "It sums."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": 200}},
        {"type": "message_stop"},
    ],
    Tariff(Decimal(1), Decimal(5), Decimal("0.1"), Decimal("1.25")),
    (4600, 200, 3000, None),
    # The supplier counts the three kinds of input apart; 4600 together.
    # 100 x 1 = 100, written to the cache 1500 x 1.25 = 1875, read 3000 x 0.1 = 300
    # 200 out x 5 = 1000                       together 3275 millionths
    "0.003275",
)  # fmt: skip
GEMINI = Case(
    "gemini", "google", "gemini-2.5-flash",
    [
        {"candidates": [{"content": {"parts": [{"text": "It sums."}], "role": "model"},
                         "index": 0}], "modelVersion": "gemini-2.5-flash"},
        {"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"},
                         "finishReason": "STOP", "index": 0}],
         "usageMetadata": {"promptTokenCount": 3000, "cachedContentTokenCount": 2048,
                           "candidatesTokenCount": 150, "thoughtsTokenCount": 350,
                           "totalTokenCount": 3500},
         "modelVersion": "gemini-2.5-flash"},
    ],
    Tariff(Decimal("0.3"), Decimal("2.5"), Decimal("0.03")),
    (3000, 500, 2048, 350),
    # 3000 in, of which 2048 cached: 952 x 0.3 = 285.6, 2048 x 0.03 = 61.44
    # Thoughts are counted apart, and cost as output: (150 + 350) x 2.5 = 1250
    #                                             together 1597.04 millionths
    "0.00159704",
)  # fmt: skip


def chat(model: str, usage: Mapping[str, object]) -> list[Mapping[str, object]]:
    """An answer over Chat Completions."""
    head = {"id": "c", "object": "chat.completion.chunk", "model": model}
    return [
        {**head, "choices": [{"index": 0, "delta": {"content": "It sums."}}]},
        {**head, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
         "usage": usage},
    ]  # fmt: skip


DEEPSEEK = Case(
    "openai-chat", "deepseek", "deepseek-v4-flash",
    chat("deepseek-v4-flash", {
        "prompt_tokens": 1000, "completion_tokens": 400, "total_tokens": 1400,
        "prompt_cache_hit_tokens": 896, "prompt_cache_miss_tokens": 104,
        "completion_tokens_details": {"reasoning_tokens": 250}}),
    Tariff(Decimal("0.3"), Decimal("1.2"), Decimal("0.006")),
    (1000, 400, 896, 250),
    # 104 missed x 0.3 = 31.2, 896 hit x 0.006 = 5.376, 400 out x 1.2 = 480: 516.576 millionths
    "0.000516576",
    # Outside the peak hours all prices are half as high, and so is the sum.
    (Tariff(Decimal("0.15"), Decimal("0.6"), Decimal("0.003")), "0.000258288"),
)  # fmt: skip
XAI = Case(
    "openai-chat", "x-ai", "grok-4",
    chat("grok-4", {
        "prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 900,
        "prompt_tokens_details": {"cached_tokens": 200},
        "completion_tokens_details": {"reasoning_tokens": 300}}),
    Tariff(Decimal(3), Decimal(15), Decimal("0.75")),
    (500, 400, 200, 300),
    # 300 x 3 = 900, 200 cached x 0.75 = 150. Reasoning is not among the 100 (the total says so):
    # (100 + 300) x 15 = 6000                 together 7050 millionths
    "0.00705",
)  # fmt: skip


@pytest.mark.parametrize(
    "case", [OPENAI, ANTHROPIC, GEMINI, DEEPSEEK, XAI], ids=lambda case: case.prices
)
async def test_a_reply_costs_what_a_sum_by_hand_says(tmp_path: Path, case: Case):
    task = chat_task(1)
    named = case.wire in {"openai-responses", "anthropic-messages"}
    lines = [
        (f"event: {each['type']}\n" if named else "").encode()
        + b"data: " + json.dumps(each).encode() + b"\n\n"
        for each in case.events
    ]  # fmt: skip
    end = [b"data: [DONE]\n\n"] if case.wire == "openai-chat" else []
    async with ScriptedServer(stream(*lines, *end)) as server:
        file = paths.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        row = ROW.format(wire=case.wire, url=f"{server.url}/v1", prices=case.prices)
        file.write_text(row, "utf-8")
        target = Target("team", "team", case.model)
        desk = await Desk.open(target, "product", write_tree(tmp_path, []), env={})
        try:
            listed = await desk.backend.prices.tariffs(desk.backend.row("team"), [case.model])
            answer = (await ask(desk, task)).reply
        finally:
            await desk.aclose()
    tariff = listed[case.model]
    expected, dollars = case.tariff, case.dollars
    if case.off_peak is not None and tariff.input == case.off_peak[0].input:
        expected, dollars = case.off_peak
    assert (tariff.input, tariff.output, tariff.cache_read) == (
        expected.input, expected.output, expected.cache_read
    )  # fmt: skip
    if expected.cache_write is not None:
        assert tariff.cache_write == expected.cache_write
    assert (answer.error, answer.text) == ("", "It sums.")
    assert case.tokens == (
        answer.input_tokens, answer.output_tokens, answer.cached_tokens, answer.reasoning_tokens
    )  # fmt: skip
    assert answer.dollars == Decimal(dollars)
    assert answer.priced_by == "prices"
