"""What the heads of answers say of limits and waits."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import polypilot_providers
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import RateLimited
from polypilot_providers.factory import build
from polypilot_providers.health import Health
from polypilot_providers.http import HttpClient
from polypilot_providers.limits import Allowance, Need, Window, need_of, share
from polypilot_providers.network import Network
from polypilot_providers.rate import Left, read, retry_after
from polypilot_providers.router import Target, Terms
from polypilot_providers.testing import ScriptedServer, key_of, outcome, reply
from polypilot_providers.types import ChatRequest, CompletionRequest, ContextFile, user

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "99999999"}, 120.0),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, None),
        ({"retry-after": formatdate(NOW + 86400, usegmt=True)}, 120.0),
        ({"retry-after": "Mon, 99 Foo 2026 99:99:99 GMT"}, None),
        (
            {
                "retry-after": formatdate(NOW + 5000, usegmt=True),
                "date": formatdate(NOW + 4990, usegmt=True),
            },
            10.0,
        ),
        ({"retry-after": formatdate(NOW + 20, usegmt=True), "date": "nonsense"}, 20.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_retry_after_by_this_machines_clock() -> None:
    wait = retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)})
    assert wait is not None
    assert 0 < wait <= 61


@pytest.mark.parametrize("jump", [-86_400.0, 0.0, 86_400.0])
def test_a_jump_of_this_machines_clock_changes_nothing(jump: float) -> None:
    """Times are measured from the answer's own; nothing else looks at the time of day."""
    reset = "anthropic-ratelimit-requests-reset"
    headers = {
        "date": formatdate(NOW, usegmt=True),
        "retry-after": formatdate(NOW + 30, usegmt=True),
        "anthropic-ratelimit-requests-remaining": "0",
        reset: rfc3339(20),
    }
    assert retry_after(headers, NOW + jump) == 30
    assert read(headers, NOW + jump) == (Left("requests", 0, 20.0),)
    # Without it a wrong clock costs two minutes at most.
    del headers["date"]
    assert (retry_after(headers, NOW + jump) or 0.0) <= 120
    health = Health(lambda _: Terms())
    health.heard("a", "m", read(headers, NOW + jump), 0.0)
    held = health.hold(Target("a", "m"), 0.0, chat=True)
    assert held is None or held.seconds <= 120


def test_only_the_reader_of_dates_knows_the_time_of_day() -> None:
    """All else counts on clocks that do not jump."""
    wall = re.compile(r"\btime\.time\b|\btime_ns\b|\bdatetime\.now\b|\bgmtime\b|\butcnow\b")
    package = Path(polypilot_providers.__file__).parent
    found = {path.name for path in package.rglob("*.py") if wall.search(path.read_text("utf-8"))}
    assert found == {"rate.py"}


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_header_is_a_sane_wait_or_none(seconds: str, milliseconds: str) -> None:
    wait = retry_after({"retry-after": seconds, "retry-after-ms": milliseconds}, NOW)
    assert wait is None or 0 < wait <= 120


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("headers", "lefts"),
    [
        (  # OpenAI, Groq
            {
                "x-ratelimit-limit-requests": "500",
                "x-ratelimit-remaining-requests": "499",
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-limit-tokens": "30000",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m2s",
            },
            [Left("requests", 499, 0.12, 500), Left("tokens", 0, 62.0, 30000)],
        ),
        (
            {
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-reset-requests": "2m59.56s",
                "x-ratelimit-remaining-tokens": "17997",
                "x-ratelimit-reset-tokens": "1h0m7.66s",
            },
            [Left("requests", 14370, 179.56), Left("tokens", 17997, 3607.66)],
        ),
        (  # Azure: plain seconds
            {"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "10"},
            [Left("requests", 9, 10.0)],
        ),
        (  # Anthropic
            {
                "anthropic-ratelimit-requests-limit": "50",
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": rfc3339(1),
                "anthropic-ratelimit-tokens-remaining": "50000",
                "anthropic-ratelimit-tokens-reset": rfc3339(30),
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": rfc3339(-3),
                "anthropic-ratelimit-output-tokens-remaining": "8000",
                "anthropic-ratelimit-output-tokens-reset": "2027-01-15T08:00:02",
            },
            [
                Left("requests", 49, 1.0, 50),
                Left("tokens", 50000, 30.0),
                Left("input", 0, 0.0),
                Left("output", 8000, 2.0),
            ],
        ),
        (  # by the supplier's clock, not ours
            {
                "date": formatdate(NOW + 3600, usegmt=True),
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": rfc3339(3604),
            },
            [Left("requests", 0, 4.0)],
        ),
        (  # Mistral
            {
                "x-ratelimit-limit-req-minute": "60",
                "x-ratelimit-remaining-req-minute": "59",
                "x-ratelimit-limit-tokens-minute": "500000",
                "x-ratelimit-remaining-tokens-minute": "499000",
                "x-ratelimit-tokens-query-cost": "42",
            },
            [Left("requests", 59, 60.0, 60), Left("tokens", 499000, 60.0, 500000)],
        ),
        (  # xAI
            {
                "x-ratelimit-limit-requests": "480",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-limit-tokens": "4000000",
                "x-ratelimit-remaining-tokens": "3999000",
            },
            [Left("requests", 0, None, 480), Left("tokens", 3999000, None, 4000000)],
        ),
        ({"x-ratelimit-remaining-requests": "-1"}, [Left("requests", 0)]),
        ({"x-ratelimit-remaining-requests": "12.0"}, [Left("requests", 12)]),
        (
            {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "soon"},
            [Left("requests", 1)],
        ),
        ({"x-ratelimit-remaining-requests": "many"}, []),
        ({"x-ratelimit-remaining-requests": "inf"}, []),
        ({"x-ratelimit-reset-requests": "1s"}, []),
        ({}, []),
    ],
)
def test_limits(headers: dict[str, str], lefts: list[Left]) -> None:
    assert list(read(headers, NOW)) == [
        Left(each.kind, each.amount, pytest.approx(each.seconds), each.limit)  # pyright: ignore[reportArgumentType] - compares like a number
        if each.seconds is not None
        else each
        for each in lefts
    ]


def test_a_reset_by_this_machines_clock() -> None:
    until = datetime.fromtimestamp(time.time() + 60, UTC).isoformat()
    (left,) = read(
        {
            "anthropic-ratelimit-requests-remaining": "1",
            "anthropic-ratelimit-requests-reset": until,
        }
    )
    assert left.seconds is not None
    assert 0 < left.seconds <= 61


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_head_is_sane_or_says_nothing(left: str, reset: str, date: str) -> None:
    for name in ("x-ratelimit-{}-tokens", "anthropic-ratelimit-tokens-{}"):
        head = {name.format("remaining"): left, name.format("reset"): reset, "date": date}
        for each in read(head, NOW):
            assert each.amount >= 0
            assert each.seconds is None or each.seconds >= 0


@pytest.mark.parametrize("status", [200, 429])
async def test_the_head_of_every_answer_is_heard(status: int) -> None:
    heard: list[tuple[str, str, tuple[Left, ...]]] = []
    http = HttpClient(
        Network(env={}), heard=lambda name, model, head: heard.append((name, model, read(head)))
    )
    head = {"X-RateLimit-Remaining-Requests": "7"}
    async with ScriptedServer(reply(status, {"data": []}, head)) as server:
        row = ProviderRow(id="team", wire="openai-chat", base_url=server.url)
        provider = build(row, key_of("sk-1"), http)
        await outcome(provider.chat(ChatRequest("m-1", (user("hi"),))))
        with suppress(RateLimited):
            await provider.models()
    await http.aclose()
    left = (Left("requests", 7),)
    assert heard == [("team", "m-1", left), ("team", "", left)]


# What is left


def test_an_empty_limit_holds_until_its_reset() -> None:
    room = Allowance()
    assert room.wait(0, Need()) == 0
    room.told([Left("requests", 2, 30)], 100)
    room.spend(Need())
    assert room.wait(100, Need()) == 0
    room.spend(Need())
    assert [room.wait(now, Need()) for now in (100, 129, 130, 500)] == [30, 1, 0, 0]
    room.told([Left("requests", 1, 30)], 110)
    assert room.wait(110, Need()) == 0


def test_a_reset_that_is_not_said_or_absurd() -> None:
    room = Allowance()
    room.told([Left("requests", 0)], 0)
    assert room.wait(0, Need()) == 5
    room.told([Left("requests", 0, 86_400)], 0)
    assert (room.wait(0, Need()), room.wait(119, Need()), room.wait(120, Need())) == (120, 1, 0)


@pytest.mark.parametrize(
    ("left", "need", "wait"),
    [
        (Left("tokens", 1000, 60, 4000), Need(900, 100), 0),
        (Left("tokens", 1000, 60, 4000), Need(1400, 100), 10),  # a sixth of what is missing
        (Left("tokens", 1000, 60), Need(1400, 100), 60),  # nobody says how fast it fills up
        (Left("tokens", 1000, 60, 1000), Need(5000), 0),  # never fits: for the supplier to say
        (Left("tokens", 0, 60, 4000), Need(1), 60),
        (Left("input", 10, 60, 100), Need(55, 0), 30),
        (Left("output", 10, 60, 100), Need(500, 10), 0),
        (Left("output", 10, 60, 100), Need(500, 100), 60),
        (Left("requests", 0, 60, 0), Need(), 60),
    ],
)
def test_a_request_waits_for_the_room_it_needs(left: Left, need: Need, wait: float) -> None:
    room = Allowance()
    room.told([left], 0)
    assert room.wait(0, need) == pytest.approx(wait)


def test_what_a_request_needs() -> None:
    fim = CompletionRequest("m", "x" * 30, "y" * 9, (ContextFile("a", "z" * 21),), max_tokens=64)
    assert need_of(fim) == Need(20, 64)
    assert need_of(ChatRequest("m", (user("x" * 30),), "s" * 30)) == Need(20, 0)
    assert need_of(ChatRequest("m", (), max_tokens=5)) == Need(0, 5)


def test_the_window_slides() -> None:
    window = Window()
    for now in (0, 10, 20):
        assert window.wait(now, 3) == 0
        window.take(now)
    assert [window.wait(now, 3) for now in (20, 59, 60)] == [40, 1, 0]
    window.take(60)
    assert window.wait(60, 3) == 10
    assert window.wait(60, 1) == 60


@pytest.mark.parametrize(
    ("per_minute", "completions"), [(1, 1), (2, 1), (9, 8), (10, 9), (20, 18), (100, 90)]
)
def test_the_last_tenth_is_for_chat(per_minute: int, completions: int) -> None:
    assert share(per_minute, chat=False) == completions
    assert share(per_minute, chat=True) == per_minute
