"""The report of usage as one self-contained HTML page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from polypilot.usage.report import DIMENSIONS
from polypilot.usage.words import headline, row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polypilot.usage.report import Report

_HEADS = (
    *("shown", "accepted", "partly", "30 s", "2 min", "10 min", "characters saved", "cached"),
    *("requests", "errors", "tokens in/out", "money", "first text p50/p95", "whole p50/p95"),
)


def html(report: Report) -> str:
    """The page. It loads nothing, and follows the reader's light or dark theme."""
    tables = "".join(
        f"<h2>By {each}</h2>"
        + _table((each, *_HEADS), [(line.name, *row(line)) for line in report.lines.get(each, ())])
        for each in DIMENSIONS
    )
    return f"<!doctype html><title>Usage</title>{''.join(map(escape, headline(report)))}{tables}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in each)}</tr>" for each in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
