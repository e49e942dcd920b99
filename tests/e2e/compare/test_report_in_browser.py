"""The report, looked at in a real Chromium: offline, quiet, in each theme and width."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from plots_support import GROUND, every_plot_is_seen

if TYPE_CHECKING:
    from pathlib import Path

    from browser_support import Browser

pytestmark = pytest.mark.e2e

NAMES = ["2", "5", "12", "dead"]
WIDTHS = [400, 820, 1400]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_quiet_and_fits(
    browser: Browser, pages: dict[str, Path], shots: Path, name: str, width: int
):
    for dark in (False, True):
        browser.show(pages[name].as_uri(), width=width, dark=dark)
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.asked() == []
        assert browser.complaints() == []
        theme = "dark" if dark else "light"
        (shots / f"report-{name}-{width}-{theme}.png").write_bytes(browser.picture())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_every_plot_is_seen_and_keeps_to_its_frame(
    browser: Browser, pages: dict[str, Path], name: str, width: int
):
    browser.show(pages[name].as_uri(), width=width)
    every_plot_is_seen(browser, 12)


def test_light_and_dark_differ_and_paper_is_light(browser: Browser, pages: dict[str, Path]):
    grounds: list[str] = []
    signs: list[str] = []
    for dark, media in ((False, ""), (True, ""), (True, "print")):
        browser.show(pages["2"].as_uri(), width=1000, dark=dark, media=media)
        grounds.append(browser.run(GROUND))
        signs.append(browser.run("getComputedStyle(document.querySelector('.mark')).fill"))
    light, dark, paper = grounds
    assert light == paper == "rgb(255, 255, 255)"
    assert dark == "rgb(21, 24, 29)"
    assert signs[0] == signs[2] != signs[1]


def test_the_policy_stops_what_is_not_ours(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
):
    """As if an escape had been forgotten: nothing runs, nothing is fetched, no style counts."""
    injected = (
        "<script>document.title='run'</script><img src='http://127.0.0.1:9/x.png' "
        "onerror=\"document.title='run'\"><style>body{display:none}</style>"
        "<p id=styled style='color:red'>x</p>"
    )
    page = tmp_path / "page.html"
    text = pages["2"].read_text("utf-8")
    page.write_text(text.replace("<main>", f"<main>{injected}"), "utf-8")
    browser.show(page.as_uri(), width=1000)
    assert browser.run("document.title") != "run"
    assert browser.run("getComputedStyle(document.body).display") == "block"
    assert browser.run("getComputedStyle(document.getElementById('styled')).color") == (
        browser.run("getComputedStyle(document.body).color")
    )
    assert any("Content Security Policy" in each for each in browser.complaints())


def test_what_is_folded_unfolds_without_a_script(browser: Browser, pages: dict[str, Path]):
    browser.show(pages["2"].as_uri(), width=1000)
    table = "document.querySelector('figure details .scroll')"
    assert not browser.run(f"{table}.checkVisibility()")
    browser.run("document.querySelector('figure summary').click()")
    assert browser.run(f"{table}.checkVisibility()")


def test_it_prints_on_few_pages(browser: Browser, pages: dict[str, Path]):
    browser.show(pages["2"].as_uri(), width=1000)
    paper = browser.paper()
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 40
