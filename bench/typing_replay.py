"""A typist: who types real text with a person's gaps, and what is counted meanwhile."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from typing_editor import Document, Key
from typing_oracle import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_oracle import Served
    from typing_server import Memory, Server

MODULES = ("textwrap", "shlex", "graphlib")
"""What is typed by default: modules of the standard library."""
READING = 0.3
"""Seconds in which one sees that a suggestion is right."""
REST = 1.2
"""Seconds after opening a document, and before the answers are counted."""
NEVER = 40.0
"""Seconds after the last key in which every ask must have been answered."""

Where = Literal["middle", "end"]


class Typist(Protocol):
    """Whoever is typed with: an editor with our server, or the baseline."""

    async def begin(self, before: str, behind: str) -> None:
        """Take another document."""
        ...

    def type(self, char: str) -> Key:
        """Press a key, and ask."""
        ...

    def take(self, key: Key) -> Key:
        """Accept what a key was answered with, and ask again."""
        ...

    async def settle(self) -> None:
        """Wait until all that can be answered has been."""
        ...


class Editor:
    """An editor with our server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self._documents = 0
        self._document: Document | None = None

    async def begin(self, before: str, behind: str) -> None:
        """Open another document."""
        if self._document is not None:
            self._document.close()
        self._documents += 1
        uri = (self._folder / f"typed_{self._documents}.py").as_uri()
        self._document = Document(self.server, uri, before, behind)

    @property
    def document(self) -> Document:
        """The document that is typed into."""
        assert self._document is not None, "begin() comes first"
        return self._document

    def type(self, char: str) -> Key:
        """Press a key, and ask."""
        self.document.insert(char)
        return self.document.ask()

    def take(self, key: Key) -> Key:
        """Accept what a key was answered with, and ask again."""
        self.document.take(key)
        return self.document.ask()

    async def settle(self) -> None:
        """Wait until all that can be answered has been, for a while."""
        await until(lambda: not self.server.waiting, NEVER)


async def until(ready: Callable[[], bool], seconds: float) -> None:
    """Wait for something that tells nobody when it comes, and not for ever."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not ready() and loop.time() < end:  # noqa: ASYNC110 - a bounded wait, with no event to wait on
        await asyncio.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of a file that is typed, and where."""

    name: str
    truth: str
    """The whole file, which the oracle knows."""
    before: str
    text: str
    """What is typed."""
    behind: str
    ahead: str
    """What one would type after that: nothing in the middle of a file."""

    def coming(self, key: Key) -> str:
        """What is yet to be typed after a key."""
        return (self.text + self.ahead)[len(key.before) - len(self.before) :]

    def agrees(self, key: Key, *, wholly: bool = False) -> bool:
        """Whether a key's answer is what is then typed; with ``wholly``, to the last blank."""
        text = key.text if wholly else key.text.rstrip()
        if not text.strip():
            return False
        coming = self.coming(key)
        again = key.behind[: key.eats]
        if again and not text.endswith(again):
            return False
        return coming.startswith(text[: len(text) - len(again)])


def region_of(name: str, truth: str, keys: int, where: Where) -> Region:
    """About ``keys`` characters from a function's beginning in the second third of a file."""
    start = truth.find("\n", len(truth) // 3) + 1
    for mark in ("    def ", "def "):
        if (at := truth.find(f"\n{mark}", len(truth) // 3)) >= 0:
            start = at + 1
            break
    end = truth.find("\n", min(start + keys, len(truth)) - 1)
    end = len(truth) if end < 0 else end
    before, text = truth[:start], truth[start:end]
    if where == "end":
        return Region(name, truth, before, text, "", truth[end:])
    # The line break before what follows is there already: one types into an empty line.
    return Region(name, truth, before, text, truth[end:], "")


def sources(files: Sequence[Path], *modules: str) -> list[tuple[str, str]]:
    """Name and text of what is typed: the files, or else modules of the standard library."""
    paths = list(files) or [_module(name) for name in modules or MODULES]
    return [(path.name, path.read_text(encoding="utf-8")) for path in paths]


def _module(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def gaps(kind: str, seed: int) -> Callable[[str], float]:
    """Seconds from a key to the next one, by the key: "real", or fixed in milliseconds."""
    if kind != "real":
        return lambda _: float(kind) / 1000
    draw = random.Random(seed)

    def real(char: str) -> float:
        if char == "\n":
            return draw.uniform(0.5, 0.8)
        if char.isalnum():
            return draw.lognormvariate(math.log(0.115), 0.25)
        return draw.uniform(0.16, 0.32)

    return real


@dataclass(slots=True)
class Typed:
    """What one replay gave."""

    region: Region
    keys: list[Key]
    accepted: int = 0
    """Characters that were not typed."""


async def replay(
    typist: Typist, region: Region, gap: Callable[[str], float], *, accept: bool
) -> Typed:
    """Type a region. With ``accept``, a suggestion that is right is taken as a whole."""
    loop = asyncio.get_running_loop()
    typed = Typed(region, [])
    await typist.begin(region.before, region.behind)
    await asyncio.sleep(REST)
    at, due, text = 0, loop.time(), region.text
    while at < len(text):
        newest = typed.keys[-1] if typed.keys else None
        if accept and newest is not None and _right(region, newest, len(text) - at):
            await asyncio.sleep(READING)
            key = typist.take(newest)
            at += len(newest.text)
            typed.accepted += len(newest.text)
            due = loop.time()
        else:
            key = typist.type(text[at])
            at += 1
        typed.keys.append(key)
        due += gap(text[at - 1])
        await asyncio.sleep(max(0.0, due - loop.time()))
        key.until = loop.time()
    await typist.settle()
    return typed


def _right(region: Region, key: Key, left: int) -> bool:
    """Whether one would take it: what is coming, no more than is left, and nothing replaced."""
    exact = not key.eats and len(key.text) <= left
    return exact and in_time(key) and region.agrees(key, wholly=True)


def in_time(key: Key) -> bool:
    """Whether it was answered before the next one."""
    return key.answered is not None and key.answered < key.until


@dataclass(slots=True)
class Figures:
    """One row: a way of typing, with one engine. Times in milliseconds."""

    engine: str
    gaps: str
    accept: bool
    keys: int = 0
    in_time: int = 0
    """Keys with an answer, before the next key, that is what was typed next."""
    other: int = 0
    """Keys with an answer before the next key that is not."""
    never: int = 0
    """Asks that were never answered."""
    failed: int = 0
    """Asks answered with an error."""
    # Of the requests to the provider; None: not known.
    requests: int | None = None
    aborted: int | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    generated_chars: int | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    accepted_chars: int = 0
    chars: int = 0
    rss: float | None = None
    pss: float | None = None


def figures(
    engine: str,
    kind: str,
    typed: Sequence[Typed],
    served: Sequence[Served],
    *,
    accept: bool,
    memory: Memory | None = None,
) -> Figures:
    """Count what some replays gave."""
    found = Figures(engine, kind, accept)
    took: list[float] = []
    for each in typed:
        found.chars += len(each.region.text)
        found.accepted_chars += each.accepted
        for key in each.keys:
            if not each.region.coming(key).strip():
                continue  # all is there, and nothing to suggest
            found.keys += 1
            found.never += key.answered is None
            found.failed += key.failed
            if key.answered is None or not key.text.strip() or not in_time(key):
                continue
            if each.region.agrees(key):
                found.in_time += 1
                took.append((key.answered - key.at) * 1000)
            else:
                found.other += 1
    found.requests = len(served)
    found.aborted = sum(request.aborted for request in served)
    found.prompt_tokens = sum(len(tokens(request.prompt)) for request in served)
    found.generated_tokens = sum(request.generated for request in served)
    found.generated_chars = sum(request.sent for request in served)
    found.p50, found.p90, found.p99 = (share(took, part) for part in (0.5, 0.9, 0.99))
    if memory is not None:
        found.rss, found.pss = memory.rss, memory.pss
    return found


def share(values: Sequence[float], part: float) -> float | None:
    """A percentile; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
