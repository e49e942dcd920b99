"""What git knows of a workspace: changes, status, commits. See decision 0008.

Nothing of it is sent from here: texts go out through the gate, file by file.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from polypilot.tasks import start_blocking
from polypilot.workspace import git_run
from polypilot.workspace.git_call import DIFF, HASH, Call
from polypilot.workspace.git_diff import FileDiff, GitDiff, GitStatus, read_status, split, text_of
from polypilot.workspace.git_place import found_top
from polypilot.workspace.git_run import LIMIT, WITHIN_S, GitError, Stopper
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.workspace.roots import Roots

__all__ = ["FileDiff", "Git", "GitDiff", "GitError", "GitStatus"]

_T = TypeVar("_T")
_EMPTY = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The hash of a tree without files, which git knows in every repository."""
_OLDEST = (2, 32)
"""Configuration by environment came with 2.31, safe handling of it with 2.32."""
_SUBJECT = 200
_AT_ONCE = 4


class Git:
    """Asks the user's git about the workspace, a few questions at a time.

    Every method raises GitError: there is no git, no repository, or no answer in time.

    Args:
        roots: no program below one of them is run.
        path: where git is looked for, as in ``PATH``; None: the environment's.
        limit: the most bytes of an answer.
    """

    def __init__(
        self,
        roots: Roots,
        *,
        path: str | None = None,
        within: float = WITHIN_S,
        limit: int = LIMIT,
    ) -> None:
        self._roots = roots
        self._path = path
        self._within = within
        self._limit = limit
        self._seats = asyncio.Semaphore(_AT_ONCE)
        self._known: tuple[str, str] | None = None
        """A PATH and the git that was found on it, whose version is known to do."""

    async def diff(self, root: str, *, staged: bool | None = None) -> GitDiff:
        """What has changed below ``root``: staged, not staged, or (None) since the last commit.

        Files that git does not know yet are not part of it.
        """

        def ask(call: Call) -> GitDiff:
            since: tuple[str, ...] = ()
            if staged is None:
                since = (_head(call),)
            elif staged:
                since = ("--cached",)
            return self._diff_of(call, "diff", *DIFF, *since, "--", ".")

        return await self._run(root, ask)

    async def staged_diff(self, root: str) -> GitDiff:
        """What would be committed."""
        return await self.diff(root, staged=True)

    async def status(self, root: str) -> GitStatus:
        """Which files have changed below ``root``, and the branch."""

        def ask(call: Call) -> GitStatus:
            answer = call.demand(
                "status",
                "--porcelain=v2",
                "-z",
                "--branch",
                "--no-ahead-behind",
                "--untracked-files=normal",
                "--ignore-submodules=all",
                "--find-renames",
                "--",
                ".",
            )
            return read_status(answer.out, truncated=answer.truncated)

        return await self._run(root, ask)

    async def show(self, root: str, commit: str) -> GitDiff:
        """What a commit has changed below ``root``; a merge, seen from its first parent."""

        def ask(call: Call) -> GitDiff:
            name = call.commit(commit)
            form = ("--format=", "--no-notes", "--no-show-signature", "--diff-merges=first-parent")
            return self._diff_of(call, "show", *form, *DIFF, name, "--", ".")

        return await self._run(root, ask)

    async def recent_subjects(self, root: str, count: int = 10) -> tuple[str, ...]:
        """First lines of the last commits, the newest first; none before the first commit."""

        def ask(call: Call) -> tuple[str, ...]:
            if _head(call) in _EMPTY.values():
                return ()
            form = (
                "--format=%s",
                "--no-notes",
                "--no-show-signature",
                "--no-mailmap",
                "--no-color",
            )
            answer = call.demand("log", f"--max-count={count}", *form)
            lines = text_of(answer.out).split("\n")
            return tuple(line[:_SUBJECT] for line in lines if line.strip())

        return await self._run(root, ask)

    async def root_of(self, path: str) -> str:
        """The folder of the repository that a folder or file is in."""

        def ask(call: Call) -> str:
            return call.top

        return await self._run(path, ask)

    async def read(self, root: str, ask: Callable[[Call], _T]) -> _T:
        """What ``ask`` makes of several calls, on a thread of its own, all of them in time."""
        return await self._run(root, ask)

    # -- inside --------------------------------------------------------------------------

    def _diff_of(self, call: Call, *arguments: str) -> GitDiff:
        answer = call.demand(*arguments)
        files = split(text_of(answer.out), truncated=answer.truncated)
        return GitDiff(files, answer.truncated, call.top)

    async def _run(self, root: str, ask: Callable[[Call], _T]) -> _T:
        async with self._seats:
            return await self._run_now(root, ask)

    async def _run_now(self, root: str, ask: Callable[[Call], _T]) -> _T:
        stopper = Stopper()
        future = start_blocking(self._blocking, root, ask, stopper)
        try:
            # Git is killed at its deadline; a disk that hangs is left behind a little later.
            done, _ = await asyncio.wait({future}, timeout=self._within + 1)
            if not done:
                raise GitError("the disk does not answer", code="git_timeout")
            return future.result()
        finally:
            stopper.stop()
            future.cancel()

    def _blocking(self, root: str, ask: Callable[[Call], _T], stopper: Stopper) -> _T:
        path = locate(root).path
        if path is None:
            raise git_run.no_repository()
        folder = path if Path(path).is_dir() else str(Path(path).parent)
        # Looked for before git is: a folder without a repository runs nothing at all.
        top = found_top(folder, [each.real for each in self._roots])
        deadline = time.monotonic() + self._within
        call = Call("", top, folder, self._limit, stopper, deadline)
        call.program = self._program(call)
        call.filters = _filters(call)
        return ask(call)

    def _program(self, call: Call) -> str:
        path = os.environ.get("PATH", "") if self._path is None else self._path
        roots = [name for each in self._roots for name in (each.path, each.real)]
        program = git_run.find(path, [*roots, call.top])
        if program is None:
            raise GitError(
                "there is no git on the PATH", code="git_absent", cure="Install git 2.32 or newer."
            )
        if self._known == (path, program):
            return program
        call.program = program
        version = re.match(r"git version (\d+)\.(\d+)", text_of(call.demand("version").out))
        if version is None or (int(version[1]), int(version[2])) < _OLDEST:
            raise GitError("this git is too old", code="git_absent", cure="Install 2.32 or newer.")
        self._known = (path, program)
        return program


def _filters(call: Call) -> tuple[tuple[str, str], ...]:
    """Settings that leave every filter driver without a program, whatever it is called."""
    answer = call.ask("config", "--name-only", "-z", "--get-regexp", r"^filter\.")
    if answer.status > 1:
        raise git_run.failure(answer, call.top)
    if answer.truncated:
        raise GitError("the repository's configuration is too big")
    keys = {os.fsdecode(key) for key in answer.out.split(b"\0") if key}
    drivers = sorted({key.rpartition(".")[0] for key in keys})
    values = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    return tuple((f"{driver}.{name}", value) for driver in drivers for name, value in values)


def _head(call: Call) -> str:
    """The last commit's hash; before there is one, that of a tree without files."""
    found = call.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    name = text_of(found.out).strip()
    if not found.status and HASH.fullmatch(name):
        return name
    form = text_of(call.demand("rev-parse", "--show-object-format").out).strip()
    return _EMPTY.get(form, _EMPTY["sha1"])
