"""Settings that change under a running backend, in every order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from polypilot.backend.reloading import Sources, read
from polypilot.errors import UserError
from polypilot.settings import SettingsError
from polypilot_providers.errors import ConfigurationError

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
    events = backend.chat.send("hello")
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


async def test_completing_a_file_tells_why_it_can_not(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    configure(a="https://team.example")
    backend = backends(roots=[tmp_path])
    code, secret = tmp_path / "a.py", tmp_path / ".env"
    code.write_bytes(b"\xef\xbb\xbfx = \xff\r\n")
    secret.write_text("KEY=1\n")
    with pytest.raises(UserError, match="no line 9"):
        await backend.complete_file(code, 9, 1)
    with pytest.raises(UserError) as caught:
        await backend.complete_file(secret, 1, 3)
    assert caught.value.code == "excluded"
    with pytest.raises(FileNotFoundError):
        await backend.complete_file(tmp_path / "none.py", 1, 1)
    configure("[privacy]\nlocal_only = true\n", a="https://team.example")
    await backend.reload()
    with pytest.raises(ConfigurationError, match="only local"):
        await backend.complete_file(code, 1, 5)
    assert len(backend.documents) == 0
