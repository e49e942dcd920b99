"""``polypilot chat``: a question, or a conversation, with streamed answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polypilot.chat.values import Attach, Question
from polypilot.terminal.answer import Answer, JsonSink, TerminalSink
from polypilot.terminal.asking import TerminalClient
from polypilot.terminal.program import Program, workspace_root
from polypilot.terminal.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.chat.values import Mode
    from polypilot_providers.types import Effort

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "default")
MODES = ("plain", "ask", "edit")


@click.command()
@click.argument("question", required=False)
@click.option(
    "--provider", "provider_id", metavar="ID", default="", help="Instead of the chosen one."
)
@click.option("--model", metavar="MODEL", default="", help="Instead of the provider's default.")
@click.option(
    "--effort",
    type=click.Choice(EFFORTS),
    help="How much to reason first; the model takes the nearest of its own levels. default: as the"
    " settings say.",
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="What the model may use: nothing, tools that read, or also tools that ask you first.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Attach a file; may be given several times. The gate decides what of it may leave.",
)
@click.option("--session", "session_id", metavar="ID", help="Go on with a kept conversation.")
@click.option("--continue", "go_on", is_flag=True, help="Go on with the conversation used last.")
@click.option("--forget", is_flag=True, help="Do not keep this conversation.")
@click.option("--json", "json_mode", is_flag=True, help="One JSON line per event.")
@click.pass_obj
def chat(
    program: Program,
    *,
    question: str | None,
    provider_id: str,
    model: str,
    effort: Effort | None,
    mode: Mode | None,
    files: Sequence[Path],
    session_id: str | None,
    go_on: bool,
    forget: bool,
    json_mode: bool,
) -> int:
    """Ask QUESTION, or talk until /quit. Without a terminal the question is read from stdin.

    Ctrl-C stops an answer and keeps what has arrived. A question may begin with a command such
    as /explain, and mention #file:PATH, #diff, #search:WORDS and others.
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
        attended = not json_mode and sys.stdin.isatty() and sys.stderr.isatty()
        answer = Answer(session.backend, sink, TerminalClient(program.output, attended=attended))
        if go_on and not session_id:
            newest = session.run(session.backend.chat.sessions(limit=1))
            session_id = newest[0].session_id if newest else None
        answer.session_id = session_id
        first = Question(
            question or "",
            tuple(Attach(path.as_uri()) for path in paths),
            provider=provider_id or None,
            model=model or None,
            effort=effort,
            mode=mode,
            keep=not forget,
        )
        if not talk:
            return session.run(answer.to(first))
        return Talk(program, session, answer, first).run()
