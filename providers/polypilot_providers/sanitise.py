"""Makes a supplier's own words fit to be shown and logged."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TEXT = 300
"""Most characters of a supplier's error message that are shown."""

_HIDDEN = "…"
_RUN = 16
"""Characters in a row of the user's text that count as an echo of it."""
_SHORTEST = 8
_LONGEST = 64_000
"""Characters of a message that are looked at."""
_URL = re.compile(
    r"(https?://)(?:[^\s/@]{1,200}@)?([^\s?#]{1,300})(?:[?#]\S{0,500})?", re.IGNORECASE
)
_SECRETS = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|npm|glpat|ghp|gho|ghs|ghu|github_pat|tgp|AIza|AKIA|ASIA)"
    r"[-_A-Za-z0-9*•.]{6,}"
    r"|\bBearer\s+\S{6,}"
    r"|\beyJ[-_A-Za-z0-9.]{10,}"
    r"|\b(?=[A-Za-z+/=*]*[0-9])(?=[0-9+/=*]*[A-Za-z])[A-Za-z0-9+/=*]{28,}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What no error text may repeat."""

    texts: tuple[str, ...] = ()
    """The user's own text in the request."""
    keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Hidden(...)"

    def also(self, *keys: str | None) -> Hidden:
        """The same and ``keys``, as they are and as addresses have them; None adds nothing."""
        given = [key for key in keys if key]
        spelled = dict.fromkeys([*self.keys, *given, *(quote(key, safe="") for key in given)])
        return Hidden(self.texts, tuple(sorted(spelled, key=len, reverse=True)))


NOTHING_HIDDEN = Hidden()


def clean(text: str, hidden: Hidden = NOTHING_HIDDEN) -> str:
    """``text`` in one line of at most 300 characters, without what must not be shown.

    Control, format and private characters go; keys, strings that look like keys, user
    information and queries of URLs, and runs of the user's own text become ``…``.
    """
    # Keys first: a key that the cut goes through would not be known again.
    text = text[:_LONGEST]
    for key in filter(None, hidden.keys):
        text = text.replace(key, _HIDDEN)
    text = text[: 2 * MAX_TEXT]
    text = _without_echo(text, hidden.texts)
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    text = _URL.sub(r"\1\2", text)
    text = _SECRETS.sub(_HIDDEN, text)
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + _HIDDEN


def _without_echo(said: str, texts: Sequence[str]) -> str:
    if not texts:
        return said
    haystack = "\n".join(form for text in texts for form in _forms(text))
    hide = [False] * len(said)
    for start in range(len(said) - _RUN + 1):
        if said[start : start + _RUN] in haystack:
            hide[start : start + _RUN] = [True] * _RUN
    for short in texts:
        if _SHORTEST <= len(short) < _RUN:
            for form in set(_forms(short)):
                for found in re.finditer(re.escape(form), said):
                    hide[found.start() : found.end()] = [True] * len(form)
    runs = groupby(zip(hide, said, strict=True), key=itemgetter(0))
    return "".join(_HIDDEN if own else "".join(char for _, char in run) for own, run in runs)


def _forms(text: str) -> tuple[str, ...]:
    """The text, and as JSON and Python programs quote it."""
    return (
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
    )
