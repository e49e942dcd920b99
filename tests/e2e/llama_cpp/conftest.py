"""A real llama.cpp server with a real model, and our wires in front of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import struct
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.catalog import ProviderRow
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.testing import key_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from polypilot_providers.base import Provider

KEY = "llama-test-key"
PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> bytes:
        """What it says at ``path``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path, headers={"Authorization": f"Bearer {KEY}"})
        try:
            return connection.getresponse().read()
        finally:
            connection.close()

    async def idle(self) -> None:
        """Returns when its only slot is free."""
        async with asyncio.timeout(PATIENCE):
            # Another process, which can only be asked.
            while any(slot["is_processing"] for slot in json.loads(self.get("/slots"))):  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.02)

    def generated(self) -> int:
        """Tokens it has generated so far, in answers that have ended."""
        return self._counter("tokens_predicted_total")

    def read(self) -> int:
        """Tokens of prompts it has read so far."""
        return self._counter("prompt_tokens_total")

    def _counter(self, name: str) -> int:
        for line in self.get("/metrics").decode().splitlines():
            if line.startswith(f"llamacpp:{name} "):
                return int(float(line.split()[1]))
        raise LookupError(name)


@contextmanager
def _served(model: Path) -> Generator[Server]:
    program = [sys.executable, str(Path(__file__).with_name("serve.py")), str(model), KEY]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(PATIENCE)


def _with_fim_tokens(source: bytes) -> bytes:
    """A GGUF that calls three tokens, which its model never learned, those of fill-in-the-middle.

    For mechanics only: what it then fills in means nothing.
    """

    def entry(name: str, kind: int, value: bytes) -> bytes:
        return struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", kind) + value

    count = struct.unpack("<Q", source[16:24])[0]
    names = ("prefix", "suffix", "middle")
    added = b"".join(
        entry(f"tokenizer.ggml.{name}_token_id", 4, struct.pack("<I", 8 + number))
        for number, name in enumerate(names)
    )
    # The tensors stay where they were, modulo their alignment.
    pad = -(len(added) + len(entry("x.pad", 8, struct.pack("<Q", 0)))) % 32
    added += entry("x.pad", 8, struct.pack("<Q", pad) + b" " * pad)
    return source[:16] + struct.pack("<Q", count + 4) + added + source[24:]


@pytest.fixture(scope="session")
def server(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves a model with fill-in-the-middle tokens."""
    model = tmp_path_factory.mktemp("fim") / "model.gguf"
    model.write_bytes(_with_fim_tokens(smollm2.read_bytes()))
    with _served(model) as running:
        yield running
    model.unlink()


@pytest.fixture
def plain(smollm2: Path) -> Iterator[Server]:
    """Serves the model as it is."""
    with _served(smollm2) as running:
        yield running


_ROWS: dict[str, dict[str, str]] = {
    "llama-cpp": {"completion": "llama-infill"},
    "openai-chat": {"completion": "prefix", "base": "/v1"},
    "openai-responses": {"base": "/v1"},
    "anthropic-messages": {},
}


@pytest.fixture
async def make(server: Server) -> AsyncIterator[Callable[..., Provider]]:
    """Makes a provider of a wire in front of the server, or at another address."""
    client = HttpClient(Network(env={}))

    def provider(wire: str, url: str = "", key: str = KEY, **fields: Any) -> Provider:
        row = {**_ROWS[wire], **fields}
        url = (url or server.url) + row.pop("base", "")
        made = ProviderRow.model_validate({"id": "here", "wire": wire, "base_url": url, **row})
        return build(made, key_of(key), client)

    yield provider
    await client.aclose()
