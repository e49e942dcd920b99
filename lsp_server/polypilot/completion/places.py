"""Where an ask stands, seen with and without what the editor has closed by itself.

Who types an opening bracket or quote gets the closing one from most editors, behind the cursor;
after a line break inside braces it stands on the next line. A suggestion made before knows
nothing of it. Seen without the closer, the place is the one that the suggestion was made for,
and the suggestion is offered up to the closer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot_prompts.context import next_line_with_text, unix
from polypilot_prompts.overlap import cut_at_closer, net_brackets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.completion.cache import Key
    from polypilot.completion.values import Ask

_CLOSERS = ")]}\"'`>"
_QUOTES = "\"'`"
_MOST = 3
_CLOSING_LINE = re.compile(r"[ \t]*(?:\r\n|\n|\r)[ \t]*([)\]}]+[;,]?)[ \t]*(?=\r|\n|\Z)")


@dataclass(frozen=True, slots=True)
class Place:
    """One way to see it. The first of several is the plain one."""

    ask: Ask
    key: Key
    left_out: str = ""
    """What stands right behind the cursor and is left out; with a line break, a line."""

    def fit(self, text: str) -> str:
        """The beginning of a suggestion that leaves out what is closed already.

        Empty if the suggestion does not close it at all, and so was not made for this place.
        """
        if not self.left_out:
            return text
        closer = self.left_out.strip()
        if self.left_out[0] in "\r\n":
            lines = unix(text).rstrip().split("\n")
            if len(lines) < 2 or lines[-1].strip() != closer:  # noqa: PLR2004 - the closer's own
                return ""
            kept = text[: len(text.rstrip()) - len(lines[-1])].rstrip()
            return kept if self._balanced(kept) else ""  # else it closes a block of its own
        if closer[0] in _QUOTES:
            match = re.match(rf"(?:[^\\\n{closer[0]}]|\\.)*{closer[0]}", text)
            return match.group()[:-1] if match else ""
        cut = cut_at_closer(text, "", closer[0]) if closer[0] != ">" else _cut_at_angle(text)
        return cut if len(cut) < len(text) and "\n" not in cut else ""

    def _balanced(self, kept: str) -> bool:
        """Whether whole lines close what they open, and what the cursor's line has left open."""
        line = re.sub(r"[{}]", "", self.ask.snapshot.line_prefix)
        return net_brackets(kept) in {0, -max(net_brackets(line), 0)}


def _cut_at_angle(text: str) -> str:
    """``text`` up to the angle bracket that it closes without having opened it; no arrows."""
    depth = 0
    for match in re.finditer(r"[-=]>|[<>]", text):
        depth += {"<": 1, ">": -1}.get(match[0], 0)
        if depth < 0:
            return text[: match.start()]
    return text


def places(ask: Ask, key: Key) -> tuple[Place, ...]:
    """All ways to see where an ask stands, the plain one first."""
    return (Place(ask, key), *_without(ask, key))


def _without(ask: Ask, key: Key) -> Iterator[Place]:
    snapshot = ask.snapshot
    after = snapshot.line_suffix
    for count in range(1, min(_MOST, len(after)) + 1):
        if after[count - 1] not in _CLOSERS:
            return
        rest = after[count:]
        seen = replace(
            snapshot,
            suffix=snapshot.suffix[count:],
            line_suffix=rest,
            total_chars=snapshot.total_chars - count,
        )
        yield Place(replace(ask, snapshot=seen), replace(key, rest=rest.rstrip()), after[:count])
    if after.strip():
        return
    if match := _CLOSING_LINE.match(snapshot.suffix):
        rest = snapshot.suffix[match.end() :]
        seen = replace(snapshot, suffix=rest, total_chars=snapshot.total_chars - match.end())
        line = snapshot.suffix[len(after) : match.end()]
        further = replace(key, next_line=next_line_with_text(unix(rest)))
        yield Place(replace(ask, snapshot=seen), further, line)
