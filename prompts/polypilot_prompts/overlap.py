r"""Comparing a completion with the text that already stands around the cursor.

All texts here have ``\n`` as their line break.
"""

from __future__ import annotations

_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSE = {close: opening for opening, close in _OPEN.items()}
_QUOTES = frozenset("'\"`")


def has_words(text: str) -> bool:
    """Whether the text has a letter or digit: without one it is only layout or brackets."""
    return any(char.isalnum() for char in text)


def overlap(text: str, suffix: str) -> int:
    """Length of the longest end of ``text`` that is also a start of ``suffix``.

    Knuth, Morris and Pratt's failure function over the suffix: linear time.
    """
    head = suffix[: len(text)]
    if not head:
        return 0
    failure = [0] * len(head)
    matched = 0
    for index in range(1, len(head)):
        while matched and head[index] != head[matched]:
            matched = failure[matched - 1]
        if head[index] == head[matched]:
            matched += 1
        failure[index] = matched
    matched = 0
    for char in text[-len(head) :]:
        while matched and (matched == len(head) or char != head[matched]):
            matched = failure[matched - 1]
        if char == head[matched]:
            matched += 1
    return matched


def net_brackets(text: str) -> int:
    """Opening brackets minus closing ones, those in strings and comments included."""
    return sum((char in _OPEN) - (char in _CLOSE) for char in text)


def trim_overlap(text: str, line_prefix: str, suffix: str) -> str:
    """``text`` without the end that already stands after the cursor.

    An end of nothing but brackets and punctuation is taken off only if the line's brackets
    balance at least as well without it: in ``foo(bar(|)`` the answer ``x)`` is whole.
    """
    while count := overlap(text, suffix):
        trimmed = text[:-count]
        if _needed(text, trimmed, line_prefix, suffix):
            break
        text = trimmed
    return text


def _needed(text: str, trimmed: str, line_prefix: str, suffix: str) -> bool:
    """Whether the end that ``trimmed`` lacks closes brackets that nothing else closes."""
    end = text[len(trimmed) :]
    if "\n" in end or has_words(end) or not any(char in _CLOSE for char in end):
        return False
    outside = net_brackets(line_prefix) + net_brackets(suffix.split("\n", 1)[0])
    # What the line leaves open the text has to close; what it closes was opened further up.
    wanted = -max(outside, 0)
    return abs(net_brackets(text) - wanted) < abs(net_brackets(trimmed) - wanted)


def cut_at_closer(text: str, line_prefix: str, line_suffix: str) -> str:
    """``text`` up to the closing bracket that already stands after the cursor.

    In ``environ[|]`` the answer ``'HOME']  # the home`` ends before its bracket. Brackets that
    the line leaves open are the text's to close, and those in quotes do not count.
    """
    closer = line_suffix.lstrip()[:1]
    if closer not in _CLOSE:
        return text
    depth = max(net_brackets(line_prefix) + net_brackets(line_suffix), 0)
    quote = ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in _QUOTES:
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth < 0:
                return text[:at] if char == closer else text
    return text
