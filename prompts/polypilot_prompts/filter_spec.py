"""What a filter is told about one answer, and what it says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from polypilot_prompts.context import Eol, unix

if TYPE_CHECKING:
    from polypilot_prompts.context import CursorContext

_PREFIX_KEPT = 4000
SUFFIX_KEPT = 4000
_LONGEST_ANSWER = 8000
_TABS_MATTER = frozenset({"make", "makefile", "tsv", "plaintext", "gitconfig", "diff"})
"""LSP language ids in which a tab is not a number of spaces."""


class End(StrEnum):
    """Why the text ends where it does."""

    STREAM = "stream"
    """The model stopped by itself."""
    LINE = "line"
    BLOCK = "block"
    STOP = "stop"
    SUFFIX = "suffix"
    """What follows already stands after the cursor."""
    REPETITION = "repetition"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class FilterSpec:
    r"""How to filter one answer. Texts have ``\n`` line breaks; the result has ``eol``."""

    prefix: str = ""
    suffix: str = ""
    eol: Eol = "\n"
    block: bool = True
    """Several lines, ended by indentation; otherwise the rest of one line."""
    stops: tuple[str, ...] = ()
    lead: str = ""
    """Blanks before the cursor that were left out of the prompt, see ``lead``."""
    chat: bool = False
    """The answer comes from a chat prompt and may have a head."""
    open_tag: str = ""
    opened: bool = False
    """The wrapper tag was written for the model, whose answer begins behind it."""
    language: str = ""
    """LSP language id: the grammar that may object to a block's end, see ``syntax_block``."""
    prose: bool = False
    tab_size: int = 4
    insert_spaces: bool | None = None
    """How the document is indented; None: the answer's indentation stays as it is."""
    max_lines: int = 60
    max_chars: int = _LONGEST_ANSWER
    streak: int = 0
    """How many further lines with text are taken behind the first part, see ``streak``."""


def spec_for(
    context: CursorContext,
    *,
    block: bool,
    stops: tuple[str, ...] = (),
    lead: str = "",
    chat: bool = False,
    open_tag: str = "",
    streak: int = 0,
) -> FilterSpec:
    """The filter for an answer at ``context``, which must be the document's own text."""
    return FilterSpec(
        prefix=unix(context.prefix[-_PREFIX_KEPT:]),
        suffix=unix(context.suffix[:SUFFIX_KEPT]),
        eol=context.eol,
        block=block,
        stops=stops,
        lead=lead,
        chat=chat,
        open_tag=open_tag,
        language=context.language,
        prose=context.prose,
        tab_size=context.tab_size,
        insert_spaces=None if context.language in _TABS_MATTER else context.insert_spaces,
        streak=streak,
    )


@dataclass(frozen=True, slots=True)
class Filtered:
    """What may be shown, with the document's line breaks; empty: nothing."""

    text: str
    end: End
