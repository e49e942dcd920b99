"""A suggestion that the server can show longer than it did, in a real Neovim."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot_providers.testing import ScriptedServer, Wait, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from conftest import Editor, Peer

pytestmark = pytest.mark.e2e

METHOD = "textDocument/inlineCompletion"
GREW = "polypilot/completionGrew"
SIGNATURE = "def add(a, b):"
END = len(SIGNATURE)
BEGINNING = "\n    c = a + b"
WHOLE = BEGINNING + "\n    return c"
CONFIG = """
[completion]
provider = "team"
model = "coder"
prefetch = "off"
[providers.team]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""
# What stands on the screen each time that it is drawn, repetitions left out.
WATCH = """
Test.drawn = {}
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace("test"), {
  on_end = function()
    local ghost = Test.ghost()
    if ghost ~= Test.drawn[#Test.drawn] then
      table.insert(Test.drawn, ghost)
    end
  end,
})
vim.cmd("redraw!")
"""


def item(text: str, name: str = "id-1") -> dict[str, Any]:
    command = {"title": "", "command": "polypilot.accepted", "arguments": [name]}
    return {"insertText": text, "command": command}


@pytest.fixture
def begun(editing: Editor, peer: Peer) -> Editor:
    """The beginning of a suggestion is on the screen."""
    editing.keys("i")
    editing.type_text(SIGNATURE)
    peer.offer_at(0, END, item(BEGINNING))
    editing.wait_ghost(BEGINNING)
    return editing


def grow(peer: Peer, uri: str = "") -> None:
    opened = peer.wait("textDocument/didOpen")["params"]["textDocument"]["uri"]
    peer.notify(GREW, {"uri": uri or opened})


def settled(peer: Peer) -> int:
    """Requests for suggestions, when the editor has heeded all that it was sent."""
    ident = f"settled-{len(peer.messages)}"
    peer.request("workspace/configuration", {"items": []}, ident)
    peer.wait_result(ident)
    return len(peer.all(METHOD))


def test_the_longer_text_takes_the_place_of_the_shorter(begun: Editor, peer: Peer) -> None:
    begun.lua(WATCH)
    before = settled(peer)
    grow(peer)
    request = peer.open_at(0, END, kind=2)
    begun.command("redraw!")
    peer.reply(request, {"items": [item(WHOLE)]})
    begun.wait_ghost(WHOLE)
    assert begun.screen(3) == [SIGNATURE, "    c = a + b", "    return c"]
    assert begun.lua("return Test.drawn") == [BEGINNING, WHOLE]
    assert settled(peer) == before + 1
    begun.keys("<Tab>")
    accepted = peer.wait("workspace/executeCommand")["params"]
    assert accepted == {"command": "polypilot.accepted", "arguments": ["id-1"]}
    assert begun.lines() == [SIGNATURE, "    c = a + b", "    return c"]


@pytest.mark.parametrize(
    "answer", [None, {"items": []}, {"items": [item("\n    pass")]}], ids=["null", "none", "other"]
)
def test_what_is_not_longer_changes_nothing(begun: Editor, peer: Peer, answer: Any) -> None:
    grow(peer)
    peer.reply(peer.open_at(0, END, kind=2), answer)
    settled(peer)
    assert begun.ghost() == BEGINNING


def test_a_key_before_the_answer_comes_wins(begun: Editor, peer: Peer) -> None:
    grow(peer)
    late = peer.open_at(0, END, kind=2)
    begun.type_text(" ")
    begun.wait_ghost("")
    peer.reply(late, {"items": [item(WHOLE)]})
    settled(peer)
    assert begun.ghost() == ""


def test_not_asked_for_what_is_not_on_the_screen(begun: Editor, peer: Peer) -> None:
    count = settled(peer)
    grow(peer, "file:///other.py")
    peer.notify(GREW, None)
    assert settled(peer) == count
    begun.keys("<C-]>")
    begun.wait_ghost("")
    grow(peer)
    assert settled(peer) == count
    begun.keys("<M-Bslash>")
    peer.offer_at(0, END, item(BEGINNING))
    begun.wait_ghost(BEGINNING)
    begun.keys("<Esc>")
    begun.wait_ghost("")
    grow(peer)
    assert settled(peer) == count + 1


def test_not_asked_beside_a_request_that_is_under_way(begun: Editor, peer: Peer) -> None:
    begun.command("set indentexpr= noautoindent")
    begun.keys("<CR>")
    begun.wait_ghost(BEGINNING[1:])
    request = peer.open_at(1, 0)
    count = settled(peer)
    grow(peer)
    assert settled(peer) == count
    peer.reply(request, {"items": [item(WHOLE[1:])]})
    begun.wait_ghost(WHOLE[1:])


def test_not_asked_when_a_key_is_to_be_asked_about(editor: Editor, peer: Peer) -> None:
    editor.setup("{ ghost = { debounce_ms = 10000 } }")
    editor.edit("code.py")
    editor.keys("iv<M-Bslash>")
    peer.offer_at(0, 1, item(" = a"))
    editor.wait_ghost(" = a")
    editor.keys(" ")
    editor.wait_ghost("= a")
    grow(peer)
    assert settled(peer) == 1


def test_the_other_choices_stay(begun: Editor, peer: Peer) -> None:
    begun.keys("<M-]>")
    others = (item("\n    pass", "id-2"), item("\n    ...", "id-3"))
    peer.offer_at(0, END, item(BEGINNING), *others)
    begun.wait_ghost("\n    pass")
    begun.keys("<M-[>")
    begun.wait_ghost(BEGINNING)
    grow(peer)
    peer.reply(peer.open_at(0, END, kind=2), {"items": [item(WHOLE)]})
    begun.wait_ghost(WHOLE)
    begun.keys("<M-]>")
    begun.wait_ghost("\n    pass")
    begun.keys("<M-[>")
    begun.wait_ghost(WHOLE)


@pytest.mark.parametrize("enabled", [True, False])
def test_it_is_wanted_by_who_draws_it(editor: Editor, peer: Peer, enabled: bool) -> None:  # noqa: FBT001  - a parameter of the test
    editor.setup(f"{{ ghost = {{ enabled = {str(enabled).lower()} }} }}")
    editor.edit("code.py")
    told = peer.wait("initialize")["params"]["capabilities"]["experimental"]["polypilot"]
    assert told == {"version": 1, "completionGrew": enabled, "permission": True}


# -- with the real server


def _event(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": reason}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode()


@contextmanager
def slow_supplier() -> Generator[tuple[ScriptedServer, Callable[[], None]]]:
    """One that writes the first line of a block, and the rest when it is told to go on."""
    loop = asyncio.new_event_loop()
    go_on = asyncio.Event()
    end = (_event("", "stop"), b"data: [DONE]\n\n")
    script = stream(_event(BEGINNING + "\n    ret"), Wait(go_on), _event("urn c\n"), *end)
    server = ScriptedServer(script)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def proceed() -> None:
        loop.call_soon_threadsafe(go_on.set)

    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(30)
        yield server, proceed
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_from_the_models_first_line_to_its_last(
    nvim_binary: Path, start_editor: Callable[..., Editor], short_folder: Path
) -> None:
    settings = short_folder / "settings"
    settings.mkdir()
    environment = {
        "POLYPILOT_CONFIG_DIR": str(settings),
        "POLYPILOT_DATA_DIR": str(short_folder / "pp-data"),
        "POLYPILOT_CACHE_DIR": str(short_folder / "pp-cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    program = Path(sys.executable).with_name("polypilot")
    with slow_supplier() as (supplier, go_on):
        (settings / "config.toml").write_text(CONFIG.format(url=supplier.url), encoding="utf-8")
        editor = start_editor(nvim_binary, short_folder, [str(program)], environment)
        try:
            editor.setup()
            editor.edit("code.py", SIGNATURE + "\n")
            editor.keys("A")
            editor.wait_ghost(BEGINNING)
            editor.lua(WATCH)
            go_on()
            editor.wait_ghost(WHOLE)
            editor.command("redraw!")
            assert editor.lua("return Test.drawn") == [BEGINNING, WHOLE]
            assert len(supplier.requests) == 1
            assert editor.messages() == []
        finally:
            editor.close()
