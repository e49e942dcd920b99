"""Editors whose configuration is JSON: one member at a known place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.setup.json_edit import JsonMember
from polypilot.setup.json_servers import JsonServers
from polypilot.setup.values import FileEdit, Guide, options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from polypilot.setup.machine import Machine

KATE_LANGUAGES = ("markdown",)


def kate(machine: Machine, languages: Sequence[str]) -> Guide:
    """A server for each language. Kate has one server for a language, so few are the default."""
    if machine.system == "windows":
        folder = machine.local() / "kate"
    elif machine.system == "macos":
        folder = machine.home / "Library" / "Preferences" / "kate"
    else:
        folder = machine.config() / "kate"
    file = folder / "lspclient" / "settings.json"
    server = {
        "command": [machine.program, "--stdio"],
        "rootIndicationFileNames": [".git"],
        "initializationOptions": options(),
    }
    edit = JsonServers(server, tuple(languages or KATE_LANGUAGES), named=bool(languages))
    return Guide(
        editor="kate",
        title="Kate",
        found=machine.which("kate", "kwrite") or _there(folder),
        files=(FileEdit(file, edit),),
        steps=(
            (
                "In Settings, Configure Kate, Plugins: LSP Client must be on. Start Kate anew; it "
                "asks once whether the server may be started."
            ),
        ),
        page="editors/kate/README.md",
    )


def sublime(machine: Machine, languages: Sequence[str]) -> Guide:
    """A client of the package LSP."""
    del languages
    base = {
        "linux": machine.config() / "sublime-text",
        "macos": machine.support() / "Sublime Text",
        "windows": machine.roaming() / "Sublime Text",
    }[machine.system]
    client = {
        "enabled": True,
        "command": [machine.program, "--stdio"],
        "selector": "source | text.html.markdown",
        "initializationOptions": options(),
    }
    file = base / "Packages" / "User" / "LSP.sublime-settings"
    return Guide(
        editor="sublime",
        title="Sublime Text",
        found=machine.which("subl", "sublime_text") or _there(base),
        files=(FileEdit(file, JsonMember(("clients", "polypilot"), client, comments=True)),),
        steps=("The package LSP must be installed (Package Control: Install Package, LSP).",),
        page="editors/sublime/README.md",
    )


def zed(machine: Machine, languages: Sequence[str]) -> Guide:
    """An agent of the Agent Client Protocol. Zed starts language servers of extensions only."""
    del languages
    base = machine.roaming() / "Zed" if machine.system == "windows" else machine.config() / "zed"
    agent: dict[str, object] = {
        "type": "custom",
        "command": machine.program,
        "args": ["acp"],
        "env": {},
    }
    member = JsonMember(("agent_servers", "Polypilot"), agent, comments=True)
    return Guide(
        editor="zed",
        title="Zed",
        found=machine.which("zed", "zeditor", "zedit") or _there(base),
        files=(FileEdit(base / "settings.json", member),),
        steps=("In the agent panel, choose Polypilot at the + for a new thread.",),
        page="editors/zed/README.md",
    )


def jetbrains(machine: Machine, languages: Sequence[str]) -> Guide:
    """An agent of the Agent Client Protocol; the language server by hand, in the plugin LSP4IJ."""
    del languages
    folder = machine.home / ".jetbrains"
    agent: dict[str, object] = {"command": machine.program, "args": ["acp"], "env": {}}
    return Guide(
        editor="jetbrains",
        title="JetBrains IDEs",
        found=_there(folder)
        or machine.which("idea", "pycharm", "webstorm", "goland", "clion", "rider")
        or _there(_jetbrains_data(machine)),
        files=(FileEdit(folder / "acp.json", JsonMember(("agent_servers", "Polypilot"), agent)),),
        steps=(
            "Chat: in the AI Assistant's tool window, choose Polypilot among the agents.",
            (
                "Completion and code actions: install the plugin LSP4IJ, then in Settings, "
                "Languages & Frameworks, Language Servers, + :\n"
                "  Name      Polypilot\n"
                f"  Command   {machine.program} --stdio\n"
                "  Mappings  File name patterns: *.py;*.md (and those of your other files)"
            ),
        ),
        page="editors/jetbrains/README.md",
    )


def _jetbrains_data(machine: Machine) -> Path:
    """Where each IDE keeps its settings."""
    return {
        "linux": machine.config() / "JetBrains",
        "macos": machine.support() / "JetBrains",
        "windows": machine.roaming() / "JetBrains",
    }[machine.system]


def _there(path: Path) -> str:
    return str(path) if path.exists() else ""
