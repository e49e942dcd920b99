"""The extension under test, built from this tree by its own command."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from pathlib import Path

from vscode_install import NODE, NPM, run

SOURCE = Path(__file__).parents[3] / "editors" / "vscode"
KEPT_S = 24 * 3600
# What is made, not written.
_MADE = ("node_modules", "dist", "server", "LICENSE")


def build(cache: Path) -> Path:
    """The ``.vsix`` of the tree as it is now, built in a folder of the cache.

    Raises:
        UnavailableError: the registry is out of reach.
    """
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = cache / f"vscode-extension-{hashlib.sha256(lock).hexdigest()[:16]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "vscode-extension.lock").open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "node_modules").exists():
            _install(folder)
        tree = _digest()
        vsix = folder / f"polypilot-{tree}.vsix"
        if not vsix.exists():
            _package(folder, vsix)
    return vsix


def _sources() -> list[Path]:
    files = (each for each in SOURCE.rglob("*") if each.is_file())
    return sorted(each for each in files if each.relative_to(SOURCE).parts[0] not in _MADE)


def _digest() -> str:
    total = hashlib.sha256()
    for file in _sources():
        total.update(str(file.relative_to(SOURCE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def _install(folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, fresh / name)
    run([str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], fresh, _path())
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)


def _package(folder: Path, vsix: Path) -> None:
    shutil.rmtree(folder / "project", ignore_errors=True)
    tree = folder / "project" / "editors" / "vscode"
    for file in _sources():
        copy = tree / file.relative_to(SOURCE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    (tree / "node_modules").symlink_to(folder / "node_modules")
    shutil.copy(SOURCE.parents[1] / "LICENSE", folder / "project" / "LICENSE")
    # Without the server's wheel: these tests have a server already.
    run([str(NODE), str(NPM), "run", "package", "--", "--no-wheel"], tree, _path())
    for old in folder.glob("polypilot-*.vsix"):
        # Not those of a test run that still goes on.
        if old.stat().st_mtime < time.time() - KEPT_S:
            old.unlink()
    shutil.copy(tree / "dist" / "polypilot.vsix", vsix)


def _path() -> dict[str, str]:
    return {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
