"""The way to the embedded model's process, while settings change."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot.backend.embedding import Embedding
from polypilot.embedded.catalog import choose
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.rendezvous import Rendezvous, Running
from polypilot.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.backend.embedding import Step
    from polypilot.embedded.launch import Endpoint
    from polypilot.settings import Settings

pytestmark = [
    pytest.mark.allow_blocking("the tests write settings files"),
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None, reason="the extra `embedded` is missing"
    ),
]


def settings(folder: Path, threads: int) -> Settings:
    return load(folder / "none.toml", editor={"embedded": {"threads": threads}}, env={}).settings


async def test_a_start_that_is_waited_for_outlives_its_settings(
    model_file: Path, tmp_path: Path
) -> None:
    """The process is the test's own: it has its lock, and says later where it can be asked."""
    model = choose("", str(model_file))
    folder = paths.ensure_private(paths.runtime_dir())
    meeting = Rendezvous(folder, model.id, model_file)
    embedding = Embedding(settings(tmp_path, 1))
    steps: list[Step] = []
    loading = asyncio.Event()

    def heard(step: Step) -> None:
        steps.append(step)
        if step == "loading":
            loading.set()

    embedding.on_stage(heard)
    with meeting.alive:
        assert meeting.alive.acquire()
        starting = asyncio.ensure_future(embedding.ensure(model, embedding.stage))
        async with asyncio.timeout(10):
            await loading.wait()
        await embedding.configure(settings(tmp_path, 2))
        assert not starting.done()
        meeting.publish(Running(pid=1, port=9, key="a-key-of-the-process"))
        async with asyncio.timeout(10):
            assert (await starting).base_url == "http://127.0.0.1:9"
            # And the runtime of the new settings finds the same process.
            found = [await embedding.ensure(model) for _ in range(2)]
        assert {each.base_url for each in found} == {"http://127.0.0.1:9"}
    assert steps[0] == "checking"
    await embedding.aclose()


async def test_closing_gives_up_starts_of_old_and_new_settings(
    model_file: Path, tmp_path: Path
) -> None:
    model = choose("", str(model_file))
    folder = paths.ensure_private(paths.runtime_dir())
    meeting = Rendezvous(folder, model.id, model_file)
    embedding = Embedding(settings(tmp_path, 1))
    with meeting.alive:
        assert meeting.alive.acquire()
        loading = [asyncio.Event(), asyncio.Event()]
        starts: list[asyncio.Task[Endpoint]] = []
        for number, event in enumerate(loading):
            await embedding.configure(settings(tmp_path, number + 1))
            starts.append(
                asyncio.ensure_future(embedding.ensure(model, lambda _, e=event: e.set()))
            )
            async with asyncio.timeout(10):
                await event.wait()
        await embedding.aclose()
        for start in starts:
            with pytest.raises((asyncio.CancelledError, EmbeddedError)):
                await start
        meeting.publish(Running(pid=1, port=9, key="lets-the-threads-end"))


async def test_what_was_never_used_is_closed_as_well(tmp_path: Path) -> None:
    embedding = Embedding(settings(tmp_path, 1))
    await embedding.configure(settings(tmp_path, 2))
    await embedding.aclose()
