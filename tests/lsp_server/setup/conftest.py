"""A user's machine made of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polypilot.setup import Machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.setup.machine import System

PLUGINS = Path(__file__).parents[3] / "editors"


@pytest.fixture
def machine_of(tmp_path: Path) -> Callable[..., Machine]:
    """A machine of a platform: an empty home, no programs."""

    def make(system: System = "linux", **env: str) -> Machine:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        plugins = tmp_path / "plugins"
        for name in ("neovim", "vim", "emacs", "vscode"):
            (plugins / name).mkdir(parents=True, exist_ok=True)
        return Machine(
            system=system,
            home=home,
            env={"PATH": str(tmp_path / "bin"), **env},
            program="/opt/polypilot/bin/polypilot",
            plugins=plugins,
        )

    return make
