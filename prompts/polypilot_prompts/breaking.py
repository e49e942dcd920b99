"""Breaking, in the user's own text, what would have a meaning in a prompt."""

from __future__ import annotations

import re


def one_line(text: str) -> str:
    """A path or name as it may stand in a prompt: no line breaks, no control characters.

    Nor bytes of a file name that are no text, which could not be sent.
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text).strip()


def neutralise(text: str, tokens: tuple[str, ...]) -> str:
    """The text with a blank inside each of ``tokens``; behind their first character."""
    for token in tokens:
        if token == _MARK:
            text = _MARKS.sub(_in_fours, text)
        while token in text:  # again: of "aaa" both "aa" are to be broken
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


_MARK = "+++++ "
_MARKS = re.compile(r"(?<!\+)\+{5,}+(?= )")


def _in_fours(run: re.Match[str]) -> str:
    """Plus signs before a blank: one blank in them would complete the next mark before it."""
    signs = run.group()
    at = len(signs) % 4
    fours = [signs[start : start + 4] for start in range(at, len(signs), 4)]
    return " ".join([signs[:at], *fours] if at else fours)
