"""What must not be sent because of its name, or because a file beside it says so.

`Names` judges by patterns alone: the defaults, then the user's. `IgnoreFiles` reads
``.aiignore`` and its kin, and ``.gitignore`` if the user wants. Both only ever exclude;
what a repository's files allow again, they allow of their own exclusions.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace import ignore_defaults as defaults
from polypilot.workspace.disk import SYSTEM
from polypilot.workspace.ignore_patterns import Rules
from polypilot.workspace.ignore_state import GITIGNORE, Folder, IgnoreFile, Listing
from polypilot.workspace.linear import PatternError
from polypilot.workspace.roots import Names as Parts
from polypilot.workspace.roots import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.workspace.disk import Disk

_MAX_DEPTH = 64
_JUDGED_KEPT = 4_096
_NEAR = 3
"""Components that count for ordinary folder names when there is no root: tmp/secrets/x."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a file is excluded."""

    rule: str
    """The pattern, or ``.noai``."""
    source: str
    """Whose it is: ``default``, ``privacy.exclude``, or the path of an ignore file."""

    @property
    def reason(self) -> str:
        """One line for the user."""
        if self.source == "default":
            return f"its name is excluded by default ({self.rule})"
        return f"excluded by {self.rule!r} in {self.source!r}"


@dataclass(frozen=True, slots=True)
class _Compiled:
    everything: Rules
    """The defaults, then the user's."""
    user: Rules
    stores: Rules
    """The stores of secrets, then what the user allows again."""


class NameRules:
    """The default list with the user's patterns behind it."""

    def __init__(self, exclude: Sequence[str] = ()) -> None:
        self._exclude = tuple(exclude)
        self._judged: dict[tuple[Parts, Parts, bool], Exclusion | None] = {}

    @functools.cached_property
    def _rules(self) -> _Compiled | str:
        """The patterns, compiled at the first question; or why that can't be done."""
        again = tuple(line for line in self._exclude if line.startswith("!"))
        try:
            return _Compiled(
                Rules((*defaults.DEFAULTS, *self._exclude)),
                Rules(self._exclude),
                Rules((*defaults.STORES, *again)),
            )
        except PatternError as error:
            return f"it can't be used: {error}"

    def judge(self, below: Parts, whole: Parts, rooted: bool) -> Exclusion | None:  # noqa: FBT001 - part of the key
        """Judges a file by the components below its root, and by those of its whole path.

        Without a root, folders with ordinary names count near the file only. Unlike git, a
        file may be allowed again although its folder is excluded: that is what one writes
        ``!keys/public.py`` for.
        """
        rules = self._rules
        if isinstance(rules, str):
            return Exclusion(rules, "privacy.exclude")
        key = (below, whole, rooted)
        if key in (judged := self._judged):
            return judged[key]
        if len(judged) >= _JUDGED_KEPT:
            self._judged = {}  # not cleared: another thread may be between the lines above
        found = self._judged[key] = _judge_names(rules, below, whole, rooted=rooted)
        return found


_FIRST_USER = len(defaults.DEFAULTS)


def _judge_names(rules: _Compiled, below: Parts, whole: Parts, *, rooted: bool) -> Exclusion | None:
    if rooted:
        found = _last(rules.everything, below, _FIRST_USER)
    else:
        found = _last(rules.everything, whole[-_NEAR:], _FIRST_USER)
        found = found or _last(rules.user, whole, 0)
    return found or _last(rules.stores, whole, len(defaults.STORES))


def _last(rules: Rules, parts: Parts, first_user: int) -> Exclusion | None:
    """The pattern that excludes a path or a folder on it, and is not undone.

    It is undone by a later ``!pattern`` for the same thing or for something below it:
    ``!keys/`` allows the folder again but not what is in it for another reason.
    """
    undone = -1
    for depth in range(len(parts), 0, -1):
        decision = rules.decide(parts[:depth], folder=depth < len(parts))
        if decision is None:
            continue
        if decision.excluded and decision.index > undone:
            source = "privacy.exclude" if decision.index >= first_user else "default"
            return Exclusion(decision.pattern, source)
        if not decision.excluded:
            undone = max(undone, decision.index)
    return None


class IgnoreFiles:
    """The ignore files of folders, as they are on disk at each question."""

    def __init__(self, disk: Disk = SYSTEM) -> None:
        self._listing = Listing(disk)

    def around(self, path: str) -> Around:
        """The ignore files in the folder of ``path`` and in all folders above."""
        folders = _ancestors(path)
        return Around(folders, [self._listing.of(folder) for folder in folders])


@dataclass(frozen=True, slots=True)
class Around:
    """The ignore files that concern one path."""

    folders: list[str]
    known: list[Folder]

    def judge(
        self, path: str, top: str, *, use_gitignore: bool, folder: bool = False
    ) -> Exclusion | None:
        """Judges a file, or a folder, by them.

        ``.gitignore`` counts from the repository's top, or ``top``.
        """
        if len(self.folders) > _MAX_DEPTH:
            return Exclusion("too deep to be judged", path)
        for each, found in zip(self.folders, self.known, strict=True):
            if found.barred:
                return Exclusion(found.barred, each)
        for name in _files_in_use(self.known):
            if name == GITIGNORE and not use_gitignore:
                continue
            first = _git_top(self.known, self.folders, top) if name == GITIGNORE else 0
            chain = [found.files.get(name) for found in self.known]
            excluded = _judge_chain(chain, self.folders, path, first, folder=folder)
            if excluded is not None:
                return excluded
        return None

    def state(self, *, use_gitignore: bool) -> list[str]:
        """Changes whenever one of the files does."""
        return [
            f"{file.path}:{file.digest}"
            for folder in self.known
            for name, file in sorted(folder.files.items())
            if use_gitignore or name != GITIGNORE
        ]


def _files_in_use(known: Sequence[Folder]) -> list[str]:
    """Names of the ignore files that exist in any of the folders."""
    return list(dict.fromkeys(name for folder in known for name in folder.files))


def _git_top(known: Sequence[Folder], folders: Sequence[str], top: str) -> int:
    for depth in range(len(folders) - 1, -1, -1):
        if known[depth].is_repository:
            return depth
    return next((i for i, folder in enumerate(folders) if folder == top), len(folders) - 1)


def _ancestors(path: str) -> list[str]:
    """The folders above ``path``, from the file system's root down."""
    folders: list[str] = []
    folder = os.path.dirname(path)  # noqa: PTH120 - strings all along: this runs per keystroke
    while True:
        folders.append(folder)
        above = os.path.dirname(folder)  # noqa: PTH120 - likewise
        if above == folder:
            return folders[::-1]
        folder = above


def _judge_chain(
    chain: Sequence[IgnoreFile | None],
    folders: Sequence[str],
    path: str,
    first: int,
    *,
    folder: bool,
) -> Exclusion | None:
    """As git does: folder by folder from the top; in each the nearest file decides."""
    parts = [fold(part) for part in path.replace(os.sep, "/").split("/") if part]
    offset = len(parts) - len(folders)  # components that folders[0] has itself
    for depth in range(first, len(folders)):
        end = offset + depth + 1
        for holder in range(depth, first - 1, -1):
            file = chain[holder]
            if file is None:
                continue
            decision = file.rules.decide(
                parts[offset + holder : end], folder=folder or depth + 1 < len(folders)
            )
            if decision is None:
                continue
            if decision.excluded:
                return Exclusion(decision.pattern, file.path)
            break
    return None
