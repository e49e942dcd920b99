"""The user's machine, as far as it says where editors keep their configuration."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

System = Literal["linux", "macos", "windows"]
_SYSTEMS: dict[str, System] = {"darwin": "macos", "win32": "windows", "cygwin": "windows"}


@dataclass(frozen=True)
class Machine:
    """A platform, a home and an environment; nothing else decides about paths."""

    system: System
    home: Path
    env: Mapping[str, str]
    program: str = "polypilot"
    """The command that editors start."""
    plugins: Path | None = None
    """The folder of our own editor plugins, if this installation has it."""

    @classmethod
    def here(cls) -> Machine:
        """This one.

        Raises:
            RuntimeError: the user has no home folder.
        """
        return cls(
            system=_SYSTEMS.get(sys.platform, "linux"),
            home=Path.home(),
            env=os.environ,
            program=own_program(),
            plugins=own_plugins(),
        )

    def config(self) -> Path:
        """The folder of programs that follow the XDG base directory specification everywhere."""
        return self._folder("XDG_CONFIG_HOME", self.home / ".config")

    def roaming(self) -> Path:
        """``%APPDATA%``."""
        return self._folder("APPDATA", self.home / "AppData" / "Roaming")

    def local(self) -> Path:
        """``%LOCALAPPDATA%``."""
        return self._folder("LOCALAPPDATA", self.home / "AppData" / "Local")

    def support(self) -> Path:
        """Where macOS keeps what belongs to applications."""
        return self.home / "Library" / "Application Support"

    def which(self, *programs: str) -> str:
        """The path of the first of these programs that is installed; else nothing."""
        for program in programs:
            found = find_program(program, self.env.get("PATH", os.defpath))
            if found:
                return found
        return ""

    def plugin(self, editor: str) -> Path | None:
        """The folder of our plugin for an editor, if it is here."""
        if self.plugins is None:
            return None
        folder = self.plugins / editor
        return folder if folder.is_dir() else None

    def _folder(self, variable: str, default: Path) -> Path:
        path = Path(self.env.get(variable, ""))
        # A relative one would be looked up in whatever folder the editor runs in.
        return path if path.is_absolute() else default


def find_program(name: str, path: str) -> str:
    """Where a program is, in the absolute folders of a search path; else nothing.

    What is found is started, or written into a configuration: a folder that happens to be the
    current one, which Windows and a relative entry would look into, may be anybody's.
    """
    here = Path.cwd()
    for entry in path.split(os.pathsep):
        folder = Path(entry)
        if folder.is_absolute() and folder != here:
            found = shutil.which(str(folder / name))  # with a folder, it looks nowhere else
            if found:
                return found
    return ""


def own_program() -> str:
    """The command that starts this very installation, wherever an editor is started from.

    Editors that are started from a desktop don't have the shell's path. A link on the path
    (pipx and uv make one) outlives upgrades, so it is preferred to what it leads to.
    """
    name = "polypilot.exe" if sys.platform == "win32" else "polypilot"
    own = Path(sys.executable).with_name(name)
    on_path = find_program("polypilot", os.environ.get("PATH", os.defpath))
    if not own.exists():
        return on_path or "polypilot"
    if on_path and Path(on_path).samefile(own):
        return on_path
    return str(own)


def own_plugins() -> Path | None:
    """``editors/`` of the source tree we run from, else what was installed with the package."""
    places = (
        Path(__file__).parents[3] / "editors",
        Path(sys.prefix) / "share" / "polypilot" / "editors",
    )
    return next((place for place in places if place.is_dir()), None)
