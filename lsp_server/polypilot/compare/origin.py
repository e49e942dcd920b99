"""Where the files come from: a commit of a repository, or a folder without one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.compare.folder import Folder
from polypilot.compare.repository import Repository
from polypilot.tasks import start_blocking
from polypilot.workspace.git import GitError

if TYPE_CHECKING:
    from polypilot.workspace.roots import Roots


async def opened(root: Path, roots: Roots, revision: str = "HEAD") -> Repository | Folder:
    """The repository that ``root`` is in, at a commit; the folder itself if it is in none.

    Raises:
        GitError: git does not read it, or a revision is asked of what is no repository.
        UserError: it has no commit yet, or none of this name.
    """
    try:
        return await Repository.open(root, roots, revision)
    except GitError as error:
        if error.code != "no_repository" or revision != "HEAD":
            raise
        return Folder(str(await start_blocking(root.resolve)))


def below(top: str, root: Path) -> str:
    """What paths below ``root`` begin with, counted from ``top``. Blocks."""
    relative = root.resolve().relative_to(Path(top).resolve()).as_posix()
    return "" if relative == "." else f"{relative}/"
