"""``polypilot compare --watch``: rounds over the same tasks, and what is said of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from compare_repository import ROW, git, make_repository
from knowing_support import Knowing

from polypilot_providers.testing import reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from conftest import Cli, Done, Terminal
    from polypilot_providers.testing import Request, Step

pytestmark = pytest.mark.timeout(240)

WATCH = ("compare", "team/gpt-4.1", "--kind", "line=12", "--no-tests", "--watch", "6h")
ONCE = (*WATCH, "--rounds", "1", "--yes")
MANY = tuple(each.replace("line=12", "line=40") for each in ONCE)
"""From every file: of few independent tasks nothing is sure."""


class Listing(Knowing):
    """Knows the repository, and says which models it has."""

    models: tuple[str, ...] = ("gpt-4.1",)
    away = False

    def next_script(self, request: Request) -> list[Step]:
        """Answer a request."""
        if request.path.endswith("/models"):
            data = [{"id": name, "object": "model"} for name in self.models]
            return list(reply(200, {"object": "list", "data": data}))
        given = super().next_script(request)
        return list(reply(401, {"error": {"message": "no"}})) if self.away else given

    @property
    def prompts(self) -> list[str]:
        return [str(each.json["prompt"]) for each in self.requests if "prompt" in each.json]


@pytest.fixture
def repository(cli: Cli) -> Path:
    return make_repository(cli.folder)


def row(cli: Cli, url: str, more: str = 'prices = "openai"') -> None:
    cli.config.write_text(ROW.format(name="team", url=url, more=more), "utf-8")


def only(done: Done) -> dict[str, Any]:
    [event] = done.events
    return event


async def test_each_round_asks_the_same_and_a_new_model_is_told(cli: Cli, repository: Path):
    async with Listing(repository) as team:
        row(cli, team.url)
        first = await cli.run(*ONCE)
        assert first.status == 0, first.err
        assert "the first round: 12 tasks" in first.out
        assert "a round, every 6.0 h: about $" in first.err
        asked = sorted(team.prompts)
        assert len(asked) == 12
        # Whatever is committed meanwhile: it is the first round's commit.
        (repository / "sums" / "module_0.py").write_text("changed = 1\n", "utf-8")
        git(repository, "commit", "-qam", "Change")
        quiet = await cli.run(*ONCE, "--json")
        assert quiet.status == 0, quiet.err
        assert only(quiet)["found"] == []
        assert only(quiet)["round"] == 2
        assert sorted(team.prompts) == sorted([*asked, *asked])
        team.models = ("gpt-4.1", "gpt-9")
        third = await cli.run(*ONCE)
    assert "team has new models: gpt-9" in third.out
    assert "polypilot compare team/gpt-4.1 team/gpt-9" in third.out


async def test_a_supplier_that_got_worse_and_dearer_is_told(cli: Cli, repository: Path):
    page, data = cli.home / "watch.html", cli.home / "watch.json"
    reports = ("--report", str(page), "--report", str(data))
    async with Listing(repository) as team:
        row(cli, team.url)
        for _ in range(2):
            assert (await cli.run(*MANY)).status == 0
    async with Listing(repository, every=99, prompt_tokens=400, completion_tokens=60) as team:
        row(cli, team.url)
        done = await cli.run(*MANY, "--json", *reports)
    assert done.status == 0, done.err
    found = {each["kind"]: each for each in only(done)["found"]}
    assert {"quality", "cost"} <= found.keys()
    assert found["quality"]["better"] is found["cost"]["better"] is False
    assert "got worse: -" in found["quality"]["text"]
    assert "dearer: more tokens used" in found["cost"]["text"]
    assert "--for completion" in found["cost"]["command"]
    text = page.read_text("utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert "Score over the rounds" in text
    assert "got worse" in text
    assert [each["number"] for each in json.loads(data.read_text("utf-8"))["rounds"]] == [1, 2, 3]


async def test_a_round_that_fails_is_told_and_the_next_one_is_asked(cli: Cli, repository: Path):
    async with Listing(repository) as team:
        row(cli, team.url)
        assert (await cli.run(*ONCE)).status == 0
        team.away = True
        failed = await cli.run(*ONCE)
        assert failed.status == 1
        assert "was given up" in failed.err
        assert "no answer came in this round" in failed.out
        team.away = False
        # It is of today, so it is gone on with.
        again = await cli.run(*ONCE, "--json")
    assert again.status == 0
    assert only(again)["round"] == 2


async def test_rounds_are_one_line_in_the_list_and_forgotten_together(cli: Cli, repository: Path):
    async with Listing(repository) as team:
        row(cli, team.url)
        for _ in range(3):
            assert (await cli.run(*ONCE)).status == 0
        other = (*WATCH[:-2], "--yes")
        assert (await cli.run(*other)).status == 0
    listed = await cli.run("compare", "--list")
    lines = [line for line in listed.out.splitlines() if "team/gpt-4.1" in line]
    assert len(lines) == 2
    [folded] = [line for line in lines if "watched" in line]
    assert "3 rounds" in folded
    left = await cli.run("compare", "--delete", folded.split()[0], "--json")
    assert len(json.loads(left.out)) == 1


async def test_between_rounds_it_says_when_the_next_one_is_and_ctrl_c_ends_it(
    cli: Cli, repository: Path, terminal: Callable[..., Awaitable[Terminal]]
):
    async with Listing(repository) as team:
        row(cli, team.url)
        shown = await terminal(*WATCH)
        await shown.see("Ask them?")
        shown.type("y\n")
        await shown.see("The next round is at")
        await shown.interrupt("Stopped")
        assert await shown.ended() == 130
        assert len(team.prompts) == 12


async def test_anew_is_another_watch(cli: Cli, repository: Path):
    async with Listing(repository) as team:
        row(cli, team.url)
        assert only(await cli.run(*ONCE, "--json"))["round"] == 1
        assert only(await cli.run(*ONCE, "--json", "--anew"))["round"] == 1
        assert only(await cli.run(*ONCE, "--json"))["round"] == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("team", "--watch", "10s"), 2, "not between a minute and a year"),
        (("team", "--watch", "6 hours"), 2, "no time such as 6h"),
        (("team", "--rounds", "2"), 2, "--rounds is for --watch"),
        (("--watch", "nobody/x"), 1, "there is no provider 'nobody'"),
        (("team", "--watch", "--report", "x.md"), 1, "no form of a watch's report"),
        (ONCE[1:-1], 1, "nobody to ask"),
    ],
)
async def test_what_can_not_be_watched_is_said(
    cli: Cli, repository: Path, arguments: tuple[str, ...], status: int, said: str
):
    async with Listing(repository) as team:
        row(cli, team.url)
        done = await cli.run("compare", *arguments)
        assert team.prompts == []
    assert done.status == status
    assert said in " ".join(done.err.split())
