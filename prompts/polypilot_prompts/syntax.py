"""What a grammar knows about a completion: whether it has ended.

Needs tree-sitter and the language's grammar, see ``syntax_grammars``; without them the rules
that need no grammar decide alone. Each call parses a bounded window anew, 0.2 to 2 ms: meant
for the few lines at which a block may end, not for each chunk. What of a grammar's knowledge
earns its place: docs/decisions/0007-syntax.md.
"""

from __future__ import annotations

from polypilot_prompts.context import first_line, indent_width, last_line, next_line_with_text
from polypilot_prompts.overlap import net_brackets
from polypilot_prompts.syntax_tree import parse

_STRING_ENDS = {"string_start": 1, "string_end": -1}


def unfinished(language: str, prefix: str, text: str, suffix: str = "") -> bool:
    """Whether ``text`` ends inside brackets or a string that it has to close itself.

    Opened on the cursor's line or later, and not closed by what follows the cursor. Then a line
    at the margin does not end a block. Told by the tokens alone, and so even where the tree is
    broken; false without a grammar.
    """
    parsed = parse(language, prefix, text)
    if parsed is None or parsed.in_text():
        return False
    depth = outside = strings = ticks = 0
    for leaf in parsed.leaves():
        if leaf.is_missing:  # imagined, to go on
            continue
        if leaf.type == "`":
            ticks ^= 1
        elif leaf.is_named:
            strings += _STRING_ENDS.get(leaf.type, 0)
        else:
            depth += sum((char in "([{") - (char in ")]}") for char in leaf.type)
        if leaf.end_byte <= parsed.cursor:
            outside = min(outside, depth)
    quoted = suffix[:1] in {"'", '"', "`"}
    return depth - outside > _closed_below(prefix, suffix) or (strings + ticks > 0 and not quoted)


def _closed_below(prefix: str, suffix: str) -> int:
    """How many brackets of the cursor's line are closed behind it, or by the line below."""
    rest = first_line(suffix)
    below = next_line_with_text(suffix[len(rest) :])
    same = indent_width(below) == indent_width(last_line(prefix))
    return max(0, -net_brackets(rest)) + (same and below.lstrip()[:1] in {")", "]", "}"})
