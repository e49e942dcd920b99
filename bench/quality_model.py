"""The embedded model behind ``quality.py``: its process, and a cache of what it has answered.

A model is slow and greedy sampling always says the same, so no question is put twice: each
answer is a line of JSON in the cache's folder, and a run that was stopped goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypilot.embedded.catalog import choose
from polypilot.embedded.runtime import Runtime
from polypilot.embedded.store import ModelStore
from polypilot_providers.base import Limits
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.rows_local import EMBEDDED
from polypilot_providers.types import TextDelta, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot_providers.base import Provider, Secret
    from polypilot_providers.types import CompletionRequest

_PATIENT = Limits(connect=30.0, first_event=900.0, idle=300.0, total=1800.0)
"""A machine under load may read a cold prompt for minutes; no time is judged here."""


@dataclass(frozen=True)
class Piece:
    """One delta of an answer."""

    text: str
    logprob: float | None
    tokens: int


@dataclass(frozen=True)
class Reply:
    """What a model answered, from its first token to its end or limit."""

    pieces: tuple[Piece, ...]
    seconds: float
    """As it took when it was asked: with the load of then, and what was in the KV cache."""
    tokens_in: int
    tokens_out: int

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(piece.text for piece in self.pieces)


class MissingAnswerError(Exception):
    """The question is not in the cache, and there is no model to ask."""


class Cache:
    """Answers of one model, a line each."""

    def __init__(self, folder: Path, model: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.model = model
        self._path = folder / f"{model.replace('/', '_')}.jsonl"
        self._known: dict[str, Reply] = {}
        if self._path.exists():
            for line in self._path.read_text("utf-8").splitlines():
                self._read(line)

    def __len__(self) -> int:
        return len(self._known)

    def key(self, request: CompletionRequest) -> str:
        """The same for two questions that get the same answer."""
        asked = asdict(request)
        for field in ("model", "logprobs"):
            asked.pop(field)
        return hashlib.sha256(json.dumps([self.model, asked], sort_keys=True).encode()).hexdigest()

    def get(self, request: CompletionRequest) -> Reply | None:
        """What was answered."""
        return self._known.get(self.key(request))

    def add(self, request: CompletionRequest, reply: Reply) -> None:
        """Keep an answer, on disk too."""
        key = self.key(request)
        self._known[key] = reply
        row = {"key": key, **asdict(reply)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _read(self, line: str) -> None:
        try:
            row: dict[str, Any] = json.loads(line)
            pieces = tuple(Piece(**piece) for piece in row["pieces"])
            reply = Reply(pieces, row["seconds"], row["tokens_in"], row["tokens_out"])
        except (ValueError, KeyError):  # a run was ended while it wrote
            return
        self._known[row["key"]] = reply


class Asker:
    """Asks the model what the cache does not know."""

    def __init__(self, cache: Cache, provider: Provider | None) -> None:
        self.cache = cache
        self._provider = provider

    async def ask(self, request: CompletionRequest) -> Reply:
        """The answer.

        Raises:
            MissingAnswerError: it is not known, and there is no model.
        """
        known = self.cache.get(request)
        if known is not None:
            return known
        if self._provider is None:
            raise MissingAnswerError
        pieces: list[Piece] = []
        usage = Usage()
        begin = time.perf_counter()
        async for event in self._provider.complete(request, _PATIENT):
            if isinstance(event, TextDelta):
                pieces.append(Piece(event.text, event.logprob, event.tokens))
            elif isinstance(event, Usage):
                usage = event
        reply = Reply(
            tuple(pieces),
            time.perf_counter() - begin,
            usage.input_tokens or 0,
            usage.output_tokens or 0,
        )
        self.cache.add(request, reply)
        return reply


@asynccontextmanager
async def running(model_id: str, models: Path | None, threads: int) -> AsyncGenerator[Provider]:
    """A model in a process of our own, asked through the product's wire."""
    store, model = ModelStore(models), choose(model_id)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run"
        runtime = Runtime(store, threads=threads, idle_seconds=600, folder=place)
        http = HttpClient(Network(env={}))
        try:
            endpoint = await runtime.ensure(model)

            async def key() -> Secret | None:
                return endpoint.key

            yield build(EMBEDDED, key, http, base_url=endpoint.base_url)
        finally:
            await http.aclose()
            await runtime.stop(model)
            await runtime.aclose()
