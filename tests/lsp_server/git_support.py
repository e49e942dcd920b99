"""Repositories for tests, made by the real git."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from polypilot.workspace.git import Git
from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path


class Repository:
    """A repository and a `Git` that looks at it."""

    def __init__(self, root: Path, home: Path, form: str = "sha1") -> None:
        self.root = root
        self.home = home
        root.mkdir(parents=True)
        home.mkdir(exist_ok=True)
        self.roots = Roots([str(root)])
        self.git = Git(self.roots)
        self.run("init", "-q", "-b", "main", f"--object-format={form}")

    def run(self, *arguments: str, typed: str = "", check: bool = True) -> str:
        """Plain git, as its owner runs it."""
        given = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=given,
            check=check,
            input=typed.encode(),
            capture_output=True,
        )
        return done.stdout.decode()

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def commit(self, message: str = "A commit") -> None:
        self.run("add", "-A")
        self.run("commit", "-q", "-m", message)

    def config(self, key: str, value: str) -> None:
        self.run("config", key, value)

    async def names(self, *, staged: bool | None = None) -> list[str]:
        return [each.path for each in (await self.git.diff(str(self.root), staged=staged)).files]
