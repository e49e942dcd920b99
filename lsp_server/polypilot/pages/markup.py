"""HTML and SVG from plain values: whatever is not markup already is escaped and made harmless."""

from __future__ import annotations

import html
import re

# Tab and newline apart: C0 and C1 controls, zero-width and bidirectional characters, separators,
# interlinear marks, tags, variation selectors that hide bytes, and lone surrogates, which have
# no UTF-8.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)


class Markup(str):
    """Text that is markup: only :func:`tag`, :func:`join` and constants of ours make it."""

    __slots__ = ()


def harmless(text: str) -> str:
    """``text`` with each character that hides or reorders others written out: ``⟨U+202E⟩``."""
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def escaped(text: str) -> Markup:
    """What a browser shows as ``text``; markup stays as it is."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(harmless(text), quote=True))


def join(*parts: str) -> Markup:
    """The parts behind each other, each escaped."""
    return Markup("".join(escaped(part) for part in parts))


def tag(name: str, /, *inside: str, **attributes: str | float | None) -> Markup:
    """An element. An attribute's ``_`` stands for ``-`` (``class_``: ``class``); None is left out.

    Numbers are rounded to a tenth, as they are pixels.
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not inside and name in _VOID:
        return Markup(f"<{name}{words}>")
    return Markup(f"<{name}{words}>{join(*inside)}</{name}>")


_VOID = frozenset({"meta", "link", "br", "hr", "img", "wbr"})


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escaped(value)
    return f"{value:.1f}".removesuffix(".0")
