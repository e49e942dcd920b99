"""Which other documents are compared with the one being written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polypilot.completion.context_visits import CLOSED, OTHERS, Visits, family_of
from polypilot.workspace.diagnostics import DOCUMENTS, ITEMS, Diagnostic, Diagnostics
from polypilot.workspace.documents import Change


def about(topic: str, lines: int = 30) -> str:
    return "".join(f"{topic}_{n} = compute_{topic}(load_{topic}, read_{n})\n" for n in range(lines))


async def paths(room: Any, uri: str, line: int | None = None) -> set[str]:
    found = await room.gather(uri, line, kinds=["similar"])
    assert len({piece.uri for piece in found}) == len(found) <= 4
    return {piece.path for piece in found}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("typescript", "javascriptreact", True),
        ("c", "cpp", True),
        ("Python", "python", True),
        ("markdown", "plaintext", True),
        ("python", "javascript", False),
        ("go", "rust", False),
        ("go", "go", True),
    ],
)
def test_languages_of_a_family_go_together(one: str, other: str, together: bool):  # noqa: FBT001 - a column of the table
    assert (family_of(one) == family_of(other)) is together


async def test_only_documents_of_the_same_family_are_compared(room: Any):
    room.open("a.ts", about("alpha"), "typescript")
    room.open("b.jsx", about("alpha"), "javascriptreact")
    room.open("c.py", about("alpha"))
    script = room.open("d.js", about("alpha"), "javascript")
    python = room.open("e.py", about("alpha"))
    assert await paths(room, script) == {"a.ts", "b.jsx"}
    assert await paths(room, python) == {"c.py"}
    assert await paths(room, script) == {"a.ts", "b.jsx"}


async def test_a_closed_document_is_read_from_the_disk(room: Any):
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", about("alpha"))
    room.close(other)
    room.write("other.py", about("alpha") + "on_disk = 1\n")
    (piece,) = await room.until(uri, "other.py", kinds=["similar"])
    assert piece.text.endswith("on_disk = 1")
    room.write("other.py", about("alpha") + "changed = 1\n")
    room.now += 31
    room.type(uri, 0, "alpha_1 = compute_alpha\n")
    async with asyncio.timeout(20):
        while "changed" not in (await room.until(uri, "other.py", kinds=["similar"]))[0].text:
            room.type(uri, 0, "alpha_1 = compute_alpha\n")
    (room.root / "other.py").unlink()
    room.now += 31
    async with asyncio.timeout(20):
        while await room.gather(uri, kinds=["similar"]):
            room.type(uri, 0, "alpha_1 = compute_alpha\n")


async def test_a_document_opened_again_counts_as_the_editor_has_it(room: Any):
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", about("alpha"))
    room.close(other)
    await room.until(uri, "other.py", kinds=["similar"])
    room.open("other.py", about("alpha") + "unsaved = 1\n", disk=False)
    (piece,) = await room.gather(uri, kinds=["similar"])
    assert piece.text.endswith("unsaved = 1")


async def test_a_change_of_another_document_counts(room: Any):
    other = room.open("other.py", about("alpha"))
    uri = room.open("here.py", about("alpha"))
    await room.gather(uri)
    taken = room.sources.work.taken_in
    room.type(other, 0, "changed = 1\n")
    (piece,) = await room.gather(uri, kinds=["similar"])
    assert piece.text.startswith("changed = 1\n")
    assert room.sources.work.taken_in == taken + 1


async def test_of_a_long_document_the_part_counts_where_the_user_was(room: Any):
    room.open("other.py", about("beta", 3000) + about("alpha", 40) + about("gamma", 3000))
    uri = room.open("here.py", about("alpha"))
    assert "alpha_5" not in str(await room.gather(uri, kinds=["similar"]))
    room.sources.visited(room.uri("other.py"), 3020)
    (piece,) = await room.gather(uri, kinds=["similar"])
    assert "alpha_5 " in piece.text
    lines = room.documents.get(room.uri("other.py")).text.split("\n")
    assert set(piece.text.split("\n")) <= set(lines)


async def test_of_a_long_file_that_was_closed_too(room: Any):
    text = about("beta", 3000) + about("alpha", 40) + about("gamma", 3000)
    other = room.open("other.py", text)
    room.sources.visited(other, 3020)
    uri = room.open("here.py", about("alpha"))
    room.close(other)
    (piece,) = await room.until(uri, "other.py", kinds=["similar"])
    assert "alpha_5 " in piece.text
    room.write("other.py", "x" * 20_000)
    room.now += 31
    async with asyncio.timeout(20):
        while await room.gather(uri, kinds=["similar"]):
            room.type(uri, 0, "alpha_1 = compute_alpha\n")


async def test_documents_that_cannot_be_used_are_left_out(room: Any):
    room.open("huge.py", about("alpha", 50_000), disk=False)
    lost = room.open("lost.py", about("alpha"))
    room.documents.lost(lost)
    room.documents.open("git:/w/here.py", "python", 1, about("alpha"))
    room.documents.open("untitled:Untitled-1", "python", 1, about("alpha"))
    uri = room.open("here.py", about("alpha"))
    room.documents.open(uri + "#again", "python", 1, about("alpha"))
    assert await paths(room, uri) == {"untitled:Untitled-1"}
    assert room.documents.change(lost, 9, [Change(about("alpha"))])
    assert await paths(room, uri) == {"untitled:Untitled-1", "lost.py"}


async def test_cells_of_a_notebook_help_each_other(room: Any):
    path = room.write("book.ipynb", "{}")
    notebook = f"file://{path}"
    cells = [f"vscode-notebook-cell:{path}#{n}" for n in range(3)]
    room.documents.open_notebook(notebook, cells)
    for cell in cells:
        room.documents.open(cell, "python", 1, about("alpha"), notebook=notebook)
        room.sources.visited(cell)
    assert {piece.uri for piece in await room.gather(cells[1], kinds=["similar"])} == {
        cells[0],
        cells[2],
    }


async def test_twenty_documents_and_ten_closed_ones_at_most(room: Any):
    visits = Visits(room.documents)
    for n in range(15):
        visits.note(room.open(f"c{n}.py", "x = 1\n"))
        room.close(room.uri(f"c{n}.py"))
    others = visits.others("", None, "python")
    assert [visit.uri for visit in others] == [room.uri(f"c{n}.py") for n in range(14, 4, -1)]
    assert len(others) == CLOSED
    for n in range(25):
        visits.note(room.open(f"o{n}.py", "x = 1\n"))
    others = visits.others(room.uri("o24.py"), None, "python")
    assert [visit.uri for visit in others] == [room.uri(f"o{n}.py") for n in range(23, 3, -1)]
    assert len(others) == OTHERS
    for n in range(300):
        visits.note(room.open(f"m{n}.py", "x = 1\n"))
    assert len(visits) == 256


# --- reported problems


async def test_problems_near_the_cursor_are_told_without_numbers(room: Any):
    uri = room.open("here.js", "\n".join(f"line{n}()" for n in range(60)) + "\n", "javascript")
    room.sources.diagnostics.set(
        uri,
        [
            Diagnostic(30, "on the cursor's line"),
            Diagnostic(31, "two\n  lines", 2, "lint"),
            Diagnostic(10, "as far as counts", 4),
            Diagnostic(51, "too far"),
            Diagnostic(29, "odd", 9, "", "C1"),
        ],
    )
    (piece,) = await room.gather(uri, 30, kinds=["diagnostics"])
    assert piece.text == (
        "// line10()\n//   hint: as far as counts\n"
        "// line29()\n//   problem: odd (C1)\n"
        "// line31()\n//   warning: two lines (lint)"
    )
    room.sources.diagnostics.set(uri, [])
    assert await room.gather(uri, 30, kinds=["diagnostics"]) == ()


async def test_problems_of_lines_that_are_gone_or_not_known_do_no_harm(room: Any):
    uri = room.open("here.lua", "a\n", "lua")
    room.sources.diagnostics.set(uri, [Diagnostic(5, "gone"), Diagnostic(-3, "odd")])
    (piece,) = await room.gather(uri, kinds=["diagnostics"])
    assert piece.text == "-- \n--   error: odd\n-- \n--   error: gone"
    room.close(uri)
    assert room.sources.diagnostics.of(uri) == ()


async def test_problems_of_an_excluded_document_stay_here(room: Any):
    uri = room.open(".env.py", "a\nb\n")
    room.sources.diagnostics.set(uri, [Diagnostic(0, "bad")])
    assert await room.gather(uri, kinds=["diagnostics"]) == ()


def test_diagnostics_are_bounded_and_the_worst_are_kept():
    kept = Diagnostics()
    kept.set("a", [*(Diagnostic(n, "hint", 4) for n in range(ITEMS)), Diagnostic(999, "error")])
    assert len(kept.of("a")) == ITEMS
    assert kept.of("a")[-1].message == "error"
    kept.set("b", [Diagnostic(1, "x" * 5000)])
    assert len(kept.of("b")[0].message) == 1_000
    near = Diagnostics()
    near.set("a", [Diagnostic(9, "w", 2), Diagnostic(1, "far"), Diagnostic(7, "near")])
    assert [item.message for item in near.near("a", 8, 20)] == ["near", "far", "w"]
    assert near.near("a", 30, 20) == []
    for n in range(DOCUMENTS + 5):
        near.set(str(n), [Diagnostic(0, "x")])
    assert near.of("a") == ()
    near.forget("0")
    near.forget(str(DOCUMENTS))
    assert near.of(str(DOCUMENTS)) == ()
