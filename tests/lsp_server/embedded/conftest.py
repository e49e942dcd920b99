"""A made-up model, and a real HTTP server that hands it out, well or badly."""

from __future__ import annotations

import hashlib
import random
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.embedded.catalog import ModelFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 3_000_001


@dataclass
class FileServer:
    """What the server does and what it was asked; tests set and read the fields."""

    url: str
    content: bytes
    cut_after: int | None = None
    """Close the connection after so many body bytes (of each answer)."""
    hold_after: int | None = None
    """Send so many body bytes and then wait for ``resume``."""
    ranges: bool = True
    status: int = 200
    location: str = ""
    length: int | None = None
    """A Content-Length other than the true one; -1: none, the end is the connection's."""
    resume: threading.Event = field(default_factory=threading.Event)
    holding: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list[str])
    """The Range header of each request, in order ("" for none)."""
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FileServer

    def do_GET(self) -> None:
        state = self.state
        wanted = self.headers.get("Range", "")
        state.asked.append(wanted)
        state.headers.append({key.lower(): value for key, value in self.headers.items()})
        if state.status != 200:
            self.send_response(state.status)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted[6:-1]) if wanted and state.ranges else 0
        body = state.content[start:]
        if start:
            self.send_response(206)
            total = len(state.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if state.length == -1:
            self.send_header("Connection", "close")
        else:
            length = len(body) if state.length is None else state.length
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self._send(body)

    def _send(self, body: bytes) -> None:
        state = self.state
        limit = min(
            len(body), *(x for x in (state.cut_after, state.hold_after) if x is not None), len(body)
        )
        try:
            self.wfile.write(body[:limit])
            if state.hold_after is not None:
                self.wfile.flush()
                state.holding.set()
                state.resume.wait(60)
                self.wfile.write(body[limit:])
        except ConnectionError:
            self.close_connection = True
        if state.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name for it
        pass


def _serve(content: bytes) -> Iterator[FileServer]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.state = state = FileServer(f"http://127.0.0.1:{server.server_port}", content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    state.resume.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def content() -> bytes:
    """The made-up model's bytes."""
    return random.Random(7).randbytes(SIZE)  # noqa: S311  (data, not a secret)


@pytest.fixture
def model(content: bytes) -> ModelFile:
    """A row for ``content``, without a source of its own."""
    return ModelFile(
        id="made-up",
        name="Made up",
        file="made-up.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        completion="prefix",
        chat=True,
        context_tokens=512,
    )


@pytest.fixture
def server(content: bytes) -> Iterator[FileServer]:
    """Serves ``content`` under any name."""
    yield from _serve(content)


@pytest.fixture
def second_server(content: bytes) -> Iterator[FileServer]:
    """Another one, at another port."""
    yield from _serve(content)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The folder of model files (not made yet)."""
    return tmp_path / "data" / "models"
