"""What the embedded model costs: a warm one-line completion, and stopping one.

    python bench/embedded.py [--model ID] [--models FOLDER] [--threads N] [--runs N]

Prints, for the runtime asked directly over its own socket:

- *line*: wall time of completing one line whose preceding lines are in the KV cache, beside
  the time the runtime itself reports for the same tokens (``timings``).
- *cancel*: from hanging up to the slot being idle, while it generates and while it still
  reads the prompt (with and without ``return_progress``).

Then through the language server (``embedded_server``): from a key to the answer, beside the
runtime's own time for the same prompt, and from an editor's cancel to the slot being idle.

Models are fetched by the product into FOLDER (default: where the product keeps them).
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import inspect
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import embedded_server
from embedded_server import Editor
from polypilot.embedded.catalog import DEFAULT_MODEL, Model, choose
from polypilot.embedded.runtime import COMPLETION_SLOT, Endpoint, Runtime, thread_count
from polypilot.embedded.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from polypilot.embedded.transfer import Progress

CONTEXT_LINES = 25
MAX_TOKENS = 24


@dataclass(frozen=True)
class Case:
    """One completion: the user has typed a line's beginning below ``prompt``'s other lines."""

    prompt: str
    max_tokens: int = MAX_TOKENS
    stop: tuple[str, ...] = ("\n",)
    slot: int = COMPLETION_SLOT

    @property
    def body(self) -> dict[str, Any]:
        """The request as the llama.cpp wire sends it."""
        return {
            "prompt": self.prompt,
            "n_predict": self.max_tokens,
            "stop": list(self.stop),
            "temperature": 0,
            "cache_prompt": True,
            "id_slot": self.slot,
            "stream": True,
            "return_progress": True,
        }


@dataclass(frozen=True)
class Sample:
    """One answer. Times in milliseconds."""

    wall: float
    own: float
    """What the runtime says it took: reading the new tokens, and generating."""
    first: float
    """Until the first text."""
    cached: int
    read: int
    generated: int
    text: str


def cases(count: int, start: int = 400, upto: str = "") -> list[Case]:
    """Successive lines of a real file, each asked for after three letters have been typed.

    With ``upto`` only lines with one of these characters, typed up to there.
    """
    lines = [line for line in inspect.getsource(argparse).splitlines(keepends=True) if line.strip()]
    found: list[Case] = []
    for at in range(start, len(lines)):
        if len(found) == count:
            break
        before = lines[start - CONTEXT_LINES : at]
        line = lines[at]
        typed = line[: len(line) - len(line.lstrip()) + 3]
        if upto:
            ends = [line.find(char) for char in upto if 0 <= line.find(char) < len(line) - 3]
            if not ends:
                continue
            typed = line[: min(ends) + 1]
        found.append(Case("".join(before) + typed.rstrip("\n")))
    return found


class Direct:
    """The runtime, asked over a socket of our own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._port = int(endpoint.base_url.rsplit(":", 1)[1])
        self._headers = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port)

    def get(self, path: str) -> Any:
        """The JSON at ``path``."""
        try:
            self._connection.request("GET", path, headers=self._headers)
            return json.loads(self._connection.getresponse().read())
        except (http.client.RemoteDisconnected, ConnectionError):  # it had been idle for long
            self._connection.close()
            self._connection.request("GET", path, headers=self._headers)
            return json.loads(self._connection.getresponse().read())

    def busy(self) -> bool:
        """Whether any slot works."""
        return any(slot["is_processing"] for slot in self.get("/slots"))

    def slot(self, number: int) -> Any:
        """What a slot does."""
        return next(slot for slot in self.get("/slots") if slot["id"] == number)

    @contextmanager
    def stream(self, body: dict[str, Any]) -> Generator[tuple[socket.socket, Iterator[Any]]]:
        """Send a request; yields its socket and its events."""
        data = json.dumps(body).encode()
        head = "".join(f"{key}: {value}\r\n" for key, value in self._headers.items())
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(
                f"POST /completion HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}"
                f"Content-Length: {len(data)}\r\n\r\n".encode()
                + data
            )
            with connection.makefile("rb") as file:
                yield (
                    connection,
                    (json.loads(line[6:]) for line in file if line.startswith(b"data: {")),
                )

    def close(self) -> None:
        """Give up the connection."""
        self._connection.close()

    def complete(self, case: Case) -> Sample:
        """Ask, and read the answer to its end."""
        start = time.perf_counter()
        first = 0.0
        text: list[str] = []
        last: dict[str, Any] = {}
        with self.stream(case.body) as (_, events):
            for event in events:
                if event.get("content"):
                    first = first or time.perf_counter() - start
                    text.append(event["content"])
                last = event
                if event.get("stop"):
                    break
        wall = time.perf_counter() - start
        took = last["timings"]
        return Sample(
            wall=wall * 1000,
            own=took["prompt_ms"] + took["predicted_ms"],
            first=first * 1000,
            cached=took["cache_n"],
            read=took["prompt_n"],
            generated=took["predicted_n"],
            text="".join(text),
        )

    def cancel(self, body: dict[str, Any], after_text: int) -> float:
        """Milliseconds from hanging up (after so many events) to the slot being idle."""
        with self.stream(body) as (connection, events):
            if after_text:
                for _ in range(after_text):
                    next(events)
            else:
                time.sleep(0.3)
            assert self.busy(), "it had ended by itself"
            start = time.perf_counter()
            connection.shutdown(socket.SHUT_RDWR)
        while self.busy():
            time.sleep(0.001)
        return (time.perf_counter() - start) * 1000


def summary(values: list[float]) -> str:
    ordered = sorted(values)
    return (
        f"median {statistics.median(ordered):7.1f}   p95 {ordered[int(len(ordered) * 0.95)]:7.1f}"
        f"   max {ordered[-1]:7.1f} ms   (n={len(ordered)})"
    )


def measure_lines(direct: Direct, runs: int) -> list[Sample]:
    prepared = cases(runs + 1)
    cold = direct.complete(prepared[0])
    print(f"  cold: {cold.read} tokens read in {cold.wall:.0f} ms")
    samples = [direct.complete(case) for case in prepared[1:]]
    print(f"  line, wall        {summary([each.wall for each in samples])}")
    print(f"  line, runtime own {summary([each.own for each in samples])}")
    print(f"  line, first text  {summary([each.first for each in samples if each.first])}")
    ratio = statistics.median(each.wall / each.own for each in samples)
    print(f"  wall / own: median {ratio:.3f}")
    print(
        f"  tokens (median): {statistics.median(each.cached for each in samples):.0f} from the "
        f"cache, {statistics.median(each.read for each in samples):.0f} read, "
        f"{statistics.median(each.generated for each in samples):.0f} generated"
    )
    return samples


def measure_cancel(direct: Direct, runs: int) -> None:
    source = inspect.getsource(argparse)

    def body(at: int, **extra: Any) -> dict[str, Any]:
        long = Case(source[at : at + 2500], max_tokens=400, stop=()).body
        return {**long, "ignore_eos": True, **extra}

    same = body(30_000)
    direct.complete(Case(source[30_000:32_500], max_tokens=1))
    generating = [direct.cancel(same, after_text=5) for _ in range(runs)]
    print(f"  cancel, generating      {summary(generating)}   (wanted: under 150)")
    few = max(3, runs // 5)
    reading = [direct.cancel(body(40_000 + 2500 * n), after_text=0) for n in range(few)]
    print(f"  cancel, reading         {summary(reading)}")
    blind = [
        direct.cancel(body(60_000 + 2500 * n, return_progress=False), after_text=0)
        for n in range(few)
    ]
    print(f"  the same, no progress   {summary(blind)}   (return_progress is what makes it stop)")


def measure_server(direct: Direct, data: Path, work: Path, options: argparse.Namespace) -> None:
    config = data / "config.toml"
    config.write_text(
        f'[embedded]\nmodel = "{options.model}"\nthreads = {options.threads}\n', encoding="utf-8"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("POLYPILOT_")}
    env |= {"POLYPILOT_DATA_DIR": str(data), "POLYPILOT_CONFIG_DIR": str(data)}
    editor = Editor(env | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}, work)
    # Other lines than before, so that no slot has them yet.
    for what, prepared in (
        ("after three letters", cases(options.runs + 1, 700)),
        ("after a sign at which one looks up", cases(options.runs + 1, 900, ".,=")),
    ):
        print(f" {what}, each key after a rest")
        embedded_server.measure_typing(editor, direct, prepared, summary)
    few = max(3, options.runs // 4)
    embedded_server.measure_cancel(editor, direct, inspect.getsource(argparse), few, summary)
    editor.close()


def show(progress: Progress) -> None:
    done = progress.done * 100 // max(1, progress.total)
    sys.stderr.write(f"\r{progress.phase} {progress.source} {done} %   ")
    if progress.phase == "done":
        sys.stderr.write("\n")


async def start(runtime: Runtime, model: Model) -> tuple[Endpoint, float, float]:
    """The endpoint, seconds of a cold start, milliseconds of asking again (median)."""
    begin = time.perf_counter()
    endpoint = await runtime.ensure(model)
    cold = time.perf_counter() - begin
    again: list[float] = []
    for _ in range(50):
        begin = time.perf_counter()
        await runtime.ensure(model)
        again.append((time.perf_counter() - begin) * 1000)
    await runtime.aclose()
    return endpoint, cold, statistics.median(again)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    store, model = ModelStore(options.models), choose(options.model)
    store.pull(model, show)
    with tempfile.TemporaryDirectory() as folder:
        data, work = Path(folder) / "data", Path(folder) / "work"
        place = data / "run"
        data.mkdir(mode=0o700)
        work.mkdir()
        (data / "models").symlink_to(store.folder)
        runtime = Runtime(store, threads=options.threads, idle_seconds=600, folder=place)
        try:
            endpoint, cold, again = asyncio.run(start(runtime, model))
            print(f"{model.id}, {options.threads or thread_count()} thread(s)")
            print(f"  start {cold:.2f} s; ensure() when it runs {again:.2f} ms (median)")
            direct = Direct(endpoint)
            measure_lines(direct, options.runs)
            measure_cancel(direct, options.runs)
            print("through the language server")
            measure_server(direct, data, work, options)
            direct.close()
        finally:
            asyncio.run(Runtime(store, folder=place).stop(model))


if __name__ == "__main__":
    main()
