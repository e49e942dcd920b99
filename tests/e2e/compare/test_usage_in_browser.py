"""The page of `polypilot usage --html --open`, looked at in a real Chromium."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from contextlib import aclosing
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from plots_support import GROUND, every_plot_is_seen
from usage_support import request, suggestion

from polypilot.usage import Ledger, Stay, storing
from polypilot.usage.values import Gap

if TYPE_CHECKING:
    from pathlib import Path

    from browser_support import Browser

    from polypilot.usage import Entry

pytestmark = pytest.mark.e2e

TODAY = date.today()  # noqa: DTZ011 - as the product
DAYS = 45
FOLDERS = ("CONFIG", "DATA", "CACHE")
MODELS = (
    ("mistral", "codestral-latest"),
    ("anthropic", "claude-sonnet"),
    ("openrouter", "a-supplier-of-many/Llama-4-Scout-17B-16E-Instruct-FP8-with-a-long-name"),
    ("embedded", "<img src=http://127.0.0.1:9/x.png>"),
)


def _of_a_day(dice: random.Random, day: str) -> list[Entry]:
    made: list[Entry] = []
    for _ in range(dice.randint(0, 40)):
        provider, model = dice.choice(MODELS)
        language = dice.choice(["python", "rust", "typescriptreact", "c++"])
        whose = {"day": day, "provider": provider, "model": model, "language": language}
        taken = dice.random() < 0.4
        stay = dice.choice([None, *Stay]) if taken else None
        source = dice.choice(["network", "network", "cache", "shown"])
        made.append(
            suggestion(**whose, source=source, accepted=taken, saved=40 * taken,
                       partly=0 if taken else dice.choice([0, 0, 7]), stay600=stay)
        )  # fmt: skip
        wait = round(dice.lognormvariate(6, 0.7))
        error = dice.choice([""] * 12 + ["timeout", "rate_limited"])
        made.append(
            request(**whose, first_ms=wait, total_ms=wait * 3, error=error, input=2_000,
                    output=50, nanos=dice.choice([None, 1_500_000]))
        )  # fmt: skip
    return made


async def _fill(file: Path, entries: list[Entry], gaps: list[Gap]) -> None:
    async with aclosing(Ledger(file)) as ledger:
        batch = [(each, True) for each in entries]
        await ledger.database.write(partial(storing.put, batch=batch, gaps=gaps))
        await ledger.add(TODAY, "mistral", Decimal("0.25"))


def _opened(home: Path, *, status: int = 0, days: int = 60) -> tuple[str, str]:
    """Which address the user's browser, a script, was given, and what the program said."""
    heard, script = home / "heard", home / "browser"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{heard}"\nexit {status}\n', "utf-8")
    script.chmod(0o700)
    (home / "bin").mkdir(exist_ok=True)
    env = {
        **os.environ,
        **{f"POLYPILOT_{each}_DIR": str(home / each.lower()) for each in FOLDERS},
        "HOME": str(home),
        "BROWSER": str(script),
        "PATH": str(home / "bin"),
    }
    arguments = ("usage", "--days", str(days), "--html", "my usage.html", "--open")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "polypilot.cli", *arguments],
        env=env, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return heard.read_text("utf-8"), done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's, with a record of some weeks."""
    home = tmp_path_factory.mktemp("usage")
    (home / "data").mkdir(mode=0o700)
    dice = random.Random(5)  # noqa: S311 - no secrets
    days = [(TODAY - timedelta(back)).isoformat() for back in range(DAYS)]
    entries = [each for day in days for each in _of_a_day(dice, day)]
    at = int(time.time())
    gaps = [Gap(days[0], at - 900, at - 60, entries=123, changes=4)]
    asyncio.run(_fill(home / "data" / "usage.db", entries, gaps))
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> str:
    """Of the page, as the browser was given it."""
    heard, _ = _opened(home)
    assert heard == (home / "my usage.html").as_uri() + "\n"
    return heard.strip()


@pytest.mark.parametrize("width", [400, 820, 1400])
def test_the_page_is_quiet_and_fits(browser: Browser, address: str, shots: Path, width: int):
    for dark in (False, True):
        browser.show(address, width=width, dark=dark)
        assert browser.asked() == []
        assert browser.complaints() == []
        theme = "dark" if dark else "light"
        (shots / f"usage-{width}-{theme}.png").write_bytes(browser.picture())
        assert browser.run("document.documentElement.scrollWidth") <= width
        text = browser.run("document.body.innerText")
        noticed = browser.run("document.querySelector('#overview .notice.warn').innerText")
        assert "suggestions and requests: 123, and what became of suggestions: 4 times" in noticed
        assert MODELS[3][1] in text, "as text"


@pytest.mark.parametrize("width", [400, 820, 1400])
def test_every_plot_is_seen_and_keeps_to_its_frame(browser: Browser, address: str, width: int):
    browser.show(address, width=width)
    every_plot_is_seen(browser, 3)


def test_light_and_dark_differ_and_paper_is_light(browser: Browser, address: str):
    grounds: list[str] = []
    for dark, media in ((False, ""), (True, ""), (True, "print")):
        browser.show(address, width=1000, dark=dark, media=media)
        grounds.append(browser.run(GROUND))
    light, dark, paper = grounds
    assert light == paper == "rgb(255, 255, 255)"
    assert dark == "rgb(21, 24, 29)"


def test_the_days_unfold(browser: Browser, address: str):
    browser.show(address, width=1000)
    rows = "[...document.querySelectorAll('#days tbody tr')].filter(row => row.checkVisibility())"
    assert browser.run(f"{rows}.length") == 0
    browser.run("[...document.querySelectorAll('#days > details > summary')].at(-1).click()")
    assert browser.run(f"{rows}.length") > DAYS


def test_a_record_of_nothing_has_a_page_too(browser: Browser, tmp_path: Path, shots: Path):
    heard, said = _opened(tmp_path)
    assert "Written to my usage.html." in said
    browser.show(heard.strip(), width=820)
    assert browser.asked() == browser.complaints() == []
    assert "Nothing is recorded yet." in browser.run("document.body.innerText")
    (shots / "usage-nothing.png").write_bytes(browser.picture())


def test_a_browser_that_fails_is_said(tmp_path: Path):
    _, said = _opened(tmp_path, status=3)
    assert "No browser could be started; open the file yourself." in said
