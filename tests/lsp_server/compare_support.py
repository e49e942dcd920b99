"""What the tests of a comparison's tasks share: a gate, repositories, a plain runner of tests."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from git_support import Repository as Git

from polypilot.settings.model import PrivacySettings
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.compare.values import TestRun

SHAPES = '''"""Shapes."""

import math


class Circle:
    """A circle."""

    def __init__(self, radius):
        self.radius = radius
        self.name = "circle of " + str(radius)

    def area(self):
        """Its area."""
        if self.radius < 0:
            raise ValueError("negative")
        return math.pi * self.radius * self.radius


def total(shapes, limit=10):
    """The area of the first shapes."""
    found = 0
    for number, shape in enumerate(shapes):
        if number >= limit:
            break
        found = found + shape.area()
    return found


def unseen(first, second):
    """Nothing tests this."""
    joined = str(first) + str(second)
    return joined.strip().lower()
'''
TESTS = """from pkg.shapes import Circle, total


def test_area():
    assert round(Circle(1).area(), 2) == 3.14


def test_total():
    assert round(total([Circle(1)] * 12), 1) == 31.4
    assert total([]) == 0
    assert Circle(2).name.endswith("2")
"""


@dataclass(frozen=True)
class Ended:
    passed: bool | None
    note: str = ""
    shown: tuple[str, ...] = ()


@dataclass
class Plain:
    """Runs tests in a plain copy, with this interpreter; ``calls`` counts."""

    calls: int = 0
    folders: tuple[str, ...] = ("",)
    """Where modules are, below the copy."""

    async def __call__(self, run: TestRun, tree: Path, *, overlay: Mapping[str, str]) -> Ended:
        self.calls += 1
        folder = await asyncio.to_thread(tempfile.mkdtemp)
        try:
            copy = Path(folder, "copy")
            await asyncio.to_thread(_copy, tree, copy, {**dict(run.files), **overlay})
            paths = [str(copy / name) for name in self.folders]
            words = [sys.executable if word == "{python}" else word for word in run.command]
            process = await asyncio.create_subprocess_exec(
                *words,
                cwd=copy,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": os.pathsep.join(paths),
                    # Ours are not needed, and take most of the time of so small a run.
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                },
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(run.seconds):
                    status = await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
                return Ended(None, "too slow")
        finally:
            await asyncio.to_thread(shutil.rmtree, folder)
        return Ended(status == 0)


def _copy(tree: Path, copy: Path, texts: Mapping[str, str]) -> None:
    shutil.copytree(tree, copy, symlinks=True)
    for name, text in texts.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text, "utf-8", newline="")


def gate_of(root: Path, **privacy: object) -> Gate:
    return Gate(Roots([str(root)]), PrivacySettings.model_validate(privacy), DocumentStore())


def small_repository(folder: Path) -> Git:
    """A package with tests, of two commits."""
    repository = Git(folder / "project", folder / "home")
    repository.write("pkg/__init__.py", "")
    repository.write("pkg/shapes.py", SHAPES)
    repository.write("tests/test_shapes.py", TESTS)
    repository.commit("Add shapes and what they have in common")
    repository.write("pkg/more.py", SHAPES.replace("Circle", "Disc").replace("unseen", "hidden"))
    repository.commit("Add discs, since circles are not enough\n\nSigned-off-by: A <a@example.org>")
    return repository
