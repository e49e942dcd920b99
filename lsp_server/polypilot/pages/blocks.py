"""What a page's sections are made of: tables, lists, notices, things to unfold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from polypilot.pages.markup import Markup, join, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Tone = Literal["good", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text; the first column names the row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    """As long as ``head``; a cell may be markup."""
    texts: frozenset[int] = frozenset()
    """Columns of words; the others, but for the first, are numbers and stand to the right."""

    def markup(self) -> Markup:
        """The table, which scrolls by itself where the page is too narrow."""
        head = (tag("th", name, scope="col", class_=self._class(at))
                for at, name in enumerate(self.head))  # fmt: skip
        table = tag(
            "table",
            tag("caption", tag("span", self.caption)),
            tag("thead", tag("tr", *head)),
            tag("tbody", *(self._row(row) for row in self.rows)),
        )
        return tag(
            "div", table, class_="scroll", role="region", tabindex="0", aria_label=self.caption
        )

    def _row(self, row: Sequence[str]) -> Markup:
        first = tag("th", row[0], scope="row", class_="word")
        rest = (tag("td", cell, class_=self._class(at)) for at, cell in enumerate(row[1:], 1))
        return tag("tr", first, *rest)

    def _class(self, column: int) -> str:
        return "word" if column == 0 or column in self.texts else "number"


def paragraph(*inside: str) -> Markup:
    """Text."""
    return tag("p", *inside)


def code(text: str) -> Markup:
    """Something to type, or a name, within text."""
    return tag("code", text)


def command(text: str) -> Markup:
    """A command on a line of its own."""
    return tag("pre", tag("code", text), class_="command")


def listed(entries: Iterable[str]) -> Markup:
    """A list of remarks."""
    return tag("ul", *(tag("li", entry) for entry in entries), class_="notes")


def definitions(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Names and what they are."""
    rows = (tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs)
    return tag("dl", *rows)


def notice(*inside: str, tone: Tone = "plain") -> Markup:
    """A box that is read first."""
    return tag("div", *inside, class_=f"notice {tone}", role="note")


def folded(summary: str, *inside: str, opened: bool = False) -> Markup:
    """What is seen when one asks for it; on paper always."""
    return tag("details", tag("summary", summary), *inside, open="" if opened else None)


def cards(entries: Iterable[tuple[str, str, str]]) -> Markup:
    """A few figures to be seen at a glance: name, value, remark."""
    return tag(
        "div",
        *(tag("div", tag("div", name, class_="of"), tag("div", value, class_="value"),
              tag("div", remark, class_="remark"), class_="card")
          for name, value, remark in entries),
        class_="cards",
    )  # fmt: skip


def group(*inside: str) -> Markup:
    """Figures side by side where there is room."""
    return tag("div", join(*inside), class_="group")
