"""Where a folder's repository is, found without asking it.

What a repository says about itself may lead elsewhere: its configuration can name another
work tree, its ``.git`` can be a file or a link that names another repository, and parts of it
can be links. Followed, each would show the user's other projects or private files as changes
of this one. So the folder above which stands a ``.git`` is the work tree, whatever it says,
and what it consists of must be its own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.workspace.git_run import GitError, no_repository

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARTS = ("HEAD", "config", "index", "objects", "refs", "packed-refs", "config.worktree")
_WORK_TREE = re.compile(r"^[ \t]*worktree[ \t]*=(.*)$", re.MULTILINE)
_SMALL = 8_192
_DEEPEST = 100


def found_top(folder: str, roots: Sequence[str]) -> str:
    """The folder with a ``.git`` that ``folder`` is in. Blocks.

    Args:
        folder: an absolute path.
        roots: the workspace folders, without links.

    Raises:
        GitError: there is none, or it is made of another repository's parts.
    """
    real = Path(os.path.realpath(folder))
    for place in (real, *real.parents)[:_DEEPEST]:
        git = place / ".git"
        if os.path.lexists(git):
            _check(git, [place, *(Path(root) for root in roots)])
            return str(place)
    raise no_repository()


def _check(git: Path, inside: Sequence[Path]) -> None:
    try:
        target = _target(git)
        if target is None:
            raise no_repository()
        # A linked work tree's own folder is elsewhere, and so is a submodule's; but it names the
        # work tree in return, and who could have written that could write to the repository itself.
        outside = not _is_within(target, inside)
        if outside and not _returns(target, git):
            raise _elsewhere()
        common = target
        if (line := _first_line(target / "commondir")) is not None:
            common = Path(os.path.realpath(target / line))
            if not outside and not _is_within(common, inside):
                raise _elsewhere()
        for each in {target, common}:
            for part in _PARTS:
                path = Path(os.path.realpath(each / part))
                if not path.is_relative_to(each) and not _is_within(path, inside):
                    raise _elsewhere()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "damaged"
        raise GitError(f"the repository can't be read ({reason})") from None


def _target(git: Path) -> Path | None:
    """The folder with the repository's data; None if there is none."""
    real = Path(os.path.realpath(git))
    if real.is_dir():
        return real
    line = _first_line(real)
    if line is None or not line.startswith("gitdir:"):
        return None
    target = Path(os.path.realpath(real.parent / line.removeprefix("gitdir:").strip()))
    return target if target.is_dir() else None


def _first_line(file: Path) -> str | None:
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return os.fsdecode(stream.read(_SMALL).split(b"\n")[0]).strip()


def _returns(target: Path, git: Path) -> bool:
    """Whether a repository's folder names the work tree that names it."""
    line = _first_line(target / "gitdir")
    if line is not None and _same(Path(target, line), git):
        return True
    config = target / "config"
    if not config.is_file():
        return False
    with config.open("rb") as stream:
        named = _WORK_TREE.search(os.fsdecode(stream.read(_SMALL)))
    return named is not None and _same(Path(target, named[1].strip().strip('"')), git.parent)


def _same(one: Path, two: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(two)


def _is_within(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _elsewhere() -> GitError:
    return GitError(
        "the repository is made of parts of another one elsewhere, so that it is not read",
        code="git_unsafe",
        cure="Open the repository's own folder.",
    )
