"""Beside eglot and lsp-mode, which run the language's own server in the same buffer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from terminal_peer import Message, Peer, item, poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Emacs

pytestmark = pytest.mark.e2e

RELAY = Path(__file__).parents[1] / "neovim" / "relay.py"
PACKAGES = "/usr/share/emacs/site-lisp/elpa"
METHOD = "textDocument/inlineCompletion"


class Client(NamedTuple):
    """How a client of the language's server is started, known to be there, and ended."""

    start: str
    managed: str
    end: str


EGLOT = Client(
    "(progn (require 'eglot)"
    " (setq eglot-sync-connect 10 eglot-server-programs (list (cons 'python-mode test-other)))"
    " (apply #'eglot--connect (eglot--guess-contact)) t)",
    "(and (eglot-managed-p) t)",
    "(progn (eglot-shutdown (eglot-current-server)) t)",
)
LSP_MODE = Client(
    "(progn (require 'lsp-mode)"
    " (setq lsp-auto-guess-root t lsp-warn-no-matched-clients nil lsp-enable-file-watchers nil"
    "  lsp-keep-workspace-alive nil lsp-completion-provider :none)"
    " (lsp-register-client"
    "  (make-lsp-client :new-connection (lsp-stdio-connection test-other)"
    "   :major-modes '(python-mode) :server-id 'other))"
    " (lsp) t)",
    "(and lsp-managed-mode (lsp-workspaces) t)",
    "(progn (mapc #'lsp-workspace-shutdown (lsp-workspaces)) t)",
)


@pytest.fixture
def other(short_folder: Path, editing: Emacs) -> Iterator[Peer]:
    """The language's own server; Emacs can start it and has the packages of its clients."""
    folder = short_folder / "other"
    folder.mkdir()
    server = Peer(folder, "utf-16")
    greeting: Message = server.answers["initialize"](None)
    greeting["capabilities"]["completionProvider"] = {}
    server.answers["initialize"] = lambda _: greeting
    script = folder / "other.sh"
    script.write_text(
        f"#!/bin/sh\nPOLYPILOT_TEST_SOCKET={server.address}"
        f" exec {sys.executable} -I -S {RELAY} --stdio\n"
    )
    script.chmod(0o755)
    editing.eval(
        f"(progn (require 'package) (setq package-directory-list '(\"{PACKAGES}\"))"
        f' (package-initialize) (defvar test-other \'("{script}")) t)'
    )
    yield server
    server.close()


@pytest.mark.parametrize("client", [EGLOT, LSP_MODE], ids=["eglot", "lsp-mode"])
def test_both_serve_the_same_buffer(
    editing: Emacs, peer: Peer, other: Peer, client: Client
) -> None:
    editing.eval(client.start)
    uri = other.wait("textDocument/didOpen")["params"]["textDocument"]["uri"]
    editing.wait(client.managed)
    # Ours: drawn and accepted while that client manages the buffer.
    editing.type_text("v = ")
    peer.offer_at(0, 4, item("one"))
    editing.wait_ghost("one")
    assert "v = one" in editing.terminal.wait_screen("v = one")  # lsp-mode has a line above
    assert editing.eval(client.managed)
    editing.keys("Tab")
    editing.wait_text("v = one")
    accepted = peer.wait("workspace/executeCommand")["params"]
    assert (accepted["command"], accepted["arguments"]) == ("polypilot.accepted", ["i-1"])
    for server in (peer, other):
        poll(
            lambda server=server: server.document(uri) == "v = one",
            lambda server=server: f"its copy is {server.document(uri)!r}",
        )
    # Theirs: completion still comes of the language's server.
    editing.keys("Enter")
    editing.type_text("tw")
    editing.wait_text("v = one\ntw")
    other.answers["textDocument/completion"] = lambda _: [{"label": "two_things"}]
    editing.keys("C-M-i")
    editing.wait_text("v = one\ntwo_things")
    # Nothing to choose, no list: the very next key gets a suggestion.
    editing.type_text("2")
    peer.offer_at(1, 11, item(" = 2"))
    editing.wait_ghost(" = 2")
    editing.keys("Enter")
    editing.wait("(not completion-in-region-mode)")
    editing.type_text("a")
    peer.offer_at(2, 1, item(" = 1"))
    editing.wait_ghost(" = 1")
    editing.keys("Tab")
    editing.wait_text("v = one\ntwo_things2\na = 1")
    # Neither was asked for what is the other's.
    assert not other.all(METHOD)
    assert not other.all("workspace/executeCommand")
    assert not peer.all("textDocument/completion")
    assert (peer.connections, other.connections) == (1, 1)
    # That client's end is not ours.
    editing.eval(client.end)
    other.wait("shutdown")
    editing.wait(f"(not {client.managed})")
    editing.type_text("2")
    peer.offer_at(2, 6, item("3"))
    editing.wait_ghost("3")
    editing.keys("Tab")
    editing.wait_text("v = one\ntwo_things2\na = 123")
    assert peer.connections == 1


@pytest.mark.parametrize("client", [EGLOT, LSP_MODE], ids=["eglot", "lsp-mode"])
def test_our_servers_restart_leaves_the_languages_alone(
    editing: Emacs, peer: Peer, other: Peer, client: Client
) -> None:
    editing.eval(client.start)
    other.wait("textDocument/didOpen")
    editing.wait(client.managed)
    editing.command("polypilot-restart")
    editing.wait_message("the server is running")
    editing.type_text("v")
    peer.offer_at(0, 1, item(" = 1"))
    editing.wait_ghost(" = 1")
    editing.keys("Tab")
    editing.wait_text("v = 1")
    other.wait("textDocument/didChange")
    assert editing.eval(client.managed)
    assert not other.all("shutdown")
    assert (peer.connections, other.connections) == (2, 1)
