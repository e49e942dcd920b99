"""What is undone where each language has a part: all of it, or that of the languages named.

Kate has a server for a language, Helix a list of servers; the user may have changed either.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.setup import apply, guide, plan, plan_undo, record, undo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.setup import FileChange, Machine

KATE = b'{"servers": {"c": {"command": ["clangd"]},\n "x": {"command": ["mine"]}\n}}\n'
HELIX = b'# mine\n[[language]]\nname = "python"\nauto-format = true\n\n[editor]\nx = 1\n'
MARK = "by `polypilot setup helix`"
OWN = {"kate": KATE, "helix": HELIX}


class User:
    """Who sets an editor up, changes its file, and takes Polypilot out of it."""

    def __init__(self, machine: Machine, editor: str, data: bytes | None) -> None:
        self.machine = machine
        self.editor = editor
        self.path: Path = guide(editor, machine).files[0].path
        if data is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(data)

    def setup(self, *languages: str) -> None:
        apply(self.editor, plan(guide(self.editor, self.machine, languages)))

    def undo(self, *languages: str) -> list[FileChange]:
        changes = plan_undo(guide(self.editor, self.machine, languages))
        undo(self.editor, changes)
        return changes

    def edit(self, old: str, new: str) -> None:
        text = self.text
        assert text.count(old) == 1, text
        self.path.write_text(text.replace(old, new), encoding="utf-8")

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def languages(self) -> list[str]:
        """Those that Polypilot is set up for."""
        if self.editor == "kate":
            servers = json.loads(self.text).get("servers", {})
            return [name for name, each in servers.items() if "polypilot" in each["command"][0]]
        rows: list[dict[str, Any]] = tomllib.loads(self.text).get("language", [])
        return [row["name"] for row in rows if "polypilot" in str(row.get("language-servers"))]


@pytest.fixture
def user_of(machine_of: Callable[..., Machine]) -> Callable[..., User]:
    """A user of an editor whose file holds this; None: it is not there."""

    def make(editor: str, data: bytes | None) -> User:
        return User(machine_of(), editor, data)

    return make


@pytest.mark.parametrize("editor", ["kate", "helix"])
@pytest.mark.parametrize("there", [True, False])
def test_what_was_set_up_one_by_one_is_undone_at_once(
    editor: str, user_of: Callable[..., User], *, there: bool
) -> None:
    user = user_of(editor, OWN[editor] if there else None)
    for language in ("python", "lua", "zig"):
        user.setup(language)
    assert user.languages == ["python", "lua", "zig"]
    user.undo()
    assert user.path.exists() == there
    if there:
        assert user.path.read_bytes() == OWN[editor]
    assert list(record.folder().iterdir()) == []


@pytest.mark.parametrize("editor", ["kate", "helix"])
def test_so_is_what_was_set_up_before_and_after_a_change_of_the_users(
    editor: str, user_of: Callable[..., User]
) -> None:
    user = user_of(editor, OWN[editor])
    user.setup("python")
    user.edit("mine", "theirs")
    user.setup("lua")
    user.edit("theirs", "ours")
    assert not user.undo()[0].exact
    assert user.text == OWN[editor].decode().replace("mine", "ours")
    assert user.undo() == []


def test_an_entry_for_polypilot_that_the_user_has_written_himself_stays(
    user_of: Callable[..., User],
) -> None:
    user = user_of("kate", b'{"servers": {"go": {"command": ["polypilot", "--stdio"], "my": 1}}}\n')
    user.setup("lua")
    user.edit('"my": 1', '"my": 2')
    user.undo()
    assert json.loads(user.text) == {
        "servers": {"go": {"command": ["polypilot", "--stdio"], "my": 2}}
    }


def test_an_entry_that_the_user_has_changed_goes(user_of: Callable[..., User]) -> None:
    user = user_of("kate", KATE)
    user.setup("lua")
    user.edit('[".git"]', '[".git", ".hg"]')
    user.undo()
    assert user.path.read_bytes() == KATE


@pytest.mark.parametrize("known", ["lost", "from before there were languages in it"])
def test_without_a_record_of_languages_kates_are_known_by_their_look(
    known: str, user_of: Callable[..., User]
) -> None:
    user = user_of("kate", KATE)
    user.setup("lua")
    user.machine = replace(user.machine, program="/elsewhere/polypilot")
    user.setup("zig")
    user.edit("mine", "theirs")
    file = record.folder() / "kate.json"
    if known == "lost":
        file.unlink()
    else:
        rows = json.loads(file.read_bytes())
        file.write_text(json.dumps([{**rows[0], "parts": None}]), encoding="utf-8")
    user.undo()
    assert user.text == KATE.decode().replace("mine", "theirs")


@pytest.mark.parametrize("editor", ["kate", "helix"])
@pytest.mark.parametrize("changed", [False, True])
def test_with_a_language_only_that_one_is_taken_out(
    editor: str, user_of: Callable[..., User], *, changed: bool
) -> None:
    """And when the last one is, every byte is as it was."""
    user = user_of(editor, OWN[editor])
    user.setup("python", "lua")
    user.setup("zig")
    if changed:
        user.edit("mine", "theirs")
    end = OWN[editor].replace(b"mine", b"theirs") if changed else OWN[editor]
    (change,) = user.undo("lua")
    assert list(change.rest) == ["python", "zig"]
    assert user.languages == ["python", "zig"]
    assert user.undo("lua") == []
    user.setup("lua")
    user.undo("lua")
    user.undo("python")
    assert user.languages == ["zig"]
    (change,) = user.undo("zig")
    assert not change.rest
    assert change.exact is not changed
    assert user.path.read_bytes() == end


def test_a_list_from_before_the_record_was_lost_goes_too(user_of: Callable[..., User]) -> None:
    user = user_of("helix", HELIX)
    user.setup("python")
    (record.folder() / "helix.json").unlink()
    user.setup("lua")
    assert not user.undo()[0].exact
    assert user.path.read_bytes() == HELIX


# Lists of Helix' that we wrote and the user has changed

ROW = '["lua-language-server", "polypilot"]'


def helix_set_up(user_of: Callable[..., User]) -> User:
    user = user_of("helix", HELIX)
    user.setup("python", "lua")
    return user


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (ROW, '["first", "lua-language-server", "polypilot"]', ["first", "lua-language-server"]),
        (ROW, '["lua-language-server", "last", "polypilot"]', ["lua-language-server", "last"]),
        (ROW, '["b", "polypilot", "a"]', ["b", "a"]),
        (ROW, '[\n  "b", # why\n  "polypilot",\n  "a",\n]', ["b", "a"]),
        (
            ROW,
            '["lua-language-server", { name = "polypilot", except-features = ["format"] }, "b"]',
            ["lua-language-server", "b"],
        ),
    ],
)
def test_servers_that_the_user_has_put_into_a_table_of_ours_stay(
    old: str, new: str, left: list[str], user_of: Callable[..., User]
) -> None:
    user = helix_set_up(user_of)
    user.edit(old, new)
    user.undo()
    rows = tomllib.loads(user.text)["language"]
    assert rows == [
        {"name": "python", "auto-format": True},
        {"name": "lua", "language-servers": left},
    ]
    assert "polypilot" not in user.text
    assert user.text.startswith(HELIX.decode())
    assert ("# why" in new) == ("# why" in user.text)


def test_servers_that_the_user_has_put_into_a_line_of_ours_stay(
    user_of: Callable[..., User],
) -> None:
    user = helix_set_up(user_of)
    user.edit('"zuban", "polypilot"]', '"mine", "zuban", "polypilot"]')
    user.undo()
    listed = 'language-servers = ["ty", "ruff", "jedi", "pylsp", "mine", "zuban"]\n'
    assert user.text == HELIX.decode().replace('name = "python"\n', f'name = "python"\n{listed}')


@pytest.mark.parametrize(
    "own", ["auto-format = true\n", "[language.indent]\ntab-width = 4\nunit = ' '\n"]
)
@pytest.mark.parametrize("servers", [False, True])
def test_what_the_user_has_put_below_a_table_of_ours_stays_in_it(
    own: str, user_of: Callable[..., User], *, servers: bool
) -> None:
    user = helix_set_up(user_of)
    user.edit(f"{ROW}\n", f"{ROW}\n{own}")
    if servers:
        user.edit(ROW, '["b", "polypilot"]')
    user.undo()
    listed = 'language-servers = ["b"]\n' if servers else ""
    assert user.text == HELIX.decode() + f'\n[[language]]\nname = "lua"\n{listed}{own}'


def test_a_list_is_known_as_ours_when_helix_has_other_servers_by_then(
    user_of: Callable[..., User], tmp_path: Path
) -> None:
    hx = tmp_path / "bin" / "hx"
    hx.parent.mkdir()

    def say(server: str) -> None:
        hx.write_text(f"#!/bin/sh\necho 'Configured language servers:'\necho '  ✓ {server}: /x'\n")
        hx.chmod(0o755)

    user = user_of("helix", HELIX)
    say("older")
    user.setup("python", "zig")
    assert user.text.count('["older", "polypilot"]') == 2
    say("newer")
    user.edit("x = 1", "x = 2")
    user.undo()
    assert user.text == HELIX.decode().replace("x = 1", "x = 2")


def test_a_mark_that_the_user_has_taken_away_makes_the_list_his(
    user_of: Callable[..., User],
) -> None:
    user = helix_set_up(user_of)
    user.edit(f'"zuban", "polypilot"]  # {MARK}', '"zuban", "polypilot"]')
    user.undo("python")
    assert user.languages == ["lua"]
    assert 'language-servers = ["ty", "ruff", "jedi", "pylsp", "zuban"]\n' in user.text
