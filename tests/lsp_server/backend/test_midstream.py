"""Settings that change while suppliers answer: what streams arrives whole, and then it is over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from polypilot.chat.events import End, Text
from polypilot.chat.values import Question
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.factory import Plugin
from polypilot_providers.testing import ScriptedServer, Wait, reply, stream
from polypilot_providers.types import ChatRequest, CompletionRequest, user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot.chat.events import ChatEvent

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
NOWHERE = "http://127.0.0.1:9"


async def until_text(events: AsyncGenerator[ChatEvent, None]) -> str:
    async with asyncio.timeout(10):
        async for event in events:
            if isinstance(event, Text):
                return event.text
    return ""


async def rest(events: AsyncGenerator[ChatEvent, None]) -> End:
    async with asyncio.timeout(10):
        async for event in events:
            if isinstance(event, End):
                return event
    raise AssertionError("no end")


async def gone(server: ScriptedServer, number: int = 0) -> None:
    async with asyncio.timeout(10):
        await server.requests[number].gone.wait()


@pytest.mark.parametrize("change", ["address", "network"])
async def test_an_answer_arrives_whole_and_then_its_connection_is_closed(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
    change: str,
) -> None:
    go_on = asyncio.Event()
    first, second, *end = say("one ", "two")
    async with (
        ScriptedServer(stream(first, Wait(go_on), second, *end), stream(*say("new"))) as a,
        ScriptedServer(stream(*say("new"))) as b,
    ):
        configure(a=a.url)
        backend = backends()
        events = backend.chat.send(Question("hello"))
        assert await until_text(events) == "one "
        if change == "address":
            configure(a=b.url)
        else:
            configure(f'[network]\nproxy = "{NOWHERE}"\n', a=a.url)
        await backend.reload()
        assert not a.requests[0].gone.is_set()
        after = b if change == "address" else a
        assert (await rest(backend.chat.send(Question("and now?")))).text == "new"
        assert after.requests[-1].connection == after.connections - 1
        go_on.set()
        ended = await rest(events)
        assert (ended.text, ended.stop_reason, ended.error) == ("one two", "end", None)
        await gone(a)
        assert (a.open_connections, b.open_connections)[change == "address"] == 1


async def test_while_one_is_being_closed_no_other_old_one_is_handed_out(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    closing, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        id = "a"
        local = True

        async def aclose(self) -> None:
            closing.set()
            await go_on.wait()

    configure(a=NOWHERE, b=NOWHERE)
    backend = backends()

    def build(*_: object, **__: object) -> Slow:
        return Slow()

    backend._sources.plugins["a"] = Plugin(backend.row("a"), build)  # pyright: ignore[reportPrivateUsage, reportArgumentType] - there is no public way to see or bring about this
    await backend.provider("a")
    old = await backend.provider("b")
    configure(f'[network]\nproxy = "{NOWHERE}"\n', a=NOWHERE, b=NOWHERE)
    reloading = asyncio.ensure_future(backend.reload())
    async with asyncio.timeout(10):
        await closing.wait()
        assert await backend.provider("b") is not old
        go_on.set()
        await reloading


async def test_what_is_idle_is_closed_with_the_change(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
) -> None:
    async with ScriptedServer(stream(*say("one"))) as a:
        configure(a=a.url)
        backend = backends()
        assert (await rest(backend.chat.send(Question("hello")))).text == "one"
        assert a.open_connections == 1
        configure("[chat_more]\n", a=a.url)  # a change that is not the provider's
        await backend.reload()
        assert a.open_connections == 1
        configure(a=NOWHERE)
        await backend.reload()
        await gone(a)
        assert a.open_connections == 0


async def test_an_answer_that_was_stopped_leaves_no_old_connection_either(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
) -> None:
    never = asyncio.Event()
    async with ScriptedServer(stream(say("one")[0], Wait(never))) as a:
        configure(a=a.url)
        backend = backends()
        events = backend.chat.send(Question("hello"))
        await until_text(events)
        configure(a=NOWHERE)
        await backend.reload()
        await events.aclose()
        await gone(a)
        assert all(each.closed for each in backend._pool._retired)  # pyright: ignore[reportPrivateUsage] - there is no public way to see or bring about this


async def test_closing_the_backend_ends_what_was_left_to_finish(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
) -> None:
    never = asyncio.Event()
    async with ScriptedServer(stream(say("one")[0], Wait(never))) as a:
        configure(a=a.url)
        backend = backends()
        events = backend.chat.send(Question("hello"))
        await until_text(events)
        configure(a=NOWHERE)
        await backend.reload()
        async with asyncio.timeout(10):
            await backend.aclose()
        await gone(a)
        ended = await rest(events)
        assert ended.stop_reason == "error"


async def test_a_list_of_models_is_whole_too(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    go_on = asyncio.Event()
    answer = reply(200, {"data": [{"id": "m"}]})
    async with ScriptedServer([Wait(go_on), *answer]) as a:
        configure(a=a.url)
        backend = backends()
        asking = asyncio.ensure_future(backend.list_models("a"))
        await a.wait_for_requests(1)
        configure(a=NOWHERE)
        await backend.reload()
        go_on.set()
        assert [each.id for each in await asking] == ["m"]
        await gone(a)


async def test_what_was_replaced_before_it_was_asked_sends_nothing(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    """The old address may be the very thing that the user has just taken out."""
    async with ScriptedServer(reply(200, {"data": []})) as a:
        configure(a=a.url)
        backend = backends()
        old = await backend.provider("a")
        assert (old.id, old.local) == ("a", True)
        configure(a=NOWHERE)
        await backend.reload()
        chat = old.chat(ChatRequest("m", (user("hello"),)))
        completion = old.complete(CompletionRequest("m", "x = "))
        for asking in (anext(chat), anext(completion), old.models()):
            with pytest.raises(ConfigurationError, match="changed before") as caught:
                await asking
            assert caught.value.cure
        assert a.requests == []
        assert await backend.provider("a") is not old


async def test_a_plug_in_that_can_not_be_closed_does_not_keep_the_settings_out(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    class Stubborn:
        id = "a"
        local = True

        async def aclose(self) -> None:
            raise OSError("stubborn")

    file = configure(a=NOWHERE)
    backend = backends()
    row = backend.row("a")

    def build(*_: object, **__: object) -> Stubborn:
        return Stubborn()

    backend._sources.plugins["a"] = Plugin(row, build)  # pyright: ignore[reportPrivateUsage, reportArgumentType] - there is no public way to see or bring about this
    assert (await backend.provider("a")).local
    file.write_text(file.read_text("utf-8").replace("127.0.0.1:9", "127.0.0.1:10"), "utf-8")
    await backend.reload()
    assert backend.row("a").base_url == "http://127.0.0.1:10/v1"
