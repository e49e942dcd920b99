"""Requests look at the disk in another thread, and a disk that hangs holds nobody up."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from disk_support import BOUND, Tap

from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import ExcludedError, Gate
from polypilot.workspace.gate_look import LATE
from polypilot.workspace.roots import Roots, uri_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN = 0.05


class Desk:
    """A workspace of two folders behind a gate whose disk may hang."""

    def __init__(self, home: Path, tap: Tap) -> None:
        self.tap = tap
        self.one, self.two = home / "one", home / "two"
        for folder in (self.one, self.two):
            folder.mkdir()
        self.roots = Roots([str(self.one), str(self.two)])
        self.documents = DocumentStore("utf-32")
        self.privacy = Privacy()
        self.now = 0.0
        self.gate = Gate(self.roots, self.privacy, self.documents, disk=tap, clock=lambda: self.now)

    def open(self, path: Path, text: str = "x = 1\n") -> str:
        path.write_text(text, "utf-8")
        self.documents.open(uri_of(str(path)), "python", 1, text)
        return uri_of(str(path))

    async def request(self, uri: str, **how: Any) -> Any:
        """A request of its own, as the server makes one: looks, then asks."""

        async def ask() -> Any:
            await self.gate.look([uri], WITHIN, **how)
            return self.gate.admit_document(uri)

        async with asyncio.timeout(BOUND):
            return await asyncio.ensure_future(ask())

    async def hung(self) -> None:
        """Returns when somebody hangs."""
        async with asyncio.timeout(BOUND):
            while not self.tap.reached.is_set():  # noqa: ASYNC110 - a thread's event
                await asyncio.sleep(0)

    async def until_allowed(self, uri: str, *, allowed: bool = True) -> None:
        """Asks until the answer is this one."""
        async with asyncio.timeout(BOUND):
            while (await self.request(uri)).allowed is not allowed:
                pass


class Privacy:
    """The settings the gate obeys."""

    exclude: tuple[str, ...] = ()
    use_gitignore = True
    redact_secrets = True


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Heals the disk at the end, so that no thread outlives the test by much."""
    tap = Tap()
    yield Desk(tmp_path.resolve(), tap)
    tap.heal()


async def test_a_request_asks_the_disk_in_another_thread_and_once(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed

    async def later() -> str:
        return desk.gate.policy_hash(uri)

    async def ask() -> tuple[Any, ...]:
        await desk.gate.look([uri], WITHIN)
        before = desk.tap.calls
        found = (
            desk.gate.admit_document(uri),
            desk.gate.policy_hash(uri),
            desk.gate.outgoing(uri, "text", "prefix"),
            await asyncio.ensure_future(later()),
        )
        assert desk.tap.calls == before
        return found

    verdict, state, outgoing, later_state = await asyncio.ensure_future(ask())
    assert verdict.allowed
    assert verdict.policy == state == outgoing.policy == later_state
    assert threading.get_ident() not in desk.tap.threads


async def test_what_is_nowhere_on_disk_needs_no_look(desk: Desk):
    desk.documents.open("untitled:Untitled-1", "python", 1, "x")
    desk.tap.hang(desk.one.parent.parent)
    assert (await desk.request("untitled:Untitled-1")).allowed
    assert not (await desk.request("untitled:.env")).allowed
    assert desk.tap.calls == 0


async def test_an_ignore_file_counts_for_the_next_request(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    (desk.one / ".aiignore").write_text("a.py\n", "utf-8")
    found = await desk.request(uri)
    assert not found.allowed
    assert "a.py" in found.reason
    (desk.one / ".aiignore").unlink()
    assert (await desk.request(uri)).allowed


async def test_a_document_that_was_never_judged_is_not_sent_while_the_disk_hangs(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    desk.tap.hang(desk.one)
    verdict = await desk.request(uri)
    assert (verdict.allowed, verdict.reason, verdict.rule) == (False, LATE, "disk")

    async def ask() -> None:
        await desk.gate.look([uri], WITHIN)
        with pytest.raises(ExcludedError, match="does not answer"):
            desk.gate.outgoing(uri, "text", "prefix")

    await asyncio.ensure_future(ask())
    desk.tap.heal()
    await desk.until_allowed(uri)


async def test_a_hung_root_holds_up_no_other_and_one_thread(desk: Desk):
    uris = [desk.open(desk.one / f"{n}.py") for n in range(30)]
    other = desk.open(desk.two / "b.py")
    desk.tap.hang(desk.one)
    found = await asyncio.gather(*(desk.request(uri) for uri in uris), desk.request(other))
    assert [each.allowed for each in found] == [False] * 30 + [True]
    assert desk.tap.most == 1
    desk.tap.heal()
    for uri in uris:
        await desk.until_allowed(uri)


async def test_a_judged_document_stays_as_it_was_until_an_ignore_file_is_saved(desk: Desk):
    uri, secret = desk.open(desk.one / "a.py"), desk.open(desk.one / ".env")
    assert (await desk.request(uri)).allowed
    assert not (await desk.request(secret)).allowed
    desk.tap.hang(desk.one)
    assert (await desk.request(uri)).allowed
    assert (await desk.request(secret)).rule == "*.env"
    desk.gate.saved(uri)  # no ignore file
    assert (await desk.request(uri)).allowed
    (desk.one / ".gitignore").write_text("a.py\n", "utf-8")
    desk.gate.saved(uri_of(str(desk.one / ".gitignore")))
    assert (await desk.request(uri)).reason == LATE
    desk.tap.heal()
    async with asyncio.timeout(BOUND):
        while (found := await desk.request(uri)).reason == LATE:
            pass
    assert not found.allowed
    assert ".gitignore" in found.reason


async def test_a_look_that_began_before_the_save_is_not_kept(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    desk.tap.hang(desk.one)
    early = asyncio.ensure_future(desk.request(uri))
    await desk.hung()
    desk.gate.saved(uri_of(str(desk.one / ".aiignore")))
    desk.tap.heal()
    assert (await early).allowed  # it was asked before
    desk.tap.hang(desk.one)
    assert (await desk.request(uri)).reason == LATE


async def test_the_look_goes_on_behind_a_request_that_did_not_wait(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    (desk.one / ".aiignore").write_text("a.py\n", "utf-8")
    desk.tap.hang(desk.one)
    assert (await desk.request(uri)).allowed  # nobody has said that the file is there
    desk.tap.heal()
    await desk.until_allowed(uri, allowed=False)


@pytest.mark.allow_blocking("it asks without a look")
async def test_a_question_without_a_look_is_not_held_up_for_long_either(desk: Desk):
    old, new = desk.open(desk.one / "a.py"), desk.open(desk.one / "b.py")
    assert desk.gate.admit_document(old).allowed
    desk.tap.hang(desk.one)
    await desk.request(old)
    before = desk.tap.calls
    assert desk.gate.admit_document(old).allowed
    assert desk.gate.admit_document(new).reason == LATE
    assert desk.tap.calls == before


async def test_a_file_is_read_by_the_look(desk: Desk):
    path = desk.one / "a.py"
    path.write_text("text", "utf-8")
    uri = uri_of(str(path))

    async def read(name: str = uri) -> str:
        await desk.gate.look([name], WITHIN, read=True)
        before = desk.tap.calls
        try:
            return desk.gate.read_file(name).text.text
        finally:
            assert desk.tap.calls == before

    assert await asyncio.ensure_future(read()) == "text"
    assert await asyncio.ensure_future(read(str(path))) == "text"
    assert threading.get_ident() not in desk.tap.threads
    desk.tap.hang(desk.one)
    # It may be sent, as far as is known; but there is nothing to send.
    with pytest.raises(ExcludedError, match="does not answer"):
        await asyncio.ensure_future(read())
    desk.documents.open(uri, "python", 1, "the editor's")
    with pytest.raises(ExcludedError, match="does not answer"):
        await asyncio.ensure_future(read())  # open, it was never judged
    desk.tap.heal()
    await desk.until_allowed(uri)
    assert await asyncio.ensure_future(read()) == "the editor's"
    path.write_bytes(b"\0\0")
    desk.documents.close(uri)
    with pytest.raises(ExcludedError, match="not text"):
        await asyncio.ensure_future(read())


async def test_an_open_document_is_found_by_its_path(desk: Desk):
    uri = desk.open(desk.one / "a.py", "the editor's")
    path = str(desk.one / "a.py")
    await desk.gate.look([path], WITHIN, read=True)
    before = desk.tap.calls
    found = desk.gate.read_file(path)
    assert (found.uri, found.text.text) == (uri, "the editor's")
    assert desk.tap.calls == before


async def test_looks_of_one_request_add_up(desk: Desk):
    uris = [desk.open(folder / "a.py") for folder in (desk.one, desk.two)]
    for uri in uris:
        await desk.gate.look([uri], WITHIN)
    before = desk.tap.calls
    assert all(desk.gate.admit_document(uri).allowed for uri in uris)
    assert desk.tap.calls == before


@pytest.mark.allow_blocking("it adds a folder by itself")
async def test_folders_and_settings_that_changed_since_the_look_count(desk: Desk):
    path = desk.one / "a.py"
    path.write_text("x", "utf-8")
    uri = uri_of(str(path))
    await desk.gate.look([uri], WITHIN)
    assert desk.gate.admit_document(uri).allowed
    desk.roots.remove(str(desk.one))
    assert not desk.gate.admit_document(uri).allowed
    desk.roots.add(str(desk.one))
    assert desk.gate.admit_document(uri).allowed
    changed = Privacy()
    changed.exclude = ("a.py",)
    desk.gate.update(changed)
    assert not desk.gate.admit_document(uri).allowed


async def test_the_same_settings_again_change_nothing(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    desk.tap.hang(desk.one)
    desk.gate.update(desk.privacy)
    assert (await desk.request(uri)).allowed


async def test_a_cell_is_judged_with_its_notebook(desk: Desk):
    book = uri_of(str(desk.one / "n.ipynb"))
    desk.documents.open_notebook(book, ["cell:1"])
    desk.documents.open("cell:1", "python", 1, "x", notebook=book)
    await desk.gate.look(["cell:1"], WITHIN)
    assert desk.gate.admit_document("cell:1").allowed
    state = desk.gate.policy_hash("cell:1")
    (desk.one / ".aiignore").write_text("*.ipynb\n", "utf-8")
    await desk.gate.look(["cell:1"], WITHIN)
    assert not desk.gate.admit_document("cell:1").allowed
    assert desk.gate.policy_hash("cell:1") != state


async def test_many_folders_outside_of_the_workspace_are_forgotten(desk: Desk, tmp_path: Path):
    uris: list[str] = []
    for n in range(300):
        (tmp_path / f"f{n}").mkdir()
        uris.append(desk.open(tmp_path / f"f{n}" / "a.py"))
    await desk.gate.look(uris, BOUND)
    assert all(desk.gate.admit_document(uri).allowed for uri in uris)


async def test_a_name_that_no_file_can_have_is_judged_all_the_same(desk: Desk):
    uri = uri_of(str(desk.one / "a.py")) + "%ED%A0%80"
    desk.documents.open(uri, "python", 1, "x")
    assert isinstance((await desk.request(uri)).allowed, bool)


async def test_settings_that_change_during_a_look_let_nobody_wait_for_the_disk(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    other = desk.open(desk.one / "b.py")
    outside = desk.open(desk.one.parent / "c.py")
    assert (await desk.request(uri)).allowed

    async def ask() -> list[bool]:
        await desk.gate.look([uri], 0)
        stricter = Privacy()
        stricter.exclude = ("nothing-like-it",)
        desk.gate.update(stricter)
        return [desk.gate.admit_document(each).allowed for each in (uri, other, outside)]

    desk.tap.hang(desk.one.parent)
    async with asyncio.timeout(BOUND):
        assert await asyncio.ensure_future(ask()) == [False, False, False]


@pytest.mark.parametrize("rest", [0.0, 60.0])
async def test_a_verdict_that_is_not_fresh_is_not_gone_by_while_the_disk_is_slow(
    desk: Desk, rest: float
):
    """Rules may have been changed by a program that the editor knows nothing of."""
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    (desk.one / ".gitignore").write_text("a.py\n", "utf-8")
    desk.now += rest

    async def ask() -> bool:
        await desk.gate.look([uri], 0)
        return desk.gate.admit_document(uri).allowed

    desk.tap.hang(desk.one)
    request = asyncio.ensure_future(ask())
    await desk.hung()
    if not rest:
        assert await request
        return
    desk.tap.heal()
    assert not await request


async def test_a_disk_that_is_known_to_hang_is_not_waited_for_again(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    desk.tap.hang(desk.one)
    desk.now += 60
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await desk.request(uri)).allowed
    first = loop.time() - began
    again = [loop.time()]
    for _ in range(5):
        assert (await desk.request(uri)).allowed
        again.append(loop.time())
    # Five later ones together take less than the one that found out.
    assert again[-1] - again[0] < first


@pytest.mark.parametrize("name", [".gitignore", ".GITIGNORE"])
async def test_an_ignore_file_is_known_in_either_case(desk: Desk, name: str):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    desk.tap.hang(desk.one)
    desk.gate.saved(uri_of(str(desk.one / name)))
    assert not (await desk.request(uri)).allowed


async def test_a_young_verdict_is_taken_without_a_look_and_renewed_behind_it(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    other = desk.open(desk.one / "b.py")
    assert (await desk.request(uri, lately=1.0)).allowed
    before = desk.tap.calls
    desk.now += 0.1
    assert (await desk.request(uri, lately=1.0)).allowed
    assert desk.tap.calls == before  # too young to be renewed
    desk.now += 0.4
    (desk.one / ".aiignore").write_text("a.py\n", "utf-8")
    desk.tap.hang(desk.one)
    assert (await desk.request(uri, lately=1.0)).allowed  # nobody has told of the file
    await desk.hung()
    desk.tap.heal()
    async with asyncio.timeout(BOUND):
        while (await desk.request(uri, lately=1.0)).allowed:  # noqa: ASYNC110 - a thread's look
            await asyncio.sleep(0)  # the other thread's turn
    assert not (await desk.request(uri)).allowed
    assert (await desk.request(other, lately=1.0)).allowed


async def test_a_verdict_of_some_time_ago_or_of_other_roots_is_not(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    (desk.one / ".aiignore").write_text("a.py\n", "utf-8")
    desk.now += 1.5
    assert not (await desk.request(uri, lately=1.0)).allowed
    desk.roots.replace(())
    (desk.one / ".aiignore").unlink()
    before = desk.tap.calls
    await desk.request(uri, lately=1.0)
    assert desk.tap.calls > before


async def test_an_ignore_file_that_was_saved_leaves_no_young_verdict(desk: Desk):
    uri = desk.open(desk.one / "a.py")
    assert (await desk.request(uri)).allowed
    (desk.one / ".aiignore").write_text("a.py\n", "utf-8")
    desk.gate.saved(uri_of(str(desk.one / ".aiignore")))
    assert not (await desk.request(uri, lately=1.0)).allowed
