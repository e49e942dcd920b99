"""One place's looks at the disk: one at a time, in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.errors import trace
from polypilot.tasks import start_blocking
from polypilot.workspace.gate_outgoing import ExcludedError, Verdict
from polypilot.workspace.gate_read import Content, read_content
from polypilot.workspace.roots import Root, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from polypilot.workspace.gate_policy import Policy

log = logging.getLogger(__name__)

PATIENCE = 0.05
"""Seconds after which a look is late."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at."""

    uri: str
    opened: bool
    """Whether the editor has it open."""
    notebook: str = ""
    """The notebook that it is a cell of, which must be allowed as well."""
    read: bool = False
    """Whether what is in the file is wanted too."""

    def serves(self, other: Wanted) -> bool:
        """Whether a look for this one answers the other."""
        return self == other or (self.read and replace(self, read=False) == other)

    @property
    def path(self) -> str | None:
        """Where on disk it is; None: nowhere."""
        return locate(self.uri).path or (locate(self.notebook).path if self.notebook else None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look has found."""

    wanted: Wanted
    roots: frozenset[Root]
    """The workspace roots it went by."""
    verdict: Verdict
    state: str
    """Changes with anything that decides about the document."""
    content: Content | None = None
    """The file's, if it was wanted and may be sent."""
    unread: str = ""
    """Why there is none."""


def see(policy: Policy, wanted: Wanted, max_file_bytes: int) -> Seen:
    """Looks; blocks for as long as the disk does."""
    roots = frozenset(policy.roots)
    verdict = policy.judge(wanted.uri, opened=wanted.opened)
    if wanted.notebook and verdict.allowed:
        verdict = policy.judge(wanted.notebook, opened=True)
    seen = Seen(wanted, roots, verdict, verdict.policy or f"{policy.state} {verdict.rule}")
    if not wanted.read or not verdict.allowed:
        return seen
    try:
        real, info = policy.file_of(locate(wanted.uri))
        return replace(seen, content=read_content(real, info, max_file_bytes))
    except ExcludedError as error:
        return replace(seen, unread=error.message)


class Lane:
    """The looks at one root, one at a time. What is wanted meanwhile goes into the next."""

    def __init__(
        self, name: str, policy: Policy, max_file_bytes: int, keep: Callable[[Seen], Seen]
    ) -> None:
        self.policy = policy
        """Only for those who hold ``lock``: what it caches is not made for two threads."""
        self.lock = threading.Lock()
        self.outdated = False
        """Whether an ignore file has changed since the running look began."""
        self._name = name
        self._max_file_bytes = max_file_bytes
        self._keep = keep
        self._waiting: dict[Wanted, asyncio.Future[Seen | None]] = {}
        self._began: float | None = None

    @property
    def busy(self) -> bool:
        """Whether a look is on its way."""
        return self._began is not None

    @property
    def taken(self) -> float:
        """Seconds for which the running look has been on its way; 0 without one."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    @property
    def late(self) -> bool:
        """Whether a look has been on its way for long."""
        return self.taken > PATIENCE

    def ask(self, wanted: Iterable[Wanted]) -> Mapping[Wanted, asyncio.Future[Seen | None]]:
        """Looks, in a look that has not begun yet; None: it failed."""
        loop = asyncio.get_running_loop()
        asked: dict[Wanted, asyncio.Future[Seen | None]] = {}
        for each in wanted:
            asked[each] = self._waiting.setdefault(each, loop.create_future())
        if not self.busy:
            self._start()
        elif self.late:
            log.info("the disk does not answer below %r", self._name)
        return asked

    def _start(self) -> None:
        batch, self._waiting = self._waiting, {}
        self.outdated = False
        self._began = time.monotonic()
        try:
            look = start_blocking(self._look, tuple(batch))
        except RuntimeError:  # the system gives no more threads
            self._began = None
            for future in batch.values():
                future.set_result(None)
            return
        look.add_done_callback(lambda done: self._ended(batch, done))

    def _look(self, batch: tuple[Wanted, ...]) -> dict[Wanted, Seen]:
        """In the other thread."""
        with self.lock:
            return {each: see(self.policy, each, self._max_file_bytes) for each in batch}

    def _ended(
        self,
        batch: Mapping[Wanted, asyncio.Future[Seen | None]],
        look: asyncio.Future[dict[Wanted, Seen]],
    ) -> None:
        self._began = None
        found: dict[Wanted, Seen] = {}
        failure = look.exception()
        if failure is None:
            found = look.result()
        else:
            log.error("a look at the disk failed: %s", trace(failure))
        for each, future in batch.items():
            seen = found.get(each)
            if seen is not None and not self.outdated:
                self._keep(seen)
            if not future.done():
                future.set_result(seen)
        if self._waiting:
            self._start()
