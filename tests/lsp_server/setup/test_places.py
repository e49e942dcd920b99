"""Where each editor keeps its configuration, on each platform."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polypilot.setup import Machine, guide
from polypilot.setup.machine import own_plugins, own_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.setup.machine import System

PLACES: dict[System, dict[str, str]] = {
    "linux": {
        "neovim": ".config/nvim/init.lua",
        "vim": ".vimrc",
        "emacs": ".emacs.d/init.el",
        "helix": ".config/helix/languages.toml",
        "kakoune": ".config/kak/kakrc",
        "kate": ".config/kate/lspclient/settings.json",
        "sublime": ".config/sublime-text/Packages/User/LSP.sublime-settings",
        "zed": ".config/zed/settings.json",
        "jetbrains": ".jetbrains/acp.json",
    },
    "macos": {
        "neovim": ".config/nvim/init.lua",
        "helix": ".config/helix/languages.toml",
        "sublime": ("Library/Application Support/Sublime Text/Packages/User/LSP.sublime-settings"),
        "zed": ".config/zed/settings.json",
        "jetbrains": ".jetbrains/acp.json",
    },
    "windows": {
        "neovim": "AppData/Local/nvim/init.lua",
        "vim": "_vimrc",
        "emacs": "AppData/Roaming/.emacs.d/init.el",
        "helix": "AppData/Roaming/helix/languages.toml",
        "sublime": "AppData/Roaming/Sublime Text/Packages/User/LSP.sublime-settings",
        "zed": "AppData/Roaming/Zed/settings.json",
        "jetbrains": ".jetbrains/acp.json",
    },
}


@pytest.mark.parametrize(
    ("system", "editor", "place"),
    [(system, *row) for system, rows in PLACES.items() for row in rows.items()],
)
def test_the_platforms_own_place(
    system: System, editor: str, place: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of(system)
    assert guide(editor, machine).files[0].path == machine.home / place


@pytest.mark.parametrize(
    ("env", "editor", "place"),
    [
        ({"XDG_CONFIG_HOME": "{}/xdg"}, "helix", "xdg/helix/languages.toml"),
        ({"XDG_CONFIG_HOME": "{}/xdg", "NVIM_APPNAME": "mine"}, "neovim", "xdg/mine/init.lua"),
        ({"KAKOUNE_CONFIG_DIR": "{}/k"}, "kakoune", "k/kakrc"),
        ({"XDG_CONFIG_HOME": "relative"}, "zed", "home/.config/zed/settings.json"),
    ],
)
def test_variables_move_it_unless_they_are_relative(
    env: dict[str, str],
    editor: str,
    place: str,
    machine_of: Callable[..., Machine],
    tmp_path: Path,
) -> None:
    machine = machine_of(**{name: value.format(tmp_path) for name, value in env.items()})
    assert guide(editor, machine).files[0].path == tmp_path / place


@pytest.mark.parametrize(
    ("editor", "there", "taken"),
    [
        ("neovim", [".config/nvim/init.vim"], ".config/nvim/init.vim"),
        (
            "neovim",
            [".config/nvim/init.vim", ".config/nvim/init.lua"],
            ".config/nvim/init.lua",
        ),
        ("vim", [".vim/vimrc"], ".vim/vimrc"),
        ("vim", [".vim/vimrc", ".vimrc"], ".vimrc"),
        ("vim", [".config/vim/vimrc"], ".config/vim/vimrc"),
        ("emacs", [".emacs", ".emacs.d/init.el"], ".emacs"),
        ("emacs", [".config/emacs/early-init.el"], ".config/emacs/init.el"),
        ("emacs", [".config/emacs/init.el", ".emacs.d/x"], ".emacs.d/init.el"),
    ],
)
def test_the_file_that_the_editor_would_read(
    editor: str, there: list[str], taken: str, machine_of: Callable[..., Machine]
) -> None:
    machine = machine_of()
    for name in there:
        path = machine.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert guide(editor, machine).files[0].path == machine.home / taken


def test_vs_code_gets_the_package_by_its_own_command(
    machine_of: Callable[..., Machine], tmp_path: Path
) -> None:
    machine = machine_of()
    assert "npm run" in guide("vscode", machine).steps[0]
    package = tmp_path / "plugins" / "vscode" / "polypilot.vsix"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("extension/package.json", '{"publisher": "us", "name": "it"}')
    assert str(package) in guide("vscode", machine).steps[0]
    (tmp_path / "bin").mkdir()
    for name in ("code", "codium"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)
    runs = guide("vscode", machine).runs
    code = str(tmp_path / "bin" / "code")
    assert len(runs) == 2
    assert runs[0].make == (code, "--install-extension", str(package), "--force")
    assert runs[0].undo == (code, "--uninstall-extension", "us.it")


def test_the_program_is_this_installations_own() -> None:
    assert Path(own_program()).samefile(Path(sys.executable).with_name("polypilot"))


def test_the_plugins_are_the_trees(machine_of: Callable[..., Machine]) -> None:
    found = own_plugins()
    assert found is not None
    assert (found / "neovim" / "plugin" / "polypilot.lua").exists()
    assert str(machine_of().plugin("neovim")).endswith("plugins/neovim")
