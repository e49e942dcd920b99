"""``polypilot setup`` as a person runs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def said(path: Path) -> str:
    return path.read_text("utf-8")


def say(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


OWN = '// mine\n{\n  "theme": "One",\n}\n'


@pytest.fixture
def settings(cli: Any) -> Path:
    """Zed's settings of this user."""
    cli.env["XDG_CONFIG_HOME"] = str(cli.home / ".config")
    path: Path = cli.home / ".config" / "zed" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text(OWN, encoding="utf-8")
    return path


async def test_the_change_is_shown_asked_about_made_and_undone(
    cli: Any, settings: Path, terminal: Callable[..., Awaitable[Any]]
) -> None:
    person = await terminal("setup", "zed")
    await person.see('+  "agent_servers": {')
    await person.see("Do that? [y/N]")
    assert said(settings) == OWN
    person.type("n\r")
    await person.see("Nothing is changed.")
    assert await person.ended() == 3
    assert said(settings) == OWN

    person = await terminal("setup", "zed")
    await person.see("Do that? [y/N]")
    person.type("y\r")
    await person.see("is written; as it was before:")
    await person.see("choose Polypilot")
    assert await person.ended() == 0
    assert '"Polypilot"' in said(settings)
    done = await cli.run("setup", "zed")
    assert (done.status, "nothing to change" in done.out) == (0, True)

    person = await terminal("setup", "zed", "--undo")
    await person.see('-  "agent_servers": {')
    await person.see("Do that? [y/N]")
    person.type("y\r")
    await person.see("is as it was before")
    assert await person.ended() == 0
    assert said(settings) == OWN
    done = await cli.run("setup", "zed", "--undo")
    assert (done.status, "nothing of Polypilot's" in done.out) == (0, True)


async def test_where_nobody_can_be_asked_nothing_is_changed_without_yes(
    cli: Any, settings: Path
) -> None:
    done = await cli.run("setup", "zed")
    assert done.status == 3
    assert "--yes" in done.err
    assert said(settings) == OWN
    assert (await cli.run("setup", "zed", "--yes")).status == 0
    assert "Polypilot" in said(settings)
    done = await cli.run("setup", "zed", "--undo", "--yes")
    assert done.status == 0
    assert said(settings) == OWN


async def test_printing_changes_nothing_and_names_the_file(cli: Any, settings: Path) -> None:
    done = await cli.run("setup", "zed", "--print")
    assert done.status == 0
    assert done.out.startswith(f"{settings}:\n{{\n")
    program = Path(sys.executable).with_name("polypilot")
    assert f'"command": "{program}"' in done.out
    assert said(settings) == OWN


async def test_without_an_editor_the_list(cli: Any, settings: Path) -> None:
    say(settings, "{")
    done = await cli.run("setup")
    assert done.status == 0
    rows = {line.split()[0]: line for line in done.out.splitlines()}
    assert "does not parse" in rows["zed"]
    assert f"writes {cli.home}/.config/helix/languages.toml" in rows["helix"]
    assert "prints what to do" in rows["eclipse"]


async def test_a_broken_configuration_and_an_unknown_editor_are_errors(
    cli: Any, settings: Path
) -> None:
    say(settings, '{"a": 1,,}')
    done = await cli.run("setup", "zed", "--yes")
    assert done.status == 3
    assert "line 1 does not parse" in done.err
    assert said(settings) == '{"a": 1,,}'
    done = await cli.run("setup", "zedd")
    assert done.status == 3
    assert "did you mean zed?" in done.err


async def test_an_editors_own_command_is_shown_and_run(cli: Any, tmp_path: Path) -> None:
    """A stand-in for `code`, since it is VS Code's to install the package."""
    folder = tmp_path / "bin"
    folder.mkdir()
    code = folder / "code"
    code.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/ran\nexit 0\n', encoding="utf-8")
    code.chmod(0o755)
    cli.env["PATH"] = f"{folder}:{cli.env['PATH']}"
    done = await cli.run("setup", "vscode", "--print")
    assert done.status == 0
    if str(code) not in done.out:
        pytest.skip("the extension's package is not built in this tree")
    assert (await cli.run("setup", "vscode", "--yes")).status == 0
    assert "--install-extension" in (tmp_path / "ran").read_text("utf-8")
    assert (await cli.run("setup", "vscode", "--undo", "--yes")).status == 0
    assert "--uninstall-extension polypilot.polypilot" in (tmp_path / "ran").read_text("utf-8")


async def test_one_language_of_several_is_taken_out(cli: Any) -> None:
    cli.env["XDG_CONFIG_HOME"] = str(cli.home / ".config")
    for language in ("lua", "zig"):
        await cli.run("setup", "kate", "--yes", "--language", language)
    done = await cli.run("setup", "kate", "--undo", "--yes", "--language", "lua")
    assert (done.status, "has Polypilot for zig still" in done.out) == (0, True)
    done = await cli.run("setup", "kate", "--undo", "--yes")
    assert (done.status, "is removed" in done.out) == (0, True)
    assert not (cli.home / ".config" / "kate").exists()
