"""Commands for scripts and hooks, kept conversations, and the talk's own commands."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot_providers.testing import ScriptedServer

pytestmark = pytest.mark.allow_blocking("the tests write files and run git")

FIXED = """\
Here it is.

```python path=a.py
def add(x, y):
    return x + y
```
"""


def git(folder: Path, *arguments: str) -> None:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], cwd=folder, env=env, check=True, capture_output=True)


def sent(server: ScriptedServer, number: int = -1) -> str:
    body: Any = server.requests[number].json
    messages: list[dict[str, Any]] = body["messages"]
    return "\n".join(str(message["content"]) for message in messages)


async def test_lines_of_a_file_are_explained(server: ScriptedServer, answers: Any, cli: Any):
    (cli.folder / "a.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    server.play(answers["chat"]("It counts."))
    done = await cli.run("explain", "a.py:2-3", "briefly")
    assert done.status == 0, done.err
    assert "It counts." in done.out
    asked = sent(server)
    assert "two = 2" in asked
    assert "one = 1" not in asked
    assert "briefly" in asked


@pytest.mark.parametrize("file", ["none.py", "a.py:3-2", "."])
async def test_what_is_no_file_is_a_usage_error(server: ScriptedServer, cli: Any, file: str):
    (cli.folder / "a.py").write_text("one = 1\n")
    done = await cli.run("explain", file)
    assert done.status == 2
    assert server.requests == []


async def test_a_fix_is_shown_and_written_only_when_told(
    server: ScriptedServer, answers: Any, cli: Any
):
    file = cli.folder / "a.py"
    file.write_text("def add(x, y):\n    return x - y\n")
    file.chmod(0o750)
    server.play(answers["chat"](FIXED), answers["chat"](FIXED), answers["chat"](FIXED))
    assert (await cli.run("fix", "a.py")).status == 0
    asked = await cli.run("fix", "a.py", "--apply")
    assert "-    return x - y" in asked.err
    assert "nobody can be asked" in asked.err
    assert file.read_text().endswith("x - y\n"), "nothing is written unasked"
    done = await cli.run("fix", "a.py", "--apply", "--yes")
    assert done.status == 0, done.err
    assert file.read_text() == "def add(x, y):\n    return x + y\n"
    assert file.stat().st_mode & 0o777 == 0o750
    (kept,) = (cli.home / "data" / "before").iterdir()
    assert kept.read_text().endswith("x - y\n")
    assert str(kept) in done.err


async def test_a_commit_message_is_all_that_is_printed(
    server: ScriptedServer, answers: Any, cli: Any
):
    git(cli.folder, "init", "-q")
    (cli.folder / "a.py").write_text("x = 1\n")
    git(cli.folder, "add", "a.py")
    git(cli.folder, "commit", "-q", "-m", "Begin with a")
    (cli.folder / "a.py").write_text("x = 2\n")
    git(cli.folder, "add", "a.py")
    (cli.folder / "a.py").write_text("x = 3\n")
    server.play(answers["chat"]("```\nLet x be two\n\nIt was one.\n```"))
    done = await cli.run("commit")
    assert (done.status, done.out) == (0, "Let x be two\n\nIt was one.\n")
    asked = sent(server)
    assert "+x = 2" in asked
    assert "x = 3" not in asked, "only what is staged"
    server.play(answers["chat"]("Looks good."))
    done = await cli.run("review")
    assert "+x = 3" in sent(server)
    assert "Looks good." in done.out


async def test_nothing_to_commit_is_said(server: ScriptedServer, answers: Any, cli: Any):
    server.play(answers["chat"]("?"))
    done = await cli.run("commit")
    assert "#diff" in done.err or "repository" in done.err


async def test_conversations_are_kept_found_shown_and_deleted(
    server: ScriptedServer, answers: Any, cli: Any
):
    server.play(answers["chat"]("The heron waits."), answers["chat"]("Still."))
    first = await cli.run("chat", "Which bird?", "--json")
    session = first.events[-1]["session_id"]
    again = await cli.run("chat", "And now?", "--continue", "--json")
    assert again.events[-1]["session_id"] == session
    assert "The heron waits." in sent(server)
    listed = await cli.run("history", "list", "heron", "--json")
    (row,) = listed.events
    assert (row["id"], row["title"], row["messages"]) == (session, "Which bird?", 4)
    shown = await cli.run("history", "show", session)
    assert "The heron waits." in shown.out
    await cli.run("history", "rename", session, "Birds")
    assert "Birds" in (await cli.run("history", "list")).out
    assert (await cli.run("history", "delete")).status == 2
    assert (await cli.run("history", "delete", session)).status == 0
    assert (await cli.run("history", "list", "--json")).events == []
    assert (await cli.run("chat", "x", "--session", session)).status == 1


async def test_what_is_to_be_forgotten_is_not_kept(server: ScriptedServer, answers: Any, cli: Any):
    server.play(answers["chat"]("ok"))
    await cli.run("chat", "x", "--forget")
    assert (await cli.run("history", "list", "--json")).events == []


async def test_the_talk_has_commands_of_its_own(
    server: ScriptedServer, answers: Any, terminal: Any, cli: Any
):
    (cli.folder / "a.py").write_text("def add(x, y):\n    return x - y\n")
    server.play(
        answers["chat"]("One."),
        answers["chat"]("Two."),
        answers["chat"]("Three."),
        answers["chat"](FIXED),
    )
    person = await terminal("chat")
    await person.see("> ")
    person.type("/help\n")
    await person.see("/provider")
    await person.see("/explain")
    await person.see("> ")
    person.type("/model other\n")
    await person.see("other answers")
    person.type("first\n")
    await person.see("One.")
    assert server.requests[0].json["model"] == "other"
    await person.see("> ")
    person.type("/again\n")
    await person.see("Two.")
    assert "One." not in sent(server, 1), "a branch of its own"
    await person.see("> ")
    person.type("/sent what?\n")
    await person.see("message")
    await person.see("tokens")
    await person.see("> ")
    person.type("/provider none\n")
    await person.see("error: ")
    await person.see("> ")
    person.type("/new\n")
    await person.see("A new conversation.")
    await person.see("> ")
    person.type("second\n")
    await person.see("Three.")
    assert "first" not in sent(server, 2)
    await person.see("> ")
    person.type("/list\n")
    await person.see("first")
    await person.see("> ")
    person.type("fix #file:a.py\n")
    await person.see("Here it is.")
    await person.see("> ")
    person.type("/edits\n")
    await person.see("Write ")
    person.type("y\n")
    await person.see("is changed")
    assert (cli.folder / "a.py").read_text().endswith("x + y\n")
    await person.see("> ")
    person.type("/quit\n")
    assert await person.ended() == 0


async def test_a_tool_that_asks_asks_the_person(
    server: ScriptedServer, answers: Any, terminal: Any, cli: Any
):
    (cli.folder / "a.py").write_text("def add(x, y):\n    return x - y\n")
    edit = {"old_text": "    return x - y", "new_text": "    return x + y"}
    arguments = json.dumps({"path": "a.py", "edits": [edit]})
    call = answers["call"]("propose_edit", arguments)
    server.play(call, answers["chat"]("Pity."), call, answers["chat"]("Proposed."))
    person = await terminal("chat", "--mode", "edit")
    await person.see("> ")
    person.type("fix it\n")
    await person.see("+    return x + y")
    await person.see("Allow?")
    person.type("n\n")
    await person.see("Pity.")
    assert "did not allow" in sent(server, 1)
    await person.see("> ")
    person.type("do it\n")
    await person.see("Allow?")
    person.type("y\n")
    await person.see("Proposed.")
    await person.see("> ")
    person.type("/quit\n")
    assert await person.ended() == 0
    assert (cli.folder / "a.py").read_text().endswith("x - y\n"), "it was only proposed"
