"""What ``python bench/typing`` does, by its options."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typing_embedded
from typing_naive import Naive, Provider
from typing_oracle import Oracle
from typing_replay import Editor, Figures, Typed, figures, gaps, region_of, replay, sources
from typing_report import Report
from typing_scenes import SCENES, Scene, points
from typing_server import asking, environment, serving
from typing_soak import soak

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from typing_replay import Typist
    from typing_server import Server

OURS, BASELINE = "Polypilot", "no engine"
SCENE_MODULE = "argparse"


@dataclass(frozen=True, slots=True)
class Bench:
    """The options, and what they stand for."""

    options: argparse.Namespace
    report: Report

    def oracle(self, run: int, **more: bool) -> Oracle:
        """An oracle for one replay; both engines' make the same errors."""
        options = self.options
        return Oracle(
            ttft=options.ttft / 1000,
            token=options.token / 1000,
            error_rate=options.error_rate,
            seed=options.seed + run,
            **more,
        )

    def files(self) -> list[tuple[str, str]]:
        """What is typed."""
        return sources(self.options.file)

    async def type(self, typist: Typist, kind: str, run: int, oracle: Oracle | None) -> list[Typed]:
        """Type a piece of each file."""
        options = self.options
        gap = gaps(kind, options.seed + run)
        typed: list[Typed] = []
        for name, truth in self.files():
            if oracle is not None:
                oracle.know(truth)
            region = region_of(name, truth, options.keys, options.where)
            typed.append(await replay(typist, region, gap, accept=options.accept))
        return typed


@contextmanager
def folders() -> Generator[tuple[Path, Path]]:
    """A folder for what a server keeps, and in it one for a workspace."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name).resolve() / "work"
        work.mkdir()
        yield work.parent, work


@asynccontextmanager
async def our_server(config: str) -> AsyncGenerator[tuple[Server, Path]]:
    """A server with these settings, and its workspace folder."""
    with folders() as (folder, work):
        async with serving(work, environment(folder, config)) as server:
            yield server, work


async def typing_rows(bench: Bench, kind: str, run: int) -> None:
    """One replay with us, and one with the baseline."""
    accept = bench.options.accept
    async with bench.oracle(run) as oracle, our_server(asking(oracle)) as (server, work):
        typed = await bench.type(Editor(server, work), kind, run, oracle)
        row = figures(OURS, kind, typed, oracle.served, accept=accept, memory=server.memory())
    bench.report.typed(run, row)
    bench.report.log(OURS, typed, oracle.served)
    if not bench.options.no_baseline:
        async with bench.oracle(run) as oracle:
            typed = await bench.type(Naive(Provider(oracle.port)), kind, run, oracle)
            row = figures(BASELINE, kind, typed, oracle.served, accept=accept)
        bench.report.typed(run, row)
        bench.report.log(BASELINE, typed, oracle.served)


async def embedded_rows(bench: Bench, kind: str, run: int) -> None:
    """The same with the embedded model; what it is asked only its own server counts."""
    options = bench.options
    with folders() as (data, work):
        config = typing_embedded.SETTINGS.format(model=options.model)
        env = environment(data, config)
        async with typing_embedded.embedded(data, options.models, options.model) as provider:
            before = await typing_embedded.counters(provider)
            async with serving(work, env) as server:
                typed = await bench.type(Editor(server, work), kind, run, None)
                row = figures(OURS, kind, typed, (), accept=options.accept, memory=server.memory())
                row.requests = await typing_embedded.requests(server)
            before = await _spend(row, provider, before)
            bench.report.typed(run, row)
            bench.report.log(OURS, typed, ())
            if not options.no_baseline:
                naive = Naive(provider)
                typed = await bench.type(naive, kind, run, None)
                row = figures(BASELINE, kind, typed, (), accept=options.accept)
                row.requests = naive.requests
                await _spend(row, provider, before)
                bench.report.typed(run, row)


async def _spend(row: Figures, provider: Provider, before: dict[str, int]) -> dict[str, int]:
    """Put in what the model's process has done since; what is then not known goes out."""
    now = await typing_embedded.counters(provider)
    row.prompt_tokens = now["prompt_tokens"] - before["prompt_tokens"]
    row.generated_tokens = now["generated_tokens"] - before["generated_tokens"]
    row.aborted = row.generated_chars = None
    return now


async def scene_rows(bench: Bench, name: str) -> None:
    """A scene with us, and with the baseline."""
    options = bench.options
    ((_, truth),) = sources([*options.file[:1]]) if options.file else sources([], SCENE_MODULE)
    places = points(name, truth, options.scenes)
    async with bench.oracle(0) as oracle, our_server(asking(oracle)) as (server, work):
        oracle.know(truth)
        scene = Scene(name, OURS, len(places))
        await SCENES[name](Editor(server, work), oracle, places, scene)
    bench.report.scene(scene)
    if not options.no_baseline:
        async with bench.oracle(0) as oracle:
            oracle.know(truth)
            scene = Scene(name, BASELINE, len(places))
            await SCENES[name](Naive(Provider(oracle.port)), oracle, places, scene)
        bench.report.scene(scene)


async def soak_rows(bench: Bench) -> None:
    """A soak, at the oracle's full speed."""
    options = bench.options
    async with (
        Oracle(ttft=0.0, token=0.0, seed=options.seed, keeps=False) as oracle,
        our_server(asking(oracle)) as (server, work),
    ):
        draw = random.Random(options.seed)
        found = await soak(
            server, oracle, work, files=bench.files(), count=options.replay, draw=draw
        )
    bench.report.soak(found)


async def run(options: argparse.Namespace) -> None:
    """Everything that was asked for."""
    report = Report(as_json=options.json, log=options.log)
    bench = Bench(options, report)
    load = os.getloadavg()[0]
    report.note(f"{os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]}")
    if options.replay:
        await soak_rows(bench)
    else:
        rows = embedded_rows if options.embedded else typing_rows
        for part in options.only.split(","):
            if part in SCENES:
                await scene_rows(bench, part)
                continue
            for number in range(options.runs):
                for kind in options.gaps.split(","):
                    await rows(bench, kind, number + 1)
    report.close()


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(
        prog="typing",
        description="Type real files into a real server, beside a client without an engine.",
    )
    add = parser.add_argument
    add("--file", type=Path, action="append", default=[], help="what to type; may be repeated")
    add("--keys", type=int, default=250, help="about how many of each file")
    add("--where", choices=("middle", "end"), default="middle", help="of a file; else it grows")
    add("--gaps", default="real,90", help='"real", or milliseconds; several with commas')
    add("--accept", action="store_true", help="take suggestions that are right")
    add("--ttft", type=float, default=150, help="the oracle's time to the first token, ms")
    add("--token", type=float, default=10, help="and between tokens, ms")
    add("--error-rate", type=float, default=0.0, help="share of its answers that are wrong")
    add("--only", default="typing,cold,burst,next", help="which parts")
    add("--scenes", type=int, default=16, help="runs of each scene")
    add("--runs", type=int, default=1, help="replays of each kind")
    add("--replay", type=int, default=0, metavar="N", help="so many asks at full speed instead")
    add("--embedded", action="store_true", help="type with the embedded model")
    add("--model", default="qwen2.5-coder-0.5b", help="which one")
    add("--models", type=Path, default=None, help="folder of its file")
    add("--no-baseline", action="store_true", help="us alone")
    add("--seed", type=int, default=5)
    add("--log", type=Path, help="append every key and request to this file, as lines of JSON")
    add("--json", action="store_true", help="print one JSON object instead of tables")
    return parser.parse_args(arguments)


def main() -> None:
    """See ``options_of``."""
    asyncio.run(run(options_of()))
