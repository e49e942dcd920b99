"""A provider that knows the file: it completes exactly, as fast as it is told to.

It speaks the OpenAI-compatible completions protocol with a suffix (fill in the middle) on
loopback, streams a token at a time, and notes the fate of every request. With an error rate it
now and then writes something plausible that is not what the file has.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streaming import StreamingConnection, StreamingServer

if TYPE_CHECKING:
    from collections.abc import Coroutine

MODEL = "oracle"
_TOKEN = re.compile(r"\n[ \t]*|[ \t]*\w{1,8}|[ \t]*[^\w\s]|\s")
"""About what a code model's tokenizer makes: words with the blanks before them, signs, line
breaks with the indentation behind them."""
_WORD = re.compile(r"[A-Za-z_]\w+")
_TAILS = (400, 120, 40, 16, 6)
"""Characters before the cursor by which the place in the file is looked for, the most first."""
_AHEAD = 160
"""Characters behind the cursor by which the end of what is missing is."""


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


class Oracle(StreamingServer):
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
        super().__init__(lambda: _Connection(self))
        self.ttft = ttft
        self.token = token
        self.served: list[Served] = []
        self._error_rate = error_rate
        self._draw = random.Random(seed)
        self._keeps = keeps
        self._truth = ""
        self._words: list[str] = []

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


def _until(text: str, stops: list[str]) -> str:
    """The text before the first stop string."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]


class _Connection(StreamingConnection):
    def __init__(self, oracle: Oracle) -> None:
        super().__init__(oracle)
        self._oracle = oracle

    def answer(self, asked: dict[str, Any]) -> Coroutine[Any, Any, None]:
        return self._answer(*self._oracle.begin(asked))

    async def _answer(self, request: Served, answers: list[str]) -> None:
        oracle, due = self._oracle, request.start + self._oracle.ttft
        try:
            await self._wait(due)
            self.begin()
            pieces = [tokens(answer) for answer in answers]
            for number in range(max(map(len, pieces), default=0)):
                await self._wait(due)
                now = [(at, each[number]) for at, each in enumerate(pieces) if number < len(each)]
                self._events(now)
                request.first = request.first or self.loop.time()
                request.sent += sum(len(text) for _, text in now)
                request.generated += len(now)
                due += oracle.token
            for choice in range(len(pieces)):
                self._event({"index": choice, "text": "", "finish_reason": "stop"})
            self.end()
        except asyncio.CancelledError:
            request.aborted = True
            raise
        finally:
            request.end = self.loop.time()

    async def _wait(self, due: float) -> None:
        # Even when it is due: a client that has left is told of between two turns of the loop.
        await asyncio.sleep(max(0.0, due - self.loop.time()))

    def _events(self, texts: list[tuple[int, str]]) -> None:
        for choice, text in texts:
            self._event({"index": choice, "text": text, "finish_reason": None})

    def _event(self, choice: dict[str, Any]) -> None:
        event = {"id": "c", "object": "text_completion", "model": MODEL, "choices": [choice]}
        self.event(event)
