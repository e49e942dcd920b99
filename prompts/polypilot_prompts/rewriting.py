r"""Code that takes the place of other code: what to ask for, and the answer made to fit.

Texts have ``\n`` line breaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.breaking import one_line
from polypilot_prompts.chat import fence_for
from polypilot_prompts.commands import BUILTINS, fill
from polypilot_prompts.context import indentation_of
from polypilot_prompts.filter_spec import FilterSpec
from polypilot_prompts.indents import Indents
from polypilot_prompts.quoting import Quotes
from polypilot_prompts.sanitize import strip_controls
from polypilot_prompts.templates import builtin, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    Task = Literal["fix", "look", "document", "optimise", "rewrite"]

_OPENING = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})")
_BLANKS = re.compile(r"[ \t]*")
_PROBLEM_CHARS = 1000
_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What a tool has reported."""

    line: int
    """1-based."""
    message: str
    source: str = ""
    """Who says so, and as what, such as ``mypy arg-type``."""


def load() -> None:
    """Read all templates ahead. Blocks on files; after this nothing here does."""
    names = ("edit", "fix", "look", "document", "optimise", "rewrite", "tests", "review")
    for name in names:
        builtin(f"actions/{name}")
    _ = BUILTINS["explain"].template, BUILTINS["tests"].template


def rewrite_message(
    task: Task,
    path: str,
    lines: tuple[int, int],
    *,
    problems: Sequence[Problem] = (),
    instruction: str = "",
) -> str:
    """What to ask for so that the answer can take the place of ``lines``, 1-based.

    The file, or what is around the lines, is to be attached first, the lines themselves last.
    """
    values = {"problems": _listed(problems), "instruction": instruction}
    first, last = lines
    return render(
        "actions/edit",
        {
            "task": render(f"actions/{task}", values),
            "first": str(first),
            "last": str(last),
            "path": _name(path),
        },
    )


def tests_message(path: str) -> str:
    """What to ask for to add tests to the file at ``path``, which is to be attached first."""
    return render("actions/tests", {"path": _name(path)})


def explain_message(problems: Sequence[Problem] = ()) -> str:
    """What to ask for to have the code explained that is attached last."""
    return fill(BUILTINS["explain"].template, _told(problems))


def review_message(problems: Sequence[Problem] = ()) -> str:
    """What to ask for to have the code reviewed that is attached last."""
    return fill(builtin("actions/review"), _told(problems))


def new_tests_message() -> str:
    """What to ask for to get a file of tests for the code that is attached last."""
    return fill(BUILTINS["tests"].template, "")


def _told(problems: Sequence[Problem]) -> str:
    return f"Tools report, with line numbers:\n\n{_listed(problems)}" if problems else ""


def _name(path: str) -> str:
    return one_line(path).replace("`", "'")


def _listed(problems: Sequence[Problem]) -> str:
    """In a code block: nothing in a tool's message is meant for us, or as Markdown."""
    said = (
        f"{each.line}: {one_line(each.message)[:_PROBLEM_CHARS]}"
        + (f" ({one_line(each.source)})" if each.source else "")
        for each in problems[:_PROBLEMS]
    )
    text = "\n".join(said)
    fence = fence_for(text)
    return f"{fence}text\n{text}\n{fence}"


def code_in(answer: str) -> str | None:
    """The longest code block of an answer, without its fences; None: it has no whole one.

    Source of what a fence is: CommonMark 0.31, section 4.5. Text in several blocks can't be
    told from examples, so the others are left out.
    """
    return max(_blocks(answer.split("\n")), key=len, default=None)


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    fence = ""
    indent = 0
    body: list[str] = []
    for line in lines:
        if not fence:
            opening = _OPENING.match(line)
            if opening:
                fence, indent, body = opening["fence"], len(opening["indent"]), []
        elif _closes(line, fence):
            yield "".join(f"{each}\n" for each in body)
            fence = ""
        else:
            blanks = len(line) - len(line.lstrip(" "))
            body.append(line[min(blanks, indent) :])


def _closes(line: str, fence: str) -> bool:
    text = line.strip()
    short = len(line) - len(line.lstrip(" ")) <= 3  # noqa: PLR2004 - more is a code block's line
    return short and len(text) >= len(fence) and set(text) == {fence[0]}


def fitted(code: str, old: str, *, before: str = "", after: str = "") -> str:
    """The code as it takes the place of ``old``, which is whole lines.

    Its first line is indented as the old one is and the others with it, tabs or spaces are
    those of the document, and it ends with a line break if the old text does.
    """
    lines = strip_controls(code.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        del lines[0]
    text = "\n".join(_shifted(_indented(lines, before + old + after), _indent_of(old)))
    return text + "\n" if text and old.endswith("\n") else text


def _indent_of(text: str) -> str:
    """The blanks before the first line that has text."""
    line = next((line for line in text.split("\n") if line.strip()), "")
    return _leading(line)


def _leading(line: str) -> str:
    found = _BLANKS.match(line)
    return found[0] if found else ""


def _shifted(lines: list[str], wanted: str) -> list[str]:
    """With the first line's indentation made the wanted one, and the others' with it."""
    present = _leading(lines[0]) if lines else ""
    if present == wanted or any(line.strip() and not line.startswith(present) for line in lines):
        return lines
    return [wanted + line[len(present) :] if line.strip() else "" for line in lines]


def _indented(lines: list[str], document: str) -> list[str]:
    """With tabs or spaces as the document has them."""
    spaces, size = indentation_of(document)
    spec = FilterSpec(prefix="", suffix=document, insert_spaces=spaces, tab_size=size)
    quotes = Quotes("")
    indents = Indents(spec, quotes)
    made: list[str] = []
    for line in lines:
        made.append(indents.whole(line))
        quotes.note(line)
    return made
