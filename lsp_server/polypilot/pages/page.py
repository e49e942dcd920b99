"""One self-contained document: it loads nothing, runs nothing, and says so to the browser."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.pages.markup import Markup, harmless, join, tag
from polypilot.pages.style import sheet

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a heading, reachable by its name."""

    name: str
    """A word for the address: letters and ``-``."""
    title: str
    inside: Markup


def page(title: str, subtitle: str, sections: Sequence[Section], foot: str = "") -> str:
    """The document. Only its own style sheet is allowed by its policy, known by its hash."""
    style = sheet()
    return "<!DOCTYPE html>\n" + tag(
        "html",
        tag("head", _head(title, style), tag("style", Markup(style))),
        tag("body", _top(title, subtitle, sections), _main(sections), _foot(foot)),
        lang="en",
    ) + "\n"  # fmt: skip


def _head(title: str, style: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return join(
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", " ".join(harmless(title).split())),
    )


def _top(title: str, subtitle: str, sections: Sequence[Section]) -> Markup:
    links = (tag("a", part.title, href=f"#{part.name}") for part in sections)
    return tag(
        "header",
        tag("h1", title),
        tag("p", subtitle) if subtitle else "",
        tag("nav", *links, aria_label="Sections"),
    )


def _main(sections: Sequence[Section]) -> Markup:
    parts = (
        tag("section", tag("h2", part.title, id=f"{part.name}-h"), part.inside, id=part.name,
            aria_labelledby=f"{part.name}-h")
        for part in sections
    )  # fmt: skip
    return tag("main", *parts)


def _foot(text: str) -> Markup:
    return tag("footer", tag("p", text)) if text else Markup()
