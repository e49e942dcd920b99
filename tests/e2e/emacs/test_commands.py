"""Keys, choices and the state of things in a real Emacs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import Peer, item, poll

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conftest import Emacs

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
# Every string that Emacs can still show: variables, rings and all buffers' texts.
TRACES = (
    "(let (found) (mapatoms (lambda (s) (when (and (boundp s)"
    " (not (memq s '(recent-keys found test--line)))"
    " (stringp (symbol-value s)) (string-search %s (symbol-value s)))"
    " (push (symbol-name s) found))))"
    " (dolist (b (buffer-list)) (when (string-search %s (test-text b))"
    " (push (buffer-name b) found)))"
    " (dolist (ring (list kill-ring minibuffer-history read-expression-history))"
    ' (when (member %s ring) (push "history" found))) (or found []))'
)


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


def assert_no_trace(emacs: Emacs, peer: Peer) -> None:
    quoted = f'(concat "{CANARY[:6]}" "{CANARY[6:]}")'
    assert emacs.eval(TRACES % (quoted, quoted, quoted)) == []
    assert CANARY not in "\n".join(emacs.terminal.screen())
    assert CANARY.encode() not in peer.received


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


@pytest.mark.feature("emacs", "choose provider and model", "enter a key")
def test_a_provider_is_chosen_and_its_key_goes_to_the_program_alone(
    editing: Emacs, scripted: Peer, short_folder: Path
) -> None:
    editing.command("polypilot-select")
    editing.terminal.wait_screen("Choose for:")
    editing.type_text("chat")
    editing.keys("Enter")
    editing.terminal.wait_screen("Provider:")
    editing.type_text("Anth")
    editing.keys("Tab", "Enter")
    editing.terminal.wait_screen("Key for anthropic (not shown)")
    editing.type_text(CANARY)
    editing.keys("Enter")
    given = record(short_folder)
    assert given["stdin"] == CANARY + "\n"
    assert given["arguments"] == ["auth", "set", "anthropic", "--stdin"]
    assert CANARY not in json.dumps([given["arguments"], given["environment"]])
    editing.terminal.wait_screen("Model:")
    editing.keys("Tab", "Enter")
    wanted = {"for": "chat", "provider": "anthropic", "model": "claude-x"}
    assert scripted.wait("polypilot/select")["params"] == wanted
    editing.wait_message("chat: anthropic / claude-x")
    scripted.wait("workspace/didChangeConfiguration")  # the server may look again
    assert_no_trace(editing, scripted)


def test_a_refused_key_is_not_shown_either(editing: Emacs, scripted: Peer) -> None:
    scripted.answers["polypilot/providers"] = lambda _: [{**ANTHROPIC, "id": "refused"}]
    editing.command("polypilot-auth")
    editing.terminal.wait_screen("Key for:")
    editing.keys("Tab", "Enter")
    editing.terminal.wait_screen("Key for refused")
    editing.type_text(CANARY)
    editing.keys("Enter")
    assert "the keyring is locked (given: …)" in editing.wait_message("not stored")
    assert_no_trace(editing, scripted)


@pytest.mark.feature("emacs", "status")
def test_mode_line_errors_once_and_the_status_command(editing: Emacs, peer: Peer) -> None:
    for given, expected in (
        (status(), "polypilot:qwen"),
        (status(state="busy"), "polypilot:qwen…"),
        (status(state="needsKey"), "polypilot:needs a key"),
        (status(completion={"provider": "x", "model": "a\x1bb"}), "polypilot:a^[b"),
    ):
        peer.notify("polypilot/status", given)
        editing.terminal.wait_screen(expected)
    error = {"code": "auth", "message": "The key is wrong", "cure": "Do"}
    for redactions in (1, 2):
        peer.notify("polypilot/status", status(error=error, redactions=redactions))
    peer.notify("polypilot/status", status(error=None, notices=["Using embedded instead"]))
    editing.wait_message("Using embedded instead")
    assert editing.messages() == ["The key is wrong\nDo", "Using embedded instead"]
    peer.answers["polypilot/status"] = lambda _: status(error=error)
    editing.command("polypilot-show-status")
    screen = "\n".join(editing.terminal.wait_screen("redactions"))
    for part in ("embedded / qwen", "anthropic / claude", "not trusted", "gnome-keyring"):
        assert part in screen


def test_doctor_log_and_restart(editing: Emacs, peer: Peer) -> None:
    peer.answers["polypilot/doctor"] = lambda _: [
        {"check": "keyring", "ok": True, "detail": "gnome-keyring"},
        {"check": "model", "ok": False, "detail": "missing", "cure": "polypilot models pull"},
        {"check": "network", "ok": None, "detail": "not tried"},
    ]
    editing.command("polypilot-doctor")
    editing.wait('(and (get-buffer "*polypilot-doctor*") t)')
    assert editing.eval('(test-text "*polypilot-doctor*")').split("\n")[:4] == [
        "✓ keyring: gnome-keyring",
        "✗ model: missing",
        "  → polypilot models pull",
        "? network: not tried",
    ]
    peer.notify("window/logMessage", {"type": 3, "message": "a line\x1b[2J of the log"})
    editing.command("polypilot-log")
    editing.terminal.wait_screen("a line^[[2J of the log")
    editing.command("polypilot-restart")
    peer.wait("initialize", 2)
    editing.wait('(with-current-buffer "code.py" (polypilot-document-open-p))')
    assert not [each for each in editing.messages() if "ended" in each]
    peer.hang_up()
    editing.wait_message("the server ended")


@pytest.mark.feature("emacs", "restart after a crash")
def test_a_crash_is_told_and_restart_brings_suggestions_back(editing: Emacs, peer: Peer) -> None:
    editing.type_text("v")
    peer.offer_at(0, 1, item(" = 1"))
    editing.wait_ghost(" = 1")
    editing.eval("(progn (signal-process (polypilot-rpc-process polypilot--rpc) 'SIGKILL) t)")
    said = editing.wait_message("the server ended (killed)")
    assert "M-x polypilot-restart" in said
    editing.wait_ghost("")
    editing.type_text("w")  # what is typed meanwhile is not lost to the next server
    editing.wait_text("vw")
    editing.command("polypilot-restart")
    editing.wait_message("the server is running")
    opened = peer.wait("textDocument/didOpen", 2)["params"]["textDocument"]
    assert opened["text"] == "vw"
    editing.type_text("x")
    peer.offer_at(0, 3, item(" = 2"))
    editing.wait_ghost(" = 2")
    editing.keys("Tab")
    editing.wait_text("vwx = 2")
    assert peer.connections == 2


def test_a_missing_program_is_said_once_with_its_cure(
    start_emacs: Callable[[Sequence[str], dict[str, str]], Emacs], peer: Peer
) -> None:
    emacs = start_emacs(["no-such-polypilot"], {})
    emacs.eval("(progn (global-polypilot-mode) t)")
    for name in ("a.py", "b.py"):
        emacs.eval(f'(progn (find-file "{emacs.home / name}") t)')
    emacs.wait_message("no-such-polypilot was not found\nInstall it")
    assert len(emacs.messages()) == 1
    assert peer.connections == 0


def test_one_server_for_all_folders(emacs: Emacs, peer: Peer) -> None:
    emacs.eval(
        '(progn (setq polypilot-settings \'(:completion (:provider "embedded")))'
        " (global-polypilot-mode) t)"
    )
    folders = [emacs.home / "one", emacs.home / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "root-of-the-test").touch()
    emacs.edit("one/a.py")
    emacs.edit("two/b b%é.py")
    added = peer.wait("workspace/didChangeWorkspaceFolders")["params"]["event"]["added"]
    assert [each["uri"] for each in added] == [folders[1].as_uri()]
    initialize = peer.wait("initialize")["params"]
    assert [each["uri"] for each in initialize["workspaceFolders"]] == [folders[0].as_uri()]
    settings = {"completion": {"provider": "embedded"}}
    assert initialize["initializationOptions"] == {"polypilot": settings}
    peer.wait("textDocument/didOpen", 2)
    opened = [each["params"]["textDocument"]["uri"] for each in peer.all("textDocument/didOpen")]
    assert (emacs.home / "two" / "b b%é.py").as_uri() in opened
    assert peer.connections == 1
