"""Offering the edits that an answer proposes, and writing those that the user accepts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from polypilot.errors import UserError, printable
from polypilot.tasks import run_blocking
from polypilot.terminal.diffs import write
from polypilot.terminal.program import FAILED, OK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot.chat.events import Proposal
    from polypilot.terminal.program import Program, Session

_WRITE_S = 30.0


def offer(
    program: Program, session: Session, proposals: Sequence[Proposal], *, yes: bool = False
) -> int:
    """Show each proposal and write it if the user says so, or with ``yes`` at once.

    Without a person at the terminal nothing is written unless ``yes``.
    """
    status = OK
    output = program.output
    if not proposals:
        output.note("The answer proposes no edit.")
    for proposal in proposals:
        if proposal.refused:
            output.note(f"{proposal.path}: {proposal.refused}")
            status = FAILED
            continue
        output.note(proposal.diff.rstrip("\n"))
        if not yes and not _agreed(program, proposal.path):
            session.backend.edits.reject(proposal.id)
            continue
        try:
            backup = session.run(_written(session.backend, proposal.id))
        except UserError as error:
            status = program.failed(error)
            continue
        kept = f"; its text from before is in {backup}" if backup else ""
        output.note(f"{proposal.path} is changed{kept}.")
    return status


def _agreed(program: Program, path: str) -> bool:
    if not (program.output.interactive and sys.stdin.isatty()):
        program.output.note(f"{path} is not changed: nobody can be asked. --yes writes it.")
        return False
    return input(f"Write {printable(path)}? [y/N] ").strip().casefold() in {"y", "yes"}


async def _written(backend: Backend, proposal_id: str) -> Path | None:
    change = await backend.edits.accept(proposal_id)
    backup = await run_blocking(write, change, timeout=_WRITE_S, name="write")
    backend.edits.applied(proposal_id)
    return backup
