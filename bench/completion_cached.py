"""The engine's own cost of a key that is answered from its cache.

    python bench/completion_cached.py [LINES]

Types along a suggestion in a document of LINES lines and prints the time of each part of a key:
the edit, the snapshot, the gate's look at the disk (in a thread of its own), and the answer. The
baseline is the same edit and snapshot alone, in the same run; ``gate`` is the part of the answer
spent on asking which rules apply.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from polypilot.completion.engine import CompletionEngine
from polypilot.completion.staleness import still_agrees
from polypilot.completion.values import SNAPSHOT_AFTER, SNAPSHOT_BEFORE, Ask, Choice, Plan
from polypilot.workspace.documents import Change, DocumentStore, Position
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots
from polypilot_providers.base import COMPLETION_LIMITS, Limits
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.router import Router, Target
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    Event,
    ModelInfo,
    Stop,
    StopReason,
    TextDelta,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SUGGESTION = "compute_the_result(of_something, with_options=True, and_more={'a': 1, 'b': 2})"
ROUNDS = 12
PATIENCE = 0.05


@dataclass(frozen=True)
class _Privacy:
    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


class _Instant:
    """A provider that answers at once, so that only our own time is left."""

    id = "instant"
    local = True

    async def complete(
        self, request: CompletionRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        del request, limits
        yield TextDelta(SUGGESTION)
        yield Stop(StopReason.END)

    def chat(
        self, request: ChatRequest, limits: Limits = COMPLETION_LIMITS
    ) -> AsyncGenerator[Event, None]:
        raise NotImplementedError

    async def models(self) -> list[ModelInfo]:
        return []

    async def aclose(self) -> None:
        return


def show(name: str, seconds: list[float]) -> None:
    p99 = quantiles(seconds, n=100)[98]
    print(f"{name:28} p50 {median(seconds) * 1e3:7.3f} ms   p99 {p99 * 1e3:7.3f} ms")


async def run(lines: int, folder: Path) -> None:
    store = DocumentStore("utf-16")
    gate = Gate(Roots([str(folder)]), _Privacy(), store)
    provider = _Instant()

    async def resolve(_name: str) -> _Instant:
        return provider

    row = ProviderRow(
        id="instant",
        wire="openai-chat",
        completion="openai-completions",
        base_url="http://127.0.0.1:1",
    )
    plan = Plan((Choice(Target("instant", "m"), row, row.model("m")),), COMPLETION_LIMITS)
    engine = CompletionEngine(
        router=Router(resolve), gate=gate, agrees=still_agrees(store), plan=lambda: plan
    )
    text = "".join(f"value_{n} = other_{n} + {n}\n" for n in range(lines))
    base, looks, answers, rules, cold = [[0.0] * 0 for _ in range(5)]
    for number in range(ROUNDS):
        uri = (folder / f"{number}.py").as_uri()
        store.open(uri, "python", 1, text[: len(text) // 2] + "x = \n" + text[len(text) // 2 :])
        line = text[: len(text) // 2].count("\n") + 1
        line -= 0 if text[: len(text) // 2].endswith("\n") else 1
        column = len((text[: len(text) // 2] + "x = ").rpartition("\n")[2])
        for version, char in enumerate(["", *SUGGESTION[:-1]], start=2):
            start = time.perf_counter()
            at = Position(line, column)
            if char:
                store.change(uri, version, [Change(char, at, at)])
                column += 1
            at = Position(line, column)
            snapshot = store.snapshot(uri, at, SNAPSHOT_BEFORE, SNAPSHOT_AFTER)
            assert snapshot is not None
            middle = time.perf_counter()
            await gate.look([uri], PATIENCE)
            looked = time.perf_counter()
            found = await engine.answer(Ask(snapshot, at))
            end = time.perf_counter()
            gate.policy_hash(uri)
            after = time.perf_counter()
            assert found.suggestions, found
            if char:
                base.append(middle - start)
                looks.append(looked - middle)
                answers.append(end - looked)
                rules.append(after - end)
            else:
                cold.append(end - looked)
    print(f"{lines} lines, {len(answers)} keys answered from the cache")
    show("baseline: edit and snapshot", base)
    show("the gate's look at the disk", looks)
    show("answer", answers)
    show("  of it the gate", rules)
    show("whole key", [sum(parts) for parts in zip(base, looks, answers, strict=True)])
    show("cold, instant provider", cold)
    await engine.aclose()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, Path(name).resolve()))
