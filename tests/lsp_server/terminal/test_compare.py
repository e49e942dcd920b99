"""``polypilot compare``: from a repository and two suppliers to a report."""

from __future__ import annotations

import json
import signal
import sqlite3
from typing import TYPE_CHECKING

import pytest
from compare_repository import MODULE, ROW, make_repository
from knowing_support import Knowing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from conftest import Cli, Terminal

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def repository(cli: Cli) -> Path:
    return make_repository(cli.folder)


def rows(cli: Cli, more: str = "free = true", **urls: str) -> None:
    made = [ROW.format(name=name, url=url, more=more) for name, url in urls.items()]
    cli.config.write_text("\n".join(made), "utf-8")


LINES = ("--kind", "line=10", "--kind", "rest=10", "--no-tests")


async def test_from_a_repository_to_a_report_and_a_switch(cli: Cli, repository: Path):
    report = repository.parent / "report.html"
    async with Knowing(repository) as good, Knowing(repository, every=2) as half:
        rows(cli, good=good.url, half=half.url)
        done = await cli.run(
            "compare", "good/coder", "half/coder", *LINES, "--report", str(report), "--yes"
        )
        assert done.status == 0, done.err
        asked = len(good.requests), len(half.requests)
        again = await cli.run("compare", "good/coder", "half/coder", *LINES, "--json", "--yes")
        assert (len(good.requests), len(half.requests)) == asked == (20, 20)
    assert "polypilot use good/coder --for completion" in done.out
    assert str(report) in done.err.replace("\n", "")
    page = report.read_text("utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "good/coder" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    found = json.loads(again.out)
    rows_ = found["summary"]["rows"]
    exact = {row["target"]: row["quality"]["exact"]["value"] for row in rows_}
    assert exact == {"good/coder": 1.0, "half/coder": 0.5}
    used = await cli.run("use", "good/coder", "--for", "completion", "--json")
    assert json.loads(used.out)["provider"] == "good"
    kept = await cli.run("compare", "--list", "--json")
    assert [(run["tasks"], run["replies"]) for run in json.loads(kept.out)] == [(20, 40)]
    gone = await cli.run("compare", "--delete", "all")
    assert gone.status == 0
    assert "No comparison is kept" in gone.out


async def test_a_dry_run_asks_nobody(cli: Cli, repository: Path):
    async with Knowing(repository) as team:
        rows(cli, 'prices = "openai"', team=team.url)
        done = await cli.run("compare", "team/gpt-4.1", *LINES, "--dry-run")
        assert done.status == 0
        assert "20 questions" in done.err
        assert "about $0.0" in done.err
        plan = await cli.run("compare", "team/gpt-4.1", "team/odd", *LINES, "--dry-run", "--json")
        assert team.requests == []
    told = json.loads(plan.out)
    assert told["tasks"] == {"line": 10, "rest": 10}
    known, unknown = told["targets"]["team/gpt-4.1"], told["targets"]["team/odd"]
    assert known["questions"] == unknown["questions"] == 20
    assert 0 < float(known["dollars"]) < float(known["dollars_at_most"])
    assert (unknown["dollars"], unknown["dollars_at_most"]) == (None, None)


async def test_money_is_not_spent_unasked_nor_beyond_the_limit(cli: Cli, repository: Path):
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    target = ("compare", "team/gpt-4.1", *LINES)
    async with Knowing(repository, **usage) as team:
        rows(cli, 'prices = "openai"', team=team.url)
        unasked = await cli.run(*target)
        assert unasked.status == 1
        assert "nobody to ask" in unasked.err
        assert team.requests == []
        capped = await cli.run(*target, "--yes", "--max-cost", "0.02", "--json")
        assert capped.status == 1
        assert "limit of money" in capped.err
        assert 0 < len(team.requests) < 10
        found = json.loads(capped.out)
        money = found["summary"]["rows"][0]["money"]
        assert money["dollars"] == pytest.approx(0.0028 * len(team.requests))
        assert money["per_1000"] == pytest.approx(2.8)
        whole = await cli.run(*target, "--yes", "--max-cost", "1")
        assert whole.status == 0
        assert len(team.requests) == 20


async def test_a_price_that_is_not_known_is_no_price_of_nothing(cli: Cli, repository: Path):
    async with Knowing(repository) as team:
        rows(cli, 'prices = "none"', team=team.url)
        done = await cli.run("compare", "team/coder", *LINES, "--yes", "--max-cost", "1")
        assert done.status == 1
        assert "the price of team/coder is not known" in done.err
        assert team.requests == []
        done = await cli.run(
            "compare", "team/coder", *LINES, "--yes", "--max-cost", "1", "--allow-unpriced"
        )
        assert done.status == 0
        assert "unknown" in done.out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("nobody/x",), 1, "there is no provider 'nobody'"),
        ((), 2, "name at least one TARGET"),
        (("team", "--kind", "poem"), 2, "'poem' is none of"),
        (("team", "--max-cost", "-1"), 2, "is no amount of dollars"),
        (("team", "--commit", "no-such"), 1, "no-such"),
        (("team", "--kind", "line", "--kind", "line=3"), 2, "name each --kind once"),
        (("team", "--kind", "line=3", "--for", "chat"), 2, "--kind line is none of --for chat"),
        (("team", "--test-command", "'pytest"), 2, "--test-command is no command"),
        (("team", "--kind", "tested=3", "--no-tests"), 1, "no tasks were found"),
        (("team", "--report", "report.doc", *LINES, "--yes"), 1, "no form of a report"),
        (("team", "--report", "no/r.html", *LINES, "--yes"), 1, "its folder is not there"),
        (("--delete", "77"), 2, "no comparison '77'"),
    ],
)
async def test_what_can_not_be_done_is_said(
    cli: Cli, repository: Path, arguments: tuple[str, ...], status: int, said: str
):
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        done = await cli.run("compare", *arguments)
        assert team.requests == []
    assert done.status == status
    assert said in " ".join(done.err.split())


async def test_kinds_with_a_number_and_kinds_without(cli: Cli, repository: Path):
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        kinds = ("--kind", "line=3", "--kind", "rest", "-n", "10")
        done = await cli.run("compare", "team/coder", *kinds, "--no-tests", "--dry-run")
        assert done.status == 0, done.err
        assert "3 line" in done.err
        assert "7 rest" in done.err
        done = await cli.run("compare", "team/coder", "--for", "completion", "-n", "9",
                             "--no-tests", "--dry-run")  # fmt: skip
    assert "line" in done.err
    for kind in ("explain", "humaneval"):  # the standard sets are asked for by name
        assert kind not in done.err


@pytest.mark.parametrize("above", [False, True])
async def test_what_must_not_leave_is_in_no_question(cli: Cli, repository: Path, *, above: bool):
    """Neither as a task nor beside one; an ignore file need not be committed for that."""
    where = repository if above else repository / "sums"
    (where / ".cursorignore").write_text("module_1.py\nmodule_2.py\n", "utf-8")
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        text = cli.config.read_text("utf-8").replace("openai-completions", "template:qwen")
        cli.config.write_text(text, "utf-8")
        target = ("compare", "team/coder", *LINES, "--yes")
        root = () if above else ("--root", str(repository / "sums"))
        done = await cli.run(*target, *root)
        assert done.status == 0, done.err
        bodies = [json.dumps(each.json) for each in team.requests]
    assert len(bodies) == 20
    assert any("total_0(" in each for each in bodies)
    assert not any("total_1(" in each or "total_2(" in each for each in bodies)


async def test_a_folder_without_history_is_compared_as_it_is(cli: Cli):
    file = cli.folder / "loose.py"
    file.write_text("".join(MODULE.format(number=number) for number in range(8)), "utf-8")
    async with Knowing(cli.folder) as team:
        rows(cli, team=team.url)
        done = await cli.run("compare", "team/coder", "--kind", "line=6", "--no-tests", "--yes")
        assert done.status == 0, done.err
        assert len(team.requests) == 6


async def test_without_a_key_the_others_are_compared(cli: Cli, repository: Path):
    async with Knowing(repository) as good, Knowing(repository) as locked:
        rows(cli, good=good.url)
        keyed = ROW.format(name="locked", url=locked.url, more="").replace(
            'auth = "none"', 'auth = "keyring"'
        )
        cli.config.write_text(cli.config.read_text("utf-8") + keyed, "utf-8")
        done = await cli.run("compare", "good/coder", "locked/coder", *LINES, "--yes")
        assert done.status == 1
        assert "locked/coder was given up" in done.err
        assert len(good.requests) == 20
        assert locked.requests == []


async def test_ctrl_c_in_a_terminal_loses_no_answer(
    cli: Cli, repository: Path, terminal: Callable[..., Awaitable[Terminal]]
):
    target = ("compare", "team/coder", *LINES)
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        shown = await terminal(*target)
        await team.wait_for_requests(6, seconds=60)
        await shown.interrupt("Stopped")
        assert await shown.ended() == 130
        with sqlite3.connect(cli.home / "data" / "compare.db") as connection:
            [kept] = connection.execute("SELECT count(*) FROM replies").fetchone()
            [cut_off] = connection.execute("SELECT count(*) FROM asked").fetchone()
        assert kept + cut_off == len(team.requests) < 20
        done = await cli.run(*target, "--yes")
        assert done.status == 0, done.err
        assert f"{kept} answers are there already" in done.err
        assert len(team.requests) == 20 + cut_off


async def test_another_process_does_not_pay_for_the_same(cli: Cli, repository: Path):
    target = ("compare", "team/coder", *LINES, "--yes")
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        first = await cli.start(*target)
        await team.wait_for_requests(1, seconds=60)
        first.send_signal(signal.SIGSTOP)
        second = await cli.run(*target)
        first.send_signal(signal.SIGCONT)
        await first.communicate()
        assert second.status == 1
        assert "at work in another terminal" in second.err
        assert len(team.requests) == 20


async def test_answers_to_other_settings_are_not_mixed_in(cli: Cli, repository: Path):
    target = ("compare", "team/coder", *LINES, "--yes")
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        await cli.run(*target)
        cli.config.write_text(
            f"completion.context = false\n{cli.config.read_text('utf-8')}", "utf-8"
        )
        done = await cli.run(*target)
        assert "compared before with other settings" in done.err
        again = await cli.run(*target)
        assert "20 answers are there already" in again.err
        assert "other settings" not in again.err
        assert len(team.requests) == 40


async def test_who_was_left_out_is_in_the_report(cli: Cli, repository: Path):
    report = repository / "report.md"
    async with Knowing(repository) as team:
        rows(cli, team=team.url)
        done = await cli.run("compare", "team/coder", "embedded/no.gguf", *LINES, "--yes",
                             "--report", str(report))  # fmt: skip
    assert done.status == 1
    assert "embedded/no.gguf is left out" in done.err
    assert "embedded/no.gguf was given up" in report.read_text("utf-8").replace("\\", "")
