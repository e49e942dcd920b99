"""Every editor that ``polypilot setup`` knows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from polypilot.setup import editors_json, editors_program, editors_steps
from polypilot.setup.editors_helix import helix
from polypilot.setup.values import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polypilot.setup.machine import Machine
    from polypilot.setup.values import Guide

EDITORS: Mapping[str, Callable[[Machine, Sequence[str]], Guide]] = {
    "neovim": editors_program.neovim,
    "vim": editors_program.vim,
    "emacs": editors_program.emacs,
    "vscode": editors_steps.vscode,
    "helix": helix,
    "kakoune": editors_program.kakoune,
    "kate": editors_json.kate,
    "sublime": editors_json.sublime,
    "zed": editors_json.zed,
    "jetbrains": editors_json.jetbrains,
    "eclipse": editors_steps.eclipse,
    "visual-studio": editors_steps.visual_studio,
    "copilot": editors_steps.copilot,
}
_ALSO = {
    "nvim": "neovim",
    "hx": "helix",
    "kak": "kakoune",
    "sublime-text": "sublime",
    "subl": "sublime",
    "code": "vscode",
    "intellij": "jetbrains",
    "pycharm": "jetbrains",
    "visualstudio": "visual-studio",
    "copilot.vim": "copilot",
    "copilot.lua": "copilot",
    "copilot.el": "copilot",
}


def names() -> list[str]:
    """The editors' names."""
    return list(EDITORS)


def guide(editor: str, machine: Machine, languages: Sequence[str] = ()) -> Guide:
    """How Polypilot gets into an editor on this machine.

    ``languages`` are the editor's own names of those that it is for, where that must be said.

    Raises:
        SetupError: no such editor is known.
    """
    name = editor.casefold()
    make = EDITORS.get(_ALSO.get(name, name))
    if make is None:
        close = difflib.get_close_matches(name, [*EDITORS, *_ALSO], n=1)
        hint = f"did you mean {_ALSO.get(close[0], close[0])}? " if close else ""
        raise SetupError(
            f"no editor `{editor}` is known", cure=f"{hint}there are: {', '.join(EDITORS)}"
        )
    return make(machine, languages)
