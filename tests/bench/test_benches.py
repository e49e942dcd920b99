"""The benches of typing run, and what they count is there. Their times are not looked at."""

from __future__ import annotations

import graphlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path(graphlib.__file__)


@pytest.fixture
def typing_bench(run_bench: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: object) -> Any:
        return run_bench("typing", "--file", FILE, "--ttft", 5, "--token", 0, *arguments)

    return run


def test_typing_is_counted_beside_the_baseline(typing_bench: Callable[..., Any]):
    ours, baseline = typing_bench("--keys", 30, "--gaps", "80", "--only", "typing")["typing"]
    assert (ours["engine"], baseline["engine"]) == ("Polypilot", "no engine")
    for row in (ours, baseline):
        # After the last key nothing is missing.
        assert row["keys"] == row["chars"] - 1 >= 30
        assert row["never"] == row["failed"] == 0
        assert row["requests"] > 0
        # On a slow machine every answer may come after the next key, which cancels it.
        assert row["prompt_tokens"] > row["generated_tokens"] >= 0
        if row["in_time"]:
            assert row["generated_tokens"] > 0
            assert row["p50"] <= row["p90"] <= row["p99"]
    assert ours["rss"] > 0


def test_a_typist_who_accepts_types_less(typing_bench: Callable[..., Any]):
    (row,) = typing_bench(
        "--keys", 30, "--gaps", "80", "--only", "typing", "--accept", "--no-baseline"
    )["typing"]
    assert 0 < row["accepted_chars"] <= row["chars"]
    assert row["keys"] < row["chars"]


def test_an_oracle_that_errs_is_not_agreed_with(typing_bench: Callable[..., Any]):
    (row,) = typing_bench(
        *("--keys", 30, "--gaps", "80", "--only", "typing", "--no-baseline"),
        *("--error-rate", 1),
    )["typing"]
    assert row["other"] > 0


def test_scenes(typing_bench: Callable[..., Any]):
    found = typing_bench("--scenes", 1, "--only", "cold,burst,next", "--no-baseline")
    cold, burst, following = found["scenes"]
    assert [row["scene"] for row in found["scenes"]] == ["cold", "burst", "next"]
    assert len(cold["shown"]) == len(cold["request"]) == 1
    assert cold["never"] == burst["never"] == following["never"] == 0
    assert burst["requests"] > 0


def test_a_soak_looks_at_the_memory(typing_bench: Callable[..., Any]):
    (found,) = typing_bench("--replay", 200)["soak"]
    assert found["asked"] == 200
    assert found["never"] == found["failed"] == 0
    assert found["answered"] > found["requests"] > 0
    assert list(found["memory"]) == ["0.1", "0.5", "1.0"]


def test_keystrokes(run_bench: Callable[..., Any]):
    ours, pygls = run_bench("keystroke.py", "--keys", 40, "--lines", 100)
    assert (ours["server"], pygls["server"]) == ("Polypilot", "pygls")
    for row in (ours, pygls):
        assert row["answered"] == row["keys"] == 40
        assert min(row["change_cpu"], row["handler"], row["both_cpu"]) > 0
    assert ours["requests"] <= 1
