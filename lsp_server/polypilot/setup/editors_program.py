"""Editors whose configuration is a program: one marked block at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.setup.blocks import Block
from polypilot.setup.values import FileEdit, Guide, SetupError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from polypilot.setup.machine import Machine

KAKOUNE_LANGUAGES = ("c", "cpp", "go", "javascript", "markdown", "python", "rust", "typescript")


def neovim(machine: Machine, languages: Sequence[str]) -> Guide:
    """The plugin, loaded at the end of ``init.lua`` or ``init.vim``."""
    del languages
    base = machine.local() if machine.system == "windows" else machine.config()
    folder = base / machine.env.get("NVIM_APPNAME", "nvim")
    script = folder / "init.vim"
    plugin = _plugin(machine, "neovim")
    if script.exists() and not (folder / "init.lua").exists():
        lines = (
            f"let g:polypilot = {{'cmd': [{_vim_string(machine.program)}]}}\n"
            f"let &runtimepath ..= ',' .. escape({_vim_string(plugin)}, ' ,')\n"
            "runtime plugin/polypilot.lua\n"
        )
        edit = FileEdit(script, Block("neovim", '"', lines, ends="finish"))
    else:
        # A plugin manager may have reset the path of plugins, and switched their loading off.
        lines = (
            f"vim.g.polypilot = {{ cmd = {{ {_lua_string(machine.program)} }} }}\n"
            f"vim.opt.runtimepath:append({_lua_string(plugin)})\n"
            'vim.cmd.runtime("plugin/polypilot.lua")\n'
        )
        edit = FileEdit(folder / "init.lua", Block("neovim", "--", lines, ends="return"))
    return Guide(
        editor="neovim",
        title="Neovim",
        found=machine.which("nvim") or _there(folder),
        files=(edit,),
        steps=("Start Neovim anew. `:checkhealth polypilot` says whether all is well.",),
        page="editors/neovim/README.md",
    )


def vim(machine: Machine, languages: Sequence[str]) -> Guide:
    """The plugin, put on the path of plugins in the vimrc that Vim reads."""
    del languages
    file = _vimrc(machine)
    lines = (
        f"let g:polypilot = {{'cmd': [{_vim_string(machine.program)}]}}\n"
        f"let &runtimepath ..= ',' .. escape({_vim_string(_plugin(machine, 'vim'))}, ' ,')\n"
    )
    return Guide(
        editor="vim",
        title="Vim 9",
        found=machine.which("vim", "gvim") or _there(file),
        files=(FileEdit(file, Block("vim", '"', lines, ends="finish")),),
        steps=("Start Vim anew.",),
        page="editors/vim/README.md",
    )


def _vimrc(machine: Machine) -> Path:
    """The first that exists of those that Vim looks for, in its order; else the first."""
    home = machine.home
    if machine.system == "windows":
        places = (home / "_vimrc", home / ".vimrc", home / "vimfiles" / "vimrc")
    else:
        xdg = machine.config() / "vim" / "vimrc"
        places = (home / ".vimrc", home / ".vim" / "vimrc", xdg)
    return next((place for place in places if place.exists()), places[0])


def emacs(machine: Machine, languages: Sequence[str]) -> Guide:
    """The package, loaded at the end of the init file that Emacs reads."""
    del languages
    file = _emacs_init(machine)
    lines = (
        f"(add-to-list 'load-path {_lisp_string(_plugin(machine, 'emacs'))})\n"
        "(require 'polypilot)\n"
        f"(setq polypilot-command '({_lisp_string(machine.program)}))\n"
        "(global-polypilot-mode 1)\n"
    )
    return Guide(
        editor="emacs",
        title="Emacs",
        found=machine.which("emacs") or _there(file),
        files=(FileEdit(file, Block("emacs", ";;", lines)),),
        steps=("Start Emacs anew.",),
        page="editors/emacs/README.md",
    )


def _emacs_init(machine: Machine) -> Path:
    """The init file that Emacs reads: the ones at home come before that of XDG."""
    home = machine.roaming() if machine.system == "windows" else machine.home
    places = (home / ".emacs.el", home / ".emacs", home / ".emacs.d" / "init.el")
    xdg = machine.config() / "emacs"
    found = next((place for place in places if place.exists()), None)
    if found is not None:
        return found
    if xdg.is_dir() and not (home / ".emacs.d").is_dir():
        return xdg / "init.el"
    return places[-1]


def kakoune(machine: Machine, languages: Sequence[str]) -> Guide:
    """The server, for kakoune-lsp, at the end of ``kakrc``."""
    folder = machine.config() / "kak"
    own = machine.env.get("KAKOUNE_CONFIG_DIR", "")
    if own.startswith("/"):
        folder = type(folder)(own)
    types = "|".join(languages or KAKOUNE_LANGUAGES)
    program = machine.program.replace("\\", "\\\\").replace('"', '\\"')
    lines = f"""\
hook -group lsp-filetype-polypilot global BufSetOption filetype=(?:{types}) %{{
    set-option -add buffer lsp_servers %{{
        [polypilot]
        root_globs = [".git"]
        command = "{program}"
        args = ["--stdio"]
        settings_section = "_"
        [polypilot.settings._.polypilot.completion]
        menu = true
    }}
}}
"""
    return Guide(
        editor="kakoune",
        title="Kakoune",
        found=machine.which("kak") or _there(folder),
        files=(FileEdit(folder / "kakrc", Block("kakoune", "#", lines)),),
        steps=(
            (
                "kakoune-lsp must be installed and enabled in kakrc, above these lines "
                "(https://github.com/kakoune-lsp/kakoune-lsp)."
            ),
        ),
        page="editors/kakoune/README.md",
    )


def _plugin(machine: Machine, editor: str) -> str:
    folder = machine.plugin(editor)
    if folder is None:
        raise SetupError(
            f"the plugin for {editor} is not in this installation",
            cure=f"Use a clone of the repository; the plugin is its folder editors/{editor}",
        )
    return str(folder)


def _there(path: Path) -> str:
    return str(path) if path.exists() else ""


def _lua_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_lisp_string = _lua_string


def _vim_string(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
