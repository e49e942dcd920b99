"""A real process serving a real model, and a client that speaks to it directly."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from polypilot.embedded.catalog import Model, catalog
from polypilot.embedded.runtime import Endpoint, Runtime
from polypilot.embedded.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Json = dict[str, Any]


class Client:
    """Asks an endpoint as the llama.cpp wire does."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.port = int(endpoint.base_url.rsplit(":", 1)[1])

    def raw(
        self, method: str, path: str, body: Json | None = None, headers: Json | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body, without any key of ours."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        try:
            got = {key.lower(): value for key, value in answer.getheaders()}
            return answer.status, got, answer.read()
        finally:
            connection.close()

    def ask(self, path: str, body: Json | None = None) -> Any:
        """The JSON answer, asked with the key."""
        method = "GET" if body is None else "POST"
        status, _, data = self.raw(method, path, body, self.authorization)
        assert status == 200, data
        return json.loads(data)

    @property
    def authorization(self) -> dict[str, str]:
        """The header with the key."""
        return {"Authorization": f"Bearer {self.endpoint.key.reveal()}"}

    def stream(self, path: str, body: Json) -> Stream:
        """Begin a streamed answer."""
        data = json.dumps({**body, "stream": True}).encode()
        key = self.endpoint.key.reveal()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        return Stream(connection)

    def metrics(self) -> dict[str, float]:
        """The runtime's own counters."""
        _, _, data = self.raw("GET", "/metrics", None, self.authorization)
        lines = (line.split() for line in data.decode().splitlines() if line[:1] not in {"#", ""})
        return {name.partition(":")[2]: float(value) for name, value in lines}

    def take_slot(self) -> None:
        """Returns when nothing else is done in the completions' slot."""
        self.ask("/completion", {"prompt": "x", "n_predict": 1, "id_slot": 0})

    def busy(self) -> bool:
        """Whether any slot works."""
        return any(slot["is_processing"] for slot in self.ask("/slots"))


@dataclass
class Stream:
    """A streamed answer on a socket of its own."""

    connection: socket.socket

    def __post_init__(self) -> None:
        self._file = self.connection.makefile("rb")

    def events(self) -> Iterator[Json]:
        """The data events as they come."""
        for line in self._file:
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self.connection.close()

    def all(self) -> list[Json]:
        """Every event to the end."""
        try:
            return list(self.events())
        finally:
            self.close()


def _ended(pid: int, seconds: float = 30.0) -> bool:
    """Whether a process, not of our own children, ended in time."""
    try:
        psutil.Process(pid).wait(seconds)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.fixture
def ended() -> Callable[..., bool]:
    """Wait for a process's end, bounded."""
    return _ended


@pytest.fixture(scope="session")
def small(smollm2: Path) -> Model:
    """The small model's row."""
    assert smollm2.exists()
    return catalog()["smollm2-135m"]


@pytest.fixture(scope="session")
def store(smollm2: Path) -> ModelStore:
    """The store that has it."""
    return ModelStore(smollm2.parent)


@pytest.fixture(scope="session")
def client(
    store: ModelStore, small: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """A client of a process for all tests that only ask. Started under umask 000."""
    folder = tmp_path_factory.mktemp("runtime") / "private"
    old = os.umask(0)
    try:
        yield from _serve(store, small, folder)
    finally:
        os.umask(old)


def _serve(store: ModelStore, model: Model, folder: Path) -> Iterator[Client]:
    async def start() -> Endpoint:
        runtime = Runtime(store, threads=1, idle_seconds=300, folder=folder)
        try:
            return await runtime.ensure(model)
        finally:
            await runtime.aclose()

    async def stop() -> None:
        await Runtime(store, folder=folder).stop(model)

    yield Client(asyncio.run(start()))
    asyncio.run(stop())


@pytest.fixture
def make_client() -> Callable[[Endpoint], Client]:
    """Makes a client of an endpoint."""
    return Client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A meeting place of the test's own."""
    return tmp_path / "run"


@pytest.fixture
def make_runtime(store: ModelStore, small: Model, folder: Path) -> Iterator[Callable[..., Runtime]]:
    """Makes runtimes that share the test's meeting place; what they started is ended."""
    made: list[Runtime] = []

    def make(**options: Any) -> Runtime:
        options = {"threads": 1, "idle_seconds": 120.0, "folder": folder} | options
        made.append(Runtime(options.pop("store", store), **options))
        return made[-1]

    yield make

    async def end() -> None:
        for runtime in made:
            await runtime.stop(small)
            await runtime.aclose()

    asyncio.run(end())
