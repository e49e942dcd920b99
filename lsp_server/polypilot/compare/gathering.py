"""From a repository's files to those that tasks are made of: chosen, admitted, read and cut."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot.compare import eligible, withheld
from polypilot.compare.sampling import apportioned, shuffled
from polypilot.compare.sources import source_of
from polypilot.compare.test_files import PythonTests, is_test_file
from polypilot.tasks import start_blocking
from polypilot.workspace.git import GitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from polypilot.compare.folder import Folder
    from polypilot.compare.repository import Repository
    from polypilot.compare.repository_parts import Entry
    from polypilot.compare.sources import Source
    from polypilot.compare.wishes import Progress
    from polypilot.workspace.gate import Gate

_CUT = 20
"""Files that are cut in one go on a thread."""
_TESTS = 2_000
"""Test files that are read, at most."""


@dataclass(slots=True)
class Gathering:
    """Files on their way to tasks."""

    origin: Repository | Folder
    gate: Gate
    seed: str
    progress: Progress
    below: str = ""
    """Only files whose paths begin so."""
    skipped: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])
    shares: dict[str, float] = field(default_factory=dict[str, float])
    """Bytes of each language's files."""
    _entries: Sequence[Entry] = ()

    async def sources(self, wanted: int, cutoff: float | None) -> list[Source]:
        """About ``wanted`` files, each language by its share, newer ones likelier."""
        self._entries = [
            each for each in await self.origin.files() if each.path.startswith(self.below)
        ]
        fit = self._fit()
        dates = await self._dates()
        chosen = self._choose(fit, wanted, dates)
        texts = await self._texts(chosen)
        made: list[Source] = []
        for at in range(0, len(chosen), _CUT):
            batch = [each for each in chosen[at : at + _CUT] if each.path in texts]
            lines = {each.path: await self._lines(each, dates, cutoff) for each in batch}
            made += await start_blocking(self._cut, batch, texts, dates, lines)
            self.progress("reading files", min(at + _CUT, len(chosen)), len(chosen))
        return made

    async def python_tests(self) -> PythonTests:
        """The repository's test files for pytest; they are read, not sent."""
        found = [
            each
            for each in self._entries
            if each.regular and is_test_file(each.path) and each.size <= eligible.BIGGEST
        ]
        contents = await self.origin.contents(found[:_TESTS])
        texts = {path: eligible.decoded(data) for path, data in contents.items()}
        return await start_blocking(
            PythonTests, {path: text for path, text in texts.items() if text is not None}
        )

    async def admitted(self, paths: Iterable[str]) -> set[str]:
        """Those that the gate lets out."""
        return await withheld.admitted(self.gate, self.origin.top, paths)

    def holds_secret(self, text: str) -> bool:
        """Whether the gate would hide something in it."""
        return bool(self.gate.release(text).redactions)

    # -- inside --------------------------------------------------------------------------

    def _fit(self) -> list[Entry]:
        found: list[Entry] = []
        for each in self._entries:
            reason = (
                eligible.unfit_name(each.path, each.size) if each.regular else "links, not files"
            )
            if reason:
                self.skipped[reason] += 1
            else:
                found.append(each)
        return found

    def _choose(self, fit: Sequence[Entry], wanted: int, dates: Mapping[str, float]) -> list[Entry]:
        groups: dict[str, list[Entry]] = {}
        for each in fit:
            groups.setdefault(eligible.language(each.path), []).append(each)
        self.shares = {
            name: float(sum(each.size for each in groups[name])) for name in sorted(groups)
        }
        chosen: list[Entry] = []
        for name, quota in apportioned(wanted, self.shares).items():
            ordered = shuffled(
                groups[name], lambda each: dates.get(each.path), f"{self.seed}:files:{name}"
            )
            chosen += ordered[: max(1, quota)]
        return sorted(chosen, key=lambda each: each.path)

    async def _dates(self) -> Mapping[str, float]:
        try:
            return await self.origin.dates()
        except GitError as error:
            self.problems.append(f"when files were changed is not known: {error.message}")
            return {}

    async def _lines(
        self, each: Entry, dates: Mapping[str, float], cutoff: float | None
    ) -> tuple[float | None, ...]:
        """When its lines were changed; not asked where the whole file is older."""
        if cutoff is None or dates.get(each.path, 0.0) <= cutoff:
            return ()
        try:
            return await self.origin.line_dates(each.path)
        except GitError:
            return ()

    async def _texts(self, chosen: Sequence[Entry]) -> Mapping[str, str]:
        allowed = await self.admitted(each.path for each in chosen)
        self.skipped["excluded by the privacy settings"] += len(chosen) - len(allowed)
        read = [each for each in chosen if each.path in allowed]
        contents = await self.origin.contents(read)
        texts: dict[str, str] = {}
        for each in read:
            await asyncio.sleep(0)  # the scan for secrets is made here, where the gate is used
            text = eligible.decoded(contents.get(each.path, b"\0"))
            reason = self._unfit(text)
            if text is None or reason:
                self.skipped[reason] += 1
            else:
                texts[each.path] = text
        return texts

    def _unfit(self, text: str | None) -> str:
        if text is None:
            return "not UTF-8 text"
        return eligible.unfit_text(text) or ("secrets in them" if self.holds_secret(text) else "")

    def _cut(
        self,
        batch: Sequence[Entry],
        texts: Mapping[str, str],
        dates: Mapping[str, float],
        lines: Mapping[str, tuple[float | None, ...]],
    ) -> list[Source]:
        return [
            source_of(
                each.path,
                texts[each.path],
                self.seed,
                date=dates.get(each.path),
                lines=lines[each.path],
            )
            for each in batch
        ]
