"""How soon a supplier is left by the whole server, typed into by a typist who changes course.

    python bench/abort_server.py [--rounds 6] [--keys 500] [--pace fast,typist]

A real server over stdio asks a supplier on loopback (see ``supplier``). The typist writes
lines: each begins as the supplier would have it or otherwise, leaves its text sooner or later,
and ends with a rest or with a cancel (Escape). At every key the request of the key before is
cancelled and a new one made, as editors do; ``fast`` is 60 keys a second, ``typist`` has gaps
like a person's (median 120 ms).

Counted is every request that nobody wanted any more while it ran: from the first moment at
which no ask was left that agreed with what the supplier had sent, to the end of its socket.
That is the key or the token which showed them to differ, or the cancel after which no key came.
A server is started anew for each round, or its cap on requests would hold back the typist.
Typist and supplier share an event loop, so every figure contains its turns.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import statistics
import string
import sys
import tempfile
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supplier import PIECES, Served, Supplier
from whole_server import whole_server

if TYPE_CHECKING:
    from collections.abc import Callable

SAID = "".join(PIECES)
GOAL = 0.25


@dataclass(frozen=True, slots=True)
class Key:
    """The newest ask from this moment on; None: it was cancelled and no other made."""

    at: float
    text: str | None


@dataclass(slots=True)
class Round:
    """What one server did."""

    keys: list[Key]
    served: list[Served]
    left_open: int


@dataclass(slots=True)
class Found:
    """Over all rounds of a pace."""

    keys: int = 0
    requests: int = 0
    whole: int = 0
    """Answered to the end."""
    early: int = 0
    """Left though somebody still wanted them."""
    useless: int = 0
    """Answered to the end though nobody wanted it any more."""
    never: int = 0
    """Not left at all."""
    waits: list[float] = field(default_factory=list[float])
    after: list[int] = field(default_factory=list[int])
    """Tokens sent after the moment, per request."""


class Typist:
    """An editor's side of a document that grows at its end."""

    def __init__(self, process: Any, uri: str, draw: random.Random) -> None:
        self.keys: list[Key] = []
        self._process = process
        self._uri = uri
        self._draw = draw
        self._text = ""
        self._version = 1
        self._asked: int | None = None
        process.open(uri, "")

    def key(self, char: str) -> None:
        """Cancel, change, ask: in one breath."""
        now = self._now()
        self._cancel()
        place = self._place()
        self._version += 1
        spot = {"text": char, "range": {"start": place, "end": place}}
        self._process.change(self._uri, self._version, spot)
        self._text += char
        document = {"uri": self._uri}
        params = {"textDocument": document, "position": self._place()}
        self._asked = self._process.start(
            "textDocument/inlineCompletion", {**params, "context": {"triggerKind": 2}}
        )
        self.keys.append(Key(now, self._text))

    def escape(self) -> None:
        """Cancel, and ask for nothing else."""
        self.keys.append(Key(self._now(), None))
        self._cancel()

    async def rest(self) -> None:
        """Wait for the answer."""
        await self._process.reply(self._asked)

    def line(self) -> str:
        """A line to type: for a while what the supplier says, in two of five."""
        draw = self._draw
        same = draw.randint(1, 30) if draw.random() < 0.4 else 0
        other = "".join(draw.choices(string.ascii_uppercase, k=draw.randint(6, 20)))
        return "\n" + SAID[:same] + other

    def _cancel(self) -> None:
        if self._asked is not None and not self._process.replies.to(self._asked):
            self._process.notify("$/cancelRequest", {"id": self._asked})
        self._asked = None

    def _place(self) -> dict[str, int]:
        start = self._text.rfind("\n") + 1
        return {"line": self._text.count("\n"), "character": len(self._text) - start}

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def fast(_draw: random.Random) -> float:
    return 1 / 60


def person(draw: random.Random) -> float:
    return min(0.6, max(0.03, draw.lognormvariate(math.log(0.12), 0.5)))


async def type_round(
    folder: Path, draw: random.Random, gap: Callable[[random.Random], float], count: int
) -> Round:
    async with (
        Supplier(draw) as supplier,
        whole_server(folder, supplier.base_url) as process,
    ):
        typist = Typist(process, (folder / "typed.py").as_uri(), draw)
        while len(typist.keys) < count:
            for char in typist.line():
                typist.key(char)
                await asyncio.sleep(gap(draw))
            if draw.random() < 0.5:
                typist.escape()
            else:
                await typist.rest()
            await asyncio.sleep(draw.uniform(0.4, 0.8))
        typist.escape()
        await asyncio.sleep(1.5)  # what is not left by then counts as never left
        left_open = sum(_running(each) for each in supplier.served)
        return Round(typist.keys, supplier.served, left_open)


def _running(request: Served) -> bool:
    return request.gone is None and not request.complete


def unwanted(request: Served, keys: list[Key]) -> float | None:
    """The first moment at which no ask was left that agreed with the answer so far."""
    first = _key_of(request, keys)
    origin = keys[first].text
    assert origin is not None
    ends = [len("".join(PIECES[:count])) for count in range(len(PIECES) + 1)]
    moments = sorted({key.at for key in keys[first:]} | set(request.sent))
    times = [key.at for key in keys]
    for now in moments:
        if now < keys[first].at:
            continue
        newest = keys[bisect_right(times, now) - 1].text
        if newest is None:
            return now
        typed = newest[len(origin) :]
        said = SAID[: ends[bisect_right(request.sent, now)]]
        if not (said.startswith(typed) or typed.startswith(said)):
            return now
    return None


def _key_of(request: Served, keys: list[Key]) -> int:
    """The key after which a request was made, by its text; blanks at the end may be missing."""
    tail = request.prompt.rstrip()[-200:]
    for index in range(len(keys) - 1, -1, -1):
        key = keys[index]
        if key.text is not None and key.at <= request.arrived:
            text = key.text.rstrip()
            if text.endswith(tail) and len(text) - len(tail) in {0, len(text) - 200}:
                return index
    raise LookupError("a request for a text that was never typed")


def judge(found: Found, done: Round) -> None:
    found.keys += sum(key.text is not None for key in done.keys)
    found.requests += len(done.served)
    found.never += done.left_open
    for request in done.served:
        since = unwanted(request, done.keys)
        if request.gone is None and not request.complete:
            continue
        ended = request.sent[-1] if request.gone is None else request.gone
        if since is None or ended < since:
            found.whole += request.complete
            found.early += not request.complete
            continue
        found.useless += request.complete
        found.waits.append(ended - since)
        found.after.append(sum(at > since for at in request.sent))


def show(name: str, found: Found) -> None:
    print(f"{name}: {found.requests} requests for {found.keys} keys; {found.whole} answered whole,")
    print(
        f"  {found.early} left though still wanted, {found.useless} answered whole though not "
        f"wanted, {found.never} never left"
    )
    waits = found.waits
    if len(waits) < 2:
        print("  too few were left to say more")
        return
    cuts = statistics.quantiles(waits, n=100)
    missed = sum(wait > GOAL for wait in waits) + found.never
    share = 100 * (1 - missed / (len(waits) + found.never))
    print(
        f"  {len(waits)} no longer wanted: p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} "
        f"ms, max {max(waits) * 1e3:.1f} ms; within 250 ms {share:.2f} %   (wanted: 99 %)"
    )
    print(
        f"  tokens sent after: {sum(found.after)} in all, {statistics.mean(found.after):.2f} a "
        f"request, at most {max(found.after)}"
    )


PACES: dict[str, Callable[[random.Random], float]] = {"fast": fast, "typist": person}


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--pace", default=",".join(PACES))
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    for name in options.pace.split(","):
        found = Found()
        for number in range(options.rounds):
            draw = random.Random(options.seed + number)
            with tempfile.TemporaryDirectory() as folder:
                done = await type_round(Path(folder), draw, PACES[name], options.keys)
            judge(found, done)
        show(name, found)


if __name__ == "__main__":
    asyncio.run(main())
