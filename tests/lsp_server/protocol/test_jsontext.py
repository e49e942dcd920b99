"""Decoding in slices gives what decoding at once gives."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot.lsp import jsontext
from polypilot.lsp.jsontext import decode_large, plain
from polypilot.stdio.jsontext import decode, encode

SMALL = 64
"""A slice so short that ordinary texts need several."""

PIECES = ["a", " ", '"', "\\", "\n", "/", "é", "中", "🙂", "\ud83d", "\ude00", "\u2028", "\\u0041"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=200).map("".join)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size, not a behaviour: slices of 256 kB would make every example that long."""
    monkeypatch.setattr(jsontext, "_SLICE", SMALL)


def outcome(function: Any, *args: Any) -> Any:
    try:
        return function(*args)
    except ValueError:
        return ValueError


@settings(max_examples=300)
@given(value=VALUES, ascii_only=st.booleans())
def test_slices_give_the_same_value(value: object, *, ascii_only: bool):
    try:
        body = json.dumps(value, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        body = json.dumps(value).encode()
    assert asyncio.run(decode_large(body)) == decode(body) == json.loads(body)


@settings(max_examples=500)
@given(value=VALUES, at=st.floats(0, 1), junk=st.sampled_from([b"", b'"', b"\\", b"\n", b"\xff"]))
def test_slices_refuse_what_decoding_at_once_refuses(value: object, at: float, junk: bytes):
    body = json.dumps(value, ensure_ascii=True).encode()
    cut = int(at * len(body))
    body = body[:cut] + junk + body[cut + 1 :]
    assert outcome(asyncio.run, decode_large(body)) == outcome(decode, body)


@pytest.mark.parametrize(
    "tail", ["\\\\", "\\\\\\\\", "\\n", "\\u00e9", "\\ud83d\\ude00", "\\ud83d"]
)
def test_no_cut_falls_into_an_escape(tail: str):
    for length in range(3 * SMALL):
        body = f'["{"a" * length}{tail}{"b" * SMALL * 3}"]'.encode()
        assert asyncio.run(decode_large(body)) == json.loads(body)


def test_others_get_their_turn():
    async def run() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.ensure_future(count())
        await decode_large(json.dumps("x y\n" * 500_000).encode())
        counting.cancel()
        return turns

    assert asyncio.run(run()) > 3


def test_what_json_cannot_express_is_refused():
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (float("inf"), object(), deep):
        with pytest.raises((TypeError, ValueError)):
            encode(value, plain)
    assert encode({"a": "\ud83d"}, plain) == b'{"a":"\\ud83d"}'
