"""Workspace folders that come and go while a disk hangs: what was closed is never read again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from polypilot.backend import Backend
from polypilot.backend.folders import Folders
from polypilot.backend.reloading import Sources, read
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.roots import Root, resolve

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from pathlib import Path

pytestmark = pytest.mark.allow_blocking("the tests write files")


class Disk:
    """Resolves folders on the real disk, or hangs until it is told to answer."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self, locations: Iterable[str]) -> list[Root]:
        assert self.answers.wait(30)
        return resolve(locations)


class Desk:
    """A backend with folders ``a``, ``b`` and ``c``, each with one file; all but ``c`` open."""

    def __init__(self, home: Path) -> None:
        self.files = {name: home / name / "code.py" for name in "abc"}
        for file in self.files.values():
            file.parent.mkdir()
            file.write_text("x = 1\n", "utf-8")
        self.disk = Disk()
        sources = Sources({}, self.folders("ab"), {})
        reading = read(sources)
        sources.take(reading)
        folders = Folders(sources, find=self.disk, within=0.05)
        self.backend = Backend(sources, reading.loaded, DocumentStore(), folders=folders)
        self.backend.board.settle()

    def folders(self, names: str) -> tuple[str, ...]:
        return tuple(str(self.files[name].parent) for name in names)

    def admitted(self) -> str:
        """The folders whose files may be sent."""
        gate = self.backend.gate
        return "".join(
            name for name, file in self.files.items() if gate.admit_document(file.as_uri()).allowed
        )

    async def open_under_a_hanging_disk(self, names: str) -> None:
        self.disk.answers.clear()
        with pytest.raises(TimeoutError):
            await self.backend.configure(roots=self.folders(names))

    async def refresh(self) -> None:
        sources = self.backend._sources  # pyright: ignore[reportPrivateUsage]  the clock, an hour later
        sources._looked = float("-inf")  # pyright: ignore[reportPrivateUsage] - there is no public way to see or bring about this
        await self.backend.refresh()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    """A backend whose disk can hang."""
    desk = Desk(tmp_path)
    yield desk
    desk.disk.answers.set()
    await desk.backend.aclose()


async def test_folders_are_what_the_editor_says(desk: Desk) -> None:
    assert desk.admitted() == "ab"
    await desk.backend.configure(roots=[desk.files["c"].parent.as_uri()])
    assert desk.admitted() == "c"
    await desk.backend.configure(roots=[])
    assert desk.admitted() == ""


async def test_a_closed_folder_is_out_at_once_though_the_disk_hangs(desk: Desk) -> None:
    await desk.open_under_a_hanging_disk("bc")
    assert desk.admitted() == "b"
    with pytest.raises(TimeoutError):
        await desk.backend.reload()
    assert desk.admitted() == "b"


@pytest.mark.parametrize("again", ["reload", "refresh"])
async def test_a_new_folder_is_in_as_soon_as_the_disk_answers(desk: Desk, again: str) -> None:
    await desk.open_under_a_hanging_disk("bc")
    desk.disk.answers.set()
    await (desk.backend.reload() if again == "reload" else desk.refresh())
    assert desk.admitted() == "bc"


async def test_so_is_one_that_was_closed_and_opened_again_meanwhile(desk: Desk) -> None:
    """No settings file differs from before, and yet the folder has to be looked at."""
    await desk.open_under_a_hanging_disk("a")
    await desk.open_under_a_hanging_disk("ab")
    assert desk.admitted() == "a"
    await desk.refresh()  # still hangs, which the user is told
    assert desk.backend.status.error is not None
    desk.disk.answers.set()
    await desk.refresh()
    assert desk.admitted() == "ab"


async def test_folders_that_change_during_a_look_are_looked_at_again(desk: Desk) -> None:
    names = ["b", "c"]

    def look(found: Iterable[str]) -> list[Root]:
        if names:  # the editor's next word comes before this look's end
            folders.want(desk.folders(names.pop()))
        return resolve(found)

    folders = Folders(Sources({}, (), {}), find=look)
    folders.want(desk.folders("a"))
    await folders.settle()
    assert [root.path for root in folders.roots] == list(desk.folders("b"))
