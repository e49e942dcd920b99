"""``polypilot compare``: from a repository and two suppliers to a report."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from knowing_support import Knowing

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Cli

pytestmark = pytest.mark.timeout(240)

ROW = """
[providers.{name}]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
{more}
"""
MODULE = '''"""Sums, module {number}."""


def total_{number}(values):
    """The sum of all values."""
    result = {number}
    for value in values:
        result = result + value * {number}
    return result


def mean_{number}(values):
    """The mean of all values; {number} for none."""
    if not values:
        return {number}
    return total_{number}(values) / len(values)
'''


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(cli: Cli) -> Path:
    for number in range(12):
        file = cli.folder / "sums" / f"module_{number}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(MODULE.format(number=number), "utf-8")
    git(cli.folder, "init", "-q")
    git(cli.folder, "add", "-A")
    git(cli.folder, "commit", "-qm", "Add sums of all kinds")
    return cli.folder


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
    assert page.startswith("<!doctype html>")
    assert "good/coder" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    found = json.loads(again.out)
    exact = {row["target"]: row["quality"]["exact"]["value"] for row in found["rows"]}
    assert exact == {"good/coder": 1.0, "half/coder": 0.5}
    used = await cli.run("use", "good/coder", "--for", "completion", "--json")
    assert json.loads(used.out)["provider"] == "good"
