"""The report of a watch: lines over its rounds, and what each round found."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from polypilot import paths
from polypilot.compare.facts import when
from polypilot.compare.watched_facts import KINDS
from polypilot.errors import UserError
from polypilot.pages.blocks import Table, listed, paragraph
from polypilot.pages.charts.frame import figure
from polypilot.pages.charts.lines import Line, lines
from polypilot.pages.charts.scales import Axis
from polypilot.pages.markup import join
from polypilot.pages.numbers import dollars, percent, seconds
from polypilot.pages.page import Section, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from polypilot.compare.watched import Round, Sample
    from polypilot.compare.watching import Look
    from polypilot.pages.charts.frame import Chart
    from polypilot.pages.markup import Markup

_TITLES: Final = {"completion": "Completion", "chat": "Chat"}
_FEW_FAIL: Final = 0.2


def to_html(rounds: Sequence[Round], look: Look, *, repository: str) -> str:
    """The document, the latest changes first. It loads nothing and runs nothing."""
    targets = list(dict.fromkeys(label for each in rounds for label, _ in each.samples))
    styles = {target: at for at, target in enumerate(targets)}
    sections = [Section("now", "The latest round", _latest(look))]
    for purpose, title in _TITLES.items():
        shown = [label for label in targets if any((label, purpose) in each.samples
                                                   for each in rounds)]  # fmt: skip
        if shown:
            drawn = [figure(chart, purpose) for chart in charts(rounds, purpose, styles, shown)]
            sections.append(Section(purpose, title, join(*drawn)))
    sections.append(Section("changes", "Changes that were told", _told(rounds)))
    subtitle = f"{len(rounds)} rounds, from {when(rounds[0].begun)} to {when(rounds[-1].begun)}"
    foot = "Made on this machine by polypilot compare. This file loads nothing and sends nothing."
    return page(f"Suppliers watched on {repository or 'your code'}", subtitle, sections, foot)


def _latest(look: Look) -> Markup:
    if look.found:
        return listed([each.text for each in look.found])
    return paragraph(nothing(look))


def nothing(look: Look) -> str:
    """What is said where no change was found."""
    if not look.tasks:
        return "no answer came in this round"
    if not look.rounds:
        return f"the first round: {look.tasks} tasks to compare later ones with"
    text = f"no change found in {look.tasks} tasks"
    if look.unseen is None:
        return f"{text}; they come from too few files to know how large a change would be seen"
    return f"{text}; a change of less than {100 * look.unseen:.0f} points would not be seen"


def charts(
    rounds: Sequence[Round], purpose: str, styles: dict[str, int], targets: Sequence[str]
) -> Iterator[Chart]:
    """Score, wait, cost and failures of one purpose over the rounds."""
    first = "first line" if purpose == "completion" else "first words"
    plots: list[tuple[str, str, Callable[[Sample], float | None], Axis]] = [
        ("Score", "The mean over the tasks. Up is better.",
         lambda sample: sample.score, Axis("score", percent, least=0.0)),
        ("Wait", f"The median wait for the {first}. Down is faster.",
         lambda sample: sample.wait, Axis(f"time to the {first}", seconds, least=0.0)),
        ("Cost", "Of a thousand answers, as far as prices are known.",
         lambda sample: sample.per_1000, Axis("dollars for 1,000 answers", dollars, least=0.0)),
        ("Failures", "The share of tasks that failed or met a limit.",
         lambda sample: sample.failing, Axis("share", percent, least=0.0, most=_FEW_FAIL)),
    ]  # fmt: skip
    times = [when(each.begun).removesuffix(" UTC")[5:] for each in rounds]
    for title, text, value, axis in plots:
        series = [
            Line(label, styles[label],
                 [value(sample) if (sample := each.samples.get((label, purpose))) else None
                  for each in rounds])
            for label in targets
        ]  # fmt: skip
        yield lines(f"{title} over the rounds", text, times, series, axis)


def _told(rounds: Sequence[Round]) -> Markup:
    rows = [
        (when(each.begun), str(each.number), KINDS.get(kind, kind), target, purpose)
        for each in reversed(rounds)
        for kind, target, purpose in each.facts.found
    ]
    if not rows:
        return paragraph("None so far.")
    head = ("round", "number", "what", "of", "for")
    return Table("Changes, the latest first", head, rows, frozenset({2, 3, 4})).markup()


def to_json(rounds: Sequence[Round], look: Look) -> str:
    """The latest round's changes, and every round's figures."""
    made = {
        "version": 1,
        "found": [asdict(each) for each in look.found],
        "unseen": look.unseen,
        "rounds": [
            {"number": each.number, "run": each.run, "begun": each.begun,
             "facts": asdict(each.facts),
             "targets": [
                 {"target": label, "purpose": purpose, "score": sample.score, "wait": sample.wait,
                  "per_1000": sample.per_1000, "bad": sample.bad, "asked": sample.asked}
                 for (label, purpose), sample in each.samples.items()]}
            for each in rounds
        ],
    }  # fmt: skip
    return json.dumps(made)


def check(wanted: Sequence[Path]) -> None:
    """Whether reports of these names can be made; before anything is paid for.

    Raises:
        UserError: a file's name says no form that a watch has.
    """
    for each in wanted:
        if each.suffix.lower() not in {".html", ".htm", ".json"}:
            raise UserError(
                f"{each.name!r} says no form of a watch's report",
                code="report",
                cure="end its name in .html or .json",
            )


def write(rounds: Sequence[Round], look: Look, wanted: Sequence[Path], repository: str) -> None:
    """Write the files, in place of those of earlier rounds. Blocks.

    Raises:
        OSError: one can't be written.
    """
    for each in wanted:
        json_form = each.suffix.lower() == ".json"
        text = to_json(rounds, look) if json_form else to_html(rounds, look, repository=repository)
        paths.write_private(each.absolute(), text.encode())
