"""A repository at one commit, read through the guarded git of the workspace.

Nothing of the work tree is looked at, so that what the user has changed since plays no part;
and nothing that the repository names is run: no hook, filter, converter or signature checker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from polypilot.compare import checkout as writing
from polypilot.compare import repository_parts as parts
from polypilot.errors import UserError
from polypilot.tasks import start_blocking
from polypilot.workspace.git import Git, GitError
from polypilot.workspace.git_call import DIFF
from polypilot.workspace.git_diff import GitDiff, split, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from polypilot.compare.checkout import Written
    from polypilot.compare.repository_parts import Commit, Entry
    from polypilot.workspace.git_call import Call
    from polypilot.workspace.roots import Roots

WITHIN_S = 120.0
"""Seconds for one reading; a history of 20,000 commits takes some 10 s."""
_LISTING = 64_000_000
"""Bytes of a listing or of a history's names."""
_BATCH = 32_000_000
"""Bytes of contents in one call."""
_HEADS = 200
"""Bytes that git writes before a content, at most."""
_HISTORY = 20_000
"""Commits to look back for dates."""
_BLAMED = 20_000_000
_PLAIN = ("--no-replace-objects", "-c", "log.showRoot=true", "-c", "blame.ignoreRevsFile=")
_QUIET = ("--no-notes", "--no-show-signature", "--no-mailmap", "--no-color", "--no-decorate")
_UNCONVERTED = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--no-relative")


@dataclass(frozen=True, slots=True)
class Repository:
    """A commit of a repository. Methods raise GitError if git has no answer in time."""

    top: str
    """The repository's folder."""
    commit: str
    """Its hash."""
    when: float
    """The commit's date, seconds since the epoch."""
    _git: Git

    @classmethod
    async def open(cls, root: Path, roots: Roots, revision: str = "HEAD") -> Self:
        """The repository that ``root`` is in.

        Raises:
            GitError: there is none (``no_repository``), or git does not read it.
            UserError: it has no commit yet (``no_commits``), or none of this name.
        """
        git = Git(roots, within=WITHIN_S, limit=_LISTING)

        def ask(call: Call) -> tuple[str, str, float]:
            try:
                name = call.commit(revision)
            except GitError:
                if call.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").status:
                    raise _no_commits() from None
                raise _no_such(revision) from None
            stamp = call.demand(*_PLAIN, "log", "-1", "--format=%ct", *_QUIET, name)
            return call.top, name, float(text_of(stamp.out).strip() or 0)

        top, name, when = await git.read(str(root), ask)
        return cls(top, name, when, git)

    async def files(self) -> tuple[Entry, ...]:
        """The tracked files and links, by path."""

        def ask(call: Call) -> tuple[Entry, ...]:
            answer = call.demand(*_PLAIN, "ls-tree", "-r", "-z", "-l", "--full-tree", self.commit)
            return tuple(sorted(parts.read_entries(answer.out), key=lambda each: each.path))

        return await self._git.read(self.top, ask)

    async def contents(self, entries: Sequence[Entry]) -> Mapping[str, bytes]:
        """What is in them, by path, as it is in the commit; without those git has not got."""
        found: dict[str, bytes] = {}
        for batch in _batches(entries):
            blobs = await self._blobs(batch)
            found |= {each.path: blobs[each.blob] for each in batch if each.blob in blobs}
        return found

    async def dates(self) -> Mapping[str, float]:
        """When files were last changed; of those not touched in 20,000 commits nothing is said."""

        def ask(call: Call) -> Mapping[str, float]:
            answer = call.demand(
                *(*_PLAIN, "log", "-z", f"--max-count={_HISTORY}", "--format=%H %ct"),
                *("--name-only", "--no-renames", *_QUIET, *_UNCONVERTED, self.commit),
            )
            return parts.read_dates(answer.out)

        return await self._git.read(self.top, ask)

    async def line_dates(self, path: str) -> tuple[float | None, ...]:
        """When each line of a file was last changed; empty if git does not say."""

        def ask(call: Call) -> tuple[float | None, ...]:
            answer = call.ask(
                *(*_PLAIN, "blame", "--porcelain", "--no-textconv", self.commit, "--", path),
                limit=_BLAMED,
            )
            return () if answer.status or answer.truncated else parts.read_lines(answer.out)

        # Paths count from the folder that git is asked in, which is the top.
        return await self._git.read(self.top, ask)

    async def commits(self, count: int = 2_000) -> tuple[Commit, ...]:
        """The last commits that have one parent, the newest first."""

        def ask(call: Call) -> tuple[Commit, ...]:
            answer = call.demand(
                *(*_PLAIN, "log", "-z", f"--max-count={count}", "--format=%H%n%ct%n%an%n%B"),
                *("--min-parents=1", "--max-parents=1", *_QUIET, self.commit),
            )
            return parts.read_commits(answer.out)

        return await self._git.read(self.top, ask)

    async def change(self, commit: str, limit: int) -> GitDiff:
        """What a commit of :meth:`commits` has changed; ``limit``: the most bytes."""

        def ask(call: Call) -> GitDiff:
            answer = call.demand(
                *(*_PLAIN, "show", "--format=", *_QUIET, *DIFF, commit), limit=limit
            )
            return GitDiff(
                split(text_of(answer.out), truncated=answer.truncated), answer.truncated, call.top
            )

        return await self._git.read(self.top, ask)

    async def checkout(self, folder: Path) -> Written:
        """Write the tracked files into an empty folder, as they are in the commit.

        Raises:
            UserError: the folder is not empty.
            OSError: the disk is full, say.
        """
        entries = await self.files()
        written = await start_blocking(writing.begin, folder)
        for batch in _batches([each for each in entries if each.size <= _BATCH]):
            await start_blocking(writing.add, written, batch, await self._blobs(batch))
        written.left_out += [each.path for each in entries if each.size > _BATCH]
        await start_blocking(writing.end, written)
        return written

    async def _blobs(self, entries: Iterable[Entry]) -> Mapping[str, bytes]:
        wanted = {each.blob: each.size for each in entries}

        def ask(call: Call) -> Mapping[str, bytes]:
            names = "".join(f"{name}\n" for name in wanted).encode()
            limit = sum(wanted.values()) + _HEADS * len(wanted)
            answer = call.demand(*_PLAIN, "cat-file", "--batch", limit=limit, given=names)
            return dict(parts.read_blobs(answer.out))

        return await self._git.read(self.top, ask) if wanted else {}


def _batches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    batch: list[Entry] = []
    size = 0
    for each in entries:
        if batch and size + each.size > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.size
    if batch:
        yield batch


def _no_commits() -> UserError:
    return UserError(
        "the repository has no commit yet, and tasks are made from one",
        code="no_commits",
        cure="Commit something first: git add -A && git commit",
    )


def _no_such(revision: str) -> UserError:
    return UserError(
        f"the repository has no commit {revision[:80]!r}",
        code="no_such_commit",
        cure="`git log` names those that it has; a shallow clone has few: git fetch --unshallow",
    )
