"""A small repository to compare suppliers on."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROW = """
[providers.{name}]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
{more}
"""
MODULE = '''"""Sums, module {number}."""


def total_{number}(values):
    """The sum of all values."""
    result = {number}
    for value in values:
        result = result + value * {number}
    return result


def mean_{number}(values):
    """The mean of all values; {number} for none."""
    if not values:
        return {number}
    return total_{number}(values) / len(values)
'''


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def make_repository(folder: Path) -> Path:
    """Twelve modules with one commit."""
    for number in range(12):
        file = folder / "sums" / f"module_{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(MODULE.format(number=number), "utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Add sums of all kinds")
    return folder
