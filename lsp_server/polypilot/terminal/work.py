"""``polypilot explain | fix | tests | doc | optimize | review | commit``: for scripts and hooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from polypilot.chat.values import Attach, Question
from polypilot.terminal.answer import Answer, JsonSink, TerminalSink, TextSink
from polypilot.terminal.asking import TerminalClient
from polypilot.terminal.edits import offer
from polypilot.terminal.program import OK, Program, workspace_root
from polypilot.workspace.documents import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RANGE = re.compile(r"(?P<path>.+?):(?P<first>\d+)(?:-(?P<last>\d+))?")
_FENCED = re.compile(r"\A\s*(`{3,})[^\n]*\n(?P<text>.*?)\n?\1\s*\Z", re.DOTALL)

_ABOUT_A_FILE = {
    "explain": "Explain FILE, or the lines of it that are named as FILE:10-20.",
    "fix": "Find and fix what is wrong in FILE or its lines; edits are proposed.",
    "tests": "Write tests for FILE or its lines; edits are proposed.",
    "doc": "Document FILE or its lines; edits are proposed.",
    "optimize": "Make FILE or its lines faster; edits are proposed.",
}


def place(text: str) -> tuple[Path, Attach]:
    """``FILE`` or ``FILE:FIRST-LAST``, lines counted from 1, as a path and an attachment.

    Raises:
        click.UsageError: there is no such file, or the lines are none.
    """
    path, first, last = Path(text), 0, 0
    if not path.exists() and (found := _RANGE.fullmatch(text)):
        path, first = Path(found["path"]), int(found["first"])
        last = int(found["last"] or first)
    if not path.is_file():
        raise click.UsageError(f"There is no file {text}.")
    uri = path.absolute().as_uri()
    if not first:
        return path.absolute(), Attach(uri)
    if last < first:
        raise click.UsageError(f"{text}: the last line is before the first.")
    return path.absolute(), Attach(uri, Position(first - 1, 0), Position(last, 0))


def _shared() -> list[click.Parameter]:
    return [
        click.Option(["--provider"], metavar="ID", help="Instead of the chosen one."),
        click.Option(["--model"], metavar="MODEL", help="Instead of the provider's default."),
        click.Option(["--json", "json_mode"], is_flag=True, help="One JSON line per event."),
    ]


def _about(name: str) -> click.Command:
    def run(program: Program, **given: object) -> int:
        path, attach = place(str(given["file"]))
        words = cast("tuple[str, ...]", given["words"])
        question = _question(" ".join((f"/{name}", *words)), given, attach)
        return _ask(
            program,
            question,
            [path],
            json_mode=bool(given["json_mode"]),
            apply=bool(given.get("apply")),
            yes=bool(given.get("yes")),
        )

    params: list[click.Parameter] = [
        click.Argument(["file"]),
        click.Argument(["words"], nargs=-1, required=False),
        *_shared(),
    ]
    if name != "explain":
        params += [
            click.Option(["--apply"], is_flag=True, help="Offer to write what is proposed."),
            click.Option(["--yes"], is_flag=True, help="With --apply: write without asking."),
        ]
    return _made(name, _ABOUT_A_FILE[name], params, run)


def _made(
    name: str, text: str, params: list[click.Parameter], run: Callable[..., int]
) -> click.Command:
    def callback(**given: object) -> int:
        program = click.get_current_context().find_object(Program)
        if program is None:
            raise click.UsageError("This command runs inside polypilot only.")
        return run(program, **given)

    return click.Command(name, params=params, callback=callback, help=text)


def _review(program: Program, **given: object) -> int:
    mention = "#diff:staged" if given["staged"] else "#diff"
    words = cast("tuple[str, ...]", given["words"])
    question = _question(" ".join(("/review", *words, mention)), given)
    return _ask(program, question, [], json_mode=bool(given["json_mode"]))


def _commit(program: Program, **given: object) -> int:
    words = cast("tuple[str, ...]", given["words"])
    question = _question(" ".join(("/commit", *words)), given)
    json_mode = bool(given["json_mode"])
    with program.session([workspace_root(Path.cwd())]) as session:
        sink = JsonSink(program.output) if json_mode else TextSink(program.output, bare)
        answer = Answer(session.backend, sink, TerminalClient(program.output, attended=False))
        return session.run(answer.to(question))


def bare(text: str) -> str:
    """A message without the code fence that a model may put around it."""
    found = _FENCED.match(text)
    return (found["text"] if found else text).strip()


def _question(text: str, given: dict[str, object], *attachments: Attach) -> Question:
    return Question(
        text,
        attachments,
        provider=cast("str | None", given["provider"]),
        model=cast("str | None", given["model"]),
        keep=False,
    )


def _ask(
    program: Program,
    question: Question,
    files: Sequence[Path],
    *,
    json_mode: bool,
    apply: bool = False,
    yes: bool = False,
) -> int:
    roots = dict.fromkeys((workspace_root(Path.cwd()), *map(workspace_root, files)))
    with program.session(list(roots)) as session:
        sink = JsonSink(program.output) if json_mode else TerminalSink(program.output)
        client = TerminalClient(program.output, attended=False)
        answer = Answer(session.backend, sink, client)
        status = session.run(answer.to(question))
        if status != OK or not apply:
            return status
        return offer(program, session, answer.proposals, yes=yes)


commands: tuple[click.Command, ...] = (
    *map(_about, _ABOUT_A_FILE),
    _made(
        "review",
        "Review what has changed since the last commit.",
        [
            click.Argument(["words"], nargs=-1, required=False),
            click.Option(["--staged"], is_flag=True, help="Only what is staged."),
            *_shared(),
        ],
        _review,
    ),
    _made(
        "commit",
        "Write a commit message for what is staged, and nothing else, on stdout.",
        [click.Argument(["words"], nargs=-1, required=False), *_shared()],
        _commit,
    ),
)
