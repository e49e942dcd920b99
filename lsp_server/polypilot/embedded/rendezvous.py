"""Where the editors' servers and a model's process find each other.

For each model file there are, in a 0700 folder:

- ``KEY.alive``: locked by the process for as long as it lives, loading included; the system
  itself lets go when it dies
- ``KEY.json``: 0600; port, process id and the random key, once it can be asked, or why it
  could not start
- ``KEY.used``: touched by everyone who asks for the endpoint, so that a process about to end
  for idleness sees it
- ``KEY.log``: 0600; what the runtime printed while it loaded
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast

from polypilot.embedded.locks import FileLock
from polypilot.paths import write_private

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)  # Windows has neither the flag nor the risk


@dataclass(frozen=True, slots=True)
class Running:
    """A process that can be asked."""

    pid: int
    port: int
    key: str

    def __repr__(self) -> str:
        return f"Running(pid={self.pid}, port={self.port})"


@dataclass(frozen=True, slots=True)
class Failed:
    """A process that could not start: an EmbeddedError's words."""

    code: str
    message: str


class Rendezvous:
    """The meeting point of one model file.

    Args:
        folder: a 0700 folder.
        name: the model's id, to recognise the files by.
        model: the model's file. A replaced file is another model.
    """

    def __init__(self, folder: Path, name: str, model: Path) -> None:
        info = model.stat()
        identity = f"{model.resolve()}|{info.st_size}|{info.st_mtime_ns}"
        digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        slug = re.sub(r"[^a-z0-9.-]+", "-", name.lower())[:40]
        self.folder = folder
        self.key = f"model-{slug}-{digest}"
        self.alive = FileLock(folder / f"{self.key}.alive")
        self.state = folder / f"{self.key}.json"
        self.used = folder / f"{self.key}.used"
        self.log = folder / f"{self.key}.log"

    def publish(self, state: Running | Failed) -> None:
        """Tell everyone. Raises OSError."""
        kind = "running" if isinstance(state, Running) else "failed"
        write_private(
            self.state, json.dumps({"format": _FORMAT, kind: asdict(state)}).encode("utf-8")
        )

    def read(self) -> Running | Failed | None:
        """What has been told last; None if nothing, or nothing that can be understood."""
        try:
            found: object = json.loads(self.state.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        state = cast("dict[str, object]", found)
        if state.get("format") != _FORMAT:
            return None
        try:
            if "running" in state:
                fields = cast("dict[str, object]", state["running"])
                return Running(
                    int(str(fields["pid"])), int(str(fields["port"])), str(fields["key"])
                )
            fields = cast("dict[str, object]", state["failed"])
            return Failed(str(fields["code"]), str(fields["message"]))
        except (KeyError, TypeError, ValueError):
            return None

    def clear(self) -> None:
        """Forget what has been told."""
        self.state.unlink(missing_ok=True)

    def touch(self) -> None:
        """Someone wants the process."""
        fd = os.open(self.used, os.O_WRONLY | os.O_CREAT | _NOFOLLOW, 0o600)
        try:
            os.utime(fd if os.utime in os.supports_fd else self.used)
        finally:
            os.close(fd)

    def last_touch(self) -> int:
        """When someone last wanted it (nanoseconds of the file's clock)."""
        try:
            return self.used.stat().st_mtime_ns
        except OSError:
            return 0
