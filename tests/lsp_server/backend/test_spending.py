"""What this session's requests took and cost: real requests, to suppliers on this machine."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from polypilot.backend.pricing import Prices
from polypilot.backend.spending import Spending, Spent
from polypilot.backend.status import Choice, StatusBoard
from polypilot.chat.events import End, Usage
from polypilot.chat.values import Question
from polypilot.completion.values import Ended, Requested
from polypilot.tasks import Tasks
from polypilot.usage import Ledger
from polypilot.workspace.documents import Position
from polypilot_providers import types
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ConfigurationError, Unavailable
from polypilot_providers.testing import ScriptedServer, Stall, reply, stream
from polypilot_providers.types import Cost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend, Status
    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

COUNTS: dict[str, object] = {
    "prompt_tokens": 2000,
    "completion_tokens": 500,
    "prompt_tokens_details": {"cached_tokens": 1024},
}
PRICE = Decimal("0.00081568")
"""976 tokens at $0.20 a million, 1,024 at $0.02 and 500 at $1.20."""


def answer(usage: dict[str, object]) -> list[Step]:
    """An answer to a chat message and to a completion alike, with token counts."""
    choices = [{"index": 0, "text": "x = 1", "delta": {"content": "x = 1"}}]
    events: list[dict[str, object]] = [
        {"id": "c", "choices": choices},
        {"id": "c", "choices": [{"index": 0, "text": "", "delta": {}, "finish_reason": "stop"}]},
    ]
    events.append({"id": "c", "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    return stream(*lines, b"data: [DONE]\n\n")


async def test_an_answer_says_what_it_cost(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(answer(COUNTS)) as server:
        configure('prices = "openai"\n', team=server.url)
        backend = backends()
        heard: list[Status] = []
        backend.board.listen(heard.append)
        sent = backend.chat.send(Question("q", provider="team", model="gpt-5.6-luna"))
        events = [event async for event in sent]
        cost = Cost(PRICE, "prices")
        assert [each.cost for each in events if isinstance(each, Usage | End)] == [cost, cost]
        expected = Spent("team", 1, 2000, 500, 1024, PRICE)
        assert heard[-1].spent == backend.spending.today() == (expected,)
        assert (heard[-1].state, heard[0].spent) == ("ready", ())


async def test_the_suppliers_own_figure_wins(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(answer({**COUNTS, "cost": 0.5})) as server:
        configure('prices = "openai"\n', team=server.url)
        backend = backends()
        events = [event async for event in backend.chat.send(Question("q", model="gpt-5.6-luna"))]
        assert isinstance(events[-1], End)
        assert events[-1].cost == Cost(Decimal("0.5"), "supplier")


async def test_after_a_switch_the_prices_are_those_of_who_answered(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with (
        ScriptedServer(reply(503, {"error": "out"})) as first,
        ScriptedServer(answer(COUNTS)) as second,
    ):
        file = configure('prices = "openai"\n', dear=first.url, cheap=second.url)
        text = file.read_text("utf-8").replace(
            '[chat]\nprovider = "dear"\n',
            '[chat]\nprovider = "dear"\nfallback = ["cheap/gpt-5.6-luna"]\n',
        )
        file.write_text(text, "utf-8")
        backend = backends()
        events = [event async for event in backend.chat.send(Question("q"))]
        cost = Cost(PRICE, "prices")
        assert [each.cost for each in events if isinstance(each, Usage | End)] == [cost, cost]
        assert [each.provider for each in backend.spending.today()] == ["cheap"]


async def test_an_answer_that_is_stopped_counts_at_an_unknown_price(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    started = stream(
        b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n', Stall()
    )
    async with ScriptedServer(started) as server:
        configure('prices = "openai"\n', team=server.url)
        backend = backends()
        talk = backend.chat.send(Question("q"))
        while (await anext(talk)).kind != "text":
            pass
        await talk.aclose()
        assert backend.spending.today() == (Spent("team", 1, unpriced=1),)


async def test_what_failed_is_not_counted(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(401, {"error": {"message": "no"}})) as server:
        configure(team=server.url)
        backend = backends()
        events = [event async for event in backend.chat.send(Question("q"))]
        assert events[-1].kind == "end"
        assert backend.spending.today() == ()


async def test_a_completion_is_counted_at_once_and_priced_behind_it(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(answer(COUNTS)) as server:
        file = configure('prices = "openai"\n', team=server.url)
        file.write_text(file.read_text("utf-8").replace('"coder"', '"gpt-5.6-luna"'), "utf-8")
        backend = backends()
        priced = asyncio.Event()

        def hear(status: Status) -> None:
            if status.spent and not status.spent[0].unpriced:
                priced.set()

        backend.board.listen(hear)
        backend.documents.open("untitled:1", "python", 1, "# one\n")
        assert await backend.complete("untitled:1", Position(1, 0))
        async with asyncio.timeout(30):
            await priced.wait()
        assert backend.spending.today() == (Spent("team", 1, 2000, 500, 1024, PRICE),)


async def test_a_completion_of_a_file_says_what_it_cost(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    file = tmp_path / "app.py"
    file.write_text("# one\n\n", "utf-8")
    async with ScriptedServer(answer({**COUNTS, "cost_in_usd_ticks": 3_155_600})) as server:
        configure(team=server.url)
        backend = backends(roots=[tmp_path])
        found = await backend.complete_file(file, 2, 1)
        assert found.cost == Cost(Decimal("0.00031556"), "supplier")


# --- the day's page


class Book:
    """Totals by themselves, over a calendar that the test turns."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.day = date(2026, 11, 22)
        self.board = StatusBoard(Choice("p", "m"), Choice("p", "m"))
        self.answered: list[str] = []
        self.tasks = Tasks()
        self.spending = Spending(
            Prices(),
            self.row,
            self.board,
            self.tasks,
            answered=self.answered.append,
            today=lambda: self.day,
            ledger=ledger,
        )

    def row(self, provider: str) -> ProviderRow:
        if provider == "gone":
            raise ConfigurationError("gone", provider=provider)
        return ProviderRow(
            id=provider,
            wire="openai-chat",
            base_url="https://x.example.com",
            free=provider != "paid",
            prices="openai" if provider == "paid" else "",
        )

    def ended(self, provider: str, **fields: object) -> Ended:
        given: dict[str, object] = {
            "model": "m",
            "seconds": 1.0,
            "first_text": None,
            "cancelled": False,
            "usage": types.Usage(10, 5),
            "error": None,
        }
        return Ended(provider, **{**given, **fields})  # pyright: ignore[reportArgumentType] - fields of several types


async def test_the_page_turns_at_midnight() -> None:
    book = Book()
    book.spending.observe(book.ended("free"))
    assert book.spending.today() == (Spent("free", 1, 10, 5),)
    book.day = date(2026, 11, 23)
    assert book.spending.today() == ()
    book.spending.count("free", None, None)
    assert book.board.current.spent == (Spent("free", 1, unpriced=1),)


async def test_a_price_found_after_midnight_is_not_of_the_new_day() -> None:
    book = Book()
    book.spending.observe(book.ended("paid", model="gpt-5.6-luna"))
    book.day = date(2026, 11, 23)
    book.spending.count("paid", None, None)
    found = [each for each in asyncio.all_tasks() if each.get_name() == "price"]
    await asyncio.gather(*found)
    assert len(found) == 1
    assert book.spending.today() == (Spent("paid", 1, unpriced=1),)


async def test_what_counts_as_a_request_and_as_an_answer() -> None:
    book = Book()
    failure = Unavailable("out", provider="p")
    for event in (
        Requested("p", "m"),
        book.ended(""),
        book.ended("p", usage=None, error=failure),
    ):
        book.spending.observe(event)
    assert (book.spending.today(), book.answered) == ((), [])
    # What had been counted before it failed is charged; what was stopped may be.
    book.spending.observe(book.ended("p", error=failure))
    book.spending.observe(book.ended("p", cancelled=True, usage=None))
    assert (book.spending.today(), book.answered) == ((Spent("p", 2, 10, 5),), [])
    book.spending.observe(book.ended("gone"))
    assert book.spending.today()[1] == Spent("gone", 1, 10, 5, unpriced=1)
    assert book.answered == ["gone"]
    assert await book.spending.cost("gone", ("m",), types.Usage(1, 1)) is None


async def test_what_all_editors_have_spent_is_told_at_the_start_and_with_each_priced_request(
    tmp_path: Path,
) -> None:
    file = tmp_path / "usage.db"
    ledgers = Ledger(file), Ledger(file)
    one, other = map(Book, ledgers)
    await one.spending.look()
    assert one.board.current.spent_today is None
    assert not file.exists()
    one.board.settle()
    told: list[Decimal | None] = []
    one.board.listen(lambda status: told.append(status.spent_today))
    for book, dollars in ((other, "0.5"), (one, "0.25")):
        book.spending.count("paid", None, Cost(Decimal(dollars), "prices"))
        await asyncio.gather(
            *(each for each in asyncio.all_tasks() if each.get_name() == "account")
        )
    assert other.board.current.spent_today == Decimal("0.5")
    assert told == [Decimal("0.75")]
    started = Book(ledgers[1])
    await started.spending.look()
    assert started.board.current.spent_today == Decimal("0.75")
    # Nothing of it is of the next day.
    one.day = date(2026, 11, 23)
    one.spending.count("free", None, None)
    assert one.board.current.spent_today is None
    for each in ledgers:
        await each.aclose()
