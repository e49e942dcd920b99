"""Which providers have a key: a small private file without any key.

It lets ``auth list`` and the status answer without touching the keyring, which may prompt,
and it tells a running server that another process has stored or removed a key.
"""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

from polypilot import paths

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

Signature = tuple[int, int, int] | None
_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class StoredKey:
    """That there is a key, for one provider at one origin."""

    provider: str
    origin: str
    account: str = ""
    """The name the user gave it, of several for the same provider; empty: it has none."""

    @property
    def username(self) -> str:
        """What the keyring knows it by. No provider's id has a slash, so none is another's."""
        account = f"/{self.account}" if self.account else ""
        return f"{self.provider}{account}@{self.origin}"

    def like(self, other: StoredKey) -> bool:
        """Whether only the case of its name tells it from ``other``.

        Windows' Credential Locker takes the two for the same.
        """
        return self != other and self.username.lower() == other.username.lower()

    def tree(self) -> dict[str, str]:
        """As it stands in the file. One without a name does as before there were names."""
        return {name: text for name, text in asdict(self).items() if text or name != "account"}


class Index:
    """The file. All methods block for as long as the disk does."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where it is; need not exist."""
        return self._path or paths.data_dir() / "keys.json"

    def read(self) -> tuple[StoredKey, ...]:
        """What is listed. A file that is missing or broken lists nothing."""
        try:
            with self.path.open("rb") as file:
                tree = json.loads(file.read(_LIMIT))
            entries = cast("list[dict[str, object]]", tree["keys"])
            found = {
                StoredKey(str(each["provider"]), str(each["origin"]), str(each.get("account", "")))
                for each in entries
            }
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
            log.warning("the index of stored keys can't be read (%s)", type(exc).__name__)
            return ()
        return tuple(sorted(found))

    def signature(self) -> Signature:
        """Changes whenever the file does; None without a file."""
        with contextlib.suppress(OSError):
            info = self.path.stat()
            return (info.st_ino, info.st_mtime_ns, info.st_size)
        return None

    def change(self, entry: StoredKey, *, present: bool) -> None:
        """List ``entry``, or take it off. Written even if nothing changes: the file's new
        time is what tells other processes that a key was replaced.

        A disk that can't be written costs the listing, not the key: it is only logged.
        """  # noqa: D205  (one sentence)
        try:
            paths.ensure_private(self.path.parent)
            with paths.exclusive(self.path):
                entries = {*self.read(), entry} if present else {*self.read()} - {entry}
                tree = {"version": 1, "keys": [each.tree() for each in sorted(entries)]}
                paths.write_private(self.path, json.dumps(tree, indent=1).encode() + b"\n")
        except OSError as exc:
            log.warning("the index of stored keys can't be written (%s)", type(exc).__name__)
