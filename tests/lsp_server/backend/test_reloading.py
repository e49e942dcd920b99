"""Settings that change under a running backend, in every order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from polypilot.backend import Choice
from polypilot.backend.folders import Folders
from polypilot.backend.refreshing import Refresher
from polypilot.backend.reloading import Reading, Sources, read
from polypilot.backend.status import StatusBoard
from polypilot.chat.values import Question
from polypilot.errors import UserError
from polypilot.settings import SettingsError
from polypilot.tasks import Tasks
from polypilot.workspace.documents import Position
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
NOWHERE = "http://127.0.0.1:9"
OTHER = "http://127.0.0.1:10"


def test_what_was_read_and_not_taken_still_counts_as_changed(
    configure: Callable[..., Path],
) -> None:
    sources = Sources({}, (), {})
    sources.take(read(sources))
    assert not sources.changed()
    configure(a=NOWHERE)
    reading = read(sources)
    assert sources.changed()
    sources.take(reading)
    assert not sources.changed()


def test_a_look_is_due_once_a_while() -> None:
    sources = Sources({}, (), {})
    assert sources.due()
    assert not sources.due()


async def test_a_change_is_in_force_though_the_key_that_noticed_it_was_cancelled(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(a=NOWHERE)
    backend = backends()
    configure(b=NOWHERE)
    heard = asyncio.Event()
    backend.board.listen(lambda _: heard.set())
    reloading = asyncio.ensure_future(backend.reload())
    await asyncio.sleep(0)
    reloading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reloading
    async with asyncio.timeout(10):
        await heard.wait()
    assert backend.status.completion.provider == "b"
    assert backend.status.chat.provider == "b"


async def test_a_look_joins_the_one_that_is_under_way(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(a=NOWHERE)
    backend = backends()
    backend._sources._looked = float("-inf")  # pyright: ignore[reportPrivateUsage]  the clock, an hour later
    configure(b=NOWHERE)
    await backend.refresh(within=0)
    assert backend.status.completion.provider == "a"
    await backend.refresh()
    assert backend.status.completion.provider == "b"


async def test_chat_follows_the_settings(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    """A conversation begun after a choice asks the provider that was chosen."""
    configure(a=NOWHERE, b=NOWHERE)
    backend = backends()
    chosen = await backend.select("chat", "b", "m")
    assert (chosen.provider, chosen.model, chosen.for_) == ("b", "m", "chat")
    events = backend.chat.send(Question("hello"))
    first = await anext(events)
    await events.aclose()
    assert first.kind == "session"
    assert (first.provider, first.model) == ("b", "m")


async def test_a_file_that_can_not_be_read_leaves_what_held_and_is_told_until_it_can(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure(a=NOWHERE)
    backend = backends()
    file.write_text("[completion\n", "utf-8")
    await backend.reload()
    assert backend.status.completion.provider == "a"
    assert backend.status.error is not None
    assert backend.status.error.code == "settings"
    assert backend.status.error.cure not in backend.status.error.message
    checks = {each.check: each for each in await backend.doctor()}
    assert checks["settings"].ok is False
    configure(a=NOWHERE)
    await backend.reload()
    assert backend.status.error is None


async def test_an_error_in_the_file_survives_another_choice(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    wrong = "[privacy]\nlocal_only = 7\n"
    configure(wrong, a=NOWHERE)
    backend = backends()
    assert backend.status.error is not None
    configure(wrong, b=NOWHERE)
    await backend.reload()
    assert backend.status.completion.provider == "b"
    assert backend.status.error is not None


async def test_selecting_what_is_not_there_writes_nothing(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure(a=NOWHERE)
    before = file.read_bytes()
    backend = backends()
    with pytest.raises(ConfigurationError):
        await backend.select("both", "nobody")
    with pytest.raises(UserError) as caught:
        await backend.select("both", "embedded", "no-such-model")
    assert caught.value.code == "unknown_model"
    assert file.read_bytes() == before


async def test_selecting_an_embedded_model_wins_over_a_file_of_the_users(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure('[embedded]\nmodel_file = "/nowhere/own.gguf"\n', a=NOWHERE)
    backend = backends()
    with pytest.raises(UserError):
        _ = backend.embedded_model
    chosen = await backend.select("both", "embedded", "smollm2-135m")
    assert chosen.model == "smollm2-135m"
    assert backend.embedded_model.id == "smollm2-135m"
    before = chosen.file.read_bytes()
    await backend.select("both", "embedded", "smollm2-135m")
    assert chosen.file.read_bytes() == before


async def test_each_job_that_the_editor_decides_is_told(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(a=NOWHERE, b=NOWHERE)
    backend = backends(editor_settings={"chat": {"provider": "b"}})
    assert backend.status.chat.provider == "b"
    with pytest.raises(SettingsError, match="b is set elsewhere"):
        await backend.select("both", "a")


async def test_what_the_editor_says_later_is_joined_to_what_it_said_at_the_start(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(a=NOWHERE, b=NOWHERE)
    backend = backends(editor_settings={"chat": {"provider": "b"}, "completion": {"model": "x"}})
    await backend.configure(editor_settings={"chat": {"model": "later"}, "completion": 7})
    assert backend.status.chat == Choice("b", "later")
    assert backend.status.completion == Choice("a", "coder")  # what it says makes no sense
    await backend.configure(editor_settings={})
    assert backend.status.completion == Choice("a", "x")


async def test_a_pause_is_in_the_status_and_keeps_automatic_requests_back(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(stream()) as a:
        configure(a=a.url)
        backend = backends()
        await backend.warm()
        backend.documents.open("untitled:1", "python", 1, "x\n")
        backend.pause(paused=True)
        assert backend.status.state == "paused"
        answer = await backend.answer("untitled:1", Position(1, 0), invoked=False)
        assert answer.suggestions == ()
        assert a.requests == []
        backend.pause(paused=False)
        assert backend.status.state == "ready"


async def test_a_look_that_fails_is_told_and_the_next_one_looks_again(
    configure: Callable[..., Path],
) -> None:
    configure(a=NOWHERE)
    sources, tasks = Sources({}, (), {}), Tasks()
    board = StatusBoard(Choice("a", ""), Choice("a", ""))
    board.settle()
    taken: list[Reading] = []

    async def take(reading: Reading) -> None:
        if not taken:
            taken.append(reading)
            raise UserError("the disk is gone", code="disk", cure="Bring it back.")
        taken.append(reading)

    refresher = Refresher(sources, Folders(sources), tasks, take, board)
    await refresher.refresh(within=10)
    assert board.current.error is not None
    assert board.current.error.code == "disk"
    await refresher.refresh(within=10)  # not due
    assert len(taken) == 1
    sources._looked = float("-inf")  # pyright: ignore[reportPrivateUsage]  the clock, an hour later
    await refresher.refresh(within=10)
    assert len(taken) == 2
    sources.take(taken[-1])
    sources._looked = float("-inf")  # pyright: ignore[reportPrivateUsage]  and nothing has changed
    await refresher.refresh(within=10)
    assert len(taken) == 2
    await tasks.aclose()


async def test_a_conversation_may_choose_its_provider_and_its_model(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    configure(a=NOWHERE, b=NOWHERE)
    backend = backends()
    for provider, model, asked in (
        ("b", "m", ("b", "m")),
        ("", "m", ("a", "m")),
        ("", "", ("a", "coder")),
        ("embedded", "any", ("embedded", backend.embedded_model.id)),
    ):
        events = backend.chat.send(
            Question("hello", provider=provider or None, model=model or None)
        )
        first = await anext(events)
        await events.aclose()
        assert first.kind == "session"
        assert (first.provider, first.model) == asked
