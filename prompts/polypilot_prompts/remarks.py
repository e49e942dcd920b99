"""What a chat model says to the user instead of, before or behind the text it was asked for."""

from __future__ import annotations

import re

_STARTERS = frozenset(
    {
        *("absolutely", "based", "below", "certainly", "given", "got", "here", "i", "looking"),
        *("of", "ok", "okay", "sure", "the", "this", "to", "understood", "you", "your"),
        *("Alright", "Apologies", "As", "It", "Let", "My", "No", "Nothing", "Since", "Sorry"),
        *("There", "Unfortunately", "We"),
    }
)
"""What a line said to the user begins with; the first two rows in capitals too."""
_FIRST_WORD = re.compile(r"[A-Za-z]*")
_SPAN = re.compile(r"`[^`]*`?")
_SIGNS = re.compile(r"[=;{}\[\]|\\_$@]|\w\(|\w\.\w")
_CODED = re.compile(r"`[^`]*`")
_SENTENCE = re.compile(r"[A-Z][\w',.:!?-]*(?: [\w'\"().,;:!?/-]+)*[.:!?]?\Z")
_ANNOUNCES = re.compile(
    r"\b(code|completion|completed|continuation|missing|snippet|insertion|inserted|implementation)\b"
    r".*:\s*\Z",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"(?:I'm|I am) (?:sorry|unable|not able|afraid)\b"
    r"|I (?:can't|cannot|can not|could not|couldn't|don't (?:see|have|know)|do not|need more)\b"
    r"|(?:Sorry|Unfortunately|Apologies|My apologies)\b[,.! ]"
    r"|(?:There is|There's|There are) (?:nothing|no(?:t enough)?\b.*?"
    r"(?:code|text|complet|missing|insert|add|change))"
    r"|(?:Nothing|No (?:code|completion|text|changes?|additional|further|missing))\b.*?"
    r"(?:complete|completion|needed|required|missing|insert|add)"
    r"|(?:The|This|Your) (?:\w+ ){0,3}"
    r"(?:code|file|snippet|function|line|text|document|method|block)\b.*?"
    r"\b(?:already|complete|nothing|incomplete|no missing)\b"
    r"|As an AI\b"
)
_REMARKS = re.compile(
    r"(?:This|The|Here|In this|In the) (?:\w+ ){0,2}"
    r"(?:code|function|method|class|snippet|implementation|completion|change|above|line|block)\b"
    r"|Here(?:'s| is) (?:how|what|the|an explanation)\b"
    r"|(?:I(?:'ve| have)|I hope|Note that|Let me know|Hope|Feel free|Explanation)\b"
    r"|You can (?:also|now)\b"
)
_FEWEST_WORDS = 5
_TEXT_MARKS = ("'", '"', "`", "#", "//", "/*", "--", "<", "*", "%")


def may_announce(line: str) -> bool:
    """Whether the line, whole or only begun, starts like something said to the user."""
    match = _FIRST_WORD.match(line)
    word = match.group() if match else ""
    words = (word, word.lower())
    if word and len(word) == len(line):
        return any(starter.startswith(words) for starter in _STARTERS)
    return not _STARTERS.isdisjoint(words)


def has_code(line: str) -> bool:
    """Whether the line has signs of code outside of backticks: that is said to nobody."""
    return _SIGNS.search(_SPAN.sub("", line)) is not None


def announces(line: str) -> bool:
    """Whether the line says that the missing text follows."""
    return _ANNOUNCES.search(line) is not None


def is_sentence(line: str) -> bool:
    """Whether the line is plain words, as nobody writes them in code."""
    return _SENTENCE.match(_plain(line.rstrip())) is not None


def _plain(line: str) -> str:
    return _CODED.sub("it", line).replace("\u2019", "'")


def refuses(line: str) -> bool:
    """Whether the line says that there is nothing to be written."""
    return is_sentence(line) and _REFUSES.match(_plain(line)) is not None


def is_remark(line: str) -> bool:
    """Whether a line at the left margin speaks about the code above it."""
    enough = len(line.split()) >= _FEWEST_WORDS and line.rstrip().endswith((".", ":", "!"))
    return enough and is_sentence(line) and _REMARKS.match(_plain(line)) is not None


def is_code_text(line_prefix: str) -> bool:
    """Whether what stands before the cursor on its line may begin a string or comment."""
    return any(
        mark in line_prefix for mark in ("'", '"', "`", "#", "//", "/*", "--", "<", "*", "%")
    )
