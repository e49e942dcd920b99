"""What those who wait for a model's process are told, without a model."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from typing import TYPE_CHECKING

import pytest

from polypilot.embedded.catalog import UserFile
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.rendezvous import Failed, Rendezvous
from polypilot.embedded.runtime import Runtime
from polypilot.embedded.store import ModelStore
from polypilot.paths import exclusive

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.embedded.catalog import Model

pytestmark = pytest.mark.allow_blocking("the tests themselves hold the locks")

BOUND = 20.0


@pytest.fixture
def own(tmp_path: Path) -> Model:
    """A file of the user's that some other process of theirs loads."""
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF")
    return UserFile(
        id="file:own", name="own", path=path, completion="prefix", chat=False, context_tokens=512
    )


@pytest.fixture
def meeting(tmp_path: Path, own: Model) -> Rendezvous:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return Rendezvous(folder, own.id, tmp_path / "own.gguf")


async def looked() -> None:
    """Everyone who was asking whether the process runs has had the answer."""
    for thread in threading.enumerate():
        if thread.name == "polypilot:Launcher.join":
            await asyncio.to_thread(thread.join, BOUND)
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="nothing is started without the extra"
)
async def test_one_who_waits_twice_is_told_each_stage_once(
    tmp_path: Path, own: Model, meeting: Rendezvous
):
    runtime = Runtime(ModelStore(tmp_path), threads=1, folder=meeting.folder)
    begun = asyncio.Event()
    stages: list[str] = []
    with meeting.alive:
        assert meeting.alive.acquire()
        with exclusive(meeting.state):
            waiting = [asyncio.ensure_future(runtime.ensure(own, lambda _: begun.set()))]
            await asyncio.wait_for(begun.wait(), BOUND)
            listener = stages.append
            waiting += [asyncio.ensure_future(runtime.ensure(own, listener)) for _ in range(3)]
            await asyncio.sleep(0)
            await looked()
            meeting.publish(Failed("start_failed", "it is only a test"))
        ended = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), BOUND)
    await runtime.aclose()
    assert [type(each) for each in ended] == [EmbeddedError] * 4
    # They joined late, and have heard what had been told before.
    assert stages == ["checking", "loading"]
