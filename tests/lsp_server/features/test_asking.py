"""In whose turn the engine is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types

from polypilot.completion.values import Answer, Ask, Trigger, Why
from polypilot.lsp.features.asking import Asker, place_at
from polypilot.workspace.documents import DocumentStore

if TYPE_CHECKING:
    from collections.abc import Sequence

URI = "file:///a.py"


class Backend:
    """Answers at once; looks at the files of the first ask until told."""

    def __init__(self) -> None:
        self.asked: list[Trigger] = []
        self.slow = asyncio.Event()
        self._looks = 0
        self.engine = self.gate = self

    async def refresh(self, within: float) -> None:
        """See Backend."""

    async def look(self, _uris: Sequence[str], _within: float, **_lately: float) -> None:
        """See Gate."""
        self._looks += 1
        if self._looks == 1:
            await self.slow.wait()

    async def answer(self, ask: Ask) -> Answer:
        """See Engine."""
        self.asked.append(ask.trigger)
        return Answer()


class Server:
    """As much of it as an asker uses."""

    def __init__(self) -> None:
        self.documents = DocumentStore("utf-16")
        self.made = Backend()

    async def backend(self) -> Backend:
        return self.made

    def configured(self, _backend: object) -> None:
        """See PolypilotServer."""


async def test_an_older_ask_that_comes_late_does_not_take_the_newers_turn() -> None:
    """A client that asks for one and for several at each key has to get the several."""
    server = Server()
    asker = Asker(cast("Any", server))
    server.documents.open(URI, "python", 1, "x = ")
    place = place_at(server.documents, URI, types.Position(0, 4))
    assert place is not None
    older = asyncio.ensure_future(asker.inline(place, Trigger.AUTOMATIC))
    await asyncio.sleep(0)
    newer = asyncio.ensure_future(asker.inline(place, Trigger.INVOKED))
    await newer
    server.made.slow.set()
    assert (await older).why is Why.SUPERSEDED
    assert server.made.asked == [Trigger.INVOKED]
    # Nothing is left of either: the next one is asked.
    await asker.inline(place, Trigger.AUTOMATIC)
    assert server.made.asked == [Trigger.INVOKED, Trigger.AUTOMATIC]
