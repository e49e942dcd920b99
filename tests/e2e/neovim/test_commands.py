"""Choosing a provider, entering a key, status, health: a real Neovim, a scripted server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Editor, Peer

pytestmark = pytest.mark.e2e

CANARY = "sk-canary-0123456789abcdef"
PROVIDERS: list[dict[str, Any]] = [
    {
        "id": "embedded",
        "name": "Embedded",
        "local": True,
        "free": True,
        "auth": "none",
        "keyStored": None,
        "selectedFor": ["completion", "chat"],
    },
    {
        "id": "anthropic",
        "name": "Anthropic",
        "local": False,
        "free": False,
        "auth": "keyring",
        "keyStored": False,
        "keyPage": "https://keys.example/",
        "account": "work",
        "selectedFor": [],
    },
]
MODELS = [
    {"id": "claude-a", "name": "Claude A", "contextTokens": 200000, "default": True},
    {"id": "claude-b", "shutdownDate": "2027-01-01"},
]


@pytest.fixture
def scripted(peer: Peer) -> Peer:
    """A server that knows two providers and two models, and saves every choice."""
    peer.answers["polypilot/providers"] = lambda _: PROVIDERS
    peer.answers["polypilot/models"] = lambda _: MODELS
    peer.answers["polypilot/select"] = lambda params: {**params, "saved": True, "file": "x"}
    return peer


def choose(editor: Editor, *numbers: int) -> None:
    """Answers the next `vim.ui.select` calls by number; what was offered goes to Test.offered."""
    editor.lua(
        "local numbers = ... Test.offered = {} vim.ui.select = function(items, options, done)"
        " table.insert(Test.offered, vim.tbl_map(options.format_item, items))"
        " local number = table.remove(numbers, 1) done(items[number], number) end",
        list(numbers),
    )


def prompt(editor: Editor, command: str) -> None:
    """Types a command that asks for a secret; returns when it asks."""
    editor.keys(f":{command}<CR>")
    editor.wait_asking()


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "cli.json").read_text(encoding="utf-8"))


@pytest.mark.feature("neovim", "choose provider and model")
def test_provider_and_model_are_chosen_and_saved(editing: Editor, scripted: Peer) -> None:
    choose(editing, 1, 1, 2)
    editing.command("PolypilotSelect")
    chosen = scripted.wait("polypilot/select")["params"]
    assert chosen == {"for": "both", "provider": "embedded", "model": "claude-b"}
    assert editing.lua("return Test.offered") == [
        ["completion and chat", "completion", "chat"],
        [
            "Embedded · on this machine · selected for completion and chat",
            "Anthropic · needs a key",
        ],
        ["claude-a · Claude A · 200000 tokens · default", "claude-b · until 2027-01-01"],
    ]
    editing.wait_message("completion and chat: embedded / claude-b")


def test_what_speaks_against_a_choice_is_shown(editing: Editor, scripted: Peer) -> None:
    warning = "claude-a always reasons before it answers"
    scripted.answers["polypilot/select"] = lambda params: {**params, "warning": warning}
    choose(editing, 1, 1)
    editing.command("PolypilotSelect completion")
    editing.wait_message("completion: embedded / claude-a")
    editing.wait_message(warning)


def test_purpose_named_and_nothing_chosen(editing: Editor, scripted: Peer) -> None:
    choose(editing, 1)
    editing.command("PolypilotSelect chat")
    scripted.wait("polypilot/models")
    editing.wait("#Test.offered == 2")
    assert not scripted.all("polypilot/select")


def test_a_failing_models_list_says_why(editing: Editor, scripted: Peer) -> None:
    del scripted.answers["polypilot/models"]
    choose(editing, 1)
    editing.command("PolypilotSelect completion")
    error = {"code": -32803, "message": "no network", "data": {"code": "connect", "cure": "Dial"}}
    scripted.refuse(scripted.wait("polypilot/models"), error)
    editing.wait_message("no network\nDial")


def test_choosing_a_provider_without_a_key_asks_for_it(
    editing: Editor, scripted: Peer, short_folder: Path
) -> None:
    choose(editing, 2, 1)
    editing.keys(":PolypilotSelect completion<CR>")
    editing.wait_asking()
    editing.keys(CANARY + "<CR>")
    chosen = scripted.wait("polypilot/select")["params"]
    assert chosen == {"for": "completion", "provider": "anthropic", "model": "claude-a"}
    given = record(short_folder)
    assert given["stdin"] == CANARY + "\n"
    assert given["arguments"] == ["auth", "set", "anthropic", "--stdin", "--account", "work"]


def traces(editor: Editor, peer: Peer, folder: Path) -> Iterator[str]:
    """Everywhere a key might be left behind."""
    yield bytes(peer.received).decode(errors="replace")
    yield "\n".join(editor.messages())
    yield editor.lua("return vim.fn.execute('messages')")
    yield editor.lua("return vim.fn.execute('registers')")
    for kind in (":", "/", "@", "=", ">"):
        yield editor.lua(f"return vim.fn.execute('history {kind}')")
    yield editor.lua("return vim.inspect(vim.v.argv) .. vim.inspect(vim.fn.environ())")
    yield "\n".join(editor.screen(30))
    editor.command(f"wshada! {folder}/shada")
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "cli.json":
            yield path.read_bytes().decode(errors="replace")


@pytest.mark.feature("neovim", "enter a key")
def test_a_key_reaches_the_programs_input_and_nothing_else(
    editing: Editor, scripted: Peer, short_folder: Path
) -> None:
    prompt(editing, "PolypilotAuth anthropic")
    editing.keys(CANARY + "<CR>")
    editing.wait_message("done by the program")
    given = record(short_folder)
    assert given["stdin"] == CANARY + "\n"
    assert given["arguments"] == ["auth", "set", "anthropic", "--stdin"]
    assert CANARY not in json.dumps([given["arguments"], given["environment"]])
    scripted.wait("workspace/didChangeConfiguration", 2)  # the server may look again
    for trace in traces(editing, scripted, short_folder):
        assert CANARY not in trace


def test_a_refused_key_is_not_shown_either(
    editing: Editor, scripted: Peer, short_folder: Path
) -> None:
    prompt(editing, "PolypilotAuth refused")
    editing.keys(CANARY + "<CR>")
    shown = editing.wait_message("not stored")
    assert "the keyring is locked (given: …)" in shown
    for trace in traces(editing, scripted, short_folder):
        assert CANARY not in trace


def test_a_key_on_the_command_line_is_refused_and_forgotten(
    editing: Editor, scripted: Peer, short_folder: Path
) -> None:
    editing.keys(f":PolypilotAuth anthropic {CANARY}<CR>")
    editing.wait_message("give a provider's id only")
    assert not (short_folder / "cli.json").exists()
    editing.wait("vim.fn.getreg(':') == '\"'")
    for trace in traces(editing, scripted, short_folder):
        assert CANARY not in trace


def test_cancelling_the_key_changes_nothing(
    editing: Editor, scripted: Peer, short_folder: Path
) -> None:
    choose(editing, 1)
    editing.keys(":PolypilotAuth<CR>")
    scripted.wait("polypilot/providers")
    editing.wait_asking()
    editing.keys("<Esc>")
    editing.wait_message("nothing has changed")
    assert editing.lua("return Test.offered") == [["Anthropic · needs a key"]]
    assert not (short_folder / "cli.json").exists()


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


def test_status_is_kept_for_statuslines(editing: Editor, peer: Peer) -> None:
    line = "require('polypilot').statusline()"
    assert editing.lua(f"return {line}") == ""
    editing.lua(
        "Test.events = 0 vim.api.nvim_create_autocmd('User', {pattern = 'PolypilotStatus',"
        " callback = function() Test.events = Test.events + 1 end})"
    )
    for given, expected in (
        (status(), "polypilot: qwen"),
        (status(state="busy"), "polypilot: qwen …"),
        (status(state="paused", paused=True), "polypilot: paused"),
        (status(state="needsKey"), "polypilot: needs a key"),
        (status(completion={"provider": "x", "model": "a\x1bb"}), "polypilot: a^[b"),
    ):
        peer.notify("polypilot/status", given)
        editing.wait(f"{line} == [==[{expected}]==]")
    assert editing.lua("return Test.events") >= 5
    assert editing.lua("return require('polypilot').status().redactions") == 3
    peer.hang_up()
    editing.wait(f"{line} == ''")


def test_each_error_is_told_once_with_its_cure(editing: Editor, peer: Peer) -> None:
    first = {"code": "auth", "message": "The key is wrong", "cure": "polypilot auth set anthropic"}
    for redactions in (1, 2, 3):
        peer.notify("polypilot/status", status(state="error", error=first, redactions=redactions))
    peer.notify("polypilot/status", status(error=None, notices=["Using embedded instead"]))
    peer.notify("polypilot/status", status(state="error", error=first, redactions=4))
    peer.notify("polypilot/status", status(error={"code": "rate", "message": "Too many requests"}))
    editing.wait_message("Too many requests")
    assert editing.messages() == [
        "The key is wrong\npolypilot auth set anthropic",
        "Using embedded instead",
        "Too many requests",
    ]


@pytest.mark.feature("neovim", "status")
def test_status_command_asks_and_shows(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/status"] = lambda _: status(
        state="error", error={"code": "auth", "message": "No", "cure": "Do"}
    )
    editing.command("PolypilotStatus")
    shown = editing.wait_message("completion")
    for part in ("embedded / qwen", "anthropic / claude", "not trusted", "gnome-keyring", "Do"):
        assert part in shown


def test_trust_is_confirmed_and_can_be_taken_back(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/trust"] = lambda params: {**params, "pending": ["exclude *.pem"]}
    folder = editing.home.as_uri()
    choose(editing, 1, 2)
    editing.command(f"PolypilotTrust {editing.home}")
    editing.wait_message("nothing has changed")
    assert not peer.all("polypilot/trust")
    editing.command(f"PolypilotTrust {editing.home}")
    assert editing.lua("return Test.offered") == [["No", "Yes"], ["No", "Yes"]]
    assert peer.wait("polypilot/trust")["params"] == {"uri": folder, "trusted": True}
    editing.wait_message("it may: exclude *.pem")
    editing.command(f"PolypilotTrust! {editing.home}")
    assert peer.wait("polypilot/trust", 2)["params"] == {"uri": folder, "trusted": False}


def test_models_runs_the_program_in_a_terminal(editing: Editor, short_folder: Path) -> None:
    editing.command("PolypilotModels pull some-model")
    editing.wait("vim.bo.buftype == 'terminal'")
    editing.wait(
        "table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false)):find('done by the program')"
    )
    assert record(short_folder)["arguments"] == ["models", "pull", "some-model"]


def test_doctor_shows_checks_with_cures(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/doctor"] = lambda _: CHECKS
    editing.command("PolypilotDoctor")
    editing.wait("vim.bo.buftype == 'nofile'")
    assert editing.lines() == [
        "# Polypilot: checks",
        "",
        "✓ keyring: gnome-keyring",
        "✗ model: missing",
        "  → polypilot models pull",
        "? network: not tried",
    ]
    assert editing.lua("return vim.bo.modeline") is False


CHECKS = [
    {"check": "keyring", "ok": True, "detail": "gnome-keyring"},
    {"check": "model", "ok": False, "detail": "missing", "cure": "polypilot models pull"},
    {"check": "network", "ok": None, "detail": "not tried"},
]


def test_checkhealth(editing: Editor, peer: Peer) -> None:
    peer.answers["polypilot/doctor"] = lambda _: CHECKS
    peer.notify("polypilot/status", status())
    editing.lua("vim.keymap.set('i', '<Tab>', 'x', { desc = 'of another plugin' })")
    editing.command("checkhealth polypilot")
    report = "\n".join(editing.lines())
    for part in (
        "options are in order",
        "polypilot 9.9.9",
        "running: scripted 1",
        "counted in utf-8",
        "keyring: gnome-keyring",
        "model: missing",
        "polypilot models pull",
        "<Tab> in insert mode does something else (of another plugin)",
        "<Plug>(polypilot-accept)",
    ):
        assert part in report


def test_a_missing_program_is_said_once_with_its_cure(editor: Editor, peer: Peer) -> None:
    editor.setup("{ cmd = { 'no-such-polypilot' } }")
    for name in ("a.py", "b.py"):
        editor.command(f"edit {editor.home / name}")
    editor.wait_message("no-such-polypilot was not found\nInstall it")
    assert len(editor.messages()) == 1
    editor.command("checkhealth polypilot")
    assert "no-such-polypilot was not found" in "\n".join(editor.lines())
    editor.command("PolypilotChat")
    editor.keys("ihello<Esc><CR>")
    editor.wait("Test.transcript():find('Install it', 1, true) ~= nil")
    assert peer.connections == 0


def test_bad_options_are_named_and_the_rest_is_used(editor: Editor) -> None:
    editor.setup(
        "{ ghost = { debounce_ms = 'soon', auto = false }, keys = { accept = 5 },"
        " chat = 1, colour = 'red' }"
    )
    shown = editor.wait_message("options:")
    assert shown.split("\n")[1:] == [
        "chat: expected a table",
        "colour: there is no such option",
        "ghost.debounce_ms: expected milliseconds, 0 to 10000",
        "keys.accept: expected a key such as <Tab>, or false for none",
    ]
    ghost = editor.lua("return require('polypilot.config').current.ghost")
    assert (ghost["debounce_ms"], ghost["auto"]) == (0, False)


def test_one_server_for_all_folders(editor: Editor, peer: Peer) -> None:
    editor.setup("{ settings = { completion = { provider = 'embedded' } } }")
    folders = [editor.home / "one", editor.home / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "root-of-the-test").touch()
    editor.edit("one/a.py")
    editor.edit("two/b.py")
    added = peer.wait("workspace/didChangeWorkspaceFolders")["params"]["event"]["added"]
    assert [each["uri"] for each in added] == [folders[1].as_uri()]
    initialize = peer.wait("initialize")["params"]
    assert [each["uri"] for each in initialize["workspaceFolders"]] == [folders[0].as_uri()]
    settings = {"completion": {"provider": "embedded"}}
    assert initialize["initializationOptions"] == {"polypilot": settings}
    assert peer.connections == 1


def test_configuration_is_pulled(editing: Editor, peer: Peer) -> None:
    del editing
    peer.request("workspace/configuration", {"items": [{"section": "polypilot"}]}, ident="q")
    assert peer.wait_result("q") == [{}]


@pytest.mark.feature("neovim", "restart after a crash")
def test_a_crash_is_told_and_restart_brings_everything_back(editing: Editor, peer: Peer) -> None:
    editing.lua(
        "local pid = vim.fn.system('true') and 0"
        " for _, each in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do"
        " vim.uv.kill(each, 'sigkill') end return pid"
    )
    editing.wait_message("the server ended (status 0, signal 9)\n:PolypilotRestart")
    editing.command("PolypilotRestart")
    peer.wait("initialize", 2)
    editing.wait("require('polypilot.client').attached(0) ~= nil")
    editing.command("PolypilotRestart")
    peer.wait("initialize", 3)
    editing.wait("require('polypilot.client').attached(0) ~= nil")
    ours = [each for each in editing.messages() if each.startswith("the server ended")]
    assert len(ours) == 1  # stopping it on purpose isn't told


def test_the_plugin_starts_by_itself_and_help_is_found(editor: Editor, peer: Peer) -> None:
    editor.lua(
        "vim.g.polypilot = { cmd = vim.json.decode(vim.env.POLYPILOT_NVIM_COMMAND) }"
        " vim.g.loaded_polypilot = nil vim.cmd('runtime plugin/polypilot.lua')"
    )
    editor.wait("require('polypilot').is_setup()")
    editor.edit("code.py")
    peer.wait("textDocument/didOpen")
    editor.command(f"helptags {editor.lua('return vim.env.POLYPILOT_NVIM_PLUGIN')}/doc")
    editor.command("help polypilot-options")
    assert editor.lua("return vim.fn.expand('%:t')") == "polypilot.txt"
    documented = "\n".join(editor.lines())
    for name in editor.lua("return vim.tbl_keys(vim.api.nvim_get_commands({}))"):
        if name.startswith("Polypilot"):
            assert f"*:{name}*" in documented
    for name in editor.lua("return require('polypilot.keys').names"):
        assert f"<Plug>(polypilot-{name.replace('_', '-')})" in documented
