"""Which workspaces the user trusts: kept outside of them, bound to what they contained.

A workspace is untrusted until the user says otherwise, and again as soon as one byte of the
files that can influence us differs from what was approved. Nothing in a workspace takes part
in the decision; those files are only hashed here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, cast

from polypilot import paths
from polypilot.errors import UserError
from polypilot.workspace.roots import locate
from polypilot.workspace.trust_files import Influence, influences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

CONTENT: tuple[str, ...] = (".polypilot.toml",)
"""Files of a workspace with settings, below its root; `trust_files` finds the others that can
influence us."""
_MAX_CONTENT = 1_000_000
_MAX_STORE = 10_000_000
_VERSION = 1
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

_Entries = dict[str, dict[str, str]]


class TrustError(UserError):
    """A decision about trust could not be kept."""

    code = "trust"


class Trust(StrEnum):
    """What is known about a workspace. Only TRUSTED is trusted."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    CHANGED = "changed"
    """It was trusted, and what was approved is not what it contains now."""


class TrustStore:
    """The decisions, in one private file.

    A store that can't be read, is damaged, or that others may write to counts as empty:
    everything is untrusted and the server goes on.
    """

    def __init__(self, file: Path | None = None, *, content: tuple[str, ...] = CONTENT) -> None:
        self._file = file
        self._content = content

    @property
    def file(self) -> Path:
        """Where the decisions are kept."""
        return self._file or paths.data_dir() / "trust.json"

    def state(self, root: str) -> Trust:
        """Whether the workspace at ``root`` (a path or URI) is trusted as it is now."""
        return self.approved(root)[0]

    def approved(self, root: str) -> tuple[Trust, tuple[Influence, ...]]:
        """`state`, and of a trusted workspace its commands and instructions, as approved.

        Use these and read no file again: it may have changed since.
        """
        real = _real(root)
        if real is None or self._holds_store(real):
            return Trust.UNTRUSTED, ()
        entry = self._entries().get(real)
        if entry is None:
            return Trust.UNTRUSTED, ()
        found = influences(real)
        digest = self._digest(real, found)
        if digest and digest == entry.get("digest"):
            return Trust.TRUSTED, found
        return Trust.CHANGED, ()

    def trusted(self, root: str) -> bool:
        """Whether the workspace is trusted as it is now."""
        return self.state(root) is Trust.TRUSTED

    def digest(self, root: str) -> str | None:
        """A digest of what trusting ``root`` would allow; None if that can't be read.

        Show the user the files it covers, and hand it to `trust` unchanged: then what is
        approved is what was seen.
        """
        real = _real(root)
        return None if real is None else self._digest(real, influences(real))

    def _digest(self, real: str, found: Sequence[Influence]) -> str | None:
        digest = hashlib.sha256()
        for name in self._content:
            try:
                raw = _read(Path(real, name), _MAX_CONTENT, follow=True)
            except FileNotFoundError:
                raw = None
            except (OSError, ValueError):
                return None
            body = "absent" if raw is None else hashlib.sha256(raw).hexdigest()
            digest.update(f"{name}\0{body}\0".encode())
        for each in found:
            body = each.fault if each.raw is None else hashlib.sha256(each.raw).hexdigest()
            digest.update(f"{each.name}\0{body}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def trust(self, root: str, digest: str) -> None:
        """Records that the user trusts ``root`` with the content ``digest``.

        Raises:
            TrustError: it can't be kept, or the folder holds our own data.
        """
        real = _real(root)
        if real is None or not digest:
            raise TrustError("there is no such folder, or its .polypilot.toml can't be read")
        if self._holds_store(real):
            raise TrustError(
                "this folder contains Polypilot's own data and can't be trusted",
                cure="open a folder that does not contain your home folder",
            )

        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

        def add(entries: _Entries) -> None:
            entries[real] = {"digest": digest, "at": when}

        self._change(add)

    def distrust(self, root: str) -> None:
        """Forgets that ``root`` was trusted.

        Raises:
            TrustError: the decision can't be kept.
        """
        real = _real(root)
        if real is not None and real in self._entries():
            self._change(lambda entries: entries.pop(real, None))

    def contents(self, root: str) -> tuple[str, ...]:
        """Which of the files that trust is about the workspace has."""
        real = _real(root)
        if real is None:
            return ()
        settings = (name for name in self._content if os.path.lexists(Path(real, name)))
        others = (each.name for each in influences(real) if each.raw is not None)
        return tuple(dict.fromkeys((*settings, *others)))

    # -- the file ------------------------------------------------------------------------

    def _holds_store(self, real: str) -> bool:
        return Path(os.path.realpath(self.file)).is_relative_to(real)

    def _change(self, edit: Callable[[_Entries], object]) -> None:
        file = self.file
        try:
            paths.ensure_private(file.parent)
            with paths.exclusive(file):
                entries = self._entries(keep_damaged=True)
                edit(entries)
                text = json.dumps({"version": _VERSION, "roots": entries}, indent=1, sort_keys=True)
                paths.write_private(file, text.encode())
        except (OSError, TimeoutError) as error:
            raise TrustError(
                f"the decision could not be saved ({getattr(error, 'strerror', None) or 'busy'})",
                cure=f"check that {file.parent} can be written to",
            ) from None

    def _entries(self, *, keep_damaged: bool = False) -> _Entries:
        file = self.file
        try:
            return _parsed(_read(file, _MAX_STORE, follow=False))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("trust decisions are not used: %r: %s", str(file), type(error).__name__)
            if keep_damaged:
                file.replace(file.with_name(f"{file.name}.damaged"))
            return {}


def _real(root: str) -> str | None:
    place = locate(root)
    if place.path is None or not place.readable or place.fault:
        return None
    try:
        real = os.path.realpath(place.path)
        return real if Path(real).is_dir() else None
    except (OSError, ValueError):  # a name that is too long, for one
        return None


def _read(file: Path, limit: int, *, follow: bool) -> bytes:
    """A regular file's bytes; without ``follow`` only if it is the user's own and private.

    Raises:
        OSError: it can't be read.
        ValueError: it is no regular file, too big, or others may write to it.
    """
    info = file.stat() if follow else file.lstat()
    if not stat.S_ISREG(info.st_mode) or info.st_size > limit:
        raise ValueError("not a regular file, or too big")
    flags = _FLAGS if follow else _FLAGS | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(file, flags | getattr(os, "O_BINARY", 0)), "rb") as stream:
        info = os.fstat(stream.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise ValueError("not a regular file")
        if not follow and sys.platform != "win32":
            _check_owner(info)
        raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise ValueError("too big")
    return raw


def _check_owner(info: os.stat_result) -> None:
    if sys.platform != "win32" and (info.st_uid != os.geteuid() or info.st_mode & 0o022):
        raise ValueError("others may write to it")


def _parsed(raw: bytes) -> _Entries:
    """The decisions in the store's text.

    Raises:
        ValueError: it is damaged, or of a later version.
    """
    try:
        tree: object = json.loads(raw)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(tree, dict):
        raise ValueError("not a table")  # noqa: TRY004 - damage like any other
    table = cast("dict[str, object]", tree)
    roots = table.get("roots")
    if table.get("version") != _VERSION or not isinstance(roots, dict):
        raise ValueError("another version")
    entries: _Entries = {}
    for root, entry in cast("dict[str, object]", roots).items():
        if isinstance(entry, dict):
            pairs = cast("dict[str, object]", entry).items()
            entries[root] = {key: value for key, value in pairs if isinstance(value, str)}
    return entries
