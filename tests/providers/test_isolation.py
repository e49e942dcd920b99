"""Each supplier sees its own key and nobody else's, whoever fails and whatever looks like it.

The whole Internet is one proxy on loopback: it takes any name, has a valid certificate for it
and keeps every byte it is sent. What reaches an address is searched for every other key.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import pytest

from polypilot_providers.base import Limits, Secret
from polypilot_providers.call import Call
from polypilot_providers.catalog import ProviderRow, example, rows
from polypilot_providers.errors import ConfigurationError, ProviderError
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin
from polypilot_providers.router import Router, Switched, Target
from polypilot_providers.testing import key_of, outcome
from polypilot_providers.types import (
    ChatRequest,
    Message,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    ToolResultPart,
    user,
)
from polypilot_providers.wires.openai_chat import OpenAIParser

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path
    from typing import Protocol

    from polypilot_providers.base import KeySource, Provider

    class Authority(Protocol):
        """The fixture of conftest."""

        file: Path

        def server(self, *names: str, **options: object) -> ssl.SSLContext: ...


LIMITS = Limits(20, 20, 20)
LONG = Limits(20, 20, 20, 100)
Place = tuple[str, int]
"""Host and port, as a connection to them was asked for."""


class Internet:
    """A proxy that answers for every host itself; use as an asynchronous context manager."""

    def __init__(self, authority: Authority) -> None:
        self.seen: dict[Place, bytearray] = {}
        """Every byte that was sent to an address, inside TLS."""
        self.asked = bytearray()
        """What the proxy itself was sent."""
        self.answer: Callable[[str], tuple[int, str]] = lambda _: (503, "")
        """Status and Location that a host answers with."""
        self._authority = authority
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked += head
            host, _, port = head.split()[1].decode().rpartition(":")
            host = host.strip("[]")
            if host not in self._contexts:
                self._contexts[host] = self._authority.server(host)
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await writer.start_tls(self._contexts[host])
            seen = self.seen.setdefault((host, int(port)), bytearray())
            while True:
                await self._exchange(host, seen, reader, writer)
        writer.close()

    async def _exchange(
        self,
        host: str,
        seen: bytearray,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen += head
        fields = head.lower().split(b"\r\n")
        length = sum(int(line[15:]) for line in fields if line.startswith(b"content-length:"))
        seen += await reader.readexactly(length)
        status, location = self.answer(host)
        there = f"location: {location}\r\n" if location else ""
        writer.write(f"HTTP/1.1 {status} So\r\n{there}content-length: 0\r\n\r\n".encode())
        await writer.drain()


@pytest.fixture
async def internet(authority: Authority) -> AsyncIterator[Internet]:
    async with Internet(authority) as whole:
        yield whole


@pytest.fixture
async def browser(internet: Internet, authority: Authority) -> AsyncIterator[HttpClient]:
    """The one client, which knows no other way than through the proxy."""
    client = HttpClient(Network(proxy=internet.url, ca_file=str(authority.file), env={}))
    yield client
    await client.aclose()


def forms(key: str) -> list[bytes]:
    """How a key could be written."""
    return [
        key.encode(),
        b64encode(key.encode()),
        b64encode(f":{key}".encode()),
        key[::-1].encode(),
    ]


# --- failover


def key(name: str) -> str:
    return f"key+of/{name}={len(name)}"


def proof(name: str) -> str:
    return b64encode(f"proof of {name}.".encode()).decode()


def everywhere(row: ProviderRow) -> ProviderRow:
    """The row at a host of its own that belongs to it alone, with a key to send."""
    path = example(row.base_url).partition("://")[2].partition("/")[2]
    host = row.id.replace("_", "-").replace(".", "-")
    return row.model_copy(
        update={
            "base_url": f"https://{host}.example/{path}",
            "auth": "keyring",
            "variables": {},
            "chat_model": row.chat_model or "some-model",
        }
    )


ROWS = {row.id: everywhere(row) for row in rows({}).values() if row.wire != "plugin"}


def talk() -> ChatRequest:
    """A conversation that every supplier has had a part in, with its proofs."""
    thoughts = tuple(
        ThoughtPart("hm", signature=proof(name), provider=name) for name in sorted(ROWS)
    )
    calls = tuple(
        ToolCallPart(f"call{n}", "now", "{}", signature=proof(name), provider=name)
        for n, name in enumerate(sorted(ROWS))
    )
    results = tuple(ToolResultPart(call.id, "noon") for call in calls)
    answered = Message("assistant", (*thoughts, TextPart("so"), *calls))
    return ChatRequest("", (user("hello"), answered, Message("user", results)))


def chains() -> list[list[Target]]:
    """Chains of targets in which each supplier follows on every other one, somewhere."""
    names = sorted(ROWS)
    size = len(names)
    found: list[list[Target]] = []
    for step in range(1, size):
        for start in range(gcd(step, size)):
            places = range(start, start + step * size // gcd(step, size) + 1, step)
            chain = [names[place % size] for place in places]
            found.append([Target(name, ROWS[name].chat_model) for name in chain])
    pairs = {pair for chain in found for pair in pairwise(each.provider_id for each in chain)}
    assert len(pairs) == size * (size - 1)
    return found


async def test_in_no_failover_does_one_see_anothers_key(
    internet: Internet, browser: HttpClient
) -> None:
    """Every ordered pair of the catalog's suppliers: the first fails, the second is asked."""
    providers = {name: build(row, key_of(key(name)), browser) for name, row in ROWS.items()}
    request = ChatRequest("", (user("hello"),))

    async def resolve(name: str) -> Provider:
        return providers[name]

    for targets in chains():
        stream = Router(resolve).stream_completion(targets, lambda _: request, LONG)
        got, error = await outcome(stream)
        assert error is not None
        switched = [(each.from_, each.to) for each in got if isinstance(each, Switched)]
        assert switched == list(pairwise(targets))
    owners = owners_of(internet)
    assert sorted(owners.values()) == sorted(ROWS)
    for place, own in owners.items():
        seen = internet.seen[place]
        # Each was asked after every other one.
        assert seen.count(key(own).encode()) >= len(ROWS) - 1
        for name in ROWS.keys() - {own}:
            assert not any(form in seen for form in forms(key(name))), (own, name)
    assert not any(form in internet.asked for name in ROWS for form in forms(key(name)))


def owners_of(internet: Internet) -> dict[Place, str]:
    """Whose each address is that was sent anything."""
    hosts = {Origin.parse(row.base_url).host: name for name, row in ROWS.items()}
    return {place: hosts[place[0]] for place in internet.seen}


async def test_nobody_sees_anothers_proof(internet: Internet, browser: HttpClient) -> None:
    """Signatures and sealed reasoning of earlier answers go back to who made them."""
    for name, row in ROWS.items():
        request = replace(talk(), model=row.chat_model)
        _, error = await outcome(build(row, key_of(key(name)), browser).chat(request, LIMITS))
        assert error is not None
        assert error.status == 503, name
    seen_own = 0
    for place, own in owners_of(internet).items():
        seen = internet.seen[place]
        seen_own += proof(own).encode() in seen
        for name in ROWS.keys() - {own}:
            assert proof(name).encode() not in seen, (own, name)
    assert seen_own > 3


# --- look-alikes

REAL = "https://api.supplier.example/v1"
KEY = "key-of-the-real-supplier"
OTHER = "key-of-somebody-else"

SAME = (
    "https://API.Supplier.EXAMPLE/v1",
    "https://api.supplier.example./v1",
    "https://api.supplier.example:443/v1",
    "HTTPS://api.supplier.example:0443/v1/",
    "https://api\u3002supplier.example/v1",  # a full stop that IDNA takes for a dot
    "https://api.supplier.example//evil.example/v1",
    "https://api.supplier.example/https://evil.example/v1",
    "https://api.supplier.example/v1/../../@evil.example",
    "https://api.supplier.example/v1;@evil.example/",
)
"""Other spellings of the same origin: the key goes there, whatever the path looks like."""
OTHERS = (
    "https://api.supplier.example:8443/v1",
    "https://api.supplier.example.evil.example/v1",
    "https://xapi.supplier.example/v1",
    "https://evil-api.supplier.example/v1",
    "https://a.api.supplier.example/v1",
    "https://supplier.example/v1",
    "https://api.supplier.example.com/v1",
    "https://api-supplier.example/v1",
    "https://api.suppl1er.example/v1",
    "https://\u0430pi.supplier.example/v1",  # a Cyrillic a
    "https://xn--pi-7kc.supplier.example/v1",  # the same, spelled out
    "https://api.suppl\u0131er.example/v1",  # without its dot
    "https://evil.example/https://api.supplier.example/v1",
    "https://evil.example//api.supplier.example/v1",
    "https://evil.example/api.supplier.example",
    "https://203.0.113.7/v1",
    "https://[2001:db8::1]/v1",
    "https://[::ffff:203.0.113.7]/v1",
)
"""Other origins, as like as they may be: the key stays away from them."""
REFUSED = (
    "http://api.supplier.example/v1",
    "https://api.supplier.example@evil.example/v1",
    "https://user:pw@api.supplier.example/v1",
    "https://api.supplier.example:443@evil.example/v1",
    "https://api.supplier.example\\@evil.example/v1",
    "https://evil.example\\.api.supplier.example/v1",
    "https://api.supplier.example%2eevil.example/v1",
    "https://api.supplier.example%00.evil.example/v1",
    "https://api.supplier.exam\tple/v1",
    "https://api.supplier.example /v1",
    "https://api.supplier.example../v1",
    "https://\uff41pi.supplier.example/v1",  # a wide a
    "https:///api.supplier.example/v1",
    "//api.supplier.example/v1",
    "api.supplier.example/v1",
    "https://evil.example/v1?api.supplier.example",
    "https://evil.example/#@api.supplier.example/v1",
    "https://2130706433/v1",
    "https://0x7f.1/v1",
    "https://[fe80::1%25eth0]/v1",
    "https://api.supplier.example:0/v1",
    "ftp://api.supplier.example/v1",
)
"""What two readers could take for different addresses is no address."""


class Keys:
    """Keys by provider and origin, as the user's keyring holds them."""

    def __init__(self) -> None:
        self.stored = {("supplier", str(Origin.parse(REAL))): KEY}

    def source(self, base_url: str) -> KeySource:
        origin = str(Origin.parse(base_url))

        async def look_up() -> Secret | None:
            found = self.stored.get(("supplier", origin))
            return None if found is None else Secret(found)

        return look_up


async def ask(base_url: str, keys: Keys, browser: HttpClient) -> ProviderError | None:
    row = ProviderRow(id="supplier", wire="openai-chat", base_url=base_url)
    try:
        provider = build(row, keys.source(base_url), browser)
    except ConfigurationError as error:
        return error
    return (await outcome(provider.chat(ChatRequest("m", (user("x"),)), LIMITS)))[1]


def only_real(internet: Internet) -> None:
    """The real supplier alone has seen the real key, and none has seen another's."""
    assert KEY.encode() not in internet.asked
    for place, seen in internet.seen.items():
        real = place == ("api.supplier.example", 443)
        assert real or not any(form in seen for form in forms(KEY)), place
        assert not real or OTHER.encode() not in seen


@pytest.mark.parametrize("base_url", SAME)
async def test_another_spelling_is_the_same_supplier(
    base_url: str, internet: Internet, browser: HttpClient
) -> None:
    error = await ask(base_url, Keys(), browser)
    assert error is not None
    assert error.status == 503
    assert list(internet.seen) == [("api.supplier.example", 443)]
    assert f"Bearer {KEY}".encode() in internet.seen["api.supplier.example", 443]
    only_real(internet)


@pytest.mark.parametrize("base_url", OTHERS)
async def test_a_look_alike_is_sent_nothing(
    base_url: str, internet: Internet, browser: HttpClient
) -> None:
    """Not without a key of its own, and with one, that one."""
    keys = Keys()
    error = await ask(base_url, keys, browser)
    assert error is not None
    assert error.code == "auth"
    assert internet.seen == {}
    keys.stored["supplier", str(Origin.parse(base_url))] = OTHER
    await ask(base_url, keys, browser)
    await ask(REAL, keys, browser)
    assert len(internet.seen) == 2
    only_real(internet)


@pytest.mark.parametrize("base_url", REFUSED)
async def test_an_ambiguous_address_is_none(
    base_url: str, internet: Internet, browser: HttpClient
) -> None:
    row = ProviderRow(id="supplier", wire="openai-chat", base_url=base_url)
    with pytest.raises(ConfigurationError):
        build(row, key_of(KEY), browser)
    assert internet.seen == {}


@pytest.mark.parametrize(
    "path",
    ["@evil.example/", ".evil.example/", ":8443/", "https://evil.example/", "\\evil.example/", ""],
)
async def test_no_path_leads_elsewhere(path: str, internet: Internet, browser: HttpClient) -> None:
    call = Call("supplier", Origin.parse(REAL), path, {}, key_of(KEY))
    _, error = await outcome(browser.stream(call, OpenAIParser, LIMITS))
    assert isinstance(error, ConfigurationError)
    assert internet.seen == {}


@pytest.mark.parametrize("model", ["../../@evil.example", "//evil.example/x", "a?b#c", "\u0430"])
async def test_no_model_leads_elsewhere(
    model: str, internet: Internet, browser: HttpClient
) -> None:
    """Gemini has the model's name in its address."""
    row = ProviderRow(id="supplier", wire="gemini", base_url=REAL)
    await outcome(build(row, key_of(KEY), browser).chat(ChatRequest(model, (user("x"),)), LIMITS))
    target = internet.seen["api.supplier.example", 443].split()[1].decode()
    assert target.startswith(f"/v1/models/{quote(model, safe='')}:")
    only_real(internet)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/v1",
        "//evil.example/v1",
        "https://api.supplier.example:8443/v1",
        "http://api.supplier.example/v1",
        "https://api.supplier.example@evil.example/",
        "/\\evil.example/v1",
        "https://evil.example\\@api.supplier.example/",
        "/v1/other",
        "",
    ],
)
async def test_a_redirect_leads_nowhere(
    status: int, location: str, internet: Internet, browser: HttpClient
) -> None:
    internet.answer = lambda _: (status, location)
    error = await ask(REAL, Keys(), browser)
    assert isinstance(error, ConfigurationError)
    assert not error.failover
    assert list(internet.seen) == [("api.supplier.example", 443)]
    # Once only: nothing was sent again, not even to the same host.
    assert internet.seen["api.supplier.example", 443].count(b"POST ") == 1
    only_real(internet)


async def test_a_spelling_of_an_ipv6_address_is_the_same(
    internet: Internet, browser: HttpClient
) -> None:
    keys = Keys()
    keys.stored = {("supplier", str(Origin.parse("https://[2001:db8::1]/v1"))): KEY}
    for host in ("[2001:DB8:0:0:0:0:0:1]", "[2001:0db8::0001]:443", "[2001:db8::0.0.0.1]"):
        error = await ask(f"https://{host}/v1", keys, browser)
        assert error is not None
        assert error.status == 503
    assert list(internet.seen) == [("2001:db8::1", 443)]
    for host in ("[2001:db8::2]", "[2001:db8::1]:8443", "[2001:db8:1::]", "[::ffff:32.1.13.184]"):
        error = await ask(f"https://{host}/v1", keys, browser)
        assert error is not None
        assert error.code == "auth"
    assert len(internet.seen) == 1
