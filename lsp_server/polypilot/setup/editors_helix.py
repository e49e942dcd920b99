"""Helix: which servers its languages have already."""

from __future__ import annotations

import re
import subprocess
import tempfile
from typing import TYPE_CHECKING

from polypilot.setup.helix import SERVER, HelixLanguages
from polypilot.setup.values import FileEdit, Guide

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.setup.machine import Machine

DEFAULTS: dict[str, tuple[str, ...]] = {
    "python": ("ty", "ruff", "jedi", "pylsp", "zuban"),
    "rust": ("rust-analyzer",),
    "go": ("gopls", "golangci-lint-lsp"),
    "javascript": ("typescript-language-server",),
    "typescript": ("typescript-language-server",),
    "jsx": ("typescript-language-server",),
    "tsx": ("typescript-language-server",),
    "c": ("clangd",),
    "cpp": ("clangd",),
    "java": ("jdtls",),
    "bash": ("bash-language-server",),
    "lua": ("lua-language-server",),
    "markdown": ("marksman", "markdown-oxide", "rumdl"),
}
"""The servers of Helix 25.07's own configuration, for where no ``hx`` can be asked."""

_ASKED_S = 10.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ANSWER = re.compile(r"^Configured language servers?:[^\n]*\n((?:  [^\n]*\n)*)", re.MULTILINE)
_NAME = re.compile(r"^  \S+ ([^\s:]+):", re.MULTILINE)


def helix(machine: Machine, languages: Sequence[str]) -> Guide:
    """The server's table and the languages' lists in ``languages.toml``."""
    base = machine.roaming() if machine.system == "windows" else machine.config()
    folder = base / "helix"
    program = machine.which("hx", "helix")
    chosen = {name: _servers(program, name) for name in (languages or DEFAULTS)}
    edit = HelixLanguages(machine.program, chosen, named=bool(languages))
    return Guide(
        editor="helix",
        title="Helix",
        found=program or (str(folder) if folder.exists() else ""),
        files=(FileEdit(folder / "languages.toml", edit),),
        steps=("Start Helix anew. `space a` has the code actions.",),
        page="editors/helix/README.md",
    )


def _servers(program: str, language: str) -> tuple[str, ...]:
    """The servers that a language has: those of this Helix, else those that we know."""
    known = DEFAULTS.get(language, ())
    if not program:
        return known
    try:
        # In an empty folder: Helix heeds a workspace's own configuration, which is not the user's.
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(  # noqa: S603 - the user's own editor, found on his path
                [program, "--health", language],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_ASKED_S,
                check=False,
                cwd=empty,
            )
    except (OSError, subprocess.TimeoutExpired):
        return known
    text = _COLOUR.sub("", done.stdout.decode("utf-8", "replace"))
    answer = _ANSWER.search(text)
    if answer is None:
        return known
    return tuple(name for name in _NAME.findall(answer[1]) if name != SERVER)
