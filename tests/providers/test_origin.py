"""Origins: what is the same place, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin

REAL = "https://api.openai.com"
LOOK_ALIKES = [
    "https://api.openai.com@evil.example",
    "https://api.openai.com:443@evil.example",
    "https://evil.example@api.openai.com",
    "https://api.openai.com.evil.example",
    "https://api.openai.com.",  # the same name in the DNS; see below
    "https://api.openai.comevil.example",
    "https://api-openai.com",
    "https://openai.com",
    "https://xapi.openai.com",
    "https://api.openai.co",
    "https://api.openai.com:8443",
    "https://api.openai.com:80",
    "http://api.openai.com",
    "http://api.openai.com:443",
    "ftp://api.openai.com",
    "https://аpi.openai.com",  # noqa: RUF001 - Cyrillic a: that is the point
    "https://api.openаi.com",  # noqa: RUF001 - look-alikes are what is tested
    "https://xn--pi-6kc.openai.com",
    "https://ａpi.openai.com",  # noqa: RUF001 - full width
    "https://api.openaı.com",  # noqa: RUF001 - dotless i
    "https://api.openai.com%2eevil.example",
    "https://api.openai.com%00.evil.example",
    "https://api.openai.com\\@evil.example",
    "https://api.openai.com\t.evil.example",
    "https://api.openai.com\n",
    " https://api.openai.com",
    "https:api.openai.com",
    "https:///api.openai.com",
    "//api.openai.com",
    "api.openai.com",
    "https://api..openai.com",
    "https://[api.openai.com]",
    "https://evil.example/https://api.openai.com",
    "https://evil.example?api.openai.com",
    "https://evil.example#api.openai.com",
    "javascript:https://api.openai.com",
]


def parsed(url: str) -> Origin | None:
    try:
        return Origin.parse(url)
    except ConfigurationError:
        return None


def test_no_look_alike_passes() -> None:
    real = Origin.parse(REAL)
    passing = [url for url in LOOK_ALIKES if parsed(url) == real]
    # A trailing dot names the same host; it is taken off, and requests go to the name without.
    assert passing == ["https://api.openai.com."]
    assert len(LOOK_ALIKES) >= 20


@pytest.mark.parametrize(
    "url",
    [
        "https://API.OpenAI.com",
        "HTTPS://api.openai.com:443/v1?x=1#y",
        "https://api.openai.com:",
        "https://api.openai.com./v1",
    ],
)
def test_other_spellings_of_the_same(url: str) -> None:
    assert Origin.parse(url) == Origin.parse(REAL)
    assert str(Origin.parse(url)) == REAL


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.01",
        "127.0.0.256",
        "127.0.0.1.5",
        "１２７.0.0.1",  # noqa: RUF001 - look-alikes are what is tested
        "[::1%25lo]",
        "[::1",
        "[1::2::3]",
        "[127.0.0.1]",
        "bücher.1",
        "bücher。1",
        "xn--zz--",
        "a_b.xn--zz--",
        "-a.example",
        "a" * 64 + ".example",
        ".".join(["abc"] * 70),
        "",
        ".",
        "exa mple",
        "host:0",
        "host:65536",
        "host:port",
        "host:-1",
        "user:hunter2@host",
    ],
)
def test_a_host_that_could_be_read_in_two_ways_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Origin.parse(f"https://{host}")
    assert caught.value.cure
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost:1234", "http://localhost:1234"),
        ("http://LocalHost.:80", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
    ],
)
def test_plain_http_to_this_machine(url: str, text: str) -> None:
    origin = Origin.parse(url)
    assert origin.is_loopback
    assert str(origin) == text
    assert Origin.parse(text) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com",
        "http://192.168.1.5:11434",
        "http://0.0.0.0:4000",
        "http://[::ffff:127.0.0.1]",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://[2001:db8::1]",
    ],
)
def test_plain_http_to_anywhere_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        Origin.parse(url)


def test_international_names_have_one_spelling() -> None:
    assert str(Origin.parse("https://Bücher.example")) == "https://xn--bcher-kva.example"
    assert Origin.parse("https://bücher.example") == Origin.parse("https://xn--bcher-kva.example")
    assert Origin.parse("https://faß.example") != Origin.parse("https://fass.example")
    assert str(Origin.parse("https://my_host.example:8443")) == "https://my_host.example:8443"
    assert not Origin.parse("https://[2001:db8::1]").is_loopback


@given(st.text(max_size=40))
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    for url in (text, f"https://{text}"):
        origin = parsed(url)
        assert origin is None or Origin.parse(str(origin)) == origin
