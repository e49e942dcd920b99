"""A browser for reports, and reports for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser_support import Browser
from report_support import Target, reported, tasks

from polypilot.compare.report_html import to_html
from polypilot.compare.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_support import RequireSystem

SCREENSHOTS = os.environ.get("POLYPILOT_SCREENSHOTS", "")
LONG = "openrouter/a-supplier-of-many/Llama-4-Scout-17B-16E-Instruct-FP8-with-a-very-long-name"


@pytest.fixture(scope="module")
def browser(require_system: RequireSystem, tmp_path_factory: pytest.TempPathFactory
            ) -> Iterator[Browser]:  # fmt: skip
    """One for all of a file's tests."""
    program = require_system("chromium", "chromium")
    started = Browser(program, tmp_path_factory.mktemp("browser"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures are kept, for people."""
    folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _targets(number: int) -> list[Target]:
    """The first two differ; of the rest one has no price, one a long name, one never answers."""
    named = [
        Target("mistral/codestral-latest"),
        Target("anthropic/claude-sonnet", skill=0.4, dollars="0.009", wait=1.5, failing=0.1),
        Target("azure/own-deployment", skill=0.7, dollars=None, wait=0.9),
        Target(LONG, skill=0.7, dollars="0", wait=0.8),
        Target("openai/wrong-key", failing=1.0, error="auth"),
    ]
    more = [
        Target(f"supplier/model-{at}", skill=0.6 + at / 40, dollars=f"0.00{at}", wait=0.1 * at)
        for at in range(1, 8)
    ]
    return [*named, *more][:number]


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports as files: of two, five, twelve targets, and of one that never answered."""
    folder = tmp_path_factory.mktemp("reports")
    made = [*tasks(45, each=2), *tasks(15, Kind.TESTED), *tasks(12, Kind.FIX)]
    dead = Target("openai/wrong-key", failing=1.0, error="auth")
    given = {str(number): _targets(number) for number in (2, 5, 12)} | {"dead": [dead]}
    files: dict[str, Path] = {}
    for name, targets in given.items():
        files[name] = folder / f"report-{name}.html"
        files[name].write_text(to_html(reported(made, *targets)), "utf-8")
    return files
