"""The document store: what it knows, and when it admits that it does not."""

from __future__ import annotations

import sys
import time

import pytest

from polypilot.workspace.documents import Change, DocumentStore, Position, path_of

URI = "file:///w/a.py"


def store(text: str = "one\ntwo\nthree\n", version: int = 1) -> DocumentStore:
    made = DocumentStore()
    made.open(URI, "python", version, text)
    return made


def insert(text: str, line: int = 0, character: int = 0) -> Change:
    at = Position(line, character)
    return Change(text, at, at)


def text_of(documents: DocumentStore) -> str:
    document = documents.get(URI)
    assert document is not None
    return document.text


def has_snapshot(documents: DocumentStore) -> bool:
    return documents.snapshot(URI, Position(0, 0), 10, 10) is not None


def test_a_snapshot_shows_what_surrounds_the_cursor():
    documents = store("first\r\nsec🙂ond\r\nthird\r\n")
    snapshot = documents.snapshot(URI, Position(1, 5), 8, 8)
    assert snapshot is not None
    assert (snapshot.uri, snapshot.path, snapshot.language_id) == (URI, "/w/a.py", "python")
    assert (snapshot.version, snapshot.line, snapshot.column) == (1, 1, 4)
    assert (snapshot.prefix, snapshot.suffix) == ("st\r\nsec🙂", "ond\r\nthi")
    assert (snapshot.line_prefix, snapshot.line_suffix) == ("sec🙂", "ond")
    assert (snapshot.total_chars, snapshot.eol) == (23, "\r\n")


def test_a_snapshots_prefix_does_not_begin_with_half_a_break():
    snapshot = store("ab\r\ncd").snapshot(URI, Position(1, 2), 3, 3)
    assert snapshot is not None
    assert snapshot.prefix == "cd"


def test_a_snapshot_can_be_encoded_even_if_the_text_holds_half_a_pair():
    snapshot = store("a\ud83d\nb\udc00").snapshot(URI, Position(1, 0), 10, 10)
    assert snapshot is not None
    assert (snapshot.prefix, snapshot.suffix) == ("a\ufffd\n", "b\ufffd")


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", 6), ("utf-16", 3), ("utf-32", 2)])
def test_positions_count_units_of_the_agreed_encoding(encoding: str, character: int):
    documents = DocumentStore()
    documents.encoding = encoding  # type: ignore[assignment]  # pyright: ignore -- parametrized
    document = documents.open(URI, "x", 1, "é🙂x")
    assert document.offset(Position(0, character)) == 2
    assert document.position(2) == Position(0, character)
    assert document.between(Position(0, character), Position(0, 99)) == "x"


def test_changes_apply_one_after_the_other():
    documents = store()
    at = Position(0, 4)
    assert documents.change(URI, 2, [insert("zero\n"), Change("!", Position(1, 3), at)])
    assert text_of(documents) == "zero!\ntwo\nthree\n"
    assert documents.change(URI, 3, [insert("lost"), Change("whole"), insert("the ")])
    assert text_of(documents) == "the whole"


@pytest.mark.parametrize("version", [0, 1])
def test_a_version_that_does_not_rise_puts_the_document_out_of_sync(version: int):
    documents = store()
    assert not documents.change(URI, version, [insert("x")])
    assert not has_snapshot(documents)
    assert text_of(documents) == "one\ntwo\nthree\n"
    assert not documents.change(URI, 5, [insert("x")])
    assert not has_snapshot(documents)


@pytest.mark.parametrize("cure", ["whole", "save", "reopen"])
def test_the_whole_text_puts_a_document_in_sync_again(cure: str):
    documents = store()
    documents.change(URI, 0, [insert("x")])
    if cure == "whole":
        assert documents.change(URI, 2, [Change("new")])
    elif cure == "save":
        documents.save(URI, "new")
    else:
        documents.close(URI)
        documents.open(URI, "python", 9, "new")
    assert has_snapshot(documents)
    assert text_of(documents) == "new"


def test_a_late_whole_text_does_not_count():
    documents = store(version=5)
    assert not documents.change(URI, 4, [Change("older")])
    assert not has_snapshot(documents)
    assert documents.change(URI, 6, [Change("newer")])
    assert text_of(documents) == "newer"


def test_a_gap_in_versions_is_allowed_as_the_protocol_says():
    documents = store()
    assert documents.change(URI, 7, [insert("x")])
    assert has_snapshot(documents)


def test_a_gap_is_a_lost_edit_where_every_change_is_counted():
    documents = DocumentStore(strict_versions=True)
    documents.open(URI, "python", 1, "text")
    assert documents.change(URI, 2, [insert("x")])
    assert not documents.change(URI, 4, [insert("y")])
    assert not has_snapshot(documents)
    assert not documents.change(URI, 5, [insert("z")])
    assert documents.change(URI, 7, [Change("all")])
    assert has_snapshot(documents)


def test_a_lost_edit_is_remembered():
    documents = store()
    documents.lost(URI)
    documents.lost("file:///unknown")
    assert not has_snapshot(documents)
    assert documents.current(URI) is None
    assert documents.get(URI) is not None


def test_an_edit_that_fails_half_way_leaves_the_document_out_of_sync():
    documents = store()
    bad = Change(None, Position(0, 0), Position(0, 0))  # type: ignore[arg-type]  # pyright: ignore -- a defect
    with pytest.raises(TypeError):
        documents.change(URI, 2, [insert("x"), bad])
    assert not has_snapshot(documents)


def test_a_save_without_text_changes_nothing():
    documents = store()
    documents.save(URI)
    documents.save(URI, "one\ntwo\nthree\n")
    assert has_snapshot(documents)
    documents.save(URI, "other\ntext\n, same")
    assert text_of(documents) == "other\ntext\n, same"


def test_documents_that_are_not_open_are_left_alone():
    documents = DocumentStore()
    assert not documents.change(URI, 2, [insert("x")])
    documents.close(URI)
    documents.save(URI, "text")
    documents.splice_notebook(URI, 0, 0, ["c"])
    assert len(documents) == 0
    assert URI not in documents
    assert documents.snapshot(URI, Position(0, 0), 1, 1) is None


def test_no_snapshot_while_edits_are_on_their_way():
    documents = store()
    documents.suspend(["file:///other"])
    assert has_snapshot(documents)
    documents.suspend([URI])
    documents.suspend([URI])
    assert not has_snapshot(documents)
    documents.resume([URI, "file:///other"])
    assert not has_snapshot(documents)
    documents.resume([URI])
    assert has_snapshot(documents)


def test_cells_are_documents_of_their_notebook():
    documents, book = DocumentStore(), "file:///w/n.ipynb"
    documents.open_notebook(book, ["c1", "c2"])
    for cell in ("c1", "c2"):
        documents.open(cell, "python", 1, "x", notebook=book)
    documents.splice_notebook(book, 1, 1, ["c3", "c4"])
    assert documents.cells(book) == ("c1", "c3", "c4")
    snapshot = documents.snapshot("c1", Position(0, 0), 1, 1)
    assert snapshot is not None
    assert snapshot.path == "/w/n.ipynb"
    documents.open(URI, "python", 1, "kept")
    documents.close_notebook(book)
    assert documents.cells(book) == ()
    assert [document.uri for document in documents] == [URI]


def test_text_made_for_a_snapshot_may_be_shown_while_its_surroundings_are_the_same():
    documents = store()
    snapshot = documents.snapshot(URI, Position(1, 3), 5, 4)
    assert snapshot is not None
    assert documents.agrees(snapshot)
    documents.change(URI, 2, [insert("far away", 2, 5)])
    assert documents.agrees(snapshot)
    documents.change(URI, 3, [insert("!", 1, 3)])
    assert not documents.agrees(snapshot)
    documents.change(URI, 4, [Change("", Position(1, 3), Position(1, 4))])
    assert documents.agrees(snapshot)
    documents.change(URI, 5, [insert("above\n")])
    assert not documents.agrees(snapshot)
    documents.change(URI, 6, [Change("")])
    assert not documents.agrees(snapshot)
    documents.close(URI)
    assert not documents.agrees(snapshot)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")
@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///w/a%20b/%C3%A9.py", "/w/a b/é.py"),
        ("file://localhost/w/a", "/w/a"),
        ("file://other/w/a", None),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/w/n.ipynb#c1", None),
        ("file:///w/%00", None),
        ("", None),
        ("file:///w/a%ff", "/w/a\udcff"),
    ],
)
def test_paths_of_uris(uri: str, path: str | None):
    assert path_of(uri) == path


def edit_seconds(lines: int) -> float:
    """The least CPU time of a one-character edit in the middle, over several runs."""
    documents = store("    a line of code of about forty chars\n" * lines)
    best, version = 1.0, 1
    for _ in range(5):
        began = time.process_time()
        for _ in range(400):
            version += 1
            documents.change(URI, version, [insert("x", lines // 2, version % 30)])
        best = min(best, (time.process_time() - began) / 400)
    return best


def test_an_edit_costs_the_same_in_a_long_file_as_in_a_short_one():
    # Without the store's index the long one costs some fifty times as much.
    assert edit_seconds(50_000) < 4 * edit_seconds(1_000)
