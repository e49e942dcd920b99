"""Proxies and certificates: which settings hold, and what broken ones say."""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.errors import ConfigurationError, NetworkError, ProviderError
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network, os_reason
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, key_of, stream
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class Authority(Protocol):
        """The fixture of conftest."""

        file: Path

        def server(self, *names: str, **options: object) -> ssl.SSLContext: ...

        def client(self, folder: Path, name: str) -> tuple[Path, Path]: ...


REMOTE = Origin.parse("https://api.example.org")
LOCAL = Origin.parse("http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("setting", "env", "proxy"),
    [
        ("", {}, None),
        ("http://p:1", {}, "http://p:1"),
        ("https://p", {}, "https://p"),
        (" p:3128 ", {}, "http://p:3128"),
        ("direct", {"HTTPS_PROXY": "http://env"}, None),
        ("http://p:1", {"HTTPS_PROXY": "http://env", "NO_PROXY": "*"}, "http://p:1"),
        ("", {"HTTPS_PROXY": "http://env"}, "http://env"),
        ("", {"https_proxy": "http://low", "HTTPS_PROXY": "http://env"}, "http://low"),
        ("", {"ALL_PROXY": "env:8080"}, "http://env:8080"),
        ("", {"HTTPS_PROXY": "http://env", "ALL_PROXY": "http://all"}, "http://env"),
        ("", {"HTTP_PROXY": "http://env"}, None),
        ("", {"HTTPS_PROXY": "http://env", "NO_PROXY": "*"}, None),
        ("", {"HTTPS_PROXY": "http://env", "no_proxy": "x, example.org"}, None),
        ("", {"HTTPS_PROXY": "http://env", "NO_PROXY": ".example.org"}, None),
        ("", {"HTTPS_PROXY": "http://env", "NO_PROXY": "*.example.org"}, None),
        ("", {"HTTPS_PROXY": "http://env", "NO_PROXY": "API.EXAMPLE.ORG:443"}, None),
        ("", {"HTTPS_PROXY": "http://env", "NO_PROXY": "api.example.org:80"}, "http://env"),
        ("", {"HTTPS_PROXY": "http://env", "NO_PROXY": "ample.org,10.0.0.0/8,."}, "http://env"),
    ],
)
def test_which_proxy(setting: str, env: dict[str, str], proxy: str | None) -> None:
    network = Network(proxy=setting, env=env)
    assert network.proxy_for(REMOTE) == proxy
    assert network.proxy_for(LOCAL) is None
    assert repr(network) == "Network(...)"


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("[2001:db8::1]", "https://[2001:db8::1]", True),
        ("2001:db8::/32", "https://[2001:db8::9]:8443", True),
    ],
)
def test_addresses_without_proxy(entry: str, url: str, *, direct: bool) -> None:
    network = Network(env={"HTTPS_PROXY": "http://env", "NO_PROXY": entry})
    assert (network.proxy_for(Origin.parse(url)) is None) is direct


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("gopher://p", "not the URL"),
        ("http://", "not the URL"),
        ("http://p:port", "not the URL"),
        ("http://u:hunter2@p:0", "not the URL"),
        ("http://[::1", "not the URL"),
    ],
)
def test_proxies_that_can_not_be_used(url: str, word: str) -> None:
    for network, where in (
        (Network(proxy=url, env={}), "network.proxy"),
        (Network(env={"ALL_PROXY": url}), "ALL_PROXY"),
    ):
        with pytest.raises(ConfigurationError, match=word) as caught:
            network.proxy_for(REMOTE)
        assert where in caught.value.message
        assert "hunter2" not in str(caught.value)
        assert network.proxy_for(LOCAL) is None


def test_reasons() -> None:
    assert os_reason(ValueError()) is None
    group = ExceptionGroup("all addresses", [OSError(), ConnectionRefusedError()])
    outer = OSError("failed")
    outer.__cause__ = group
    reason = os_reason(outer)
    assert reason is not None
    assert "refused" in reason[0]


class Proxy:
    """An HTTP proxy that tunnels to this machine, or gives one answer."""

    def __init__(self, answer: bytes = b"", *, unasked: bool = False) -> None:
        self.heads: list[str] = []
        self.idle = asyncio.Event()
        self._answer = answer
        self._unasked = unasked

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._unasked:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self._answer:
            writer.write(self._answer)
        else:
            port = int(self.heads[-1].split(" ")[1].rsplit(":", 1)[1])
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Established\r\n\r\n")
            await asyncio.gather(pump(reader, back), pump(there, writer))
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        self.idle.set()


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()


async def through(
    proxy: Proxy | SocksProxy, network_of: str, authority: Authority, url: str
) -> object:
    listener = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        http = HttpClient(
            Network(proxy=network_of.format(port), ca_file=str(authority.file), env={})
        )
        call = Call("team", Origin.parse(url), "/v1", {}, key_of("canary-key"))
        try:
            limits = Limits(10, 10, 10)
            return [e async for e in http.stream(call, OpenAIParser, limits)]
        except ProviderError as error:
            return error
        finally:
            await http.aclose()
            await asyncio.wait_for(proxy.idle.wait(), 10)


async def test_through_a_proxy_key_and_code_are_tunnelled(authority: Authority) -> None:
    proxy = Proxy()
    context = authority.server("api.example.org")
    async with ScriptedServer(stream(b"data: [DONE]\n\n"), tls=context) as server:
        url = f"https://api.example.org:{server.port}"
        got = await through(proxy, "http://u:hunter2@127.0.0.1:{}", authority, url)
        assert isinstance(got, list)
        assert server.requests[0].headers["authorization"] == "Bearer canary-key"
        (head,) = proxy.heads
        assert head.startswith(f"CONNECT api.example.org:{server.port} ")
    assert base64.b64encode(b"u:hunter2").decode() in head
    assert "canary" not in head


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a user name"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "would not connect"),
    ],
)
async def test_a_proxy_that_refuses(authority: Authority, answer: bytes, words: str) -> None:
    proxy = Proxy(answer)
    url = "https://api.example.org"
    error = await through(proxy, "http://u:hunter2@127.0.0.1:{}", authority, url)
    assert isinstance(error, NetworkError)
    assert words in error.message
    assert "hunter2" not in f"{error!r}{error.__cause__!r}"


async def test_a_proxy_that_speaks_tls(authority: Authority) -> None:
    """Its certificate is checked like any other: this one speaks no TLS at all."""
    proxy = Proxy(b"HTTP/1.1 400 Bad Request\r\n\r\n", unasked=True)
    error = await through(proxy, "https://127.0.0.1:{}", authority, "https://api.example.org")
    assert isinstance(error, NetworkError)


async def test_a_proxy_that_asks_is_not_shown_the_users_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    """It is for the provider, which gets it through the tunnel."""
    proxy = Proxy()
    shown: list[object] = []

    async def asking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown.append(writer.get_extra_info("ssl_object").getpeercert())
        await proxy(reader, writer)

    def wanting(name: str, mode: ssl.VerifyMode) -> ssl.SSLContext:
        context = authority.server(name)
        context.verify_mode = mode
        context.load_verify_locations(str(authority.file))
        return context

    cert, key = authority.client(tmp_path, "me.example.org")
    inside = wanting("api.example.org", ssl.CERT_REQUIRED)
    listener = await asyncio.start_server(
        asking, "127.0.0.1", 0, ssl=wanting("127.0.0.1", ssl.CERT_OPTIONAL)
    )
    async with listener, ScriptedServer(stream(b"data: [DONE]\n\n"), tls=inside) as server:
        http = HttpClient(
            Network(
                proxy=f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}",
                ca_file=str(authority.file),
                client=(str(cert), str(key)),
                env={},
            )
        )
        origin = Origin.parse(f"https://api.example.org:{server.port}")
        call = Call("team", origin, "/v1", {}, key_of("canary-key"))
        got = [event async for event in http.stream(call, OpenAIParser, Limits(10, 10, 10))]
        await http.aclose()
        await asyncio.wait_for(proxy.idle.wait(), 10)
        assert len(got) == len(server.requests) == 1
    assert shown == [None]


class SocksProxy:
    """A SOCKS 5 proxy (RFC 1928) that connects to this machine, whatever name it is given."""

    def __init__(self, *, password: bool = False) -> None:
        self.asked: list[str] = []
        self.said: list[bytes] = []
        self.idle = asyncio.Event()
        self._method = 2 if password else 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(bytes([5, self._method]))
        if self._method:
            _, length = await reader.readexactly(2)
            self.said.append(await reader.readexactly(length))
            (length,) = await reader.readexactly(1)
            self.said.append(await reader.readexactly(length))
            writer.write(b"\x01\x00")
        *_, kind = await reader.readexactly(4)
        assert kind == 3, "the name is the proxy's to resolve"
        (length,) = await reader.readexactly(1)
        name = (await reader.readexactly(length)).decode()
        port = int.from_bytes(await reader.readexactly(2))
        self.asked.append(name)
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await asyncio.gather(pump(reader, back), pump(there, writer))
        self.idle.set()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_through_a_socks_proxy(authority: Authority, scheme: str) -> None:
    proxy = SocksProxy(password=scheme == "socks5h")
    user = "u:hunter2@" if scheme == "socks5h" else ""
    context = authority.server("api.example.org")
    async with ScriptedServer(stream(b"data: [DONE]\n\n"), tls=context) as server:
        url = f"https://api.example.org:{server.port}"
        got = await through(proxy, f"{scheme}://{user}127.0.0.1:{{}}", authority, url)
        assert isinstance(got, list)
        assert server.requests[0].headers["authorization"] == "Bearer canary-key"
    assert proxy.asked == ["api.example.org"]
    assert proxy.said == ([b"u", b"hunter2"] if user else [])


def test_without_its_extra_a_socks_proxy_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as where it is not installed
    for url in ("socks5://127.0.0.1:1080", "socks5h://u:hunter2@p"):
        network = Network(proxy=url, env={})
        with pytest.raises(ConfigurationError, match="needs the extra `socks`") as caught:
            network.proxy_for(REMOTE)
        assert "hunter2" not in str(caught.value)
        assert network.proxy_for(LOCAL) is None
