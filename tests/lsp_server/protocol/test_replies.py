"""Every request gets exactly one reply: random sessions against a simple model."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol_support import Message, Session, frame, initialize_params

METHODS: list[tuple[str, Any]] = [
    ("test/echo", [1]),
    ("test/nothing", None),
    ("test/slow", {"seconds": 0.005}),
    ("test/slow", {"seconds": 60}),
    ("test/stubborn", {"seconds": 0.02}),
    ("test/raise", {"what": "exit"}),
    ("test/raiseLater", {"what": "exception"}),
    ("test/unsendable", {"what": "object"}),
    ("no/such/method", {}),
    ("textDocument/inlineCompletion", {"position": 5}),
    ("polypilot/chat/send", {"text": "x"}),
    ("workspace/executeCommand", {"command": "test.raise", "arguments": ["memory"]}),
]
IDS = st.one_of(st.integers(1, 6), st.sampled_from(["1", "a"]))
STEPS = st.one_of(
    st.tuples(st.just("request"), IDS, st.sampled_from(METHODS)),
    st.tuples(st.just("cancel"), IDS),
    st.tuples(st.just("initialize"), IDS),
    st.tuples(st.just("shutdown"), IDS),
    st.tuples(st.just("junk"), st.sampled_from([b"{", b"[]", b"{}", b"\xff", b'{"id":3}'])),
    st.tuples(st.just("pause"), st.integers(0, 3)),
    st.tuples(st.just("response"), IDS),
)


class Tally:
    """How many replies each id is owed."""

    def __init__(self) -> None:
        self.owed: Counter[int | str | None] = Counter()

    def message(self, step: tuple[Any, ...]) -> bytes:
        """What is sent for a step, counting the reply it is owed."""
        match step:
            case ("junk", junk):
                self.owed[3 if junk == b'{"id":3}' else None] += 1
                return frame(junk)
            case ("cancel", msg_id):
                message = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": msg_id}}
                return frame(message)
            case ("response", msg_id):
                return frame({"jsonrpc": "2.0", "id": msg_id, "result": None})
            case ("request", msg_id, (method, params)):
                return self._request(msg_id, method, params)
            case (method, msg_id):
                params = initialize_params() if method == "initialize" else None
                return self._request(msg_id, method, params)
            case _:
                raise AssertionError(step)

    def _request(self, msg_id: int | str, method: str, params: Any) -> bytes:
        self.owed[msg_id] += 1
        return frame({"jsonrpc": "2.0", "id": msg_id, "method": method, "params": params})


def replies_of(messages: list[Message]) -> Counter[int | str | None]:
    return Counter(each["id"] for each in messages if "method" not in each)


async def play(steps: list[tuple[Any, ...]], cut: int) -> None:
    session, tally = Session(), Tally()
    for step in steps:
        if step[0] == "pause":
            for _ in range(step[1]):
                await asyncio.sleep(0.002)  # the step itself, drawn like the others
            continue
        data = tally.message(step)
        session.write(data[:cut])
        session.write(data[cut:])
    session.notify("exit")
    async with asyncio.timeout(10):
        await session.ended.wait()
        await session.server.protocol.finish(0.05)
    assert replies_of(session.replies.all) == tally.owed
    await session.aclose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=40), cut=st.integers(0, 60), first=st.booleans())
def test_every_request_gets_exactly_one_reply(
    steps: list[tuple[Any, ...]], cut: int, *, first: bool
):
    asyncio.run(play([("initialize", 0), *steps] if first else steps, cut))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_a_hundred_thousand_messages():
    chance = random.Random(7)  # noqa: S311 -- no secret
    ids: list[int | str] = [*range(1, 40), *map(str, range(40))]
    session, tally = Session(), Tally()
    session.write(tally.message(("initialize", 0)))
    for sent in range(100_000):
        kind = chance.random()
        step: tuple[Any, ...]
        if kind < 0.6:
            step = ("request", chance.choice(ids), chance.choice(METHODS))
        elif kind < 0.95:
            step = ("cancel", chance.choice(ids))
        else:
            step = chance.choice(
                [("junk", b"{"), ("junk", b"[]"), ("response", chance.choice(ids))]
            )
        session.write(tally.message(step))
        if sent % 50 == 0:
            await session_idle(session)
    for each in range(3):
        session.write(tally.message(("shutdown", each)))
    session.notify("exit")
    await asyncio.wait_for(session.ended.wait(), 60)
    await session.server.protocol.finish(0.1)
    assert replies_of(session.replies.all) == tally.owed
    assert sum(tally.owed.values()) > 60_000
    await session.aclose()


async def session_idle(session: Session) -> None:
    """Lets the server read what was written; handlers may still run."""
    while session.connection.backlog:  # noqa: ASYNC110 -- the loop's own turns
        await asyncio.sleep(0)
