"""One fetching of a model: what is told of its progress, and how it is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from polypilot.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

CHUNK = 1 << 18

Phase = Literal["waiting", "connect", "download", "verify", "done"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetching is. ``done`` never goes back, except when a file was refused."""

    phase: Phase
    """``waiting``: another process is fetching the same model."""
    source: str
    """Where from, in the user's words; empty while none is asked."""
    done: int
    """Bytes there (downloaded, or verified)."""
    total: int
    """Bytes of the whole file."""


class SourceFailed(Exception):  # noqa: N818  (reads as what happened)
    """This source did not deliver; the next may. Its text is for the user."""


class Source(Protocol):
    """Where a model file comes from."""

    @property
    def name(self) -> str:
        """In the user's words."""
        ...

    @property
    def scratch(self) -> int:
        """Bytes of disk it needs for itself meanwhile."""
        ...

    def chunks(self, offset: int, transfer: Transfer) -> Iterator[bytes]:
        """The file's bytes from ``offset`` on.

        Raises:
            SourceFailed: it has not got the file, or not this one, or broke off.
            EmbeddedError: ``cancelled``, ``disk_full``.
        """
        ...


class Transfer:
    """The listener and the stop button of one fetching."""

    def __init__(
        self,
        total: int,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.total = total
        self._progress = progress
        self._cancel = cancel
        self._last: Progress | None = None
        self._high = 0

    def report(self, phase: Phase, source: str, done: int) -> None:
        """Tell the listener, unless nothing is new, and stop here if the user said so.

        Bytes that are read a second time (out of a wheel) do not move the bar back.
        """
        self.check()
        if phase == "download":
            self._high = done = max(self._high, min(done, self.total))
        now = Progress(phase, source, done, self.total)
        if self._progress is not None and now != self._last:
            self._last = now
            self._progress(now)

    def restart(self) -> None:
        """What had arrived was refused: the download begins again at 0."""
        self._high = 0

    def check(self) -> None:
        """Raise ``cancelled`` if the user said so."""
        if self._cancel is not None and self._cancel.is_set():
            raise EmbeddedError(
                "the download was stopped",
                code="cancelled",
                cure="`polypilot models pull` goes on where it stopped",
            )
