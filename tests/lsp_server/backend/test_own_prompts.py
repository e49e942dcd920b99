"""The user's own templates: their folder is read, checked, watched, and told about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from polypilot import paths
from polypilot.backend.own_prompts import FOLDER, LIMIT, files, read_own_prompts
from polypilot.backend.reloading import Sources, read
from polypilot.chat.values import Question
from polypilot.workspace.documents import Position
from polypilot.workspace.roots import uri_of
from polypilot_prompts.overrides import OURS
from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

MINE = "Mine: $open, $close at $cursor."
FAMILY = '[[family]]\nname = "mine"\ntemplate = "<A>{prefix}<B>{suffix}<C>"\nstops = ["<END>"]\n'


@pytest.fixture
def folder() -> Path:
    """The folder of the user's templates."""
    made = paths.config_dir() / FOLDER
    made.mkdir(parents=True)
    return made


def test_nothing_there_is_nothing_wrong() -> None:
    own = read_own_prompts()
    assert own.overrides is OURS
    assert own.problems == ()


def test_what_is_there_is_taken(folder: Path) -> None:
    (folder / "completion.md").write_bytes(b"\xef\xbb\xbf" + MINE.encode() + b"\r\n")
    (folder / "chat.md").write_text("Be kind.\n\n", "utf-8")
    (folder / "fim.toml").write_text(FAMILY, "utf-8")
    own = read_own_prompts()
    assert own.problems == ()
    assert own.overrides.templates == {"completion": MINE, "chat": "Be kind."}
    assert own.overrides.families["mine"].stops == ("<END>",)


def make_folder(file: Path) -> None:
    file.mkdir()


def make_fifo(file: Path) -> None:
    os.mkfifo(file)


def make_loop(file: Path) -> None:
    file.symlink_to(file)


def make_long(file: Path) -> None:
    file.write_bytes(b"x" * (LIMIT + 1))


def make_latin(file: Path) -> None:
    file.write_bytes(b"\xe9")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (make_folder, "ordinary file"),
        (make_fifo, "ordinary file"),
        (make_loop, "can't be opened"),
        (make_long, "longer than 64,000"),
        (make_latin, "not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["completion.md", "chat.md", "fim.toml"])
def test_a_file_that_can_not_be_read_is_a_problem_and_ours_is_used(
    folder: Path, make: Callable[[Path], None], message: str, name: str
) -> None:
    make(folder / name)
    own = read_own_prompts()
    (problem,) = own.problems
    assert own.overrides is OURS
    assert problem.file == str(folder / name)
    assert message in problem.message
    assert "Polypilot's own is used" in problem.cure


def test_one_bad_file_does_not_take_the_others_away(folder: Path) -> None:
    (folder / "completion.md").write_text("$nobody", "utf-8")
    (folder / "chat.md").write_text("Be kind.", "utf-8")
    (folder / "fim.toml").write_text(f"{FAMILY}[[family]]\n", "utf-8")
    own = read_own_prompts()
    assert own.overrides.templates == {"chat": "Be kind."}
    assert own.overrides.families.keys() == {"mine"}
    assert [(problem.key, problem.severity) for problem in own.problems] == [
        ("", "error"),
        ("family 2", "error"),
    ]
    assert "$nobody" in str(own.problems[0])


def test_a_control_character_in_the_folders_name_is_shown_harmless(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd = tmp_path / "a\x1b[2Jb"
    monkeypatch.setenv("POLYPILOT_CONFIG_DIR", str(odd))
    (odd / FOLDER).mkdir(parents=True)
    (odd / FOLDER / "chat.md").write_text("$x", "utf-8")
    assert "\x1b" not in str(read_own_prompts().problems[0])


def test_a_changed_file_is_seen(folder: Path) -> None:
    sources = Sources({}, (), {})
    for name in ("completion.md", "chat.md", "fim.toml"):
        sources.take(read(sources))
        assert not sources.changed()
        (folder / name).write_text("$nobody", "utf-8")
        assert sources.changed()


def completing(text: str) -> list[bytes]:
    piece = f'data: {{"choices": [{{"text": "{text}", "finish_reason": "stop"}}]}}\n\n'
    return [piece.encode(), b"data: [DONE]\n\n"]


async def test_a_changed_file_holds_from_the_next_look_on(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path, folder: Path
) -> None:
    row = '[[providers.a.models]]\nid = "coder"\ncompletion = "template:mine"\n'
    async with ScriptedServer(stream(*completing("1")), stream(*completing("2"))) as a:
        configure(row, a=a.url)
        (folder / "fim.toml").write_text(FAMILY, "utf-8")
        backend = backends(roots=[tmp_path])
        code = tmp_path / "a.py"
        code.write_text("x = \n", "utf-8")
        await backend.complete_file(code, 1, 5)
        assert a.requests[0].json["prompt"] == "<A>x =<B>\n<C>"
        # A bad one: it is said, and ours is used, which has no such family.
        (folder / "fim.toml").write_text(FAMILY.replace("{suffix}", ""), "utf-8")
        await backend.reload()
        problem = backend.status.error
        assert problem is not None
        assert (problem.code, "without {suffix}" in problem.message) == ("settings", True)
        (folder / "fim.toml").write_text(FAMILY.replace("<A>", "<NEW>"), "utf-8")
        await backend.reload()
        assert backend.status.error is None
        await backend.complete_file(code, 1, 5)
        assert a.requests[-1].json["prompt"] == "<NEW>x =<B>\n<C>"


async def test_conversations_have_the_users_instructions(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
    folder: Path,
) -> None:
    async with ScriptedServer(stream(*say("Hello."))) as a:
        configure(a=a.url)
        (folder / "chat.md").write_text("Be kind.\n", "utf-8")
        backend = backends()
        assert [event async for event in backend.chat.send(Question("Hi."))]
        body: Any = a.requests[0].json
        assert body["messages"][0] == {"role": "system", "content": "Be kind."}


async def test_nothing_of_a_workspace_is_a_template(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    theirs = tmp_path / FOLDER
    theirs.mkdir()
    (theirs / "completion.md").write_text(MINE, "utf-8")
    (tmp_path / ".polypilot").mkdir()
    (tmp_path / ".polypilot" / "completion.md").write_text(MINE, "utf-8")
    configure(a="http://127.0.0.1:9")
    backend = backends(roots=[tmp_path])
    uri = uri_of(str(tmp_path / "a.py"))
    backend.documents.open(uri, "python", 1, "x = \n")
    told = await backend.explain_completion(uri, Position(0, 4))
    assert all("Mine" not in part.text for part in told.parts)
    assert all(tmp_path not in file.parents or "config" in str(file) for file in files())
