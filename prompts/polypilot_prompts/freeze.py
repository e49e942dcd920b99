"""Keeping the text after the cursor as it was sent, so that a prompt cache still knows it.

Where the suffix stands first in a prompt, a change anywhere in it has the whole prompt read anew.
The rule is Copilot's (``lib/src/prompt/components/currentFile.tsx`` of vscode-copilot-chat, MIT):
the text sent before is taken while its first token is the same and less than a tenth of its
first 50 tokens changed. Here nothing right behind the cursor may have changed at all.
"""

from __future__ import annotations

import re
from itertools import islice

from polypilot_prompts.context import first_line, next_line_with_text

_TOKEN = re.compile(r"\w+|[^\w\s]|\s+")
_COMPARED = 50
_CHANGED = 0.1


def freeze(sent: str, fresh: str) -> str:
    """``sent``, the suffix of an earlier prompt, if it may stand for ``fresh``; else ``fresh``."""
    if sent == fresh or not sent or not fresh:
        return fresh
    rest = first_line(fresh)
    if first_line(sent) != rest:
        return fresh
    if next_line_with_text(sent[len(rest) :]) != next_line_with_text(fresh[len(rest) :]):
        return fresh
    before, now = _tokens(sent), _tokens(fresh)
    if before[0] != now[0]:
        return fresh
    most = max(len(before), len(now)) * _CHANGED
    return sent if _fewer_edits(before, now, most) else fresh


def _tokens(text: str) -> list[str]:
    return [match.group() for match in islice(_TOKEN.finditer(text), _COMPARED)]


def _fewer_edits(before: list[str], now: list[str], most: float) -> bool:
    """Whether fewer than ``most`` tokens have to be put in, taken out or replaced."""
    row = list(range(len(now) + 1))
    for count, old in enumerate(before, 1):
        diagonal, row[0] = row[0], count
        for at, new in enumerate(now, 1):
            cost = min(row[at] + 1, row[at - 1] + 1, diagonal + (old != new))
            diagonal, row[at] = row[at], cost
        if min(row) >= most:
            return False
    return row[-1] < most
