"""deploy/proxy/nginx.conf in front of the real server: keys, limits, streams, hang-ups."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import subprocess
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import trustme

from polypilot_providers.base import Limits
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import AuthError, RateLimited
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.testing import key_of, outcome
from polypilot_providers.types import ChatRequest, CompletionRequest, TextDelta, user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator

    from polypilot_providers.base import Provider

pytestmark = pytest.mark.e2e

Team = Any  # conftest.Team, which importlib mode does not let us import

CONFIG = Path(__file__).parents[3] / "deploy" / "proxy" / "nginx.conf"
ANNA, BEN = "key-of-anna-0123456789", "key-of-ben-0123456789"
NIGHT = "key-of-the-nightly-job-0123456789"
AT_ONCE = {ANNA: 8, NIGHT: 2}
LIMITS = Limits(60, 60, 60)
LONG = ChatRequest("team-coder", (user("Count to a thousand."),), max_tokens=1500)
SHORT = CompletionRequest("team-coder", "def add(a, b):\n    return ", "", max_tokens=4)


@dataclass
class Proxy:
    """A running nginx."""

    port: int
    pid: int
    folder: Path
    authority: trustme.CA


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def proxy(team: Team, tmp_path: Path, require_system: Any) -> Iterator[Proxy]:
    """In front of the team's server."""
    with _proxy(team.port, tmp_path, require_system) as running:
        yield running


@contextmanager
def _proxy(
    upstream_port: int, tmp_path: Path, require_system: Any, key: str = "Bearer team-server-key"
) -> Generator[Proxy]:
    """nginx with the configuration of deploy/proxy; only places, ports and keys are put in."""
    program = require_system("nginx", "nginx-light")
    port, authority = _free_port(), trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    keys = f'"Bearer {ANNA}" anna;\n"Bearer {BEN}" ben;\n"Bearer {NIGHT}" batch-night;\n'
    (tmp_path / "keys.map").write_text(keys, "utf-8")
    # The server's own key, which developers do not have.
    upstream = f'proxy_set_header Authorization "{key}";\n'
    (tmp_path / "upstream.conf").write_text(upstream, "utf-8")
    text = CONFIG.read_text("utf-8")
    for old, new in (
        ("/etc/nginx/team", str(tmp_path)),
        ("/var/log/nginx", str(tmp_path)),
        ("/run/nginx.pid", str(tmp_path / "nginx.pid")),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("server 127.0.0.1:8080", f"server 127.0.0.1:{upstream_port}"),
    ):
        assert old in text
        text = text.replace(old, new)
    config = tmp_path / "nginx.conf"
    config.write_text(text, "utf-8")
    command = [program, "-c", str(config), "-p", str(tmp_path), "-e", str(tmp_path / "error.log")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    process = subprocess.Popen([*command, "-g", "daemon off;"])
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
    try:
        yield Proxy(port, process.pid, tmp_path, authority)
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
async def ask(proxy: Proxy) -> AsyncIterator[Callable[..., Provider]]:
    """Makes the provider of a developer."""
    async with _asking(proxy) as make:
        yield make


@asynccontextmanager
async def _asking(proxy: Proxy) -> AsyncGenerator[Callable[..., Provider]]:
    bundle = proxy.folder / "ca.pem"
    await asyncio.to_thread(proxy.authority.cert_pem.write_to_path, bundle)
    client = HttpClient(Network(env={}, ca_file=str(bundle)))

    def make(key: str) -> Provider:
        row = ProviderRow(
            id="team", wire="llama-cpp", completion="prefix",
            base_url=f"https://127.0.0.1:{proxy.port}",
        )  # fmt: skip
        return build(row, key_of(key), client)

    yield make
    await client.aclose()


class OnePiece:
    """A server that says one piece, then nothing, and waits for the hang-up."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()
        self.speaks = True
        self.head = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.head = await reader.readuntil(b"\r\n\r\n")
        if self.speaks:
            event = b'data: {"content":"one","stop":false}\n\n'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
            writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.asked.set()
        while await reader.read(4096):
            pass
        self.hung_up.set()
        writer.close()


@pytest.mark.parametrize("speaks", [True, False], ids=["writing", "in the queue"])
async def test_a_piece_comes_at_once_and_so_does_a_hang_up(
    tmp_path: Path, require_system: Any, *, speaks: bool
):
    """Whether the server writes, or says nothing yet because others have its slots."""
    there = OnePiece()
    there.speaks = speaks
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    running = _proxy(port, tmp_path, require_system)
    proxy = await asyncio.to_thread(running.__enter__)
    try:
        async with _asking(proxy) as ask, asyncio.timeout(30):
            stream = ask(ANNA).complete(SHORT, LIMITS)
            first = asyncio.ensure_future(anext(stream))
            await there.asked.wait()
            if speaks:
                assert await first == TextDelta("one")
                await stream.aclose()
            else:
                first.cancel()
            await there.hung_up.wait()
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
        server.close()


@pytest.mark.parametrize("key", ["Bearer team-server-key", ""])
async def test_a_developers_key_goes_no_further(tmp_path: Path, require_system: Any, key: str):
    """The server's own takes its place, or, where the server has none, nothing."""
    there = OnePiece()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    running = _proxy(port, tmp_path, require_system, key)
    proxy = await asyncio.to_thread(running.__enter__)
    try:
        async with (
            _asking(proxy) as ask,
            asyncio.timeout(30),
            aclosing(ask(ANNA).complete(SHORT, LIMITS)) as events,
        ):
            assert await anext(events) == TextDelta("one")
    finally:
        await asyncio.to_thread(running.__exit__, None, None, None)
        server.close()
    assert ANNA.encode() not in there.head
    sent = re.findall(rb"authorization: *(.*)\r", there.head, re.IGNORECASE)
    assert sent == ([key.encode()] if key else [])


async def test_a_hang_up_goes_through_to_the_server(
    ask: Callable[..., Provider], team: Team, until: Callable[..., Any]
):
    await until(lambda: team.busy() == 0)
    before = team.counter("tokens_predicted_total")
    async with aclosing(ask(ANNA).chat(LONG, LIMITS)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    await until(lambda: team.busy() == 0)
    assert team.counter("tokens_predicted_total") - before < 1000


@pytest.mark.parametrize("key", ["nobody's", "team-server-key"])
async def test_who_is_not_in_the_file_is_nobody(ask: Callable[..., Provider], key: str):
    """The server's own key included: it opens the server, not the proxy."""
    _, error = await outcome(ask(key).complete(SHORT, LIMITS))
    assert isinstance(error, AuthError)
    assert error.status == 401


async def test_what_is_in_its_memory_is_never_dumped(proxy: Proxy, until: Callable[..., Any]):
    """Prompts are in its workers', which take their limits when they begin."""
    master = psutil.Process(proxy.pid)

    def shut() -> bool:
        files = [Path(f"/proc/{each.pid}/limits") for each in master.children()]
        none = re.compile(r"^Max core file size +0 +0 ", re.MULTILINE)
        return bool(files) and all(none.search(each.read_text("utf-8")) for each in files)

    await until(shut)


@pytest.mark.parametrize("key", AT_ONCE)
async def test_one_developer_can_not_take_everything(
    ask: Callable[..., Provider], until: Callable[..., Any], team: Team, key: str
):
    one, most = ask(key), AT_ONCE[key]
    many = [asyncio.ensure_future(outcome(one.chat(LONG, LIMITS))) for _ in range(most + 2)]

    def refused() -> list[RateLimited]:
        errors = (task.result()[1] for task in many if task.done())
        return [error for error in errors if isinstance(error, RateLimited)]

    await until(lambda: len(refused()) == 2)
    assert {error.retry_after for error in refused()} == {1}
    bens = asyncio.ensure_future(outcome(ask(BEN).complete(SHORT, LIMITS)))
    for task in many:
        task.cancel()
    await asyncio.gather(*many, return_exceptions=True)
    events, error = await bens
    assert error is None
    assert any(isinstance(event, TextDelta) for event in events)
    await until(lambda: team.busy() == 0)


async def _get(proxy: Proxy, context: ssl.SSLContext, path: str) -> tuple[bytes, bytes]:
    """Head and body of what is answered to Anna, the path being sent as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, ssl=context)
    key = f"Authorization: Bearer {ANNA}\r\nConnection: close\r\n"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: team\r\n{key}\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def test_nothing_of_others_is_shown_and_nothing_is_logged(
    proxy: Proxy, ask: Callable[..., Provider]
):
    await outcome(ask(ANNA).complete(SHORT, LIMITS))
    authority = proxy.authority.cert_pem.bytes().decode()
    context = await asyncio.to_thread(ssl.create_default_context, cadata=authority)
    for path in (
        *("/slots", "/metrics", "/slots/0?action=erase", "//slots", "/%73lots", "/v1/../slots"),
        *(
            "/v1/load_lora_adapter",
            "/collective_rpc",
            "/models/unload",
            "/",
            "/completion/../slots",
        ),
    ):
        head, body = await _get(proxy, context, path)
        assert head.startswith(b"HTTP/1.1 404"), path
        assert json.loads(body)["error"]["message"] == "not offered here", path
    for path in ("/v1/models", "/props"):
        assert (await _get(proxy, context, path))[0].startswith(b"HTTP/1.1 200"), path
    written = await asyncio.to_thread(lambda: [*proxy.folder.rglob("*.log")])
    assert written
    assert [file.stat().st_size for file in written] == [0] * len(written)
