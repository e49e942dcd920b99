"""Which program a real Vim starts: none that only lies in the folder it is in."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

import pytest
from editor_support import SCRIPTED, for_scripted
from terminal_peer import poll

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from terminal_peer import Peer

    from conftest import Start, Vim

    InProject = Callable[..., Vim]

pytestmark = pytest.mark.e2e

CANARY = "sk-CANARY-5d07b3e9"
MISSING = "the program polypilot was not found\nInstall it"


@pytest.fixture
def project(short_folder: Path) -> Path:
    """A folder with a program of our name, which says that it was started."""
    folder = short_folder / "project"
    folder.mkdir()
    program = folder / "polypilot"
    traces = shlex.quote(str(short_folder / "started"))
    program.write_text(f'#!/bin/sh\necho "$*" >>{traces}\nexec {shlex.join(SCRIPTED)} "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture
def in_project(start_vim: Start, peer: Peer, short_folder: Path, project: Path) -> InProject:
    """Starts a Vim that is in that folder; its polypilot program is of the name given."""

    def start(name: str, path: str = "") -> Vim:
        environment = for_scripted(peer, short_folder)
        given = path.format(project=project) + os.environ["PATH"]
        vim = start_vim([name], {**environment, "PATH": given})
        vim.ex(f"cd {project}")
        return vim

    return start


@pytest.mark.parametrize("path", [".:", ":", "{project}:"], ids=["dot", "empty", "absolute"])
def test_a_program_of_the_current_folder_is_not_started(
    in_project: InProject, peer: Peer, short_folder: Path, project: Path, path: str
) -> None:
    vim = in_project("polypilot", path)
    assert vim.expr("exepath('polypilot')") == str(project / "polypilot")  # Vim would
    vim.ex("edit code.py")
    vim.wait_message(MISSING)
    vim.command("PolypilotAuth anthropic")
    poll(lambda: len(vim.messages()) > 1, lambda: f"a second message; {vim.look()}")
    assert all(MISSING in each for each in vim.messages())
    assert not any("Key for" in row for row in vim.terminal.screen())
    vim.command("PolypilotModels")
    poll(lambda: len(vim.messages()) > 2, lambda: f"a third message; {vim.look()}")
    assert not (short_folder / "started").exists()
    assert peer.connections == 0


@pytest.mark.parametrize("name", ["./polypilot", "{project}/polypilot"], ids=["dot", "absolute"])
def test_a_program_of_the_current_folder_that_is_given_with_its_path_is_started(
    in_project: InProject, peer: Peer, short_folder: Path, project: Path, name: str
) -> None:
    vim = in_project(name.format(project=project))
    vim.edit("project/code.py")
    assert peer.connections == 1
    vim.command("PolypilotAuth anthropic")
    vim.terminal.wait_screen("Key for anthropic (not shown)")
    vim.type_text(CANARY)
    vim.keys("Enter")
    record = short_folder / "cli.json"
    poll(record.exists, "the program ran")
    assert json.loads(record.read_text("utf-8"))["stdin"] == CANARY + "\n"
    wanted = ["--stdio", "auth set anthropic --stdin"]
    assert (short_folder / "started").read_text("utf-8").splitlines() == wanted


def test_the_same_program_is_started_where_it_is_not_the_current_folder(
    in_project: InProject, peer: Peer, short_folder: Path
) -> None:
    vim = in_project("polypilot", "{project}:")
    vim.ex(f"cd {short_folder}")
    vim.edit("code.py")
    assert peer.connections == 1
