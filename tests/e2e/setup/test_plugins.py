"""Editors with a plugin of ours, started on the configuration that the command has written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    RequireSystem = Callable[[str, str], str]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[3]
NVIM = Path(sys.executable).with_name("nvim")
OWN = "vim.g.mine = 1\n-- as lazy.nvim does\nvim.go.loadplugins = false"
# Commands of the command line run before the editor has started, and so before the plugin has.
LOOK = (
    "lua vim.api.nvim_create_autocmd('VimEnter', { callback = function() vim.schedule(function() "
    "assert(require('polypilot').is_setup()) "
    "local command = require('polypilot.config').current.cmd[1] "
    "io.stdout:write(vim.g.mine, ' ', command, ' ', vim.fn.exists(':PolypilotChat')) "
    "vim.cmd('qa!') end) end })"
)


def _run(user: Any, *command: str | Path) -> str:
    done = subprocess.run(
        [str(each) for each in command],
        env={**user.env, "PATH": "/usr/bin:/bin"},
        cwd=user.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.feature("neovim", "installed by setup")
@pytest.mark.parametrize("name", ["init.lua", "init.vim"])
def test_neovim_loads_the_plugin(user: Any, name: str) -> None:
    config = user.config / "nvim" / name
    config.parent.mkdir(parents=True)
    own = OWN if name == "init.lua" else 'let g:mine = 1\n" mine\nset noloadplugins'
    config.write_text(own, encoding="utf-8")
    user.setup("neovim", "--yes")
    shown = _run(user, NVIM, "--headless", "-c", LOOK)
    assert shown.strip() == f"1 {Path(sys.executable).with_name('polypilot')} 2"
    user.setup("neovim", "--undo", "--yes")
    assert config.read_text("utf-8") == own
    assert "nothing of Polypilot's" in user.setup("neovim", "--undo", "--yes")


def test_neovims_own_package_manager_installs_it(newer_nvim: Path, user: Any) -> None:
    """The lines of the page for `vim.pack`, with the plugin's folder in a repository."""
    page = (ROOT / "editors" / "neovim" / "README.md").read_text("utf-8")
    lines = next(
        block for block in page.split("```lua\n")[1:] if block.startswith("vim.pack")
    ).partition("```")[0]
    _repository(user)
    config = user.config / "nvim" / "init.lua"
    config.parent.mkdir(parents=True)
    lines = lines.replace(" })\n", " }, { confirm = false })\n", 1)  # nobody can be asked here
    config.write_text(f"vim.g.mine = 1\n{lines}", encoding="utf-8")
    shown = _run(user, newer_nvim, "--headless", "-c", LOOK)
    assert shown.strip() == "1 polypilot 2"
    assert (user.folder / "data/nvim/site/pack/core/opt/polypilot/editors/neovim").is_dir()


def _repository(user: Any) -> Path:
    """A repository with the plugin at the place that it has in ours."""
    repository = user.folder / "src" / "polypilot"
    shutil.copytree(ROOT / "editors" / "neovim", repository / "editors" / "neovim")
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "plugin")):
        subprocess.run([*git, "-C", str(repository), *command], check=True, timeout=60)
    return repository


@pytest.mark.feature("vim", "installed by setup")
def test_vim_loads_the_plugin(user: Any, require_system: RequireSystem) -> None:
    vim = require_system("vim", "vim-nox")
    vimrc = user.folder / ".vimrc"
    own = "set nocompatible\nlet g:mine = 1"
    vimrc.write_text(own, encoding="utf-8")
    user.setup("vim", "--yes")
    result = user.work / "result"
    said = "g:mine .. ' ' .. g:polypilot.cmd[0] .. ' ' .. exists(':PolypilotChat')"
    look = f"call writefile([{said}], '{result}')"
    _run(user, vim, "--not-a-term", "-T", "dumb", "-n", "-i", "NONE", "-c", look, "-c", "qa!")
    program = Path(sys.executable).with_name("polypilot")
    assert result.read_text("utf-8").strip() == f"1 {program} 2"
    user.setup("vim", "--undo", "--yes")
    assert vimrc.read_text("utf-8") == own


@pytest.mark.feature("emacs", "installed by setup")
def test_emacs_loads_the_package(user: Any, require_system: RequireSystem) -> None:
    emacs = require_system("emacs", "emacs-nox")
    init = user.folder / ".emacs.d" / "init.el"
    init.parent.mkdir()
    own = ";;; mine -*- lexical-binding: t -*-\n(setq mine 1)"
    init.write_text(own, encoding="utf-8")
    user.setup("emacs", "--yes")
    look = '(princ (format "%s %s %s" mine (car polypilot-command) global-polypilot-mode))'
    shown = _run(user, emacs, "--batch", "-l", init, "--eval", look)
    program = Path(sys.executable).with_name("polypilot")
    assert shown == f"1 {program} t"
    user.setup("emacs", "--undo", "--yes")
    assert init.read_text("utf-8") == own
