"""TLS: nothing is sent to whoever can't prove who they are."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from polypilot_providers.base import Limits, Secret
from polypilot_providers.call import Call
from polypilot_providers.errors import ConfigurationError, NetworkError, ProviderError, TimedOut
from polypilot_providers.failures import Peer
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, stream
from polypilot_providers.types import Stop, StopReason
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import Protocol

    class Authority(Protocol):
        """The fixture of conftest."""

        file: Path

        def server(self, *names: str, **options: object) -> ssl.SSLContext: ...


DONE = stream(b"data: [DONE]\n\n")
LIMITS = Limits(10, 10, 10)
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


async def ask(http: HttpClient, url: str, limits: Limits = LIMITS) -> ProviderError | None:
    async def key() -> Secret | None:
        return Secret("canary-key")

    call = Call("team", Origin.parse(url), "/v1", {"code": "canary"}, key)
    try:
        async for event in http.stream(call, OpenAIParser(Peer("", "")), limits):
            assert event == Stop(StopReason.END)
    except ProviderError as error:
        return error
    return None


@pytest.fixture
async def trusting(authority: Authority) -> AsyncIterator[HttpClient]:
    http = HttpClient(Network(ca_file=str(authority.file), env={}))
    yield http
    await http.aclose()


async def test_an_authority_that_the_user_named_is_trusted(
    trusting: HttpClient, authority: Authority
) -> None:
    async with ScriptedServer(DONE, tls=authority.server("127.0.0.1", "localhost")) as server:
        assert await ask(trusting, server.url) is None
        assert await ask(trusting, server.url.replace("127.0.0.1", "localhost")) is None
        assert await ask(trusting, server.url) is None
        assert server.connections == 2  # kept alive


async def test_so_is_one_that_the_system_names(authority: Authority, tmp_path: Path) -> None:
    for env in ({"SSL_CERT_FILE": str(authority.file)},):
        http = HttpClient(Network(env=env))
        async with ScriptedServer(DONE, tls=authority.server("127.0.0.1")) as server:
            assert await ask(http, server.url) is None
        await http.aclose()
    # A folder without certificates is a valid, if useless, setting.
    http = HttpClient(Network(env={"SSL_CERT_DIR": str(tmp_path)}))
    async with ScriptedServer(DONE, tls=authority.server("127.0.0.1")) as server:
        assert "not trusted" in str(await ask(http, server.url))
    await http.aclose()


@pytest.mark.parametrize("case", ["unknown authority", "wrong host", "expired", "old TLS"])
async def test_who_can_not_prove_it_gets_nothing(
    trusting: HttpClient, http: HttpClient, authority: Authority, case: str
) -> None:
    make: dict[str, Callable[[], ssl.SSLContext]] = {
        "unknown authority": lambda: authority.server("127.0.0.1"),
        "wrong host": lambda: authority.server("localhost"),
        "expired": lambda: authority.server("127.0.0.1", not_before=PAST, not_after=PAST),
        "old TLS": lambda: authority.server("127.0.0.1"),
    }
    context = make[case]()
    if case == "old TLS":
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    asker = http if case == "unknown authority" else trusting
    async with ScriptedServer(DONE, tls=context) as server:
        error = await ask(asker, server.url)
        assert isinstance(error, NetworkError)
        assert ("certificate" in error.message) == (case != "old TLS")
        assert server.requests == []
        assert "canary" not in str(error)


async def test_plain_http_where_tls_is_expected_and_the_other_way_round(
    trusting: HttpClient, authority: Authority
) -> None:
    async with ScriptedServer(DONE) as plain:
        quick = Limits(1, 1, 1)
        error = await ask(trusting, plain.url.replace("http:", "https:"), quick)
        assert isinstance(error, NetworkError)
        assert plain.requests == []
    async with ScriptedServer(DONE, tls=authority.server("127.0.0.1")) as secure:
        error = await ask(trusting, secure.url.replace("https:", "http:"))
        assert isinstance(error, NetworkError)
        assert secure.requests == []


async def test_broken_certificate_settings_are_explained(
    authority: Authority, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    nowhere = str(tmp_path / "nowhere")
    networks = [
        (Network(env={"SSL_CERT_FILE": nowhere}), "SSL_CERT_FILE does not exist"),
        (Network(env={"SSL_CERT_DIR": nowhere}), "SSL_CERT_DIR does not exist"),
        (Network(env={"SSL_CERT_FILE": str(junk)}), "PEM"),
        (Network(ca_file=nowhere, env={}), "network.ca_file` setting does not exist"),
        (Network(ca_file=str(junk), env={}), "PEM"),
    ]
    async with ScriptedServer(DONE, tls=authority.server("127.0.0.1")) as server:
        for network, words in networks:
            http = HttpClient(network)
            error = await ask(http, server.url)
            assert isinstance(error, ConfigurationError)
            assert words in error.message
            assert error.cure
            await http.aclose()
        assert server.requests == []
    # What runs on this machine without TLS does not care.
    async with ScriptedServer(DONE) as local:
        for network, _ in networks:
            http = HttpClient(network)
            assert await ask(http, local.url) is None
            await http.aclose()


async def test_a_stalled_handshake_takes_the_connect_limit(trusting: HttpClient) -> None:
    accepted = asyncio.Event()
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        with suppress(OSError):
            while await reader.read(1000):
                pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await ask(trusting, f"https://127.0.0.1:{port}", Limits(0.3, 10, 10))
        assert isinstance(error, TimedOut)
        assert error.limit == "connect"
        assert accepted.is_set()
        await asyncio.wait_for(gone.wait(), 10)
