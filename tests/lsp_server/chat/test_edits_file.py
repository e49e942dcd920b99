"""What is written to a user's file, whichever face writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.chat.edits import EditError, TextEdit
from polypilot.chat.edits_file import change, create
from polypilot.workspace.documents import Position

if TYPE_CHECKING:
    from pathlib import Path


def edit(text: str) -> TextEdit:
    return TextEdit(Position(0, 0), Position(0, 1), text)


def test_what_another_program_writes_meanwhile_is_not_lost(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("old")

    def meanwhile(data: bytes) -> None:
        assert data == b"old"
        file.write_text("of another")

    with pytest.raises(EditError, match="changed meanwhile"):
        change(file, [edit("n")], meanwhile)
    assert file.read_text() == "of another"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_is_not_made_where_a_link_leads(tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        create(link, [edit("x")])
    assert [each.name for each in tmp_path.iterdir()] == ["link"]


def test_of_a_text_that_can_not_be_written_nothing_is_left(tmp_path: Path):
    with pytest.raises(UnicodeError):
        create(tmp_path / "new" / "a.txt", [edit("\ud800")])
    file = tmp_path / "a.txt"
    file.write_text("old")
    with pytest.raises(UnicodeError):
        change(file, [edit("\ud800")])
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
