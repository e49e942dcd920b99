"""Models that answer nonsense: nothing wrong is shown, the next request works, it is said once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from polypilot.workspace.documents import Position
from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend, Status

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

DOCUMENT = "def size(a):\n    n = len(a)\n    return n\n"
PLACE = Position(1, 8)
"""Behind ``n = ``; ``len(a)`` stands after it, unless it is cut away."""


def completing(*texts: str | bytes) -> list[bytes]:
    """A completion's pieces, as an OpenAI-compatible server sends them. Bytes go as they are."""
    pieces: list[bytes] = []
    for text in texts:
        choice = {"index": 0, "text": text if isinstance(text, str) else "@"}
        line = json.dumps({"id": "c", "choices": [choice]}).encode()
        if isinstance(text, bytes):
            line = line.replace(b"@", text)
        pieces.append(b"data: " + line + b"\n\n")
    end = {"id": "c", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    return [*pieces, f"data: {json.dumps(end)}\n\n".encode(), b"data: [DONE]\n\n"]


class Bench:
    """A backend, its supplier and an open document."""

    def __init__(self, server: ScriptedServer, backend: Backend) -> None:
        self.server = server
        self.backend = backend
        self.heard: list[Status] = []
        self._opened = 0
        backend.board.listen(self.heard.append)

    async def answered(self, text: str, *pieces: bytes) -> list[str]:
        """What is offered at ``|`` when the supplier says this."""
        self.server.play(stream(*pieces))
        self._opened += 1
        uri = f"untitled:{self._opened}"
        before, _, after = text.partition("|")
        document = self.backend.documents.open(uri, "python", 1, before + after)
        answer = await asyncio.wait_for(
            self.backend.answer(uri, document.position(len(before)), invoked=False), 20
        )
        return [each.text for each in answer.suggestions]

    @property
    def notices(self) -> list[str]:
        return [notice for each in self.heard for notice in each.notices]


@pytest.fixture
async def bench(configure: Callable[..., Path], backends: Callable[..., Backend]):
    async with ScriptedServer() as server:
        configure(a=server.url)
        yield Bench(server, backends())


@pytest.mark.parametrize(
    ("text", "pieces", "shown"),
    [
        ("n = |\n", [""], []),
        ("n = |\n", ["\n"], []),
        ("n = |\n", ["x" * 10 for _ in range(10_000)], []),
        ("n = |\n", ["abc " * 25 for _ in range(4_000)], []),
        ("n = |\n", ["1\n"] * 100_000, ["1"]),
        ("n = |\n", [b"caf\\ud83d"], ["caf"]),
        ("n = |\n", [b"caf\xf0\x9f"], ["caf"]),
        ("n = |\nprint(n)\n", ["\nprint(n)\n"], []),
        ("n = (|)\n", [")"], []),
        ("n = |\n", ["```python\n", "n = 1\n", "```\n"], []),
        ("n = |\n", ["\x1b[31m1\x1b[0m\n"], ["[31m1[0m"]),
    ],
    ids=[
        "empty",
        "blank",
        "endless line",
        "endless words",
        "endless lines",
        "half a pair",
        "half a character",
        "the next line",
        "the closer",
        "fence",
        "escapes",
    ],
)
async def test_nothing_wrong_is_shown_and_the_next_request_works(
    bench: Bench, text: str, pieces: list[str | bytes], shown: list[str]
) -> None:
    assert await bench.answered(text, *completing(*pieces)) == shown
    assert await bench.answered("x = |\n", *completing("41 + 1\n")) == ["41 + 1"]
    assert bench.backend.status.state == "ready"


async def test_what_a_model_does_wrong_is_said_once(bench: Bench) -> None:
    endless = completing(*["x" * 10] * 10_000)
    for number in range(3):
        assert await bench.answered(f"n{number} = |\n", *endless) == []
    assert len(bench.notices) == 1
    assert bench.notices[0].startswith("coder of a wrote on without an end")


async def test_words_in_place_of_code_are_not_shown_and_said_once(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
) -> None:
    async with ScriptedServer() as server:
        file = configure(a=server.url)
        file.write_text(file.read_text("utf-8").replace("openai-completions", "chat"), "utf-8")
        bench = Bench(server, backends())
        for number in range(3):
            sorry = say("I'm sorry, but I can't ", f"help with that ({number}).")
            assert await bench.answered(f"n{number} = |\n", *sorry) == []
        assert len(bench.notices) == 1
        assert "words in place of code" in bench.notices[0]
        fenced = say("Here is the code:\n```python\n", "41 + 1\n", "```\nHope this helps!")
        assert await bench.answered("x = |\n", *fenced) == ["41 + 1"]
