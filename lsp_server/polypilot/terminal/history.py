"""``polypilot history``: conversations that are kept on this machine."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from polypilot.terminal.program import OK, Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.chat.values import SessionInfo


@click.group()
def history() -> None:
    """List, search, show, rename and delete kept conversations.

    `polypilot chat --session ID` goes on with one.
    """


@history.command("list")
@click.argument("words", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--json", "json_mode", is_flag=True, help="One JSON line per conversation.")
@click.pass_obj
def listing(program: Program, *, words: Sequence[str], limit: int, json_mode: bool) -> int:
    """The conversations used last; with WORDS, those that have them."""
    with program.session() as session:
        found = session.run(session.backend.chat.sessions(" ".join(words), limit=limit))
    if json_mode:
        for each in found:
            program.output.json({"type": "session", **_fields(each)})
        return OK
    rows = [(each.session_id, _when(each), each.title, str(each.messages)) for each in found]
    program.output.table(("id", "used", "title", "messages"), rows)
    for each in found:
        if each.excerpt:
            program.output.note(f"{each.session_id}: {each.excerpt}")
    return OK


@history.command()
@click.argument("session_id", metavar="ID")
@click.pass_obj
def show(program: Program, *, session_id: str) -> int:
    """Print a conversation as Markdown."""
    with program.session() as session:
        program.output.print(session.run(session.backend.chat.export(session_id)))
    return OK


@history.command()
@click.argument("session_id", metavar="ID")
@click.argument("title")
@click.pass_obj
def rename(program: Program, *, session_id: str, title: str) -> int:
    """Give a conversation another title."""
    with program.session() as session:
        session.run(session.backend.chat.rename(session_id, title))
    return OK


@history.command()
@click.argument("session_ids", metavar="ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All conversations.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(program: Program, *, session_ids: Sequence[str], everything: bool, yes: bool) -> int:
    """Delete conversations for good."""
    if bool(session_ids) == everything:
        message = "Name conversations, or give --all."
        raise click.UsageError(message)
    if everything and not yes:
        click.confirm("Delete all conversations for good?", abort=True, err=True)
    with program.session() as session:
        if everything:
            session.run(session.backend.chat.delete_all())
        for each in session_ids:
            session.run(session.backend.chat.delete(each))
    return OK


def _when(info: SessionInfo) -> str:
    return datetime.fromtimestamp(info.updated).astimezone().strftime("%Y-%m-%d %H:%M")


def _fields(info: SessionInfo) -> dict[str, object]:
    return {
        "id": info.session_id,
        "title": info.title,
        "provider": info.provider,
        "model": info.model,
        "messages": info.messages,
        "created": info.created,
        "updated": info.updated,
        "root": info.root,
    }
