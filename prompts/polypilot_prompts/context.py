r"""What a prompt is made from: plain, frozen facts about the cursor and its surroundings.

Offsets and columns count code points. Line breaks inside texts are ``\n``, ``\r\n`` or
``\r``, as the document has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Eol = Literal["\n", "\r\n", "\r"]

PROSE_LANGUAGES = frozenset(
    {
        "",
        "asciidoc",
        "bibtex",
        "git-commit",
        "gitcommit",
        "latex",
        "mail",
        "markdown",
        "mdx",
        "norg",
        "org",
        "plaintext",
        "quarto",
        "restructuredtext",
        "rmd",
        "rst",
        "tex",
        "text",
        "typst",
    }
)
"""LSP language ids whose text is sentences, not statements: no code rule applies there."""

_OPENERS = ("{", "(", "[", ":", "=>", "->", " do", " then", "begin", "|")
_TAB = 8


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of another file that helps the model."""

    path: str
    """Relative to its workspace root, with forward slashes."""
    text: str


@dataclass(frozen=True, slots=True)
class CursorContext:
    """The text around the cursor.

    ``prefix`` ends and ``suffix`` starts at the cursor. Both may be windows of a larger
    document; ``line`` (0-based, of the cursor) and ``column`` say where the window lies, so
    that cutting it further is stable from one keystroke to the next.
    """

    prefix: str
    suffix: str
    path: str = ""
    language: str = ""
    line: int | None = None
    """None: the prefix is taken to start at the document's first line."""
    column: int | None = None
    """None: the current line is taken to be in the prefix from its start."""
    eol: Eol = "\n"
    tab_size: int = 4
    insert_spaces: bool = True

    @property
    def line_prefix(self) -> str:
        """The current line up to the cursor."""
        return last_line(self.prefix)

    @property
    def line_suffix(self) -> str:
        """The current line from the cursor on, without its line break."""
        return first_line(self.suffix)

    @property
    def prose(self) -> bool:
        """Whether the document is sentences, not code."""
        return self.language.lower() in PROSE_LANGUAGES


def unix(text: str) -> str:
    r"""The text with every line break written as ``\n``."""
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def first_line(text: str) -> str:
    """Up to the first line break."""
    cuts = [at for at in (text.find("\n"), text.find("\r")) if at >= 0]
    return text[: min(cuts)] if cuts else text


def last_line(text: str) -> str:
    """From after the last line break."""
    return text[max(text.rfind("\n"), text.rfind("\r")) + 1 :]


def indent_width(line: str, tab_size: int = _TAB) -> int:
    """Columns of leading blanks, a tab reaching to the next multiple of ``tab_size``."""
    width = 0
    for char in line:
        if char == " ":
            width += 1
        elif char == "\t":
            width += tab_size - width % tab_size
        else:
            break
    return width


def opens_block(line: str) -> bool:
    """Whether what follows this line is likely to be an indented block of it."""
    code = line.rstrip()
    return bool(code) and (code.endswith(_OPENERS) or code == "do")


def next_line_with_text(text: str) -> str:
    """The first line that is not blank, without trailing blanks; empty if there is none."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].rstrip()
        if line:
            return line
        start = end + 1
    return ""


def wants_block(context: CursorContext, *, invoked: bool = False) -> bool:
    """Whether to ask for several lines (true) or for the rest of this one (false).

    Text behind the cursor on its line allows only one line, except between the braces of an
    empty block. Otherwise several lines are wanted at the start of a line, after a line that
    opens a block, and when the user asked.
    """
    before = context.line_prefix
    after = context.line_suffix.strip()
    if after:
        return after.startswith("}") and before.rstrip().endswith("{")
    return invoked or not before.strip() or opens_block(before)


def indentation_of(text: str) -> tuple[bool, int]:
    """Whether the text is indented with blanks (else with tabs), and by how many columns.

    Taken from the lines that are indented more than the line before them; blanks by four if
    there are none.
    """
    tabs = 0
    steps: dict[int, int] = {}
    before = 0
    for line in unix(text).split("\n"):
        body = line.lstrip(" \t")
        if not body:
            continue
        blanks = line[: len(line) - len(body)]
        if blanks.startswith("\t"):
            tabs += 1
        elif (step := len(blanks) - before) > 1:
            steps[step] = steps.get(step, 0) + 1
        before = len(blanks)
    if tabs > sum(steps.values()):
        return False, 4
    return True, max(steps, key=lambda step: (steps[step], -step)) if steps else 4
