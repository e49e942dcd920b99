"""Which servers may be configured, and by whom."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from polypilot.chat.tools import mcp_process
from polypilot.chat.tools.mcp_values import McpError, definition, name_of, said
from polypilot.settings import load
from polypilot.settings.mcp import NAME, McpServer

if TYPE_CHECKING:
    from pathlib import Path

GOOD: list[dict[str, object]] = [
    {"command": "npx", "args": ["-y", "some-server"]},
    {"command": "/usr/bin/server", "env": ["GITHUB_TOKEN"], "cwd": "/tmp"},  # noqa: S108 - a value
    {"url": "https://example.com/mcp", "auth": "keyring"},
    {"url": "http://127.0.0.1:8000/mcp"},
    {"command": "npx", "enabled": False},
]
BAD: list[tuple[dict[str, object], str]] = [
    ({}, "either command"),
    ({"command": "a", "url": "https://example.com"}, "either command"),
    ({"command": "./server"}, "absolute path"),
    ({"command": "bin/server"}, "absolute path"),
    ({"command": "a", "cwd": "."}, "absolute path"),
    ({"command": "a", "env": ["TOKEN=canary"]}, "name of an environment variable"),
    ({"command": "a", "auth": "keyring"}, "auth is for a url"),
    ({"command": "a\nb"}, "control characters"),
    ({"url": "http://example.com/mcp"}, "unprotected"),
    ({"url": "file:///etc/passwd"}, ""),
    ({"url": "https://user:canary@example.com/mcp"}, ""),
    ({"url": "https://example.com/mcp?key=canary"}, "keyring"),
    ({"url": "https://example.com/mcp", "args": ["a"]}, "for a command"),
    ({"command": "a", "shell": True}, ""),
]


@pytest.mark.parametrize("row", GOOD)
def test_what_a_user_may_write(row: dict[str, object]):
    assert McpServer.model_validate(row)


@pytest.mark.parametrize(("row", "said"), BAD)
def test_what_is_refused_and_never_repeated(row: dict[str, object], said: str):
    with pytest.raises(ValidationError, match=said or None) as caught:
        McpServer.model_validate(row)
    assert "canary" not in str(caught.value)


def test_only_the_user_s_own_file_names_servers(tmp_path: Path):
    mine = tmp_path / "config.toml"
    mine.write_text('[mcp.mine]\ncommand = "npx"\n')
    theirs = {"mcp": {"evil": {"command": "sh"}}}
    root = tmp_path / "w"
    root.mkdir()
    (root / ".polypilot.toml").write_text('[mcp.evil]\ncommand = "sh"\n')
    loaded = load(mine, editor=theirs, workspace=[root], env={})
    assert list(loaded.settings.mcp) == ["mine"]
    assert len([problem for problem in loaded.problems if "mcp" in problem.key]) == 2


@pytest.mark.parametrize(
    ("name", "fits"),
    [("github", True), ("my-server_2", True), ("a" * 32, True), ("a" * 33, False), ("A", False),
     ("a b", False), ("-a", False), ("", False)],
)  # fmt: skip
def test_names_of_servers(name: str, *, fits: bool):
    assert bool(NAME.fullmatch(name)) == fits


def test_tools_of_different_servers_never_share_a_name():
    one = definition("a_b", "c", "", {"type": "object"}, how="")
    two = definition("a", "b_c", "", {"type": "object"}, how="")
    assert one
    assert two
    first = name_of(one, frozenset(), marked=False)
    second = name_of(two, frozenset([first]), marked=False)
    assert first == "mcp_a_b_c"
    assert second.startswith("mcp_a_b_c_")
    assert name_of(one, frozenset(), marked=True) != first


def test_a_schema_is_cleaned_and_stays_one():
    made = definition(
        "s",
        "t",
        "",
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "properties": {
                "a": {"type": "string", "description": "hidden\U000e0041\u202e text"},
                "b": {"$ref": "https://example.com/steal"},
                "c": {"$ref": "#/$defs/C"},
            },
            "$defs": {"C": {"type": "integer"}},
        },
        how="",
    )
    assert made
    assert made.schema == {
        "type": "object",
        "properties": {
            "a": {"type": "string", "description": "hidden text"},
            "b": {},
            "c": {"$ref": "#/$defs/C"},
        },
        "$defs": {"C": {"type": "integer"}},
    }


@pytest.mark.parametrize("schema", [None, [], "x", {"type": "array"}, {"a": "x" * 30_000}])
def test_what_is_no_schema_of_an_object_is_left_out(schema: object):
    assert definition("s", "t", "", schema, how="") is None


def test_the_fingerprint_tells_every_change():
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"type": "string"}}}
    marks = {
        made.fingerprint
        for made in (
            definition("s", "t", "d", schema, how="h"),
            definition("s", "t", "d\u200b", schema, how="h"),
            definition("s", "t", "d", {**schema, "required": ["a"]}, how="h"),
            definition("s", "t", "d", schema, how="other"),
            definition("s", "u", "d", schema, how="h"),
        )
        if made
    }
    assert len(marks) == 5


def test_what_a_server_says_of_a_failure_is_one_short_line():
    assert said("a\n\x1b[31mb\u202e") == "a [31mb"
    assert len(said("x" * 10_000)) == 301


def test_the_environment_of_a_server(tmp_path: Path):
    inside, link = tmp_path / "w/bin", tmp_path / "link"
    inside.mkdir(parents=True)
    link.symlink_to(inside)
    environ = {
        "PATH": f"{inside}:{link}:.::bin:/usr/bin",
        "HOME": "/h",
        "SECRET": "s",
        "GIVEN": "g",
    }
    env = mcp_process.environment(["GIVEN", "ABSENT"], environ, [str(tmp_path / "w")])
    assert env == {"PATH": "/usr/bin", "HOME": "/h", "GIVEN": "g"}


def test_a_program_is_found_by_name_or_absolute_path():
    assert mcp_process.program(sys.executable, {}) == sys.executable
    assert mcp_process.program("sh", {"PATH": "/usr/bin:/bin"}).endswith("/sh")
    with pytest.raises(McpError, match="not found"):
        mcp_process.program("sh", {"PATH": ""})
