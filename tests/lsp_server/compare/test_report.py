"""The report in its three formats."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
from markdown_it import MarkdownIt
from report_support import SETTINGS, START, Target, reported, tasks

from polypilot.compare.report import Report, report
from polypilot.compare.report_html import to_html
from polypilot.compare.report_json import to_json
from polypilot.compare.report_markdown import to_markdown
from polypilot.compare.values import Kind, Marks, Reply, Task

DOCUMENT = Path(__file__).parents[3] / "docs" / "compare-report.md"
HOSTILE = (
    "</script><img src=x onerror=alert(1)> | `x` [a](javascript:1) \u202e\x1b[31m\ud800 ``` ~~~"
)


@pytest.fixture(scope="module")
def usual() -> Report:
    made = [*tasks(40), *tasks(10, Kind.TESTED), *tasks(12, Kind.FIX)]
    return reported(
        made, Target("a/one"), Target("b/two", skill=0.4, dollars=None, failing=0.1),
        Target("c/dead", failing=1.0, error="auth"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def hostile() -> Report:
    task = Task("t", Kind.BLOCK, HOSTILE, HOSTILE, "g", HOSTILE, HOSTILE, f"{HOSTILE}\n```\n")
    reply = Reply("t", HOSTILE, START, f"+{HOSTILE}", model=HOSTILE)
    failed = Reply("t", f"b{HOSTILE}", START, error=HOSTILE)
    mark = Marks("t", HOSTILE, shown=True, similar=0.5, note=HOSTILE)
    settings = dataclasses.replace(SETTINGS, command=HOSTILE, machine=HOSTILE, notes=(HOSTILE,))
    return report([task], [reply, failed], [mark], settings)


# --- HTML


def test_the_page_has_every_part_the_advice_first(usual: Report):
    text = to_html(usual)
    assert re.findall(r'<section id="(\w+)"', text) == [
        "advice", "completion", "chat", "examples", "caveats", "settings",
    ]  # fmt: skip
    for title in ("Quality against cost", "Quality against latency", "Latency",
                  "Errors over time", "Score by language", "Score by kind of task"):  # fmt: skip
        assert text.count(f"<h3>{title}</h3>") == 2
    assert "polypilot use a/one --for completion" in text
    for value in ("9f2c1e7b0d", "genai-prices 0.2.3", "2026-11-02", "Linux x86_64, 2 cores",
                  "polypilot compare a/one b/two --tasks 40", "Models may have seen"):  # fmt: skip
        assert value in text


def test_ids_are_of_one_element_each(usual: Report):
    ids = re.findall(r'\sid="([^"]+)"', to_html(usual))
    assert len(ids) == len(set(ids))


def test_hostile_text_is_text(hostile: Report):
    text = to_html(hostile)
    assert "<img" not in text
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "⟨U+202E⟩" in text
    text.encode("utf-8")


def test_nothing_asked_is_a_page_too():
    for write in (to_html, to_markdown, to_json):
        assert write(report([], [], [], dataclasses.replace(SETTINGS, finished=None)))


def test_the_same_run_is_the_same_bytes(usual: Report):
    assert to_html(usual) == to_html(usual)


# --- JSON


def schema() -> Any:
    block = re.search(r"```json schema\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert block
    return _strict(json.loads(block[1]))


def _strict(part: Any) -> Any:
    """Each name must be there, and no other."""
    if isinstance(part, list):
        return [_strict(each) for each in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    given = {name: _strict(each) for name, each in cast("dict[str, Any]", part).items()}
    if isinstance(names := given.get("properties"), dict):
        given |= {"required": sorted(cast("dict[str, Any]", names)), "additionalProperties": False}
    return given


def test_json_is_as_documented(usual: Report, hostile: Report):
    for given in (usual, hostile, report([], [], [], SETTINGS)):
        jsonschema.validate(json.loads(to_json(given)), schema())  # pyright: ignore[reportArgumentType, reportUnknownMemberType]  # no types of its own


def test_json_has_the_figures(usual: Report):
    shown = json.loads(to_json(usual))
    assert shown["version"] == 1
    row = shown["summary"]["rows"][0]
    assert row["quality"]["score"]["value"] == 1.0
    assert row["money"]["per_1000"] == 1.0
    assert shown["summary"]["rows"][2]["quality"]["score"]["value"] is None
    assert [each["purpose"] for each in shown["advice"]] == ["completion", "chat"]


# --- Markdown


def test_markdown_has_the_same_parts(usual: Report):
    text = to_markdown(usual)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Advice", "Completion", "Chat", "Examples", "What these figures do not say", "To repeat it",
    ]  # fmt: skip
    assert "```\npolypilot use a/one --for completion\n```" in text
    tables = MarkdownIt("commonmark").enable("table").render(text).count("<table>")
    assert tables == 12


def test_markdown_renders_hostile_text_as_text(hostile: Report):
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(to_markdown(hostile))
    assert "<img" not in shown
    assert "<script" not in shown
    assert "href" not in shown
    assert "\u202e" not in shown
    fences = shown.count("<pre>")
    assert fences == shown.count("</pre>") == 3


def test_what_is_not_known_is_said(usual: Report):
    text = to_markdown(usual)
    assert "not known" in text
    assert any("never counted as nothing" in each for each in usual.caveats)


def test_an_unfinished_run_says_so():
    made = reported(
        tasks(5), Target("a/one"), settings=dataclasses.replace(SETTINGS, finished=None)
    )
    assert any("ended before every task was asked" in each for each in made.caveats)
    assert any("5 tasks are few" in each for each in made.caveats)
