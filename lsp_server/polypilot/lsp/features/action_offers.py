"""The code actions: what is offered where, and what the command behind each is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import attrs
from lsprotocol import types

from polypilot.lsp.features.action_lines import MOST_LINES, Lines, instruction_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from polypilot.workspace.documents import Document

COMMAND = "polypilot.action"
STOP = "polypilot.stop"

Does = Literal[
    "explain", "fix", "document", "tests", "rewrite", "optimise", "review", "answer", "answerOnce"
]
_DOES: frozenset[str] = frozenset(get_args(Does))

SOURCE = "source.polypilot"
"""Of actions that change nothing by themselves. Under ``source``, whose actions editors list but
run only where their user names one, such as on save."""
KINDS = (types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite, SOURCE)

_MOST_FIXES = 5
_PROBLEMS = 20
_PROBLEM_CHARS = 1000
_INSTRUCTION_CHARS = 4000
_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic, as far as the model is told of it."""

    line: int
    """From 0."""
    message: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What a command is to do, and where."""

    does: Does
    uri: str
    first: int
    last: int
    """Lines, from 0; both among them."""
    mark: str
    """Tells whether the lines are still those that the user saw."""
    problems: tuple[Problem, ...] = ()
    instruction: str = ""
    """What to do, of ``rewrite`` in an editor that has asked its user for it."""

    def as_argument(self) -> dict[str, Any]:
        """As it travels to the editor and back."""
        return {
            "does": self.does,
            "uri": self.uri,
            "first": self.first,
            "last": self.last,
            "mark": self.mark,
            "problems": [[each.line, each.message, each.source] for each in self.problems],
        }


def order_of(argument: object) -> Order | None:
    """The order that comes back from the editor; None: it is none."""
    if not isinstance(argument, dict):
        return None
    match cast("dict[str, Any]", argument):
        case {
            "does": str(does),
            "uri": str(uri),
            "first": int(first),
            "last": int(last),
            "mark": str(mark),
            "problems": told,
        } if does in _DOES and 0 <= first <= last and isinstance(told, list):
            problems = _problems_of(cast("list[object]", told))
            words = cast("dict[str, Any]", argument).get("instruction")
            instruction = words.strip()[:_INSTRUCTION_CHARS] if isinstance(words, str) else ""
            return Order(cast("Does", does), uri, first, last, mark, problems, instruction)
        case _:
            return None


def _problems_of(told: Sequence[object]) -> tuple[Problem, ...]:
    found: list[Problem] = []
    for each in told[:_PROBLEMS]:
        match each:
            case [int(line), str(message), str(source)]:
                found.append(Problem(line, message[:_PROBLEM_CHARS], source[:_PROBLEM_CHARS]))
            case _:
                pass
    return tuple(found)


def mark_of(lines: Iterable[str]) -> str:
    """A mark for these lines; it tells nothing of them."""
    digest = hashlib.blake2b(digest_size=8)
    for line in lines:
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def marked(document: Document, first: int, last: int) -> str:
    """The mark of some lines of a document."""
    last = min(last, document.line_count - 1)
    return mark_of(document.line(at) for at in range(first, last + 1))


class Offers:
    """Makes the actions for one place in one document."""

    def __init__(self, document: Document, context: types.CodeActionContext, *, tags: bool) -> None:
        self._document = document
        self._context = context
        self._automatic = context.trigger_kind == types.CodeActionTriggerKind.Automatic
        self._tags = [types.CodeActionTag.LlmGenerated] if tags else None

    def of_code(self, lines: Lines) -> Iterator[types.CodeAction]:
        """What can be done with these lines."""
        problems = [each for each in self._context.diagnostics if _inside(each, lines)]
        edits = len(lines) <= MOST_LINES
        rewrite = types.CodeActionKind.RefactorRewrite
        if edits:
            yield from self._fixes(lines, problems)
        yield from self._one("explain", "explain", lines, f"{SOURCE}.explain", problems)
        if edits:
            found = instruction_in(self._document, lines)
            wish = f"rewrite: {_short(found[0])}" if found else "rewrite…"
            reach = _with(lines, found[1]) if found else lines
            yield from self._one("document", "document", lines, rewrite)
            yield from self._one("rewrite", wish, reach, rewrite)
            yield from self._one("optimise", "optimise", lines, rewrite)
            yield from self._one("tests", "write tests", lines, f"{SOURCE}.tests")
        yield from self._one("review", "review", lines, f"{SOURCE}.review", problems)

    def of_chat(self, line: int) -> Iterator[types.CodeAction]:
        """What can be done with a question in a Markdown file."""
        here = Lines(line, line, selected=False)
        yield from self._one("answer", "answer here", here, f"{SOURCE}.answer")
        yield from self._one("answerOnce", "answer here, in one edit", here, f"{SOURCE}.answer")

    def stop(self, token: str, title: str) -> types.CodeAction:
        """The way to stop what is going on."""
        text = f"Polypilot: stop ({title})"
        command = types.Command(text, STOP, arguments=[token])
        return types.CodeAction(text, kind=f"{SOURCE}.stop", command=command)

    def _fixes(self, lines: Lines, problems: list[types.Diagnostic]) -> Iterator[types.CodeAction]:
        quick = types.CodeActionKind.QuickFix
        for each in problems[:_MOST_FIXES]:
            yield from self._one("fix", f"fix: {_short(each.message)}", lines, quick, [each])
        if len(problems) > 1:
            title = f"fix all {len(problems)} problems here"
            yield from self._one("fix", title, lines, quick, problems)
        if not problems and (lines.selected or not self._automatic):
            yield from self._one("fix", "fix", lines, quick)

    def _one(
        self,
        does: Does,
        title: str,
        lines: Lines,
        kind: types.CodeActionKind | str,
        problems: Sequence[types.Diagnostic] = (),
    ) -> Iterator[types.CodeAction]:
        if not self._wanted(kind):
            return
        mark = marked(self._document, lines.first, lines.last)
        told = tuple(map(_problem, problems[:_PROBLEMS]))
        order = Order(does, self._document.uri, lines.first, lines.last, mark, told)
        text = f"Polypilot: {title}"
        yield types.CodeAction(
            text,
            kind=kind,
            diagnostics=[_back(each) for each in problems] if does == "fix" and problems else None,
            command=types.Command(text, COMMAND, arguments=[order.as_argument()]),
            tags=self._tags,
        )

    def _wanted(self, kind: types.CodeActionKind | str) -> bool:
        """Whether the editor asks for this kind.

        One that asks by itself, such as on save, may run all ``source`` actions at once.
        """
        name = kind.value if isinstance(kind, types.CodeActionKind) else kind
        context = self._context
        if self._automatic and name.startswith(f"{SOURCE}."):
            return False
        if context.only is None:
            return True
        asked = (
            each.value if isinstance(each, types.CodeActionKind) else each for each in context.only
        )
        return any(not each or name == each or name.startswith(f"{each}.") for each in asked)


def _inside(diagnostic: types.Diagnostic, lines: Lines) -> bool:
    return diagnostic.range.start.line <= lines.last and diagnostic.range.end.line >= lines.first


def _problem(diagnostic: types.Diagnostic) -> Problem:
    code = "" if diagnostic.code is None else str(diagnostic.code)
    source = f"{diagnostic.source or ''} {code}".strip()
    return Problem(
        diagnostic.range.start.line, diagnostic.message[:_PROBLEM_CHARS], source[:_PROBLEM_CHARS]
    )


def _back(diagnostic: types.Diagnostic) -> types.Diagnostic:
    """As it is sent back: what came as a number has to be one of the names for it again."""
    severity, tags = diagnostic.severity, diagnostic.tags
    severities = {int(each) for each in types.DiagnosticSeverity}
    known = {int(each) for each in types.DiagnosticTag}
    return attrs.evolve(
        diagnostic,
        severity=types.DiagnosticSeverity(severity) if severity in severities else None,
        tags=None if tags is None else [types.DiagnosticTag(tag) for tag in tags if tag in known],
    )


def _with(lines: Lines, row: int) -> Lines:
    return Lines(min(lines.first, row), max(lines.last, row), lines.selected)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1].rstrip() + "…"
