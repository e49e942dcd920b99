"""What a real Markdown renderer makes of a text."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from polypilot_prompts.neutral import Neutral
from polypilot_prompts.neutral_fences import RENDERED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from markdown_it.token import Token

LINKIFY = find_spec("linkify_it") is not None
"""Whether bare addresses can be made links of, as many renderers do."""


def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True, "linkify": LINKIFY, "typographer": False})
    made.enable(["table", "strikethrough"])

    def every(url: str) -> bool:  # as careless renderers have it
        return bool(url) or True

    made.validateLink = every
    if LINKIFY:
        made.enable("linkify")
        # A bare mail address is no link of ours.
        made.linkify.set({"fuzzy_email": False})  # pyright: ignore[reportUnknownMemberType,reportOptionalMemberAccess] - it has no types
    return made


_RENDERER = _renderer()


def tokens(text: str) -> Iterator[Token]:
    """Every token of the rendered text, the inline ones included."""
    return _flat(_RENDERER.parse(text))


def _flat(found: Iterable[Token]) -> Iterator[Token]:
    for token in found:
        yield token
        yield from _flat(token.children or ())


def active(text: str) -> list[str]:
    """What of the text a renderer would load, run or open."""
    found: list[str] = []
    env: dict[str, object] = {}
    for token in _flat(_RENDERER.parse(text, env)):
        if token.type in {"image", "html_inline", "html_block"}:
            found.append(f"{token.type}: {token.content}")
        elif token.type == "link_open":
            url = str(token.attrs["href"])
            if not re.match(r"https?://", url, re.IGNORECASE):
                found.append(f"link: {url}")
        elif token.type == "fence" and token.info.split()[:1]:
            word = token.info.split()[0].lower()
            if word in RENDERED:
                found.append(f"fence: {word}")
    if env.get("references"):
        found.append("definition")
    return found


def code(text: str) -> list[str]:
    """What the renderer shows as code, in order."""
    return [
        token.content
        for token in tokens(text)
        if token.type in {"fence", "code_block", "code_inline"}
    ]


def shown(text: str) -> str:
    """What a reader sees."""
    seen: list[str] = []
    for token in tokens(text):
        if token.type in {"text", "text_special", "code_inline", "fence", "code_block"}:
            seen.append(token.content)
        elif token.type in {"softbreak", "hardbreak"}:
            seen.append("\n")
    return "".join(seen)


def hosts(text: str) -> list[tuple[str, str]]:
    """The links: their address, and the text between their ends and a little behind."""
    found: list[tuple[str, str]] = []
    for block in _RENDERER.parse(text):
        children = block.children or []
        for number, token in enumerate(children):
            if token.type == "link_open" and not token.markup:
                behind = "".join(each.content for each in children[number:])
                found.append((str(token.attrs["href"]), behind))
    return found


def split(chunks: Iterable[str]) -> str:
    """The text as it comes out when it comes in these pieces."""
    stream = Neutral()
    return "".join([*(stream.feed(chunk) for chunk in chunks), stream.finish()])
