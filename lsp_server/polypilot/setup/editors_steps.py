"""Editors that are set up by a program of their own, or by hand."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING

from polypilot.setup.values import Guide, Run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from polypilot.setup.machine import Machine

_CODES = ("code", "code-insiders", "codium", "code-oss", "cursor", "windsurf", "code-server")


def vscode(machine: Machine, languages: Sequence[str]) -> Guide:
    """The extension's ``.vsix``, installed by the editor's own command."""
    del languages
    programs = [found for each in _CODES if (found := machine.which(each))]
    package = _vsix(machine.plugin("vscode"))
    runs: tuple[Run, ...] = ()
    if package is None:
        steps = (
            (
                "Build the extension in a clone of the repository: `npm ci && npm run package` in "
                "editors/vscode. Then run this again."
            ),
        )
    elif not programs:
        steps = (
            f"In the Extensions view, at the three dots: Install from VSIX..., {package}",
            (
                "Or put `code` on your path (Command Palette: Shell Command: Install 'code' "
                "command in PATH) and run this again."
            ),
        )
    else:
        name = _extension(package)
        runs = tuple(
            Run(
                (each, "--install-extension", str(package), "--force"),
                (each, "--uninstall-extension", name),
            )
            for each in programs
        )
        steps = ("Reload the windows that are open.",)
    return Guide(
        editor="vscode",
        title="VS Code and its forks",
        found=", ".join(programs),
        runs=runs,
        steps=steps,
        page="editors/vscode/README.md",
    )


def _vsix(folder: Path | None) -> Path | None:
    """The newest package of the extension that is here."""
    found = list(folder.glob("*.vsix")) if folder is not None else []
    return max(found, key=lambda each: each.stat().st_mtime, default=None)


def _extension(package: Path) -> str:
    """The extension's name, as the package says."""
    try:
        with zipfile.ZipFile(package) as archive:
            data = json.loads(archive.read("extension/package.json"))
        name = f"{data['publisher']}.{data['name']}"
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        name = ""
    return name if re.fullmatch(r"[\w-]+\.[\w-]+", name) else "polypilot.polypilot"


def eclipse(machine: Machine, languages: Sequence[str]) -> Guide:
    """LSP4E's own dialogues."""
    del languages
    return Guide(
        editor="eclipse",
        title="Eclipse",
        found=machine.which("eclipse"),
        steps=(
            (
                "Install LSP4E: Help, Install New Software, the release's site, "
                "General Purpose Tools, Language Server Protocol client for Eclipse IDE."
            ),
            (
                "Run, External Tools, External Tools Configurations, Program, New:\n"
                "  Name       Polypilot\n"
                f"  Location   {machine.program}\n"
                "  Arguments  --stdio"
            ),
            (
                "Preferences, Language Servers, Add: the content type of your files (Text, Python, "
                "Markdown, ...) and the launch configuration Polypilot."
            ),
        ),
        page="editors/eclipse/README.md",
    )


def visual_studio(machine: Machine, languages: Sequence[str]) -> Guide:
    """Visual Studio starts language servers of extensions only, so chat is in a terminal."""
    del languages
    program = machine.program
    return Guide(
        editor="visual-studio",
        title="Visual Studio",
        found=machine.which("devenv"),
        steps=(
            (
                "Visual Studio starts only language servers that an extension brings, and there "
                "is none of ours. What there is, is the terminal (View, Terminal):\n"
                f"  {program} chat\n"
                f"  {program} fix FILE:10-20 --apply"
            ),
            (
                "Tools, External Tools, Add, to have it in the menu:\n"
                "  Title              Explain with Polypilot\n"
                f"  Command            {program}\n"
                "  Arguments          explain $(ItemPath):$(CurLine)-$(CurLine)\n"
                "  Initial directory  $(SolutionDir)\n"
                "  Use Output window  on"
            ),
        ),
        page="editors/visual-studio/README.md",
    )


def copilot(machine: Machine, languages: Sequence[str]) -> Guide:
    """The path of the server in the clients of GitHub's language server."""
    del languages
    program = machine.program
    command = json.dumps([program, "--stdio"])
    text = json.dumps(program)
    return Guide(
        editor="copilot",
        title="Clients of GitHub's Copilot",
        found="",
        steps=(
            f"copilot.vim, in vimrc (the full path is needed):\n  let g:copilot_command = {text}",
            (
                "copilot.lua, in its setup:\n"
                '  require("copilot").setup({\n'
                f'    server = {{ type = "binary", custom_server_filepath = {text} }},\n'
                "  })"
            ),
            (
                "Neovim's own client, with nvim-lspconfig's configuration `copilot`:\n"
                f'  vim.lsp.config("copilot", {{ cmd = {{ {text}, "--stdio" }} }})\n'
                '  vim.lsp.enable("copilot")'
            ),
            f"copilot.el, in the init file:\n  (setq copilot-server-executable {text})",
            f'Sublime Text, in LSP-copilot.sublime-settings:\n  {{ "command": {command} }}',
        ),
        page="docs/copilot-clients.md",
    )
