"""Keeps the indices of the open roots up to date: orders to the process, reports from it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.errors import trace
from polypilot.workspace.index.judging import Rules
from polypilot.workspace.index.values import Phase, State
from polypilot.workspace.index.wire import Report, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from polypilot.workspace.gate_policy import Privacy
    from polypilot.workspace.index.process import Indexer
    from polypilot.workspace.index.wire import Order
    from polypilot.workspace.roots import Root, Roots

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 15.0
"""Seconds after which a process that ended by itself is started again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not indexed beyond."""

    file_bytes: int = 2_000_000
    """As the gate: what it does not send is not found."""
    files: int = 500_000
    """Of one root."""
    bytes: int = 4_000_000_000
    """Of one root's database."""


@dataclass(slots=True)
class Known:
    """What is known of one root's index."""

    root: Root
    state: State
    served: int = 0
    sent: int = 0
    scanned_at: float = float("-inf")
    """When the last look at everything was asked for."""
    rules: tuple[object, ...] = ()
    """What that look went by."""
    was_ready: bool = False
    """Whether it has been finished since we know of it; a later look takes nothing away."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, at every report."""


class Keeper:
    """The indices of one server. For the event loop's thread."""

    def __init__(
        self,
        folder: Callable[[], Path],
        privacy: Callable[[], Privacy],
        roots: Callable[[], Roots],
        limits: Limits,
        *,
        rescan_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._privacy = privacy
        self._roots = roots
        self._limits = limits
        self._rescan_seconds = rescan_seconds
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._indexer: Indexer | None = None
        self._ended_at = float("-inf")
        self._closed = False
        self._serial = 0
        """Of the last order; counted over all roots, so that none is taken for another's."""
        self.listeners: list[Callable[[State], None]] = []

    @property
    def pid(self) -> int | None:
        """The number of the process, if one runs."""
        return self._indexer.pid if self._indexer else None

    def file(self, root: Root) -> Path:
        """A root's database."""
        from polypilot.workspace.index.store import file_of  # noqa: PLC0415  (SQLite: on demand)

        return file_of(self._folder(), root.real)

    def known(self, root: Root) -> Known:
        """What is known of a root; nothing is started."""
        known = self._known.get(root.path)
        if known is None or known.root != root:
            known = self._known[root.path] = Known(root, State(root.path))
        return known

    # -- orders --------------------------------------------------------------------------

    def want(self, root: Root) -> Known:
        """Has the root's index made, or looked over when the last look was long ago."""
        known = self.known(root)
        self._drop_closed()
        due = self._clock() - known.scanned_at > self._rescan_seconds
        other_rules = known.rules != self._goes_by()
        if other_rules or (due and not known.state.working):
            self.scan(known)
        return known

    def scan(self, known: Known, order: Order = "scan") -> None:
        """Has everything looked at."""
        if self._send(known, order):
            known.scanned_at = self._clock()
            known.rules = self._goes_by()

    def changed(self, paths: Iterable[str]) -> None:
        """Has files looked at; of roots that nobody has searched, nothing is known yet."""
        every = list(paths)
        for known in tuple(self._known.values()):
            below = tuple(path for path in every if known.root.relative(path))
            if below and known.sent and self._indexer is not None:
                self._send(known, "update", below)

    def forget(self, known: Known, *, delete: bool) -> None:
        """Has the work stopped, and the database deleted."""
        if self._indexer is not None or delete:
            self._send(known, "forget", delete=delete)
        known.scanned_at, known.was_ready = float("-inf"), False

    async def served(self, known: Known, timeout: float) -> bool:  # noqa: ASYNC109  (a budget)
        """Waits until all that was asked for has been done; False: it took longer, or failed."""
        wanted = known.sent
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while known.served < wanted and self._indexer is not None:
            left = end - loop.time()
            news = known.news
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                return False
        return known.served >= wanted and self._indexer is not None

    async def aclose(self) -> None:
        """Ends the process."""
        self._closed = True
        indexer, self._indexer = self._indexer, None
        if indexer is not None:
            await indexer.aclose()

    # -- inside --------------------------------------------------------------------------

    def _goes_by(self) -> tuple[object, ...]:
        privacy = self._privacy()
        paths = tuple(sorted(root.path for root in self._roots()))
        return tuple(privacy.exclude), privacy.use_gitignore, paths

    def _drop_closed(self) -> None:
        """Stops work for folders that the user has closed."""
        opened = {root.path for root in self._roots()}
        for path in [path for path in self._known if path not in opened]:
            self.forget(self._known.pop(path), delete=False)

    def _send(
        self, known: Known, order: Order, paths: tuple[str, ...] = (), *, delete: bool = False
    ) -> bool:
        indexer = self._running()
        if indexer is None:
            return False
        root, limits = known.root, self._limits
        privacy = self._privacy()
        self._serial = known.sent = self._serial + 1
        indexer.send(
            Wish(
                order,
                known.sent,
                root.path,
                root.real,
                str(self.file(root)),
                tuple(each.path for each in self._roots()),
                Rules(tuple(privacy.exclude), privacy.use_gitignore, privacy.redact_secrets),
                paths,
                delete,
                limits.file_bytes,
                limits.bytes,
                limits.files,
            )
        )
        return True

    def _running(self) -> Indexer | None:
        """The process, started if there is none; None right after one has ended by itself."""
        if self._closed:
            return None
        if self._indexer is None and self._clock() - self._ended_at > _AGAIN_SECONDS:
            from polypilot.workspace.index.process import Indexer  # noqa: PLC0415  (on demand)

            self._indexer = Indexer(self._reported, self._ended)
        return self._indexer

    def _reported(self, report: Report) -> None:
        known = self._known.get(report.root)
        if known is None or self._closed:
            return
        known.served = max(known.served, report.served)
        phase = Phase(report.phase)
        stays = phase not in {Phase.IDLE, Phase.FAILED}
        known.was_ready = phase is Phase.READY or (known.was_ready and stays)
        self._tell(known, State(report.root, phase, report.done, report.total, _problem(report)))

    def _ended(self, indexer: Indexer) -> None:
        if indexer is not self._indexer:
            return
        self._indexer = None
        self._ended_at = self._clock()
        for known in self._known.values():
            known.scanned_at = float("-inf")
            problem = "the process that builds the index ended; the next search starts it again"
            self._tell(known, State(known.root.path, Phase.FAILED, problem=problem))

    def _tell(self, known: Known, state: State) -> None:
        known.state = state
        news, known.news = known.news, asyncio.Event()
        news.set()
        for listener in tuple(self.listeners):
            try:
                listener(state)
            except Exception as error:  # noqa: BLE001  (a face's failure is not the index's)
                log.warning("a listener failed: %s", trace(error))


def _problem(report: Report) -> str:
    """A report's trouble, and what helps, in the user's words."""
    match report.trouble:
        case "":
            return ""
        case "full":
            return (
                "there is no room for the index of the workspace, so only a part can be searched:"
                " free some disk space, or exclude big folders (privacy.exclude)"
            )
        case "many":
            return (
                f"the workspace has too many files; the first {report.detail} can be searched:"
                " open a smaller folder, or exclude some (privacy.exclude)"
            )
        case _:
            return f"the index of the workspace could not be made ({report.detail})"
