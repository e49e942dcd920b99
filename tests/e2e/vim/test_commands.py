"""Keys, choices and the state of things in a real Vim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import item, poll

if TYPE_CHECKING:
    from pathlib import Path

    from terminal_peer import Peer

    from conftest import Vim

pytestmark = pytest.mark.e2e

CANARY = "sk-CANARY-8f2e61d0"
ANTHROPIC: dict[str, Any] = {
    "id": "anthropic",
    "name": "Anthropic",
    "local": False,
    "free": False,
    "auth": "keyring",
    "keyStored": False,
    "selectedFor": [],
}
EMBEDDED: dict[str, Any] = {
    **ANTHROPIC,
    "id": "embedded",
    "name": "This machine",
    "local": True,
    "auth": "none",
}
MODELS = [{"id": "claude-x", "name": "Claude X", "contextTokens": 200000, "default": True}]


@pytest.fixture
def scripted(peer: Peer) -> Peer:
    """The server with providers and models to choose from."""
    peer.answers["polypilot/providers"] = lambda _: [EMBEDDED, ANTHROPIC]
    peer.answers["polypilot/models"] = lambda _: MODELS
    peer.answers["polypilot/select"] = lambda params: {**params, "saved": True, "file": "c"}
    return peer


def record(folder: Path) -> dict[str, Any]:
    """What the program was given."""
    path = folder / "cli.json"
    poll(path.exists, "the program ran")
    return json.loads(path.read_text(encoding="utf-8"))


def traces(vim: Vim, peer: Peer) -> list[str]:
    """Everywhere that a key could have been left."""
    places = ("execute('history')", "execute('registers')", "execute('messages')", "string(v:)")
    values = [str(vim.expr(each)) for each in places]
    return [*values, str(vim.messages()), "\n".join(vim.terminal.screen()), peer.received.decode()]


def status(**more: Any) -> dict[str, Any]:
    return {
        "state": "ready",
        "paused": False,
        "completion": {"provider": "embedded", "model": "qwen"},
        "chat": {"provider": "anthropic", "model": "claude"},
        "trusted": False,
        "redactions": 3,
        "keyring": "gnome-keyring",
        **more,
    }


@pytest.mark.feature("vim", "choose provider and model", "enter a key")
def test_a_provider_is_chosen_and_its_key_goes_to_the_program_alone(
    editing: Vim, scripted: Peer, short_folder: Path
) -> None:
    editing.command("PolypilotSelect chat")
    editing.terminal.wait_screen("Anthropic · needs a key")
    editing.keys("Down", "Enter")
    editing.terminal.wait_screen("Key for anthropic (not shown)")
    editing.type_text(CANARY)
    editing.keys("Enter")
    given = record(short_folder)
    assert given["stdin"] == CANARY + "\n"
    assert given["arguments"] == ["auth", "set", "anthropic", "--stdin"]
    assert CANARY not in json.dumps([given["arguments"], given["environment"]])
    editing.terminal.wait_screen("claude-x · Claude X · 200000 tokens · default")
    editing.keys("Enter")
    wanted = {"for": "chat", "provider": "anthropic", "model": "claude-x"}
    assert scripted.wait("polypilot/select")["params"] == wanted
    editing.wait_message("chat: anthropic / claude-x")
    scripted.wait("workspace/didChangeConfiguration")  # the server may look again
    for trace in traces(editing, scripted):
        assert CANARY not in trace


def test_a_refused_key_is_not_shown_either(editing: Vim, scripted: Peer) -> None:
    editing.command("PolypilotAuth refused")
    editing.terminal.wait_screen("Key for refused")
    editing.type_text(CANARY)
    editing.keys("Enter")
    assert "the keyring is locked (given: …)" in editing.wait_message("not stored")
    for trace in traces(editing, scripted):
        assert CANARY not in trace


def test_a_key_on_the_command_line_is_refused_and_forgotten(
    editing: Vim, scripted: Peer, short_folder: Path
) -> None:
    editing.command(f"PolypilotAuth {CANARY} x")
    editing.wait_message("give a provider's id only")
    assert not (short_folder / "cli.json").exists()
    editing.wait("getreg(':') ==# '\"'")
    for trace in traces(editing, scripted)[:3]:
        assert CANARY not in trace


@pytest.mark.feature("vim", "status")
def test_status_line_errors_once_and_the_status_command(editing: Vim, peer: Peer) -> None:
    line = "polypilot#Statusline()"
    assert editing.expr(line) == ""
    for given, expected in (
        (status(), "polypilot: qwen"),
        (status(state="busy"), "polypilot: qwen …"),
        (status(state="needsKey"), "polypilot: needs a key"),
        (status(completion={"provider": "x", "model": "a\x1bb"}), "polypilot: a^[b"),
    ):
        peer.notify("polypilot/status", given)
        editing.wait(f"{line} ==# '{expected}'")
    error = {"code": "auth", "message": "The key is wrong", "cure": "Do"}
    for redactions in (1, 2):
        peer.notify("polypilot/status", status(error=error, redactions=redactions))
    peer.notify("polypilot/status", status(error=None, notices=["Using embedded instead"]))
    editing.wait_message("Using embedded instead")
    assert len([each for each in editing.messages() if "The key is wrong\nDo" in each]) == 1
    peer.answers["polypilot/status"] = lambda _: status(error=error)
    editing.command("PolypilotStatus")
    editing.wait("bufname() ==# 'polypilot://status'")
    shown = editing.text()
    for part in ("embedded / qwen", "anthropic / claude", "not trusted", "gnome-keyring", "Do"):
        assert part in shown


def test_doctor_log_and_restart(editing: Vim, peer: Peer) -> None:
    peer.answers["polypilot/doctor"] = lambda _: [
        {"check": "keyring", "ok": True, "detail": "gnome-keyring"},
        {"check": "model", "ok": False, "detail": "missing", "cure": "polypilot models pull"},
        {"check": "network", "ok": None, "detail": "not tried"},
    ]
    editing.command("PolypilotDoctor")
    editing.wait("bufname() ==# 'polypilot://doctor'")
    assert editing.text().split("\n") == [
        "✓ keyring: gnome-keyring",
        "✗ model: missing",
        "  → polypilot models pull",
        "? network: not tried",
    ]
    editing.type_text("q")
    peer.notify("window/logMessage", {"type": 3, "message": "a line\x1b[2J of the log"})
    peer.request("client/registerCapability", {"registrations": []}, "after")
    peer.wait_result("after")
    editing.command("PolypilotLog")
    editing.wait("bufname() ==# 'polypilot://log'")
    assert "a line^[[2J of the log" in editing.text()
    editing.type_text("q")
    editing.command("PolypilotRestart")
    peer.wait("initialize", 2)
    editing.wait("TestOpen()")
    assert not [each for each in editing.messages() if "ended" in each]
    peer.hang_up()
    editing.wait_message("the server ended")


@pytest.mark.feature("vim", "restart after a crash")
def test_after_a_crash_restart_brings_the_buffers_and_suggestions_back(
    editing: Vim, peer: Peer
) -> None:
    editing.type_text("iv = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    peer.hang_up()
    assert ":PolypilotRestart starts it again" in editing.wait_message("the server ended")
    editing.wait_ghost("")
    editing.keys("Escape")
    editing.command("PolypilotRestart")
    editing.wait_message("the server is running")
    assert peer.wait("textDocument/didOpen", 2)["params"]["textDocument"]["text"] == "v = \n"
    editing.type_text("A2")
    peer.offer_at(0, 5, item(" + 2"))
    editing.wait_ghost(" + 2")
    editing.terminal.wait_screen("v = 2 + 2")
    assert peer.connections == 2


def test_a_missing_program_is_said_once_with_its_cure(start_vim: Any, peer: Peer) -> None:
    vim = start_vim(["no-such-polypilot"], {})
    for name in ("a.py", "b.py"):
        vim.ex(f"edit {vim.home / name}")
    vim.wait_message("no-such-polypilot was not found\nInstall it")
    assert len(vim.messages()) == 1
    vim.command("PolypilotChat")
    vim.wait("bufname() ==# 'polypilot://prompt'")
    vim.type_text("ihello")
    vim.keys("C-s")
    vim.wait_transcript("Install it")
    assert peer.connections == 0


def test_one_server_for_all_folders(vim: Vim, peer: Peer) -> None:
    folders = [vim.home / "one", vim.home / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "root-of-the-test").touch()
    vim.edit("one/a.py")
    vim.edit("two/b b%é.py")
    added = peer.wait("workspace/didChangeWorkspaceFolders")["params"]["event"]["added"]
    assert [each["uri"] for each in added] == [folders[1].as_uri()]
    initialize = peer.wait("initialize")["params"]
    assert [each["uri"] for each in initialize["workspaceFolders"]] == [folders[0].as_uri()]
    peer.wait("textDocument/didOpen", 2)
    opened = [each["params"]["textDocument"]["uri"] for each in peer.all("textDocument/didOpen")]
    assert (vim.home / "two" / "b b%é.py").as_uri() in opened
    assert peer.connections == 1


def test_help_names_every_command_and_key(vim: Vim) -> None:
    vim.ex("helptags $POLYPILOT_VIM_PLUGIN/doc")
    vim.ex("help polypilot")
    text = vim.text()
    for name in vim.expr("getcompletion('Polypilot', 'command')"):
        assert f"*:{name}*" in text
    for name in ("accept", "accept-word", "accept-line", "next", "previous", "dismiss", "trigger"):
        assert f"<Plug>(polypilot-{name})" in text
