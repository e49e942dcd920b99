"""Cancelling, and typing faster than anyone can answer."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from protocol_support import Process, Session


async def test_a_cancelled_handler_is_cancelled_and_the_request_answered(session: Session):
    slow = session.start("test/slow")
    session.notify("$/cancelRequest", {"id": slow})
    assert (await session.reply(slow))["error"] == {"code": -32800, "message": "cancelled"}
    await session.quiet()


async def test_a_handler_that_will_not_end_is_answered_for(session: Session):
    stubborn = session.start("test/stubborn", {"seconds": 1})
    session.notify("$/cancelRequest", {"id": stubborn})
    assert (await session.reply(stubborn, patience=0.5))["error"]["code"] == -32800
    await session.quiet()  # its own answer would have come by now
    assert len(session.replies.to(stubborn)) == 1
    assert await session.result("test/echo", []) == []


async def test_a_handler_may_end_with_a_result_of_its_own(session: Session):
    partial = session.start("test/partial")
    session.notify("$/cancelRequest", {"id": partial})
    assert (await session.reply(partial))["result"] == "stopped"


async def test_cancelling_twice_or_too_late_does_nothing(session: Session):
    slow = session.start("test/slow")
    for _ in range(3):
        session.notify("$/cancelRequest", {"id": slow})
    await session.reply(slow)
    echo = session.start("test/echo", [1])
    await session.reply(echo)
    session.notify("$/cancelRequest", {"id": echo})
    await session.quiet()
    assert len(session.replies.to(slow)) == len(session.replies.to(echo)) == 1


@pytest.mark.parametrize("other", [True, 1.0, "1", None, [1]])
async def test_a_cancel_with_an_id_of_another_type_is_for_nobody(session: Session, other: object):
    session.replies.all.clear()  # the answer to ``initialize`` has this id
    session.start("test/slow", msg_id=1)
    session.notify("$/cancelRequest", {"id": other})
    for number in range(10, 20):
        await session.reply(session.start("test/echo", [], msg_id=number))
    assert not session.replies.to(1)
    session.notify("$/cancelRequest", {"id": 1})
    assert (await session.reply(1))["error"]["code"] == -32800
    assert type(session.replies.to(1)[0]["id"]) is int


async def test_a_thousand_cancels_at_random_moments(process: Process):
    chance = random.Random(1)  # noqa: S311 -- no secret
    ids: list[int | str] = []
    for _ in range(1000):
        ids.append(process.start("test/slow"))
        if chance.random() < 0.5:  # not a wait for an event: the moment is what varies
            await asyncio.sleep(chance.random() / 500)
        process.notify("$/cancelRequest", {"id": chance.choice(ids[-3:])})
    for each in ids:
        process.notify("$/cancelRequest", {"id": each})
    for each in ids:
        assert (await process.reply(each))["error"]["code"] == -32800
    assert len([m for m in process.replies.all if m.get("id") in ids]) == len(ids)
    assert (await process.result("test/stats"))["inFlight"] == 1


async def test_a_storm_of_keystrokes_leaves_no_queue(process: Process):
    uris = [f"file:///w/{n}.py" for n in range(10)]
    for uri in uris:
        process.open(uri, "")
    asked: dict[str, list[int | str]] = {uri: [] for uri in uris}
    for key in range(180):
        uri = uris[key // 6 % 10]
        version = 2 + len(asked[uri])
        at = {"line": 0, "character": version - 2}
        process.change(uri, version, {"text": "x", "range": {"start": at, "end": at}})
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": 0, "character": version - 1},
            "context": {"triggerKind": 2},
        }
        if asked[uri] and key % 2:  # some editors cancel, some do not
            process.notify("$/cancelRequest", {"id": asked[uri][-1]})
        asked[uri].append(process.start("textDocument/inlineCompletion", params))
        await asyncio.sleep(1 / 60)  # the pace of the keys
    for uri in uris:
        newest = await process.reply(asked[uri][-1])
        assert newest["result"]["items"][0]["insertText"] == "x" * len(asked[uri])
        for each in asked[uri]:
            assert len(process.replies.to(each)) == 1
    stats = await process.result("test/stats")
    assert stats["mostInFlight"] <= 12  # one for each document, and what is just being replaced
    assert stats["mostQueued"] <= 100


async def test_more_requests_than_can_be_meant_are_refused(session: Session):
    ids = [session.start("test/slow") for _ in range(1100)]
    await asyncio.sleep(0)
    refused = await session.replies.until(
        lambda: [m for m in session.replies.all if m.get("error", {}).get("code") == -32803]
    )
    assert refused[0]["error"]["data"] == {"code": "overloaded"}
    shutdown = session.start("shutdown")
    assert (await session.reply(shutdown))["result"] is None
    assert all(len(session.replies.to(each)) == 1 for each in ids)
