"""What a model's process gives to whom: keys, origins, streams, cancelling, the prefix cache."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.e2e

Client = Any  # conftest.Client, which importlib mode does not let us import

CODE = "".join(
    f"def function_{n}(first, second):\n    return first * {n} + second\n\n\n" for n in range(60)
)


# --- who may ask


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/props"), ("GET", "/slots"), ("GET", "/metrics"), ("GET", "/v1/models"),
        ("GET", "/models"), ("POST", "/completion"), ("POST", "/infill"), ("POST", "/tokenize"),
        ("POST", "/v1/completions"), ("POST", "/v1/chat/completions"), ("POST", "/v1/messages"),
        ("POST", "/apply-template"), ("POST", "/slots/0?action=erase"), ("POST", "/props"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", [None, "Bearer wrong", "Bearer "])
def test_nothing_is_answered_without_the_key(
    client: Client, method: str, path: str, key: str | None
):
    body = {"prompt": "x", "n_predict": 1, "content": "x"} if method == "POST" else None
    headers = {} if key is None else {"Authorization": key}
    status, _, data = client.raw(method, path, body, headers)
    assert status == 401
    assert client.endpoint.key.reveal().encode() not in data


def test_only_that_it_is_up_is_public(client: Client):
    status, _, data = client.raw("GET", "/health")
    assert (status, data) == (200, b'{"status":"ok"}')
    status, _, data = client.raw("GET", "/")
    assert status == 404  # no web page


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:3000", "null"])
def test_no_web_page_may_read_an_answer(client: Client, origin: str):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answers = [
        client.raw("GET", "/health", None, {"Origin": origin}),
        client.raw("OPTIONS", "/completion", None, asked),
        client.raw(
            "POST", "/completion", {"prompt": "x", "n_predict": 1},
            {"Origin": origin, **client.authorization},
        ),
    ]  # fmt: skip
    for _, headers, _ in answers:
        assert headers.get("access-control-allow-origin", "") == ""
        assert headers.get("access-control-allow-credentials", "false") == "false"
        assert headers.get("access-control-allow-headers", "") == ""


def test_it_listens_on_loopback_alone(client: Client):
    process = psutil.Process(client.endpoint.pid)
    listening = [each for each in process.net_connections("all") if each.status == "LISTEN"]
    assert [each.laddr.ip for each in listening] == ["127.0.0.1"]
    assert listening[0].laddr.port == client.port


def test_files_are_private_under_any_umask(client: Client):
    folder = Path(psutil.Process(client.endpoint.pid).cwd())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert len(modes) >= 4
    assert set(modes.values()) == {0o600}, modes


def test_the_key_is_in_one_private_file_only(client: Client):
    key = client.endpoint.key.reveal()
    assert len(key) >= 40
    process = psutil.Process(client.endpoint.pid)
    assert key not in " ".join(process.cmdline())
    assert key not in str(process.environ())
    holders = [
        each.name for each in Path(process.cwd()).iterdir() if key.encode() in each.read_bytes()
    ]
    assert len(holders) == 1
    assert holders[0].endswith(".json")
    assert key not in repr(client.endpoint)


# --- answers


def test_a_completion_streams_token_by_token(client: Client):
    events = client.stream("/completion", {"prompt": CODE[:200], "n_predict": 12}).all()
    assert len(events) > 5
    assert events[-1]["stop"] is True
    assert not any(each["stop"] for each in events[:-1])
    assert events[-1]["timings"]["predicted_n"] <= 12
    assert events[-1]["model"] == "smollm2-135m"


def test_a_chat_streams(client: Client):
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 12, "id_slot": 1}
    events = client.stream("/v1/chat/completions", body).all()
    text = "".join(
        each["choices"][0]["delta"].get("content") or "" for each in events if each["choices"]
    )
    assert text
    assert len(events) > 5


def test_a_growing_prefix_costs_its_new_tokens_only(client: Client):
    def ask(prompt: str) -> dict[str, int]:
        body = {"prompt": prompt, "n_predict": 1, "cache_prompt": True, "id_slot": 0}
        return client.ask("/completion", body)["timings"]

    prompt = "# one\n" + CODE[:900]
    tokens = len(client.ask("/tokenize", {"content": prompt})["tokens"])
    first = ask(prompt)
    assert first["cache_n"] + first["prompt_n"] == tokens
    more = "def added(x):\n    return"
    new = len(client.ask("/tokenize", {"content": prompt + more})["tokens"]) - tokens
    second = ask(prompt + more)
    # A token at the seam may be split anew.
    assert second["prompt_n"] <= new + 3
    assert second["cache_n"] >= tokens - 3
    # A chat in between has a slot, and so a cache, of its own.
    chat = {"messages": [{"role": "user", "content": CODE[-400:]}], "max_tokens": 2, "id_slot": 1}
    client.ask("/v1/chat/completions", chat)
    third = ask(prompt + more + " x")
    assert third["prompt_n"] <= 4
    assert third["cache_n"] >= tokens


def test_hanging_up_stops_the_generation(client: Client):
    before = client.metrics()["tokens_predicted_total"]
    stream = client.stream(
        "/completion",
        {"prompt": CODE[:300], "n_predict": 1500, "ignore_eos": True, "id_slot": 0},
    )
    events = stream.events()
    for _ in range(3):
        next(events)
    assert client.busy()
    stream.close()
    client.take_slot()
    assert not client.busy()
    assert client.metrics()["tokens_predicted_total"] - before < 700


def test_hanging_up_stops_the_reading_of_a_long_prompt(client: Client):
    prompt = "# two\n" + CODE[:1800]
    tokens = len(client.ask("/tokenize", {"content": prompt})["tokens"])
    body = {"prompt": prompt, "n_predict": 1, "id_slot": 0, "cache_prompt": True}
    stream = client.stream("/completion", {**body, "return_progress": True})
    events = stream.events()
    progress = [next(events)["prompt_progress"]["processed"] for _ in range(3)]
    stream.close()
    # What had been read is not lost, and the rest was not read for nobody.
    timings = client.ask("/completion", body)["timings"]
    assert timings["cache_n"] >= progress[2] > 0
    assert timings["prompt_n"] > tokens // 4
