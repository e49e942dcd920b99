"""The index as the rest of the server uses it: questions, news of changes, progress.

Nothing is read before somebody searches. From then on, a process of its own builds the index
and keeps it up to date; questions are asked in threads, with a limit of time. The text of a
hit is not kept: whoever uses it reads the file through the gate, which decides again.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, TypeVar

from polypilot.workspace.index.keeping import Keeper, Limits
from polypilot.workspace.index.targets import targets, within
from polypilot.workspace.index.values import Found, Hit, SearchError, State, Symbol
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from polypilot.workspace.gate_policy import Privacy
    from polypilot.workspace.index.asking import Asking
    from polypilot.workspace.index.keeping import Known
    from polypilot.workspace.roots import Root, Roots

RESCAN_SECONDS = 180.0
"""Age of the last look at a workspace after which a search asks for another one."""
BUDGET_SECONDS = 0.5
_DELETE_SECONDS = 10.0

_T = TypeVar("_T")


class WorkspaceIndex:
    """All roots' indices. For the event loop's thread."""

    def __init__(
        self,
        folder: Callable[[], Path],
        privacy: Callable[[], Privacy],
        roots: Callable[[], Roots],
        *,
        limits: Limits | None = None,
        rescan_seconds: float = RESCAN_SECONDS,
    ) -> None:
        """``folder`` is where the databases go, ``privacy`` and ``roots`` what the gate goes by.

        All three are asked whenever they are needed.
        """
        self._roots = roots
        self._keeper = Keeper(
            folder, privacy, roots, limits or Limits(), rescan_seconds=rescan_seconds
        )
        self._asking: Asking | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process that indexes, if one runs."""
        return self._keeper.pid

    # -- questions -----------------------------------------------------------------------

    async def search(
        self,
        words: str,
        root: str | None = None,
        limit: int = 20,
        budget_s: float = BUDGET_SECONDS,
    ) -> Found:
        """The lines that the words are in, the best first.

        An index that is being made for the first time is waited for, as long as the budget
        lasts; then what there is is searched.

        Args:
            words: Any words or identifiers; those with all come before those with some.
            root: Path or URI of a workspace root; all roots without.
            limit: The most hits.
            budget_s: Seconds that it may take.

        Raises:
            SearchError: ``unknown_root``, or ``no_fts``.
        """
        from polypilot.workspace.index import query  # noqa: PLC0415  (SQLite: on demand)

        end = time.monotonic() + budget_s
        roots = targets(self._roots(), root)
        known = await self._wanted(roots, end)
        # As it is now: what becomes ready while the question is answered was half made for it.
        problems = [each.state.problem if each.was_ready else each.state.remark for each in known]
        complete = all(each.was_ready for each in known)
        asked = [self._ask(each, query.search, (words, limit), end) for each in known]
        hits: list[Hit] = []
        for each, (places, problem) in zip(known, await asyncio.gather(*asked), strict=True):
            complete = complete and not problem
            problems.append(problem)
            hits += [
                Hit(
                    os.path.join(each.root.path, place.relative),  # noqa: PTH118 - strings
                    place.first,
                    place.last,
                    place.score,
                )
                for place in places or ()
            ]
        best = sorted(hits, key=lambda hit: -hit.score)[:limit]
        return Found(tuple(best), complete, next(filter(None, problems), ""))

    async def symbols(
        self,
        name: str,
        root: str | None = None,
        limit: int = 20,
        budget_s: float = BUDGET_SECONDS,
    ) -> tuple[Symbol, ...]:
        """Definitions called so: exactly, else in another case, as a beginning, by letters.

        ``Class.method`` finds the method in the class. Parameters and errors as `search`.
        """
        from polypilot.workspace.index import names  # noqa: PLC0415  (SQLite: on demand)

        end = time.monotonic() + budget_s
        known = await self._wanted(targets(self._roots(), root), end)
        asked = [self._ask(each, names.symbols, (name, limit), end) for each in known]
        found = [
            (row.rank, os.path.join(each.root.path, row.relative), row)  # noqa: PTH118 - strings
            for each, (rows, _) in zip(known, await asyncio.gather(*asked), strict=True)
            for row in rows or ()
        ]
        found.sort(key=lambda each: each[:2])
        return tuple(
            Symbol(row.name, row.kind, path, row.line, row.last) for _, path, row in found[:limit]
        )

    async def files(
        self,
        typed: str = "",
        root: str | None = None,
        limit: int = 50,
        budget_s: float = BUDGET_SECONDS,
    ) -> tuple[str, ...]:
        """Files whose path fits what was typed, the best first: paths below their root.

        With forward slashes. Only files that can be sent are named. Parameters and errors as
        `search`.
        """
        from polypilot.workspace.index import names  # noqa: PLC0415  (SQLite: on demand)

        end = time.monotonic() + budget_s
        known = await self._wanted(targets(self._roots(), root), end)
        asked = [self._ask(each, names.files, (typed, limit), end) for each in known]
        found = sorted(row for rows, _ in await asyncio.gather(*asked) for row in rows or ())
        return tuple(dict.fromkeys(path for _, path in found))[:limit]

    async def tree(
        self,
        root: str | None = None,
        max_entries: int = 400,
        depth: int = 12,
        budget_s: float = BUDGET_SECONDS,
    ) -> str:
        """Folders and files as an indented list; what is left out is counted.

        ``root`` may also be a folder below a root. With several roots and none named, each
        has a heading. Names with characters that can't be shown are escaped. Errors as
        `search`.
        """
        from polypilot.workspace.index import tree  # noqa: PLC0415  (SQLite: on demand)

        end = time.monotonic() + budget_s
        below = ""
        if root is None:
            roots = targets(self._roots(), None)
        else:
            found, below = within(self._roots(), root)
            roots = [found]
        known = await self._wanted(roots, end)
        share = max_entries // max(len(known), 1)
        asked = [self._ask(each, tree.tree, (below, share, depth), end) for each in known]
        texts = [text or "" for text, _ in await asyncio.gather(*asked)]
        if len(known) < 2:  # noqa: PLR2004  (one needs no heading)
            return "".join(texts)
        heads = [os.path.basename(each.root.path) for each in known]  # noqa: PTH119 - strings
        return "\n\n".join(f"{head}/\n{text}" for head, text in zip(heads, texts, strict=True))

    # -- news ----------------------------------------------------------------------------

    def saved(self, uri: str) -> None:
        """A file was saved; it is looked at within a moment."""
        path = locate(uri).path
        if path is not None:
            self._keeper.changed([path])

    def changed(self, paths: Iterable[str]) -> None:
        """Files or folders have appeared, changed, gone or been renamed (both names)."""
        self._keeper.changed(path for each in paths if (path := locate(each).path) is not None)

    def on_progress(self, listener: Callable[[State], None]) -> Callable[[], None]:
        """Has ``listener`` called with every new state; returns what ends that."""
        self._keeper.listeners.append(listener)

        def end() -> None:
            if listener in self._keeper.listeners:
                self._keeper.listeners.remove(listener)

        return end

    # -- state ---------------------------------------------------------------------------

    def state(self, root: str | None = None) -> State:
        """How far a root's index is; of the first root without a name. Starts nothing.

        Raises:
            SearchError: ``unknown_root``.
        """
        roots = targets(self._roots(), root)
        return self._keeper.known(roots[0]).state if roots else State("")

    async def kept(self, root: str | None = None) -> int | None:
        """How many files the index on the disk has; None: there is none. Starts nothing.

        Raises:
            SearchError: ``unknown_root``, ``no_fts``, or ``index_failed``: it can't be read.
        """
        from polypilot.workspace.index import asking  # noqa: PLC0415  (SQLite: on demand)

        files = [
            await asking.count(self._keeper.file(each)) for each in targets(self._roots(), root)
        ]
        found = [each for each in files if each is not None]
        return sum(found) if found else None

    async def ready(self, root: str | None = None, timeout: float = 60.0) -> bool:  # noqa: ASYNC109
        """Has the index made, and waits until it is as the disk is now; False: it is not.

        Raises:
            SearchError: ``unknown_root``, or ``no_fts``.
        """
        end = time.monotonic() + timeout
        known = [self._keeper.want(each) for each in targets(self._roots(), root)]
        done = [await self._keeper.served(each, end - time.monotonic()) for each in known]
        return all(done) and all(each.state.complete for each in known)

    async def rebuild(self, root: str | None = None) -> None:
        """Throws the index away and makes it again; returns at once.

        Raises:
            SearchError: ``unknown_root``.
        """
        for each in targets(self._roots(), root):
            self._keeper.scan(self._keeper.known(each), "rebuild")

    async def delete(self, root: str | None = None) -> None:
        """Deletes the index. The next search makes it again.

        Raises:
            SearchError: ``unknown_root``, or ``index_failed``: it could not be deleted.
        """
        for each in targets(self._roots(), root):
            known = self._keeper.known(each)
            self._keeper.forget(known, delete=True)
            if not await self._keeper.served(known, _DELETE_SECONDS) or known.state.problem:
                raise SearchError(
                    "the index could not be deleted",
                    cure=f"close other editors, or delete {str(self._keeper.file(each))!r}",
                )

    async def aclose(self) -> None:
        """Ends the process that indexes, within about a second. What it did stays."""
        await self._keeper.aclose()

    # -- inside --------------------------------------------------------------------------

    async def _wanted(self, roots: Iterable[Root], end: float) -> list[Known]:
        """The roots' indices, waited for where they have not been finished yet."""
        known = [self._keeper.want(each) for each in roots]
        for each in known:
            if not each.was_ready:
                await self._keeper.served(each, end - time.monotonic())
        return known

    async def _ask(
        self, known: Known, question: Callable[..., _T], arguments: tuple[object, ...], end: float
    ) -> tuple[_T | None, str]:
        """An answer from one root's database, or why there is none."""
        if self._asking is None:
            from polypilot.workspace.index.asking import Asking  # noqa: PLC0415  (on demand)

            self._asking = Asking(self._keeper)
        return await self._asking.ask(known, question, arguments, end)
