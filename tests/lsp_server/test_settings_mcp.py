"""``[mcp.NAME]``: the user's own servers, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot.settings import load
from polypilot.settings.mcp import McpServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.allow_blocking("settings are files")


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_users_servers_are_read(tmp_path: Path):
    text = """
[mcp.docs]
command = "/usr/bin/docs-server"
args = ["--fast"]
env = ["DOCS_TOKEN"]

[mcp.remote]
url = "https://mcp.example.com/v1"
enabled = false
"""
    loaded = load(file(tmp_path, text), env={})
    assert loaded.problems == ()
    assert loaded.settings.mcp == {
        "docs": McpServer(command="/usr/bin/docs-server", args=("--fast",), env=("DOCS_TOKEN",)),
        "remote": McpServer(url="https://mcp.example.com/v1", enabled=False),
    }
    assert loaded.sources["mcp.docs.command"].line == 3


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[mcp.docs]\nargs = ["x"]\n', "mcp.docs"),
        ('[mcp.docs]\ncommand = "a/b"\n', "mcp.docs"),
        ('[mcp.docs]\nurl = "http://example.com/mcp"\n', "mcp.docs"),
        ('[mcp.docs]\ncommand = "/x"\nenv = ["A=secret-value"]\n', "mcp.docs.env"),
        ('[mcp.docs]\ncommand = "/x"\nshell = true\n', "mcp.docs.shell"),
        ('[mcp."Do cs"]\ncommand = "/x"\n', "mcp.Do cs"),
        ('mcp = "x"\n', "mcp"),
        ('[mcp]\ndocs = "x"\n', "mcp.docs"),
    ],
)
def test_a_server_that_is_not_right_is_not_used(tmp_path: Path, text: str, key: str):
    good = '\n[mcp.good]\ncommand = "/good"\n' if not text.startswith("mcp =") else ""
    loaded = load(file(tmp_path, text + good), env={})
    assert set(loaded.settings.mcp) == ({"good"} if good else set())
    assert [each.key for each in loaded.problems] == [key]
    assert "secret-value" not in repr(loaded.problems)


def test_neither_an_editor_nor_a_workspace_may_have_any(tmp_path: Path):
    theirs = {"mcp": {"evil": {"command": "/evil"}}}
    loaded = load(file(tmp_path, ""), editor=theirs, workspace=theirs, env={})
    assert loaded.settings.mcp == {}
    assert {each.code for each in loaded.problems} == {"user_scope"}


def test_there_is_a_limit(tmp_path: Path):
    text = "".join(f'[mcp.s{number}]\ncommand = "/x"\n' for number in range(25))
    loaded = load(file(tmp_path, text), env={})
    assert len(loaded.settings.mcp) == 20
    assert len(loaded.problems) == 5
