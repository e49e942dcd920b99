"""Configurations that are left alone, each with a sentence that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.setup import SetupError, apply, guide, plan, plan_undo
from polypilot.setup.json_text import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.setup import Machine

BROKEN: dict[str, dict[bytes, str]] = {
    "zed": {
        b'{"a": 1': "line 1 does not parse",
        b'{\n"a": 1,,\n}': "line 2 does not parse",
        b'{"a" 1}': "line 1 does not parse",
        b'{"a": 01x}': "line 1 does not parse",
        b'{"a": 1} {}': "line 1 does not parse",
        b'{"a": 1 /* }': "line 1 does not parse",
        b'{"a": "\\x"}': "line 1 does not parse",
        b"[1]": "what it holds is not an object",
        b'{"agent_servers": []}': "agent_servers is not an object",
        b'{"agent_servers": {}, "agent_servers": {}}': 'it has "agent_servers" twice',
        b"\xff\xfe{\x00}\x00": "not a text in UTF-8",
        b'{"a": ' + b"[" * 5000: "line 1 does not parse",
    },
    "kate": {
        b'{"servers": {}, // mine\n}': "line 1 does not parse",
        b'{"servers": {},}': "line 1 does not parse",
    },
    "helix": {
        b"[[language]\n": "does not parse",
        b"language = 1\n": "are not tables",
        b'language = [{ name = "python" }]\n': r"without touching|does not parse",
        b'[language-server.polypilot]\ncommand = "mine"\n': "of your own",
        b'[[language]]\n"name" = "python"\n': r"without touching|does not parse",
    },
    "neovim": {
        b"-- x\nreturn require('mine')\n\n-- end\n": "begins with `return`",
        b"-- >>> polypilot >>>\nx = 1\n": "not a pair",
        b"-- <<< polypilot <<<\n-- >>> polypilot >>>\n": "not a pair",
    },
    "vim": {b"set x\nfinish\n": "begins with `finish`"},
}
CASES = [
    pytest.param(editor, data, why, id=f"{editor}-{number}")
    for editor, cases in BROKEN.items()
    for number, (data, why) in enumerate(cases.items())
]


@pytest.mark.parametrize(("editor", "data", "why"), CASES)
def test_a_configuration_that_has_no_place_for_us_is_left_alone(
    editor: str, data: bytes, why: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    path = guide(editor, machine).files[0].path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with pytest.raises(SetupError, match=why) as raised:
        plan(guide(editor, machine))
    assert str(path) in raised.value.message
    assert raised.value.cure
    assert path.read_bytes() == data


@pytest.mark.parametrize("editor", ["zed", "helix", "neovim"])
def test_undoing_in_a_file_that_no_longer_parses_says_what_to_do(
    editor: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    path = guide(editor, machine).files[0].path
    apply(editor, plan(guide(editor, machine)))
    broken = path.read_bytes() + b'\n] -- >>> polypilot >>>"\n-- >>> polypilot >>>\n'
    path.write_bytes(broken)
    with pytest.raises(SetupError, match="left alone"):
        plan_undo(guide(editor, machine))
    assert path.read_bytes() == broken


def test_a_table_of_ours_that_the_user_has_rewritten_is_not_guessed_at(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of()
    path = guide("helix", machine).files[0].path
    apply("helix", plan(guide("helix", machine)))
    text = path.read_text("utf-8").replace('args = ["--stdio"]', 'args = ["--stdio", "x"]')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SetupError, match="not as it was written") as raised:
        plan_undo(guide("helix", machine))
    assert "yourself" in raised.value.cure


def test_a_folder_or_a_circle_of_links_in_the_files_place(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of()
    path = guide("zed", machine).files[0].path
    path.mkdir(parents=True)
    with pytest.raises(SetupError, match="not a file"):
        plan(guide("zed", machine))
    path.rmdir()
    path.symlink_to(path)
    with pytest.raises(SetupError, match=r"link|symbolic"):
        plan(guide("zed", machine))


def test_without_a_place_for_the_backup_nothing_is_written(
    machine_of: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = machine_of()
    path = guide("zed", machine).files[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"")
    monkeypatch.setenv("POLYPILOT_DATA_DIR", str(blocked / "data"))
    with pytest.raises(SetupError, match="no backup"):
        apply("zed", plan(guide("zed", machine)))
    assert path.read_bytes() == b"{}"


def test_an_unknown_editor_is_named_with_what_was_meant(machine_of: Callable[..., Machine]) -> None:
    with pytest.raises(SetupError) as raised:
        guide("neovin", machine_of())
    assert "did you mean neovim?" in raised.value.cure
    assert guide("NVIM", machine_of()).editor == "neovim"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5e3, true, null, "\\u00e9//x"]}', {"a": [1, -2500.0, True, None, "é//x"]}),
        ('// c\n{ /* { */ "a": {}, } // end', {"a": {}}),
        ("[ ]", []),
    ],
)
def test_json_with_comments_is_read_as_editors_do(text: str, value: object) -> None:
    assert parse(text, comments=True).value == value


def test_the_users_own_entry_is_neither_replaced_nor_taken_out(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of()
    path = guide("kate", machine).files[0].path
    path.parent.mkdir(parents=True)
    own = b'{"servers": {"markdown": {"command": ["marksman", "server"]}}}'
    path.write_bytes(own)
    with pytest.raises(SetupError, match=r"servers\.markdown is there already") as caught:
        plan(guide("kate", machine))
    assert caught.value.cure
    assert plan_undo(guide("kate", machine)) == []
    apply("kate", plan(guide("kate", machine, ["lua"])))
    assert b"marksman" in path.read_bytes()


def test_no_program_is_taken_from_the_current_folder(
    machine_of: Callable[..., Machine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hx").touch(0o755)
    monkeypatch.chdir(tmp_path)
    for path in (".", "", str(tmp_path), f".:{tmp_path}"):
        assert machine_of(PATH=path).which("hx") == ""
    elsewhere = tmp_path / "bin"
    elsewhere.mkdir()
    (elsewhere / "hx").touch(0o755)
    assert machine_of(PATH=f".:{elsewhere}").which("hx") == str(elsewhere / "hx")
