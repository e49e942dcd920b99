"""The report as Markdown: tables and examples; no plots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot.compare import facts
from polypilot.pages.diff import compared
from polypilot.pages.markup import harmless
from polypilot.pages.numbers import NOTHING, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from polypilot.compare.figures import Example, Row
    from polypilot.compare.report import Report

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&$])")


def to_markdown(report: Report) -> str:
    """The document, with the same parts as the page."""
    title, subtitle = facts.title(report)
    parts = [f"# {_text(title)}", _text(subtitle), *_advice(report)]
    for purpose in ("completion", "chat"):
        if rows := report.summary.of(purpose):
            parts += [f"## {purpose.capitalize()}", *_tables(rows)]
    if report.summary.examples:
        parts += ["## Examples", *(_example(each) for each in report.summary.examples)]
    parts += ["## What these figures do not say", _list(report.caveats), "## To repeat it",
              _fenced(report.settings.command),
              _list(f"{name}: {value}" for name, value in facts.settings(report))]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(text: str) -> str:
    """On one line, with nothing in it that Markdown or HTML would act on."""
    return _SPECIAL.sub(r"\\\1", " ".join(harmless(text).split()))


def _list(entries: Iterable[str]) -> str:
    return "\n".join(f"- {_text(entry)}" for entry in entries)


def _advice(report: Report) -> Iterator[str]:
    yield "## Advice"
    for advice in report.advice:
        yield f"**{_text(advice.headline)}**"
        yield _list(advice.reasons)
        yield _fenced(advice.command) if advice.command else ""


def _fenced(text: str, language: str = "") -> str:
    """A code block that its text can't end."""
    text = harmless(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(
        "| " + " | ".join(cell if at == 1 else _text(cell) for cell in line) + " |"
        for at, line in enumerate(lines)
    )


def _tables(rows: Sequence[Row]) -> Iterator[str]:
    columns = list(facts.columns(rows))
    yield _table(
        ["target", *(name for name, _ in columns)],
        ([row.target, *(_cell(cells[at]) for _, cells in columns)] for at, row in enumerate(rows)),
    )
    yield _table(["target", *facts.SPEEDS], ([row.target, *facts.speeds(row)] for row in rows))
    yield _table(
        ["target", *facts.RELIABILITY], ([row.target, *facts.reliability(row)] for row in rows)
    )
    yield _table(["target", *facts.MONEY], ([row.target, *facts.spent(row)] for row in rows))
    for name, parts in (("language", _parts(rows, "languages")), ("kind", _parts(rows, "kinds"))):
        yield _table([name, *(row.target for row in rows)], parts)


def _cell(cell: tuple[str, str]) -> str:
    value, remark = cell
    return f"{value} ({remark})" if remark else value


def _parts(rows: Sequence[Row], which: str) -> list[list[str]]:
    found = [{part.name: part.score for part in getattr(row, which)} for row in rows]
    names = dict.fromkeys(name for each in found for name in each)
    return [
        [facts.kind(name),
         *(_cell(facts.share(each[name])) if name in each else NOTHING for each in found)]
        for name in names
    ]  # fmt: skip


def _example(each: Example) -> str:
    word = "Best" if each.best else "Worst"
    where = f"{facts.kind(each.kind)} in {each.path or each.task}"
    lines = "\n".join(f"{side}{line}" for side, line in compared(each.truth, each.text))
    note = f"\n\n{_text(each.note)}" if each.note else ""
    head = f"### {word}: {_text(each.target)}, {_text(where)}, score {percent(each.score)}"
    return f"{head}{note}\n\n{_fenced(lines, 'diff')}"
