"""A provider that knows the file: it completes exactly, as fast as it is told to.

It speaks the OpenAI-compatible completions protocol with a suffix (fill in the middle) on
loopback, streams a token at a time, and notes the fate of every request. With an error rate it
now and then writes something plausible that is not what the file has.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

MODEL = "oracle"
_TOKEN = re.compile(r"\n[ \t]*|[ \t]*\w{1,8}|[ \t]*[^\w\s]|\s")
"""About what a code model's tokenizer makes: words with the blanks before them, signs, line
breaks with the indentation behind them."""
_WORD = re.compile(r"[A-Za-z_]\w+")
_TAILS = (400, 120, 40, 16, 6)
"""Characters before the cursor by which the place in the file is looked for, the most first."""
_AHEAD = 160
"""Characters behind the cursor by which the end of what is missing is."""
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def tokens(text: str) -> list[str]:
    """The pieces a text is sent, and counted, in."""
    return _TOKEN.findall(text)


def missing(truth: str, prefix: str, suffix: str) -> str:
    """What stands in ``truth`` between ``prefix`` and ``suffix``; a few words if it has neither.

    Blanks at the prefix's end may have been cut off, and both may be windows.
    """
    for size in _TAILS:
        tail = prefix[-size:]
        gaps = [_gap(truth, at, suffix) for at in _ends(truth, tail)] if tail else []
        fitting = [gap for gap in gaps if gap is not None]
        if fitting:
            start, end = min(fitting, key=lambda gap: gap[1] - gap[0])
            return truth[start:end]
    return "pass" if prefix.strip() else truth


def _ends(truth: str, tail: str) -> list[int]:
    """Every place in the file behind ``tail``."""
    found: list[int] = []
    at = truth.find(tail)
    while at >= 0:
        found.append(at + len(tail))
        at = truth.find(tail, at + 1)
    return found


def _gap(truth: str, start: int, suffix: str) -> tuple[int, int] | None:
    """From ``start`` to where the suffix begins; None: it does not come any more."""
    if len(suffix) < _AHEAD and truth.endswith(suffix):
        end = len(truth) - len(suffix)
    else:
        end = truth.find(suffix[:_AHEAD], start)
    return None if end < start else (start, end)


def other(text: str, words: list[str], draw: random.Random) -> str:
    """``text`` with one of its first line's words exchanged: plausible, and wrong."""
    line = text.partition("\n")[0]
    places = list(_WORD.finditer(line))
    if not places:
        return f"{draw.choice(words)}{text}"
    place = draw.choice(places)
    choices = [word for word in words if word != place[0]]
    return f"{text[: place.start()]}{draw.choice(choices)}{text[place.end() :]}"


@dataclass(slots=True)
class Served:
    """One request and its fate. Times are the event loop's, in seconds."""

    prompt: str
    """Prefix and suffix; empty in an oracle that keeps no prompts."""
    start: float
    text: str = ""
    """The whole answer, whether or not it was sent."""
    wrong: bool = False
    first: float | None = None
    """When the first byte of text was handed to the socket."""
    end: float | None = None
    """When it ended, either way."""
    aborted: bool = False
    sent: int = 0
    """Characters handed to the socket."""
    generated: int = 0
    """And tokens."""


class Oracle:
    """The server. ``ttft`` and ``token`` are in seconds, the error rate is per request."""

    def __init__(
        self,
        *,
        ttft: float = 0.15,
        token: float = 0.01,
        error_rate: float = 0.0,
        seed: int = 0,
        keeps: bool = True,
    ) -> None:
        self.ttft = ttft
        self.token = token
        self.served: list[Served] = []
        self.handlers: set[asyncio.Task[None]] = set()
        self._error_rate = error_rate
        self._draw = random.Random(seed)
        self._keeps = keeps
        self._truth = ""
        self._words: list[str] = []
        self._server: asyncio.Server

    @property
    def port(self) -> int:
        """Where it listens on loopback."""
        return self._server.sockets[0].getsockname()[1]

    @property
    def base_url(self) -> str:
        """What a provider's row needs."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def running(self) -> int:
        """Requests being answered now."""
        return len(self.handlers)

    def know(self, truth: str) -> None:
        """Answer from this file from now on."""
        self._truth = truth
        self._words = sorted(set(_WORD.findall(truth))) or ["value", "other"]

    def begin(self, asked: dict[str, Any]) -> tuple[Served, list[str]]:
        """Note a request; its fate to fill in, and the answers for each choice it wants."""
        prefix, suffix = str(asked.get("prompt") or ""), str(asked.get("suffix") or "")
        text = missing(self._truth, prefix, suffix)
        wrong = self._draw.random() < self._error_rate
        wanted = [other(text, self._words, self._draw) if wrong else text]
        more = range(int(asked.get("n") or 1) - 1)
        wanted += [other(text, self._words, self._draw) for _ in more]
        stops: list[str] = asked.get("stop") or []
        most = int(asked.get("max_tokens") or 256)
        answers = ["".join(tokens(_until(each, stops))[:most]) for each in wanted]
        now = asyncio.get_running_loop().time()
        prompt = prefix + suffix if self._keeps else ""
        request = Served(prompt, now, text=answers[0], wrong=wrong)
        self.served.append(request)
        return request, answers

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in list(self.handlers):
            task.cancel()
        await asyncio.gather(*self.handlers, return_exceptions=True)


def _until(text: str, stops: list[str]) -> str:
    """The text before the first stop string."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]


class _Connection(asyncio.Protocol):
    """One client; connections are kept open after whole answers."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, body = self._buffer.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = sum(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        if not gap or len(body) < size:
            return
        self._buffer = body[size:]
        if not head.startswith(b"POST /v1/completions "):
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        request, answers = self._oracle.begin(json.loads(body[:size]))
        self._answering = self._loop.create_task(self._answer(request, answers))
        self._oracle.handlers.add(self._answering)
        self._answering.add_done_callback(self._oracle.handlers.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._answering is not None:
            self._answering.cancel()

    async def _answer(self, request: Served, answers: list[str]) -> None:
        oracle, due = self._oracle, request.start + self._oracle.ttft
        try:
            await self._wait(due)
            self._transport.write(_HEAD)
            pieces = [tokens(answer) for answer in answers]
            for number in range(max(map(len, pieces), default=0)):
                await self._wait(due)
                now = [(at, each[number]) for at, each in enumerate(pieces) if number < len(each)]
                self._events(now)
                request.first = request.first or self._loop.time()
                request.sent += sum(len(text) for _, text in now)
                request.generated += len(now)
                due += oracle.token
            for choice in range(len(pieces)):
                self._event({"index": choice, "text": "", "finish_reason": "stop"})
            self._chunk(b"data: [DONE]\n\n")
            self._transport.write(b"0\r\n\r\n")
        except asyncio.CancelledError:
            request.aborted = True
            raise
        finally:
            request.end = self._loop.time()

    async def _wait(self, due: float) -> None:
        # Even when it is due: a client that has left is told of between two turns of the loop.
        await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _events(self, texts: list[tuple[int, str]]) -> None:
        for choice, text in texts:
            self._event({"index": choice, "text": text, "finish_reason": None})

    def _event(self, choice: dict[str, Any]) -> None:
        event = {"id": "c", "object": "text_completion", "model": MODEL, "choices": [choice]}
        self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
