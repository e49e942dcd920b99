"""The baseline: a client without an engine, straight to the provider.

It waits 75 ms after each key, sends one request, cancels it at the next key, and shows the rest
of the line once the answer is complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_editor import Key

if TYPE_CHECKING:
    from collections.abc import Callable

DEBOUNCE = 0.075
BEFORE, BEHIND = 6000, 2000
"""Characters around the cursor that are sent."""
LINE_TOKENS = 64

Body = dict[str, Any]


def completions(prefix: str, suffix: str) -> Body:
    """A request as the oracle takes it."""
    body = {"prompt": prefix, "suffix": suffix, "max_tokens": LINE_TOKENS}
    return {**body, "stop": ["\n"], "stream": True, "temperature": 0}


@dataclass(slots=True)
class Provider:
    """Where to ask, and how."""

    port: int
    path: str = "/v1/completions"
    body: Callable[[str, str], Body] = completions
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Naive:
    """A document that is typed into, and the one request of its newest key."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._asking: asyncio.Task[None] | None = None
        self._newest: Key | None = None
        self.before = self.behind = ""
        self.requests = 0

    async def begin(self, before: str, behind: str) -> None:
        """Take another document."""
        await self.settle()
        self.before, self.behind = before, behind

    def type(self, char: str) -> Key:
        """A key, and the ask behind it."""
        self.before += char
        return self.ask()

    def take(self, key: Key) -> Key:
        """Accept a key's text, and ask behind it."""
        self.before += key.text
        return self.ask()

    def ask(self) -> Key:
        """Ask at the cursor, in a while; the ask before is given up."""
        self._give_up()
        loop = asyncio.get_running_loop()
        key = self._newest = Key(loop.time(), self.before, self.behind)
        self._asking = loop.create_task(self._answer(key))
        return key

    async def settle(self) -> None:
        """Wait for what is on its way."""
        if self._asking is not None:
            await asyncio.gather(self._asking, return_exceptions=True)

    def _give_up(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        if self._newest is not None and self._newest.answered is None:
            self._newest.answered = asyncio.get_running_loop().time()

    async def _answer(self, key: Key) -> None:
        await asyncio.sleep(DEBOUNCE)
        self.requests += 1
        text = await self._fetch(key.before[-BEFORE:], key.behind[:BEHIND])
        key.answered, key.text = asyncio.get_running_loop().time(), text.rstrip()

    async def _fetch(self, prefix: str, suffix: str) -> str:
        provider = self._provider
        data = json.dumps(provider.body(prefix, suffix)).encode()
        fields = {"Host": "127.0.0.1", "Content-Length": str(len(data)), **provider.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reader, writer = await asyncio.open_connection("127.0.0.1", provider.port, limit=2**20)
        text: list[str] = []
        try:
            writer.write(f"POST {provider.path} HTTP/1.1\r\n{head}\r\n".encode() + data)
            # Each event is a chunk, so an event's line holds nothing of the chunks' framing.
            while line := await reader.readline():
                if not line.startswith(b"data: "):
                    continue
                if line.strip() == b"data: [DONE]":
                    break
                event: dict[str, Any] = json.loads(line[6:])
                text.append(_text(event))
                if event.get("stop") is True:
                    break
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return "".join(text)


def _text(event: dict[str, Any]) -> str:
    """The text of an event of either protocol."""
    if choices := event.get("choices"):
        return choices[0].get("text", "")
    return event.get("content", "")
