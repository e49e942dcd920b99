"""``polypilot chat``: a question, or a conversation, with streamed answers."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polypilot.terminal.answer import Answer, JsonSink, TerminalSink
from polypilot.terminal.program import OK, Program, Session, workspace_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_providers.types import Effort

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LEAVE = ("/quit", "/exit")


@click.command()
@click.argument("question", required=False)
@click.option(
    "--provider", "provider_id", metavar="ID", default="", help="Instead of the chosen one."
)
@click.option("--model", metavar="MODEL", default="", help="Instead of the provider's default.")
@click.option(
    "--effort",
    type=click.Choice(EFFORTS),
    help="How much to reason first; the model takes the nearest of its own levels.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Attach a file; may be given several times. The gate decides what of it may leave.",
)
@click.option("--json", "json_mode", is_flag=True, help="One JSON line per event.")
@click.pass_obj
def chat(
    program: Program,
    *,
    question: str | None,
    provider_id: str,
    model: str,
    effort: Effort | None,
    files: Sequence[Path],
    json_mode: bool,
) -> int:
    """Ask QUESTION, or talk until /quit. Without a terminal the question is read from stdin.

    Ctrl-C stops an answer and keeps what has arrived.
    """
    talk = question is None and sys.stdin.isatty()
    if question in (None, "-") and not talk:
        question = sys.stdin.read()
    if not talk and not (question or "").strip():
        message = "There is no question."
        raise click.UsageError(message)
    paths = [file.absolute() for file in files]
    with program.session([workspace_root(Path.cwd()), *map(workspace_root, paths)]) as session:
        sink = JsonSink(program.output) if json_mode else TerminalSink(program.output)
        answer = Answer(
            session.backend,
            sink,
            provider=provider_id or "",
            model=model or "",
            effort=effort,
            files=paths,
        )
        if not talk:
            return session.run(answer.to(question or ""))
        return _talk(program, session, answer)


def _talk(program: Program, session: Session, answer: Answer) -> int:
    """Ask, answer, ask again. A failed or stopped answer does not end the conversation."""
    program.output.note("/quit or Ctrl-D ends; Ctrl-C stops an answer; \\ at a line's end goes on.")
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # gives input() line editing and history
    while True:
        question = _ask()
        if question is None or question.strip() in _LEAVE:
            return OK
        if not question.strip():
            continue
        try:
            session.run(answer.to(question))
        except KeyboardInterrupt:
            program.output.note("Stopped.")
        except Exception as error:  # noqa: BLE001 - shown with its cure; the talk goes on
            program.failed(error)


def _ask() -> str | None:
    """The next question, or None when the user has had enough."""
    lines: list[str] = []
    while not lines or lines[-1].endswith("\\"):
        try:
            lines.append(input("... " if lines else "> "))
        except EOFError:
            print(file=sys.stderr)  # noqa: T201 - the shell's prompt belongs on a new line
            return None
        except KeyboardInterrupt:
            # At the prompt Ctrl-C drops what was typed, as in a shell.
            print(file=sys.stderr)  # noqa: T201 - likewise
            return ""
    return "\n".join(line.removesuffix("\\") for line in lines)
