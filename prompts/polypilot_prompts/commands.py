"""The built-in commands of a conversation, such as ``/explain``: what each asks for, and of what.

Their texts are data, ``templates/commands/NAME.md``, in the same form as the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.templates import builtin

if TYPE_CHECKING:
    from collections.abc import Iterable

INPUT = "{{input}}"
"""Stands in a command's text for what was typed behind its name."""

_HERE = "#selection|#buffer"


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in command."""

    name: str
    description: str
    hint: str
    """What may be typed behind its name."""
    context: tuple[str, ...] = (_HERE,)
    """What goes along where the user attaches nothing: mentions; of ``a|b`` the first there is."""

    @property
    def template(self) -> str:
        """Its text."""
        return builtin(f"commands/{self.name}")


BUILTINS: dict[str, Builtin] = {
    command.name: command
    for command in (
        Builtin("explain", "Explain code", "what in particular"),
        Builtin("fix", "Find what is wrong and mend it", "the error", (_HERE, "#diagnostics")),
        Builtin("tests", "Write tests", "framework, or cases to cover"),
        Builtin("doc", "Write documentation comments", "style"),
        Builtin("review", "Review what has changed", "what to look for", ("#diff",)),
        Builtin("optimize", "Make code faster or smaller", "what matters"),
        Builtin(
            "commit", "Write a commit message", "what it is about", ("#diff:staged", "#commits")
        ),
        Builtin("rename-ideas", "Suggest better names", "the name"),
    )
}
"""All by name, in the order in which they are listed."""


def fill(template: str, typed: str) -> str:
    """A command's text with what was typed in its place, or behind it where it has none."""
    text, typed = template.strip(), typed.strip()
    if INPUT not in text:
        return f"{text}\n\n{typed}" if typed else text
    # Of an empty line for it, nothing is left.
    lines = (
        line.replace(INPUT, typed) for line in text.split("\n") if typed or line.strip() != INPUT
    )
    return "\n".join(lines).strip()


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that was probably meant; empty if none is like it."""
    best = min(((_distance(name, each), each) for each in names), default=(0, ""))
    return best[1] if best[0] <= max(1, len(name) // 3) else ""


def _distance(one: str, two: str) -> int:
    """Letters to change, insert, remove or swap with their neighbours."""
    if abs(len(one) - len(two)) > max(len(one), len(two)) // 2:
        return len(one) + len(two)
    before: list[int] = []
    row = list(range(len(two) + 1))
    for at, letter in enumerate(one):
        older, before = before, row
        row = [at + 1]
        for other, right in enumerate(two):
            cost = min(before[other] + (letter != right), before[other + 1] + 1, row[other] + 1)
            if at and other and letter == two[other - 1] and one[at - 1] == right:
                cost = min(cost, older[other - 1] + 1)
            row.append(cost)
    return row[-1]
