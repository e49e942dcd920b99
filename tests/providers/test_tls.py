"""TLS: nothing is sent to whoever can't prove who they are."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import os
import ssl
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from polypilot_providers.base import Limits
from polypilot_providers.call import Call
from polypilot_providers.errors import (
    ConfigurationError,
    NetworkError,
    ProviderError,
    StreamBroken,
    TimedOut,
)
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.testing import ScriptedServer, key_of, outcome, stream
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

        def client(self, folder: Path, name: str) -> tuple[Path, Path]: ...


DONE = stream(b"data: [DONE]\n\n")
LIMITS = Limits(10, 10, 10)
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


async def ask(http: HttpClient, url: str, limits: Limits = LIMITS) -> ProviderError | None:
    call = Call("team", Origin.parse(url), "/v1", {"code": "canary"}, key_of("canary-key"))
    got, error = await outcome(http.stream(call, OpenAIParser, limits))
    assert got == ([] if error else [Stop(StopReason.END)])
    return error


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
    junk.write_text("no certificate", encoding="utf-8")
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


def system_store() -> ssl.SSLContext:
    """Trusts nobody: quick to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Stores:
    """Makes contexts, and counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.begun = threading.Event()
        self.released = threading.Event()

    def __call__(self) -> ssl.SSLContext:
        self.made += 1
        self.begun.set()
        assert self.released.wait(10)
        return system_store()


def test_equal_settings_share_one_context(authority: Authority, tmp_path: Path) -> None:
    file = str(authority.file)
    first = Network(ca_file=file, env={}).tls(system_store)
    assert Network(ca_file=file, env={"HOME": "/"}).tls(system_store) is first
    others = [
        Network(env={}).tls(system_store),
        Network(env={"SSL_CERT_FILE": file}).tls(system_store),
        Network(env={"SSL_CERT_DIR": str(tmp_path)}).tls(system_store),
        Network(ca_file=file, env={}).tls(ssl.create_default_context),
    ]
    assert len({id(each) for each in (first, *others)}) == 5
    assert len(first.get_ca_certs()) == 1
    assert others[0].get_ca_certs() == []
    with pytest.raises(ConfigurationError):  # the same path, for something else
        Network(env={"SSL_CERT_FILE": str(tmp_path)}).tls(system_store)


def test_other_certificates_in_the_same_file_make_another_context(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    network = Network(ca_file=str(file), env={})
    kept: list[ssl.SSLContext] = []
    for minute in range(2):
        trustme.CA().cert_pem.write_to_path(str(file))
        os.utime(file, (minute * 60, minute * 60))
        kept.append(network.tls(system_store))
    assert kept[0] is not kept[1]
    assert kept[0].get_ca_certs() != kept[1].get_ca_certs()
    file.write_text("no certificate", encoding="utf-8")
    with pytest.raises(ConfigurationError):
        network.tls(system_store)


def test_a_context_is_made_once_however_many_want_it() -> None:
    stores = Stores()
    got: list[ssl.SSLContext] = []
    threads = [
        threading.Thread(target=lambda: got.append(Network(env={}).tls(stores))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    assert stores.begun.wait(10)
    # One that hangs holds up no other settings.
    assert Network(env={}).tls(system_store)
    stores.released.set()
    for thread in threads:
        thread.join(10)
    assert len(got) == 3
    assert (stores.made, len({id(each) for each in got})) == (1, 1)


def test_what_nobody_uses_any_more_is_not_kept() -> None:
    context = weakref.ref(Network(env={}).tls(system_store))
    gc.collect()
    assert context() is None


async def test_clients_of_equal_settings_use_one_context(authority: Authority) -> None:
    """Each with connections of its own."""
    settings = [
        SeenNetwork(ca_file=str(authority.file), env={}),
        SeenNetwork(ca_file=str(authority.file), env={}),
    ]
    async with ScriptedServer(DONE, tls=authority.server("127.0.0.1")) as server:
        clients = [HttpClient(each) for each in settings]
        for client in clients:
            assert await ask(client, server.url) is None
        assert server.connections == 2
        assert settings[0].contexts == settings[1].contexts
        assert len(settings[0].contexts) == 1
        for client in clients:
            await client.aclose()


class SeenNetwork(Network):
    """Remembers which contexts it gave out."""

    def __init__(self, *, ca_file: str, env: dict[str, str]) -> None:
        super().__init__(ca_file=ca_file, env=env)
        self.contexts: list[ssl.SSLContext] = []

    def tls(
        self, system_store: Callable[[], ssl.SSLContext], *, as_client: bool = True
    ) -> ssl.SSLContext:
        context = super().tls(system_store, as_client=as_client)
        self.contexts.append(context)
        return context


# --- the user's own certificate


async def test_a_server_that_asks_is_shown_the_users_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    cert, key = authority.client(tmp_path, "me.example.org")
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    asking = authority.server("127.0.0.1")
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(str(authority.file))
    async with ScriptedServer(DONE, tls=asking) as server:
        for client in ((str(cert), str(key)), (str(both), "")):
            http = HttpClient(Network(ca_file=str(authority.file), client=client, env={}))
            assert await ask(http, server.url) is None
            await http.aclose()
        http = HttpClient(Network(ca_file=str(authority.file), env={}))
        assert isinstance(await ask(http, server.url), NetworkError | StreamBroken)
        await http.aclose()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("missing", "does not exist"),
        ("no certificate", "can't be read"),
        ("another key", "can't be read"),
        ("locked", "passphrase"),
    ],
)
async def test_a_client_certificate_that_can_not_be_used_is_explained(
    authority: Authority, tmp_path: Path, case: str, words: str
) -> None:
    cert, key = authority.client(tmp_path, "me.example.org")
    if case == "missing":
        key.unlink()
    elif case == "no certificate":
        cert.write_text("hello")
    elif case == "another key":
        (tmp_path / "other").mkdir()
        _, key = authority.client(tmp_path / "other", "other.example.org")
    else:
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        locked = serialization.BestAvailableEncryption(b"hunter2")
        key.write_bytes(
            loaded.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
            )
        )
    network = Network(ca_file=str(authority.file), client=(str(cert), str(key)), env={})
    async with ScriptedServer(DONE, tls=authority.server("127.0.0.1")) as server:
        http = HttpClient(network)
        error = await ask(http, server.url)
        await http.aclose()
        assert isinstance(error, ConfigurationError)
        assert words in error.message
        assert "client_key" in error.cure
        assert not server.requests
