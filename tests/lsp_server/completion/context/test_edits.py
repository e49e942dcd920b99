"""Recent edits: which, how recent, and how far away."""

from __future__ import annotations

import random
from typing import Any

import pytest

from polypilot.completion.edits import gaps
from polypilot.workspace.documents import Change, DocumentStore, Position

LINES = [f"line_{n} = value_{n}" for n in range(1000)]
TEXT = "\n".join(LINES) + "\n"


async def edits(room: Any, uri: str, line: int | None = None) -> dict[str, str]:
    found = await room.gather(uri, line, kinds=["edits"])
    assert all(piece.kind == "edits" for piece in found)
    return {piece.path: piece.text for piece in found}


async def test_edits_near_the_cursor_are_left_out_and_far_ones_are_not(room: Any):
    uri = room.open("a.py", TEXT)
    room.type(uri, 10, "near_edit = 1\n")
    room.type(uri, 900, "far_edit = 1\n")
    told = (await edits(room, uri, 20))["a.py.diff"]
    assert "+far_edit = 1" in told
    assert "near_edit" not in told
    told = (await edits(room, uri, 450))["a.py.diff"]
    assert told.index("+near_edit") < told.index("+far_edit")


async def test_what_was_undone_is_no_edit(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    assert await edits(room, uri) == {}
    room.type(other, 10, "new = 1\n")
    assert "other.py.diff" in await edits(room, uri)
    room.type(other, 10, "", until=11)
    assert await edits(room, uri) == {}


async def test_the_latest_edits_are_told_and_the_others_are_dropped(room: Any):
    uri = room.open("here.py", "x = 1\n")
    for n in range(12):
        other = room.open(f"f{n:02}.py", TEXT)
        room.now += 1
        room.type(other, 10, f"edit_{n} = 1\n")
    told = await edits(room, uri)
    assert list(told) == [f"f{n:02}.py.diff" for n in range(11, 3, -1)]
    assert sum(map(len, told.values())) <= 2000
    room.now += 601
    assert await edits(room, uri) == {}


async def test_an_excluded_document_takes_no_room_from_others(room: Any):
    other = room.open("other.py", TEXT)
    secret = room.open(".env.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 10, "edit = 1\n")
    room.now += 1
    for n in range(9):
        room.type(secret, 100 * n, f"hidden_{n} = 1\n")
    assert await edits(room, uri) == {}
    assert list(await edits(room, uri)) == ["other.py.diff"]
    compared = room.sources.work.compared
    assert list(await edits(room, uri)) == ["other.py.diff"]
    assert room.sources.work.compared == compared


async def test_an_old_hunk_of_a_document_that_is_edited_on_is_not_recent(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 10, "old_edit = 1\n")
    await edits(room, uri)
    room.now += 601
    room.type(other, 800, "new_edit = 1\n")
    told = (await edits(room, uri))["other.py.diff"]
    assert "new_edit" in told
    assert "old_edit" not in told


async def test_edits_of_a_closed_document_stay_and_end_when_others_change_it(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 10, "edit = 1\n")
    text = room.documents.get(other).text
    room.close(other)
    assert "+edit = 1" in (await edits(room, uri))["other.py.diff"]
    room.open("other.py", text)
    assert "+edit = 1" in (await edits(room, uri))["other.py.diff"]
    room.close(other)
    room.open("other.py", TEXT + "pulled = 1\n")
    assert await edits(room, uri) == {}


async def test_closing_after_the_store_has_forgotten_is_taken(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 10, "edit = 1\n")
    room.documents.close(other)
    room.sources.closed(other)
    assert await edits(room, uri) == {}


async def test_a_document_out_of_sync_tells_nothing(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 10, "edit = 1\n")
    room.documents.lost(other)
    assert await room.gather(uri) == ()


async def test_a_whole_new_text_by_the_editor_is_compared_too(room: Any):
    """Some editors send the whole document with every key."""
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    now = [*LINES[:5], "early = 1", *LINES[5:900], "late = 1", *LINES[900:]]
    assert room.documents.change(other, 2, [Change("\n".join(now) + "\n")])
    room.sources.edited(other)
    told = (await edits(room, uri))["other.py.diff"]
    assert told.count("@@") == 2
    assert told.count("\n+") == 2


async def test_another_text_is_no_edit(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    fresh = "".join(f"other_{n} = {'x' * 200}\n" for n in range(2000))
    assert room.documents.change(other, 2, [Change(fresh)])
    room.sources.edited(other)
    assert await edits(room, uri) == {}


async def test_very_many_edits_begin_anew(room: Any):
    other = room.open("other.py", TEXT)
    uri = room.open("here.py", "x = 1\n")
    for n in range(70):
        room.type(other, 14 * n, f"edit_{n} = 1\n")
    assert await edits(room, uri) == {}
    room.type(other, 500, "fresh_edit = 1\n")
    assert "+fresh_edit = 1" in (await edits(room, uri))["other.py.diff"]


async def test_only_what_changed_of_a_long_document_is_looked_into(room: Any):
    text = "".join(f"line_{n} = value_{n}\n" for n in range(50_000))
    other = room.open("other.py", text)
    uri = room.open("here.py", "x = 1\n")
    for n, line in enumerate((100, 25_000, 49_000)):
        room.type(other, line, f"edit_{n} = 1\n")
        told = (await edits(room, uri))["other.py.diff"]
        assert told.count("\n+edit_") == n + 1
        assert room.sources.work.compared == n + 1


async def test_views_of_other_things_are_no_files(room: Any):
    room.documents.open("git:/w/a.py?ref", "python", 1, TEXT)
    room.sources.visited("git:/w/a.py?ref")
    uri = room.open("here.py", TEXT[:2000])
    room.type("git:/w/a.py?ref", 10, "edit = 1\n")
    assert await room.gather(uri) == ()


async def test_documents_that_were_open_before_count_from_then_on(room: Any):
    other = room.uri("other.py")
    room.write("other.py", TEXT)
    room.documents.open(other, "python", 1, TEXT)
    uri = room.open("here.py", "x = 1\n")
    room.sources = room.collector()
    room.type(other, 10, "edit = 1\n")
    assert "+edit = 1" in (await edits(room, uri))["other.py.diff"]


async def test_a_document_that_was_forgotten_counts_from_its_next_edit_on(room: Any):
    other = room.open("other.py", TEXT)
    for n in range(25):
        room.open(f"f{n}.py", "x = 1\n")
    uri = room.open("here.py", "x = 1\n")
    room.type(other, 10, "lost_edit = 1\n")
    room.type(other, 500, "edit = 1\n")
    told = (await edits(room, uri))["other.py.diff"]
    assert "+edit = 1" in told
    assert "lost_edit" not in told


@pytest.mark.parametrize("seed", range(20))
def test_gaps_hold_every_change_between_blocks_that_are_the_same(seed: int):
    made = random.Random(seed)  # noqa: S311 - made-up edits
    store = DocumentStore("utf-32")
    document = store.open("a", "x", 1, TEXT * 4)
    before = document.blocks
    for version in range(2, 2 + made.randrange(1, 6)):
        line = made.randrange(4000)
        change = Change("new\n" * made.randrange(3), Position(line, 0), Position(line + 2, 0))
        assert store.change("a", version, [change])
    after = document.blocks
    rebuilt = list(before)
    for a, b, c, d in reversed(gaps(before, after)):
        rebuilt[a:b] = after[c:d]
        assert before[a] == after[c] or a == c == 0
    assert "".join(rebuilt) == document.text
    assert sum(d - c for _, _, c, d in gaps(before, after)) <= len(after)
    assert gaps(before, before) == []
