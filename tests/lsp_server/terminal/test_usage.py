"""`polypilot usage`: the report, the export, the deletion, and files that can't be used."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import time
from contextlib import aclosing
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from usage_support import request, suggestion

from polypilot.usage import Ledger, Stay, storing
from polypilot.usage.values import Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from polypilot.usage import Entry

pytestmark = pytest.mark.allow_blocking("the tests look into the file")

TODAY = date.today()  # noqa: DTZ011 - as the product


def file_of(cli: Any) -> Path:
    return cli.home / "data" / "usage.db"


async def fill(cli: Any, *entries: Entry, spent: str = "0.5", gaps: Sequence[Gap] = ()) -> None:
    """A record, and money of today."""
    file_of(cli).parent.mkdir(mode=0o700, exist_ok=True)
    async with aclosing(Ledger(file_of(cli))) as ledger:
        batch = [(each, True) for each in entries]
        await ledger.database.write(partial(storing.put, batch=batch, gaps=gaps))
        await ledger.add(TODAY, "team", Decimal(spent))


def month() -> list[Entry]:
    """Some of everything."""
    taken = {"accepted": True, "saved": 20, "kept": 20, "stay30": Stay.SAME, "stay120": Stay.SAME}
    return [
        suggestion(day=TODAY.isoformat(), **taken),
        suggestion(day=TODAY.isoformat(), source="cache", language="rust"),
        request(day=TODAY.isoformat(), first_ms=100, total_ms=1500, input=10, nanos=10**9 // 2),
        request(day=(TODAY - timedelta(1)).isoformat(), model="=cmd|' /C calc'!A0", error="auth"),
        request(day=(TODAY - timedelta(60)).isoformat()),
        request(day=(TODAY + timedelta(900)).isoformat()),
    ]


async def test_an_empty_record_says_what_to_do_and_makes_no_file(cli: Any) -> None:
    done = await cli.run("usage")
    assert done.status == 0
    assert "Nothing is recorded yet." in done.out
    assert "polypilot setup" in done.out
    assert not file_of(cli).exists()
    assert (await cli.run("usage", "--json")).events[0]["total"]["shown"] == 0


async def test_a_record_that_is_switched_off_says_so(cli: Any) -> None:
    cli.config.write_text("[usage]\nenabled = false\n", "utf-8")
    assert "usage.enabled = true" in (await cli.run("usage")).out


async def test_what_is_dated_wrongly_is_said_also_without_a_record(cli: Any) -> None:
    cli.config.write_text("[usage]\nenabled = false\n", "utf-8")
    await fill(cli, request(day="2099-01-01"))
    assert "dated after today: 1." in (await cli.run("usage")).out


async def test_an_old_record_says_how_to_see_it(cli: Any) -> None:
    await fill(cli, request(day=(TODAY - timedelta(60)).isoformat()))
    done = await cli.run("usage")
    assert f"The newest day that is: {TODAY - timedelta(60)}" in done.out
    assert (await cli.run("usage", "--days", "61", "--json")).events[0]["total"]["requests"] == 1


async def test_the_report_in_a_terminal(cli: Any) -> None:
    cli.config.write_text("[chat]\ndaily_budget = 2\n", "utf-8")
    await fill(cli, *month())
    done = await cli.run("usage")
    assert done.status == 0, done.err
    assert "2 suggestions shown, 1 accepted (50%)" in done.out
    for text in ("By provider", "By model", "By language", "By day", "team/coder", "rust"):
        assert text in done.out
    assert "auth" in done.out
    assert "Today: $0.50 of $2.00; $1.50 left." in done.out
    assert "dated after today: 1." in done.out
    only = (await cli.run("usage", "--by", "language")).out
    assert "By language" in only
    assert "By model" not in only


async def test_the_report_as_json(cli: Any) -> None:
    await fill(cli, *month())
    (report,) = (await cli.run("usage", "--json")).events
    assert report["total"]["requests"] == 2
    assert report["total"]["dollars"] == "0.5"
    assert report["total"]["stayed"] == {"30": 1.0, "120": 1.0, "600": None}
    assert report["future"] == 1
    assert report["today"] == {"dollars": "0.5", "budget": None, "left": None}
    assert set(report["by"]) == {"provider", "model", "language", "day"}
    (few,) = (await cli.run("usage", "--json", "--by", "day")).events
    assert [each["name"] for each in few["by"]["day"]] == [
        (TODAY - timedelta(1)).isoformat(),
        TODAY.isoformat(),
    ]


async def test_what_the_disk_did_not_take_is_said_everywhere_until_it_is_deleted(cli: Any) -> None:
    day, at = TODAY.isoformat(), int(time.time())
    gaps = [Gap(day, at - 600 + each, at, entries=each + 1, changes=each) for each in range(8)]
    gaps.append(Gap((TODAY - timedelta(60)).isoformat(), at, at, 5))
    await fill(cli, request(day=day), gaps=gaps)
    (report,) = (await cli.run("usage", "--json")).events
    assert [each["entries"] for each in report["not_recorded"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert report["not_recorded"][1] == {
        "day": day,
        "first_at": at - 599,
        "last_at": at,
        "entries": 2,
        "changes": 1,
    }
    shown = " ".join((await cli.run("usage")).out.split())
    await cli.run("usage", "--html", "page.html")
    page = (cli.folder / "page.html").read_text("utf-8")
    for text in (shown, page):
        assert text.count("Not recorded between") == 6, "the newest, and the older ones in one"
        assert "requests: 6, and what became of suggestions: 3 times." in text
        assert "requests: 8, and what became of suggestions: 7 times." in text
    assert (await cli.run("usage", "--delete", "--yes")).status == 0
    assert "Not recorded" not in (await cli.run("usage")).out


async def test_a_record_of_which_all_was_lost_says_so(cli: Any) -> None:
    at = int(time.time())
    await fill(cli, gaps=[Gap(TODAY.isoformat(), at, at, entries=12)])
    out = " ".join((await cli.run("usage")).out.split())
    assert "as the disk failed or hung: suggestions and requests: 12." in out


async def test_the_page_is_written(cli: Any) -> None:
    await fill(cli, *month())
    done = await cli.run("usage", "--html", "page.html")
    assert done.status == 0, done.err
    text = (cli.folder / "page.html").read_text("utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert "team/coder" in text


async def test_the_record_is_exported(cli: Any) -> None:
    entries = month()
    await fill(cli, *entries)
    (cli.folder / "all.csv").write_text("old", "utf-8")
    for name in ("all.csv", "all.json"):
        done = await cli.run("usage", "--export", name)
        assert done.status == 0, done.err
        assert "6 suggestions and requests" in done.err
    rows = list(csv.DictReader(io.StringIO((cli.folder / "all.csv").read_text("utf-8"))))
    assert [int(each["id"]) for each in rows] == sorted(each.id for each in entries)
    assert min(each["model"] for each in rows).startswith("'="), "no formula"
    whole = json.loads((cli.folder / "all.json").read_text("utf-8"))
    assert len(whole["entries"]) == 6
    assert sum(each["requests"] for each in whole["daily"]) == 4


async def test_an_export_that_fails_leaves_what_was_there(cli: Any) -> None:
    done = await cli.run("usage", "--export", "all.txt")
    assert (done.status, "csv or .json" in done.err) == (2, True)
    await fill(cli, *month())
    done = await cli.run("usage", "--export", "nowhere/all.csv")
    assert done.status == 1
    assert "nowhere" in done.err
    assert list(cli.folder.iterdir()) == []


async def test_deleting_asks_first(cli: Any, terminal: Callable[..., Any]) -> None:
    await fill(cli, *month())
    person = await terminal("usage", "--delete")
    await person.see("for good?")
    person.type("n\r")
    assert await person.ended() == 130
    assert (await cli.run("usage", "--json")).events[0]["total"]["shown"] == 2


async def test_deleting_for_good(cli: Any) -> None:
    await fill(cli, *month())
    done = await cli.run("usage", "--delete", "--yes")
    assert done.status == 0, done.err
    assert "Deleted for good: 6 suggestions and requests." in done.err
    (report,) = (await cli.run("usage", "--json")).events
    assert (report["total"]["shown"], report["future"], report["booked_dollars"]) == (0, 0, "0")
    data = b"".join(each.read_bytes() for each in file_of(cli).parent.glob("usage.db*"))
    assert b"coder" not in data
    assert b"team" not in data


async def test_deleting_keeps_what_a_budget_is_held_against(cli: Any) -> None:
    cli.config.write_text("[chat]\ndaily_budget = 2\n", "utf-8")
    await fill(cli, *month())
    done = await cli.run("usage", "--delete", "--yes")
    assert "`chat.daily_budget` is held against it" in done.err
    assert "Today: $0.50 of $2.00" in (await cli.run("usage")).out


# --- files that can't be used


async def test_a_newer_record_is_left_as_it_is(cli: Any) -> None:
    await fill(cli, *month())
    with sqlite3.connect(file_of(cli)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for arguments in (("usage",), ("usage", "--delete", "--yes")):
        done = await cli.run(*arguments)
        assert done.status == 1
        assert "newer version of Polypilot" in done.err
    assert file_of(cli).exists()


async def test_a_damaged_record_is_set_aside_and_said(cli: Any) -> None:
    file_of(cli).parent.mkdir(mode=0o700, exist_ok=True)
    file_of(cli).write_bytes(b"no database\n" * 500)
    done = await cli.run("usage")
    assert done.status == 0
    assert "was damaged; it is kept as usage.db.broken-" in done.err
    assert "Nothing is recorded yet." in done.out


async def test_a_record_that_another_program_holds_is_said(cli: Any) -> None:
    await fill(cli, *month())
    other = sqlite3.connect(file_of(cli), isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        done = await cli.run("usage")
    finally:
        other.close()
    assert done.status == 1
    assert "another program" in done.err
