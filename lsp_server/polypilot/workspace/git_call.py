"""One question to git: its place, its limits, and the arguments that questions share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from polypilot.workspace import git_run
from polypilot.workspace.git_diff import text_of
from polypilot.workspace.git_run import Answer, GitError, Stopper

DIFF = (
    "--patch",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=all",
    "--submodule=short",
    "--find-renames",
    "--unified=3",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--no-relative",
    "--no-color-moved",
    "--ws-error-highlight=none",
)
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./~^@{}-]{0,199}")
HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(slots=True)
class Call:
    """One question to git: the program, the place, the time that is left."""

    program: str
    top: str
    folder: str
    limit: int
    stopper: Stopper
    deadline: float
    filters: tuple[tuple[str, str], ...] = field(default=())

    def ask(self, *arguments: str, limit: int = 0, given: bytes = b"") -> Answer:
        """Runs git with these arguments, ``given`` on its stdin.

        Raises:
            GitError: it can't be run in time.
        """
        return git_run.run(
            (self.program, "--no-pager", "--no-optional-locks", *arguments),
            self.folder,
            git_run.environment(self.program, self.top, self.filters),
            deadline=self.deadline,
            limit=limit or self.limit,
            stopper=self.stopper,
            given=given,
        )

    def demand(self, *arguments: str, limit: int = 0, given: bytes = b"") -> Answer:
        """As `ask`.

        Raises:
            GitError: also if git fails.
        """
        answer = self.ask(*arguments, limit=limit, given=given)
        if answer.status:
            raise git_run.failure(answer, self.top)
        return answer

    def commit(self, revision: str) -> str:
        """The hash of a commit.

        Raises:
            GitError: there is none of this name.
        """
        if not _REVISION.fullmatch(revision):
            raise GitError("this is no name of a commit")
        verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        found = self.ask(*verify, f"{revision}^{{commit}}")
        name = text_of(found.out).strip()
        if found.status or not HASH.fullmatch(name):
            raise GitError("there is no such commit")
        return name
