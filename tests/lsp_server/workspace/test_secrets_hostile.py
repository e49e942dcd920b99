"""The scan's time is linear in the text, whoever wrote the text."""

from __future__ import annotations

import gc
import time

import pytest

from polypilot.workspace.linear import Finder
from polypilot.workspace.secrets import redact, scan
from polypilot.workspace.secrets_rules import PEM_MARK, RULES

_SIZE = 200_000
_BEGIN = "-----BEGIN PRIVATE" + " KEY-----"
_END = "-----END PRIVATE" + " KEY-----"


def _repeated(text: str) -> str:
    return (text * (_SIZE // len(text) + 1))[:_SIZE]


HOSTILE = {
    "token headers": _repeated("eyJ"),
    "token headers apart": _repeated("eyJaaaaaaaaaa-"),
    "token headers with keys between": _repeated("eyJaaaaaaaaaa-AKIAABCDEFGHIJKLMNOP-"),
    "dotted": _repeated("eyJaaaaaaaaaa.eyJ."),
    "openings of blocks": _repeated(_BEGIN + "\n"),
    "closings of blocks": _repeated(_END + "\n"),
    "openings with key lines": _repeated(_BEGIN + "\n" + "A" * 64 + "\n"),
    "closings with key lines": _repeated("A" * 64 + "\n" + _END + "\n"),
    "one long key line": (_BEGIN + "\n" + _repeated("A"))[:_SIZE],
    "key ids": _repeated("AKIAABCDEFGHIJKLMNOP "),
    "addresses": _repeated("://a:b"),
    "addresses without end": _repeated("://" + "a" * 60 + ":" + "b" * 150),
    "prefixes": _repeated("sk-sk-proj-sk-ant-ghp_xoxb-SG.AIzahf_npm_"),
    "names": _repeated("api_key=secret_key:access_token="),
    "digits": _repeated("0123456789:AA"),
    "decoration": (_BEGIN + "\n" + _repeated("\\n"))[:_SIZE],
    "spaces": _repeated("Authorization:    "),
}


def _seconds(text: str) -> float:
    """CPU time of this thread alone, without the garbage collector's share."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(4):
            start = time.thread_time()
            redact(text)
            best = min(best, time.thread_time() - start)
    finally:
        gc.enable()
    return best


@pytest.mark.parametrize("name", HOSTILE)
def test_twenty_times_the_text_costs_about_twenty_times_as_much(name: str):
    scan("")
    text = HOSTILE[name]
    short, long = _seconds(text[: _SIZE // 20]), _seconds(text)
    # Quadratic would be four hundred times.
    assert long < 120 * max(short, 0.0001), (short, long)


@pytest.mark.parametrize("number", range(len(RULES) + 1))
def test_no_rule_is_slow_on_any_of_them(number: int):
    finder = Finder(RULES[number].pattern if number < len(RULES) else PEM_MARK)
    words = "the quick brown fox = jumps(over) the lazy dog\n"
    benign = _cost(finder, _repeated(words).encode())
    for name, text in HOSTILE.items():
        cost = _cost(finder, text.encode())
        # A backtracking engine is a million times slower on some of these.
        assert cost < 200 * max(benign, 0.0005), name


def _cost(finder: Finder, data: bytes) -> float:
    best = float("inf")
    for _ in range(2):
        start = time.thread_time()
        for _ in finder.spans(data):
            pass
        best = min(best, time.thread_time() - start)
    return best
