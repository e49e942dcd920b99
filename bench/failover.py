"""How long the user waits for the first text when the provider that was asked first is out.

    python bench/failover.py [--runs 50]

Real HTTP servers on loopback. Each line is a fault of the first provider; the figure is the time
to the first text less the limit that the fault runs into (0 where it shows at once), which is what
failing over costs. The baseline is the second provider asked alone. ``open`` is a first provider
whose circuit breaker is open, ``half-open`` one whose probe fails. An unlisted provider listens
beside them; what it was sent is printed last and has to be 0.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import socket
import ssl
import statistics
import tempfile
import time
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from polypilot_providers.base import Limits, Provider
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ProviderError
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.router import Router, Switched, Target
from polypilot_providers.testing import ScriptedServer, Stall, key_of, reply, stream
from polypilot_providers.types import CompletionRequest, TextDelta

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LIMIT = 0.5
"""Seconds: connect and first-byte limit of all requests here."""
GOAL = 300
"""Milliseconds beyond the failed provider's limit."""
LIMITS = Limits(connect=LIMIT, first_event=LIMIT, idle=5)
ANSWER = stream(
    b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
TARGETS = [Target("first", "m"), Target("second", "m")]


@dataclass
class Clock:
    """Monotonic time that can be moved on, so that no breaker has to be waited for."""

    ahead: float = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return time.monotonic() + self.ahead


@dataclass
class Ground:
    """The two providers and the client that asks them."""

    http: HttpClient
    urls: dict[str, str]
    clock: Clock = field(default_factory=Clock)

    def router(self) -> Router:
        """One that knows nothing of anybody."""
        return Router(self._resolve, self.clock)

    async def _resolve(self, name: str) -> Provider:
        row = ProviderRow(
            id=name, wire="openai-chat", completion="prefix", base_url=self.urls[name]
        )
        return build(row, key_of("bench"), self.http)


async def first_text(router: Router, targets: Sequence[Target]) -> tuple[float, bool]:
    """Seconds to the first text, and whether another target than the first gave it."""
    start = time.perf_counter()
    switched = False
    events = router.stream_completion(
        targets, lambda target: CompletionRequest(target.model, "def f(): "), LIMITS
    )
    async with aclosing(events):
        async for event in events:
            switched = switched or isinstance(event, Switched)
            if isinstance(event, TextDelta):
                return time.perf_counter() - start, switched
    message = "an answer without text"
    raise RuntimeError(message)


def show(name: str, seconds: Sequence[float], limit: float = 0.0) -> None:
    """One line of the table."""
    beyond = sorted(1000 * (each - limit) for each in seconds)
    high = beyond[min(len(beyond) - 1, math.ceil(0.99 * len(beyond)) - 1)]
    print(
        f"{name:<34} {len(beyond):>5} {1000 * limit:>8.0f} "
        f"{statistics.median(beyond):>9.2f} {high:>9.2f}"
    )


async def measure(
    ground: Ground, runs: int, make: Callable[[], Router] | None = None
) -> list[float]:
    """First texts after a failover, each by a router that does not know of the fault yet."""
    found: list[float] = []
    for _ in range(runs):
        router = ground.router() if make is None else make()
        seconds, switched = await first_text(router, TARGETS)
        if not switched:
            message = "the first provider answered"
            raise RuntimeError(message)
        found.append(seconds)
    return found


async def passed_over(router: Router) -> float:
    """Seconds until the router has turned to the second provider."""
    start = time.perf_counter()
    events = router.stream_completion(TARGETS, lambda to: CompletionRequest(to.model, "x"), LIMITS)
    async with aclosing(events):
        if not isinstance(await anext(events), Switched):
            message = "the first provider was asked"
            raise TypeError(message)
        return time.perf_counter() - start


async def opened(ground: Ground, failing: ScriptedServer) -> Router:
    """A router whose breaker for the first provider is open."""
    failing.play(reply(503))
    router = ground.router()
    for _ in range(5):
        try:
            await first_text(router, TARGETS[:1])
        except ProviderError:
            continue
    return router


def refusing() -> str:
    """An address where nobody listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


async def deaf(stack: AsyncExitStack) -> str:
    """A listener whose queue is full: who connects gets no answer at all."""
    listener = stack.enter_context(closing(socket.socket()))
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    filler = stack.enter_context(closing(socket.socket()))
    filler.setblocking(False)
    await asyncio.get_running_loop().sock_connect(filler, listener.getsockname())
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def untrusted(folder: Path) -> ssl.SSLContext:
    """A server's certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    context.load_cert_chain(folder / "server.pem")
    return context


async def faults(ground: Ground, first: ScriptedServer, runs: int) -> None:
    """What shows in an answer, or in there being none."""
    ground.urls["first"] = first.url
    for name, script, limit in (
        ("429", reply(429, b"", {"retry-after": "60"}), 0.0),
        ("500", reply(500), 0.0),
        ("503", reply(503), 0.0),
        ("hang before the first byte", [Stall()], LIMIT),
        ("head, then no content", stream(Stall(), end=False), LIMIT),
    ):
        first.play(script)
        show(name, await measure(ground, runs), limit)


async def breakers(ground: Ground, first: ScriptedServer, runs: int) -> None:
    """A first provider that is known to be out, and one that is tried again."""
    router = await opened(ground, first)
    show("open", await measure(ground, runs, lambda: router))
    show("open: until it is passed over", [await passed_over(router) for _ in range(runs)])
    found: list[float] = []
    for _ in range(runs):
        router = await opened(ground, first)
        first.play([Stall()])
        ground.clock.ahead += 30
        seconds, _ = await first_text(router, TARGETS)
        found.append(seconds)
    show("half-open, the probe hangs", found, LIMIT)


async def main(runs: int) -> None:
    """Print the table."""
    http = HttpClient(Network(env={}))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(http.aclose)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        first = await stack.enter_async_context(ScriptedServer(reply(503)))
        second = await stack.enter_async_context(ScriptedServer(ANSWER))
        tls = await stack.enter_async_context(ScriptedServer(ANSWER, tls=untrusted(folder)))
        unlisted = await stack.enter_async_context(ScriptedServer(ANSWER))
        ground = Ground(http, {"second": second.url, "unlisted": unlisted.url})
        print(f"goal: {GOAL} ms beyond the limit")
        print(f"{'fault of the first':<34} {'runs':>5} {'limit':>8} {'p50 ms':>9} {'p99 ms':>9}")
        alone = [(await first_text(ground.router(), TARGETS[1:]))[0] for _ in range(runs + 1)]
        show("baseline: the second alone", alone[1:])
        for name, url, limit in (
            ("connection refused", refusing(), 0.0),
            ("TLS certificate not trusted", tls.url, 0.0),
            ("TLS expected, plain HTTP there", second.url.replace("http:", "https:"), LIMIT),
            ("no answer to a connection", await deaf(stack), LIMIT),
        ):
            ground.urls["first"] = url
            await measure(ground, 1)  # the TLS context is read once
            show(name, await measure(ground, runs), limit)
        await faults(ground, first, runs)
        await breakers(ground, first, runs)
        print(f"requests to the unlisted provider: {len(unlisted.requests)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=50)
    asyncio.run(main(parser.parse_args().runs))
