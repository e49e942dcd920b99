"""The document as it will be once a suggestion is taken, to ask ahead for what follows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.completion.values import SNAPSHOT_BEFORE
from polypilot_prompts.context import last_line

if TYPE_CHECKING:
    from polypilot.workspace.documents import Snapshot


def taken(snapshot: Snapshot, text: str) -> Snapshot:
    """``snapshot`` with ``text`` inserted at its cursor, which then stands behind it."""
    prefix = (snapshot.prefix + text)[-SNAPSHOT_BEFORE:]
    breaks = text.count("\n") or text.count("\r")
    behind = last_line(text)
    return replace(
        snapshot,
        prefix=prefix,
        line=snapshot.line + breaks,
        column=len(behind) if breaks else snapshot.column + len(text),
        line_prefix=behind if breaks else snapshot.line_prefix + text,
        total_chars=snapshot.total_chars + len(text),
    )
