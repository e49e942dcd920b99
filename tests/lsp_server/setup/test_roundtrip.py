"""Each editor on configurations as users have them: shown, made, made again, undone to the byte."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.setup import EDITORS, SetupError, apply, guide, plan, plan_undo, record, undo
from polypilot.setup.json_text import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.setup import Machine

WITH_FILES = ("neovim", "vim", "emacs", "helix", "kakoune", "kate", "sublime", "zed", "jetbrains")

HELIX = b"""\
# my languages
[language-server.pylsp.config.pylsp]   # aligned  by hand
plugins = { ruff = { enabled = true } }

[[language]]
name = "python"  # the one
language-servers = [
  "pylsp", # first
  { name = "ruff", only-features = ["format"] }, # not for more
]

[[language]]
name = 'go'
auto-format = true

[language-server.gopls]  # between languages
command = "gopls"

[[language]]
name = "rust"
language-servers = ["rust-analyzer"]
[language.indent]
tab-width = 4
unit = "\\t"
"""
ZED = b"""\
// Zed settings
//
// see "docs": { , }
{
  "theme": "One Dark", // , dark
  /* "agent_servers": {} */
  "lsp": {
    "pyright": { "settings": {"a": [1, 2,],}, },
  },
}
"""
STRICT = b'{"servers": {"python": {"command": ["pylsp"]}},\n    "global": {"root": null}\n}\n'
LUA = b"-- my init\nvim.o.number = true\nlocal x = { [[ return ]] }\n"

OWN: dict[str, list[bytes]] = {
    "neovim": [LUA, b"vim.o.x = 1", b""],
    "vim": [b'set nocompatible " caf\xe9\nlet x = 1', b""],
    "emacs": [b";;; init.el -*- lexical-binding: t -*-\n(setq x 1)\n", b"(setq custom-file nil)"],
    "helix": [HELIX, b"", b"# only a comment", b'[[language]]\nname = "rust"\n'],
    "kakoune": [b"evaluate-commands %sh{ kak-lsp }\nlsp-enable\n", b"set global x 1"],
    "kate": [STRICT, b"{}", b'{\n\t"servers": {\n\t}\n}\n', b""],
    "sublime": [
        ZED,
        b'{\n\t// Settings in here override those in "LSP.sublime-settings"\n\n}\n',
        b'{"clients": {"pyright": {"enabled": true}} /* last */ }',
        b'{\n\t"clients":\n\t{\n\t\t"LSP-json": {"enabled": false}, // why\n\t}\n}',
    ],
    "zed": [ZED, b"{\n}\n", b'{"a": 1}', b'{\n  "a": 1 // no comma\n  // end\n}\n'],
    "jetbrains": [b'{"agent_servers": {"Other": {"command": "x"}}}\n', b"{}"],
}
SHAPES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "Windows line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "mixed line ends": lambda data: data.replace(b"\n", b"\r\n", 1),
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "no final newline": lambda data: data.rstrip(b"\n"),
    "blank lines at the end": lambda data: data + b"\n\n\n",
}


def configuration(editor: str, machine: Machine) -> Path:
    return guide(editor, machine).files[0].path


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def kept(before: bytes, after: bytes) -> bool:
    """Whether ``before`` is what remains of ``after`` when some bytes are taken out."""
    rest = iter(after)
    return all(byte in rest for byte in before)


CASES = [
    pytest.param(editor, SHAPES[shape](data), id=f"{editor}-{number}-{shape}")
    for editor, all_of_it in OWN.items()
    for number, data in enumerate(all_of_it)
    for shape in SHAPES
]


@pytest.mark.parametrize(("editor", "data"), CASES)
def test_every_byte_of_the_users_stays_and_comes_back(
    editor: str, data: bytes, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    path = written(configuration(editor, machine), data)
    path.chmod(0o640)

    changes = plan(guide(editor, machine))
    assert [each.path for each in changes] == [path]
    assert changes[0].before == data
    after = changes[0].after or b""
    assert kept(data, after), after.decode(errors="replace")
    assert b"polypilot" in after
    if b"\r\n" in data and data.count(b"\r\n") == data.count(b"\n"):
        assert after.count(b"\r\n") == after.count(b"\n")
    elif b"\r\n" not in data:
        assert b"\r\n" not in after
    assert path.read_bytes() == data  # nothing is written by planning

    apply(editor, changes)
    assert path.read_bytes() == after
    assert path.stat().st_mode & 0o777 == 0o640
    assert plan(guide(editor, machine)) == []

    undo(editor, plan_undo(guide(editor, machine)))
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o640
    assert plan_undo(guide(editor, machine)) == []
    assert list(record.folder().iterdir()) == []


@pytest.mark.parametrize("editor", WITH_FILES)
def test_a_file_that_was_not_there_is_gone_again(
    editor: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    path = configuration(editor, machine)
    before = sorted(machine.home.rglob("*"))
    changes = plan(guide(editor, machine))
    assert changes[0].before is None
    assert apply(editor, changes) == [(path, None)]
    assert path.exists()
    assert plan(guide(editor, machine)) == []
    undo(editor, plan_undo(guide(editor, machine)))
    assert sorted(machine.home.rglob("*")) == before


@pytest.mark.parametrize("editor", WITH_FILES)
def test_a_link_stays_a_link_and_its_target_is_changed(
    editor: str, machine_of: Callable[..., Machine], tmp_path: Path
) -> None:
    machine = machine_of()
    data = OWN[editor][0]
    target = written(tmp_path / "dotfiles" / "file", data)
    path = configuration(editor, machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))
    apply(editor, plan(guide(editor, machine)))
    assert path.is_symlink()
    assert b"polypilot" in target.read_bytes()
    undo(editor, plan_undo(guide(editor, machine)))
    assert path.is_symlink()
    assert target.read_bytes() == data


def test_a_file_with_two_names_keeps_both(
    machine_of: Callable[..., Machine], tmp_path: Path
) -> None:
    machine = machine_of()
    path = written(configuration("neovim", machine), LUA)
    other = tmp_path / "other"
    other.hardlink_to(path)
    apply("neovim", plan(guide("neovim", machine)))
    assert other.read_bytes() == path.read_bytes() != LUA
    undo("neovim", plan_undo(guide("neovim", machine)))
    assert other.read_bytes() == path.read_bytes() == LUA


@pytest.mark.parametrize("editor", WITH_FILES)
def test_a_read_only_file_is_left_alone(editor: str, machine_of: Callable[..., Machine]) -> None:
    machine = machine_of()
    path = written(configuration(editor, machine), OWN[editor][0])
    path.chmod(0o444)
    changes = plan(guide(editor, machine))  # it can be shown all the same
    with pytest.raises(SetupError, match="read-only"):
        apply(editor, changes)
    assert path.read_bytes() == OWN[editor][0]
    assert not record.folder().exists()


@pytest.mark.parametrize("editor", WITH_FILES)
def test_what_the_user_changes_afterwards_stays(
    editor: str, machine_of: Callable[..., Machine]
) -> None:
    """Only our part is taken out then, and what is left reads as the user's own would."""
    machine = machine_of()
    data = OWN[editor][0]
    path = written(configuration(editor, machine), data)
    apply(editor, plan(guide(editor, machine)))
    later = _changed_by_the_user(editor, path.read_bytes())
    path.write_bytes(later)
    changes = plan_undo(guide(editor, machine))
    assert not changes[0].exact
    undo(editor, changes)
    assert changes[0].kept is not None
    assert changes[0].kept.read_bytes() == data  # what was taken out may not be all
    now = path.read_bytes()
    assert b"olypilot" not in now
    assert _meaning(editor, now) == _meaning(editor, _changed_by_the_user(editor, data))
    assert plan_undo(guide(editor, machine)) == []


def _changed_by_the_user(editor: str, data: bytes) -> bytes:
    if editor in {"kate", "sublime", "zed", "jetbrains"}:
        at = data.index(b"\n{") + 2 if data.startswith(b"//") else 1
        return data[:at] + b'\n  "mine": {"x": [1]},' + data[at:]
    if editor == "helix":
        return data + b"\n[mine]\nx = 1\n"
    return data + b"\nmine = 1\n"


def _meaning(editor: str, data: bytes) -> Any:
    text = data.decode("utf-8", "surrogateescape")
    if editor in {"kate", "sublime", "zed", "jetbrains"}:
        return parse(text, comments=True).value
    if editor == "helix":
        return tomllib.loads(text)
    return [line for line in text.split("\n") if line]


@pytest.mark.parametrize("editor", WITH_FILES)
def test_a_second_setup_follows_the_program_and_is_still_undone_to_the_byte(
    editor: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    data = OWN[editor][0]
    path = written(configuration(editor, machine), data)
    apply(editor, plan(guide(editor, machine)))
    moved = replace(machine, program='/elsewhere "x"/polypilot')
    changes = plan(guide(editor, moved))
    assert len(changes) == 1
    apply(editor, changes)
    assert b"/opt/polypilot/bin" not in path.read_bytes()
    assert plan(guide(editor, moved)) == []
    undo(editor, plan_undo(guide(editor, moved)))
    assert path.read_bytes() == data


@pytest.mark.parametrize("editor", WITH_FILES)
def test_a_setup_after_changes_of_the_users_keeps_those_when_undone(
    editor: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    data = OWN[editor][0]
    path = written(configuration(editor, machine), data)
    apply(editor, plan(guide(editor, machine)))
    path.write_bytes(_changed_by_the_user(editor, path.read_bytes()))
    moved = replace(machine, program="/elsewhere/polypilot")
    apply(editor, plan(guide(editor, moved)))
    undo(editor, plan_undo(guide(editor, moved)))
    now = path.read_bytes()
    assert b"olypilot" not in now
    assert _meaning(editor, now) == _meaning(editor, _changed_by_the_user(editor, data))


def test_a_record_that_is_lost_or_broken_leaves_the_way_by_our_marks(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of()
    path = written(configuration("neovim", machine), LUA)
    apply("neovim", plan(guide("neovim", machine)))
    for text in ("{", "[1]", '[{"path": 1}]', json.dumps([{"made": None}])):
        (record.folder() / "neovim.json").write_text(text, encoding="utf-8")
        changes = plan_undo(guide("neovim", machine))
        assert not changes[0].exact
        assert changes[0].after == LUA
    undo("neovim", changes)
    assert path.read_bytes() == LUA


def test_a_file_changed_between_showing_and_writing_is_not_written(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of()
    path = written(configuration("zed", machine), ZED)
    changes = plan(guide("zed", machine))
    path.write_bytes(b"{}")
    with pytest.raises(SetupError, match="meanwhile"):
        apply("zed", changes)
    assert path.read_bytes() == b"{}"


def test_every_editor_with_a_file_is_among_these(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of()
    assert {name for name in EDITORS if guide(name, machine).files} == set(WITH_FILES)


def test_backups_are_the_users_alone(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of()
    written(configuration("zed", machine), ZED)
    ((_, backup),) = apply("zed", plan(guide("zed", machine)))
    assert backup is not None
    assert backup.read_bytes() == ZED
    assert backup.stat().st_mode & 0o077 == 0
    assert record.folder().stat().st_mode & 0o077 == 0
