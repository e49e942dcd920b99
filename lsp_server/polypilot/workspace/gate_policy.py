"""Decides about documents by name: the part of the gate that knows paths.

Nothing outside the workspace roots is looked at on disk unless the editor has it open.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Protocol

from polypilot.workspace.gate_aliases import Aliases
from polypilot.workspace.gate_outgoing import ExcludedError, Verdict
from polypilot.workspace.ignore import Around, Exclusion, IgnoreFiles
from polypilot.workspace.ignore_defaults import DEFAULTS
from polypilot.workspace.roots import (
    Names,
    Place,
    Root,
    Roots,
    is_short_name,
    locate,
    readings_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polypilot.workspace.disk import Disk
    from polypilot.workspace.ignore import NameRules

_OUTSIDE = "it is not open, and not below a workspace folder"
_LEADS_OUT = "it is a link that leads out of the workspace"
_MISSING_SHORT = "its name is a short form that can stand for any file"


class Privacy(Protocol):
    """The settings the gate obeys."""

    @property
    def exclude(self) -> tuple[str, ...]:
        """Patterns as in .gitignore; ``!`` allows a default again, and comes from the user only."""
        ...

    @property
    def use_gitignore(self) -> bool:
        """Whether what git ignores is excluded."""
        ...

    @property
    def redact_secrets(self) -> bool:
        """Whether secrets are hidden in text that leaves."""
        ...


class Policy:
    """The rules of one set of settings. For one thread at a time."""

    def __init__(self, roots: Roots, privacy: Privacy, disk: Disk, names: NameRules) -> None:
        self.roots = roots
        self.privacy = privacy
        self._disk = disk
        self._names = names
        self._ignores = IgnoreFiles(disk)
        self._aliases = Aliases(self._excluded_path)
        settings = (DEFAULTS, privacy.exclude, privacy.use_gitignore, privacy.redact_secrets)
        self._settings = repr(settings)
        self.state = self._digest(None, ())
        """Changes with the settings."""

    def warm(self) -> None:
        """Compiles the patterns."""
        self._names.judge((), (), True)

    def judge(self, uri: str, *, opened: bool) -> Verdict:
        """The verdict about a document; ``opened`` if the editor has it open."""
        place = locate(uri)
        if place.fault:
            return Verdict(False, place.fault, "name")
        root = self.roots.of(place.path) if place.path else None
        if not opened and (root is None or not place.readable):
            return Verdict(False, _OUTSIDE, "outside")
        found = self._by_name(place.readings, root)
        if found is None and place.path is None:
            return Verdict(True, policy=self.state)
        if found is None:
            return self._by_disk(place, root, opened=opened)
        return Verdict(False, found.reason, found.rule)

    def by_name(self, uri: str) -> Verdict:
        """The verdict about a name that is no file's."""
        place = locate(uri)
        if place.fault:
            return Verdict(False, place.fault, "name")
        found = self._by_name(place.readings, None)
        if found is not None:
            return Verdict(False, found.reason, found.rule)
        return Verdict(True, policy=self.state)

    def file_of(self, place: Place) -> tuple[str, os.stat_result]:
        """The file to read for an admitted place: its path without links, and its status.

        Raises:
            ExcludedError: it is gone, or what it leads to may not be read.
        """
        real = self._resolved(place.path) if place.path else ""
        root = self.roots.of(real)
        if root is None:
            raise ExcludedError(_LEADS_OUT)
        try:
            info = self._disk.lstat(real)
        except OSError as error:
            raise ExcludedError(f"it can't be read ({error.strerror})") from None
        # Judged again by what will be opened: the link may have been turned meanwhile.
        reason = self._excluded_path(real) or self._other_name(real, info, root)
        if reason is not None:
            raise ExcludedError(reason)
        return real, info

    # -- one after the other -------------------------------------------------------------

    def _by_name(self, readings: Sequence[Names], root: Root | None) -> Exclusion | None:
        for names in readings:
            below = _below(names, root)
            found = self._names.judge(names if below is None else below, names, below is not None)
            if found is not None:
                return found
        return None

    def _by_disk(self, place: Place, root: Root | None, *, opened: bool) -> Verdict:
        """What the disk adds: where links lead, ignore files, other names."""
        path = place.path or ""
        real = self._resolved(path)
        real_root = self.roots.of(real)
        if not opened and real_root is None:
            return Verdict(False, _LEADS_OUT, "outside")
        if real != path:
            found = self._by_name(_readings(real), real_root)
            if found is not None:
                return Verdict(False, f"it leads to {real!r}: {found.reason}", found.rule)
        around: list[Around] = []
        for each in dict.fromkeys((path, real)):
            around.append(self._ignores.around(each))
            found = self._by_files(each, around[-1])
            if found is not None:
                return Verdict(False, found.reason, found.rule)
        reason = self._by_other_name(real, real_root)
        if reason is not None:
            return Verdict(False, reason, "other name")
        return Verdict(True, policy=self._digest(root, around))

    def _by_files(self, path: str, around: Around) -> Exclusion | None:
        root = self.roots.of(path)
        top = os.path.dirname(path)  # noqa: PTH120 - strings: this runs per keystroke
        if root is not None:
            top = root.path if path.startswith(root.path) else root.real
        return around.judge(path, top, use_gitignore=self.privacy.use_gitignore)

    def _by_other_name(self, real: str, root: Root | None) -> str | None:
        try:
            info = self._disk.lstat(real)
        except (OSError, ValueError):
            name = real.rsplit(os.sep, 1)[-1]
            return _MISSING_SHORT if is_short_name(name) else None
        return self._other_name(real, info, root)

    def _other_name(self, real: str, info: os.stat_result, root: Root | None) -> str | None:
        if not stat.S_ISREG(info.st_mode):
            return None
        top = root.real if root else os.path.dirname(real)  # noqa: PTH120 - strings
        return self._aliases.excluded(real, info, top)

    def _excluded_path(self, path: str) -> str | None:
        """Why a path is excluded, by its own name and the ignore files above it."""
        found = self._by_name(_readings(path), self.roots.of(path))
        found = found or self._by_files(path, self._ignores.around(path))
        return found.reason if found else None

    def _resolved(self, path: str) -> str:
        try:
            return self._disk.real(path)
        except (OSError, ValueError):
            return path

    def _digest(self, root: Root | None, around: Iterable[Around]) -> str:
        seen = [self._settings, root.path if root else "", root.real if root else ""]
        for each in around:
            seen += each.state(use_gitignore=self.privacy.use_gitignore)
        text = "\0".join(seen).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:16]


@functools.lru_cache(maxsize=1024)
def _readings(path: str) -> tuple[Names, ...]:
    return tuple(readings_of(path))


@functools.lru_cache(maxsize=1024)
def _root_names(path: str) -> Names:
    return next(readings_of(path))


def _below(names: Names, root: Root | None) -> Names | None:
    """Components below the root; None if these are not below it."""
    if root is None:
        return None
    for base in (_root_names(root.path), _root_names(root.real)):
        if names[: len(base)] == base:
            return names[len(base) :]
    return None
