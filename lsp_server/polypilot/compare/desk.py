"""One target at work: a backend of its own over a copy of the repository."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.backend import Backend
from polypilot.backend.file_completion import language_of
from polypilot.completion.values import Ended, Requested
from polypilot.tasks import run_blocking
from polypilot.workspace.documents import Position
from polypilot.workspace.roots import uri_of
from polypilot_providers.action import Failed
from polypilot_providers.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from polypilot.compare.targets import Target
    from polypilot.compare.values import Task, Way
    from polypilot.completion.values import EngineEvent
    from polypilot_providers.errors import ProviderError

OPEN_S = 60.0
"""For the settings and a model file's header on a slow disk."""
SETTLE_S = 20.0
"""For reading what other files have to say; an editor's user has had them open for a while."""
_SIBLINGS = 6
"""Documents that are open beside the one that is completed, as in a user's editor."""
_SIBLING_BYTES = 200_000


def place(task: Task) -> Position:
    """The task's cursor, in code points."""
    lines = task.prefix.split("\n")
    return Position(len(lines) - 1, len(lines[-1]))


@dataclass(slots=True)
class Heard:
    """What the engine and the router have told of one question."""

    requested: bool = False
    ended: Ended | None = None
    failures: list[ProviderError] = field(default_factory=list["ProviderError"])
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def limited(self) -> int:
        """How often the supplier said that a limit was reached."""
        return sum(isinstance(error, RateLimited) for error in self.failures)

    def take(self, event: EngineEvent | Failed) -> None:
        """Keep what matters here."""
        match event:
            case Requested():
                self.requested = True
            case Ended():
                self.ended = event
                self.done.set()
            case Failed():
                self.failures.append(event.error)
            case _:
                pass


_HEARD: ContextVar[Heard | None] = ContextVar("heard", default=None)
"""Requests run in tasks that begin in the context of the one that asks."""


def _hear(event: EngineEvent | Failed) -> None:
    if (heard := _HEARD.get()) is not None:
        heard.take(event)


class Desk:
    """A backend in which one target answers, one question at a time."""

    def __init__(self, target: Target, way: Way, backend: Backend, tree: Path) -> None:
        self.target = target
        self.way = way
        self.backend = backend
        self._tree = tree
        backend.listen(_hear)

    @classmethod
    async def open(
        cls, target: Target, way: Way, tree: Path, env: Mapping[str, str] | None = None
    ) -> Desk:
        """Read the settings with this target in its place.

        Raises:
            EmbeddedError: the target's model is not there.
            TimeoutError: the disk hangs.
        """

        def opened() -> Backend:
            return Backend.open(
                editor_settings=target.settings(way),
                roots=[tree],
                env=env,
                embedded=target.runs(),
            )

        # Its parts belong to the loop's thread from their first work on, which comes later.
        backend = await run_blocking(opened, timeout=OPEN_S, name="backend")
        return cls(target, way, backend, tree)

    @property
    def local(self) -> bool:
        """Whether it is asked on this machine, where requests are in each other's way."""
        return self.backend.loaded.is_local(self.target.provider)

    @contextlib.asynccontextmanager
    async def document(self, task: Task) -> AsyncGenerator[str]:
        """The task's file with its hole, open among its neighbours; yields its URI."""
        documents = self.backend.documents
        uri = self.uri(task.path)
        language = task.language or language_of(Path(task.path))
        neighbours = await run_blocking(
            self._neighbours, task.path, timeout=OPEN_S, name="neighbours"
        )
        for path, text in neighbours:
            documents.open(self.uri(path), language, 1, text)
        documents.open(uri, language, 1, task.prefix + task.suffix)
        try:
            await self.backend.gate.look([uri], SETTLE_S)
            await self.backend.settle(uri, place(task), SETTLE_S)
            yield uri
        finally:
            for name in (uri, *(self.uri(path) for path, _ in neighbours)):
                self.backend.engine.close(name)
                documents.close(name)

    def uri(self, path: str) -> str:
        """Of a file of the repository."""
        return uri_of(str(self._tree / path))

    def _neighbours(self, path: str) -> list[tuple[str, str]]:
        """Files beside a file, of its language, the same ones for every target. Blocks."""
        file = self._tree / path
        found: list[tuple[str, str]] = []
        with contextlib.suppress(OSError):
            for each in sorted(file.parent.glob(f"*{file.suffix}")):
                if each == file or each.is_symlink() or len(found) == _SIBLINGS:
                    continue
                if each.is_file() and each.stat().st_size <= _SIBLING_BYTES:
                    text = each.read_bytes().decode("utf-8-sig", "replace")
                    found.append((each.relative_to(self._tree).as_posix(), text))
        return found

    @contextlib.contextmanager
    def hearing(self) -> Generator[Heard]:
        """What is told of the question that is asked inside."""
        heard = Heard()
        token = _HEARD.set(heard)
        try:
            yield heard
        finally:
            _HEARD.reset(token)

    async def aclose(self) -> None:
        """End what runs, and close every connection."""
        await self.backend.aclose()
