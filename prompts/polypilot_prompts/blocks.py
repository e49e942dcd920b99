"""Where a block of code ends, by indentation: true for every language, needs no grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from polypilot_prompts.brackets import brackets_in
from polypilot_prompts.context import indent_width, last_line, opens_block

_FIRST_TOKEN = re.compile(r"\s*(\w+(?=\W)|[^\w\s])")
_LABEL = re.compile(r"\s*(?:(?:case\b.*|default\s*)(?::|[-=]>)[\s{]*$|when\b[^{}]*$)")
_STATEMENT_LINES = 60
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(_PAIRS.values())
_LABELS = frozenset({"case", "default", "when"})
_BESIDE_LABEL = _LABELS | _CLOSERS | {"else", "end", "esac"}
_ENDS = _CLOSERS | {"end", "fi", "done", "esac", "endif", "endfunction"}
_CONTINUES = _ENDS | {
    "case",
    "catch",
    "default",
    "elif",
    "else",
    "elsif",
    "ensure",
    "except",
    "finally",
    "rescue",
    "when",
}


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """Where the block begins."""

    prefix: str = ""
    r"""Before the cursor; line breaks as ``\n``. The last lines suffice."""
    prose: bool = False
    """Sentences: the block is a paragraph."""
    tab_size: int = 4


class Block:
    """Judges line by line whether the block that began at the cursor has ended.

    After a line that opens a block, the block is what is indented more, and the line that
    closes it; after a label (``case 1:``), up to the next one or the switch's end. Elsewhere it
    is what is not indented less, up to a blank line after which something new begins at the
    same depth.
    """

    def __init__(self, spec: BlockSpec) -> None:
        self._spec = spec
        self._line_prefix = last_line(spec.prefix)
        self._opened = not spec.prose and opens_block(self._line_prefix)
        blank = not self._line_prefix.strip()
        self._base = None if blank else _statement_indent(spec)
        self._label = self._opened and _LABEL.match(self._line_prefix) is not None
        self._braced = _unmatched(self._line_prefix)[2] != ""
        self._inside = False
        """Whether anything stands behind the label that is not one itself."""
        self._lines = 0
        self._gap = False

    def ends_before(self, line: str, *, whole: bool) -> bool:
        """Whether the block ended before this line.

        With ``whole=False`` more of the line may come: false until its first word is known,
        and from then on the answer stays.
        """
        token = _FIRST_TOKEN.match(line + "\n" if whole else line)
        if token is None or self._lines == 0 or self._base is None:
            return False
        if self._spec.prose:
            return self._gap
        width = indent_width(line, self._spec.tab_size)
        if width != self._base:
            return width < self._base
        word = token.group(1).lower()
        if self._label and word in _BESIDE_LABEL:
            return self._ends_label(word)
        return word not in _CONTINUES and (self._opened or self._gap)

    def took(self, line: str) -> bool:
        """Note an accepted line; true if the block ends with it."""
        first = self._lines == 0
        self._lines += 1
        if not line.strip():
            self._gap = not first
            return False
        self._gap = False
        self._inside = self._inside or _first_word(line) not in _LABELS
        if self._base is None:
            begun = self._line_prefix + line if first else line
            self._base = indent_width(begun, self._spec.tab_size)
            return False
        return not first and self._closes(line)

    def reopens(self, line: str) -> None:
        """Note a line that ended the block and goes on with another one of the statement."""
        self._base = indent_width(line, self._spec.tab_size)
        self._opened = True

    def _ends_label(self, word: str) -> bool:
        """Whether a line beside the label that begins with this is not of its case."""
        if word in _LABELS:
            return self._inside
        return word not in _CLOSERS or not self._braced

    def _closes(self, line: str) -> bool:
        if not self._opened or indent_width(line, self._spec.tab_size) != self._base:
            return False
        return _first_word(line) in _ENDS and not opens_block(line)


def _first_word(line: str) -> str:
    """The word or sign that the line begins with."""
    token = _FIRST_TOKEN.match(line + "\n")
    return token.group(1).lower() if token else ""


def _statement_indent(spec: BlockSpec) -> int:
    """Indentation of the line on which the statement at the cursor began.

    A line that closes brackets of lines above continues one of them, unless it begins with
    them and opens others: ``} else {`` stands where its statement does.
    """
    lines = spec.prefix.split("\n")[-_STATEMENT_LINES:]
    joins = lines[-1].rstrip().endswith(":") and not _LABEL.match(lines[-1])
    wanted = ""
    for at in range(len(lines) - 1, -1, -1):
        lead, closes, opens = _unmatched(lines[at])
        met = min(len(opens), len(wanted))
        if [_PAIRS[char] for char in opens[::-1][:met]] != list(wanted[:met]):
            break  # what was taken for a bracket is none
        wanted = closes + wanted[met:]
        if wanted or not opens:
            wanted = lead + wanted
        # Elsewhere than in Python's heads a backslash may join lines that are statements.
        joined = joins and at > 0 and lines[at - 1].endswith("\\")
        if not wanted and not joined:
            return indent_width(lines[at], spec.tab_size)
    return indent_width(lines[-1], spec.tab_size)


def _unmatched(line: str) -> tuple[str, str, str]:
    """The brackets of lines above that it closes at its start and further on, and its own.

    Its own are those that it leaves open, outermost first.
    """
    lead = closes = opens = ""
    for at, char in brackets_in(line):
        if char not in _CLOSERS:
            opens += char
        elif opens:
            opens = opens[:-1]
        elif line[:at].strip(" \t)]}"):
            closes += char
        else:
            lead += char
    return lead, closes, opens
