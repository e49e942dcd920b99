"""What is told of the record."""

from __future__ import annotations

import html as markup
import random
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from usage_support import TODAY, request, suggestion

from polypilot.usage import Ledger, Stay, reading, storing
from polypilot.usage.page import html
from polypilot.usage.report import Line, Report, latency
from polypilot.usage.values import PRECISION, Entry, bucket, language, name, nanos
from polypilot.usage.words import remarks, short

if TYPE_CHECKING:
    from pathlib import Path

MONTH = reading.Span("2026-11-01", TODAY)


async def report(path: Path, *entries: Entry) -> Report:
    async with aclosing(Ledger(path)) as ledger:
        batch = [(each, True) for each in entries]
        await ledger.database.write(partial(storing.put, batch=batch))
        await ledger.add(date.fromisoformat(TODAY), "team", Decimal("0.25"))
        return await ledger.database.read(partial(reading.read, span=MONTH, today=TODAY))


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_percentiles_are_within_what_is_promised(sigma: float) -> None:
    dice = random.Random(11)  # noqa: S311 - no secrets
    times = sorted(max(1, round(dice.lognormvariate(6, sigma))) for _ in range(999))
    counts: dict[int, int] = {}
    for each in times:
        counts[bucket(each)] = counts.get(bucket(each), 0) + 1
    found = latency(counts)
    assert found is not None
    assert found.count == 999
    for told, rank in ((found.p50, 499), (found.p95, 949)):
        assert told == pytest.approx(times[rank], rel=PRECISION + 1e-9)


def test_of_no_times_there_are_no_percentiles() -> None:
    assert latency({}) is None
    assert latency({3: 0}) is None


async def test_the_lines_are_sums_of_what_happened(tmp_path: Path) -> None:
    taken = {"accepted": True, "saved": 20}
    found = await report(
        tmp_path / "usage.db",
        suggestion(**taken, kept=20, stay30=Stay.SAME, stay120=Stay.SAME, stay600=Stay.SAME),
        suggestion(**taken, kept=15, stay30=Stay.SAME, stay120=Stay.CHANGED, stay600=Stay.GONE),
        suggestion(source="cache", rejected=True, language="rust"),
        suggestion(day="2026-11-02", partly=4, saved=4, provider="other"),
        request(first_ms=100, total_ms=400, input=10, output=5, cached=3, nanos=2_500_000),
        request(error="timeout", total_ms=30_000),
        request(purpose="chat", language="", total_ms=9_000, nanos=None),
        request(day="2026-10-31"),
        request(day="2099-01-01"),
        request(day="2099-01-01"),
    )
    total = found.total
    assert [total[each] for each in ("shown", "accepted", "partly", "rejected")] == [4, 2, 1, 1]
    assert (total["saved_chars"], total["kept_chars"]) == (44, 35)
    assert [total.stayed(each) for each in (30, 120, 600)] == [1.0, 1.0, 0.5]
    assert (total["from_cache"], total["from_network"]) == (1, 3)
    assert [total[each] for each in ("requests", "errors", "priced", "unpriced")] == [3, 1, 1, 1]
    assert total.dollars == Decimal("0.0025")
    assert set(total.latency) == {"completion_first", "completion_total", "chat_total"}
    assert total.latency["completion_total"].p95 == pytest.approx(400, rel=PRECISION)
    assert found.failures == [("team", "timeout", 1)]
    names = {each: [line.name for line in lines] for each, lines in found.lines.items()}
    assert names == {
        "provider": ["team", "other"],
        "model": ["team/coder", "other/coder"],
        "language": ["python", "rust"],
        "day": ["2026-11-02", TODAY],
    }
    assert (found.future, found.newest) == (2, TODAY)
    assert (found.booked, found.spent_today) == (Decimal("0.25"), Decimal("0.25"))


async def test_the_page_shows_the_lines_and_lets_no_name_break_it(tmp_path: Path) -> None:
    model = "<script>alert(1)</script>"
    page = html(await report(tmp_path / "usage.db", request(model=model), suggestion()))
    assert page.startswith("<!DOCTYPE html>")
    assert model not in page
    assert markup.escape(model) in page
    assert "1 suggestion shown" in page
    assert "Content-Security-Policy" in page
    assert "<svg" in page


@pytest.mark.parametrize(("booked", "said"), [("0.1200000375", False), ("0.15", True)])
def test_the_account_book_is_named_where_it_differs_as_shown(booked: str, *, said: bool) -> None:
    """Half a billionth is no difference: prices of cached tokens have such."""
    total = Line("total", {"requests": 1, "nanos": 120_000_038})
    found = " ".join(remarks(Report(TODAY, TODAY, total, {}, booked=Decimal(booked))))
    assert ("account book" in found) == said


def test_a_page_of_nothing_says_what_is_dated_wrongly() -> None:
    text = html(Report(TODAY, TODAY, Line("total"), {}, enabled=False, future=3))
    assert "dated after today: 3" in text


def test_a_page_of_nothing_says_what_to_do() -> None:
    page = html(Report("2026-11-01", TODAY, Line("total"), {}))
    assert "Nothing is recorded yet." in page
    assert "<svg" not in page


# --- what is kept of names


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("gpt-5.6-luna", "gpt-5.6-luna"),
        ("Qwen/Qwen2.5-Coder-7B", "Qwen/Qwen2.5-Coder-7B"),
        ("/home/ann/models/own.gguf", "own.gguf"),
        ("~/models/own.gguf", "own.gguf"),
        ("./own.gguf", "own.gguf"),
        (r"C:\Users\Ann\own.gguf", "own.gguf"),
        (r"models\own.gguf", "own.gguf"),
        ("clients/acme/own.GGUF", "own.GGUF"),
        ("file:///home/ann/own", "own"),
        ("a\nb\x1b[31m", "ab[31m"),
        ("x" * 200, "x" * 80),
    ],
)
def test_of_a_model_that_is_a_file_its_name_alone_is_kept(given: str, kept: str) -> None:
    assert name(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("python", "python"),
        ("c++", "c++"),
        ("", ""),
        ("my secret words", "other"),
        ("a/b", "other"),
    ],
)
def test_a_language_is_a_plain_word(given: str, kept: str) -> None:
    assert language(given) == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0.0000000001", 0), ("1.5", 1_500_000_000), ("-1", None), ("NaN", None), ("1e300", 2**53)],
)
def test_money_is_counted_in_billionths(given: str, kept: int | None) -> None:
    assert nanos(Decimal(given)) == kept


@pytest.mark.parametrize(
    ("given", "said"),
    [(999, "999"), (1_000, "1k"), (999_499, "999k"), (999_600, "1M"), (7_340_000, "7.34M")],
)
def test_many_tokens_are_said_shortly(given: int, said: str) -> None:
    assert short(given) == said
