"""Folders, pages and rows of `session/list` and its kin, as they are on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.acp import checks, translate
from polypilot.acp.faults import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.acp.checks import Params
    from polypilot.chat.values import SessionInfo


def folders_of(params: Params) -> tuple[str, ...]:
    """A conversation's own folder first, then the others that it may look into."""
    own = checks.folder(params, "cwd")
    return tuple(dict.fromkeys((own, *checks.folders(params, "additionalDirectories"))))


def listed(info: SessionInfo) -> Mapping[str, object]:
    """A row of the list."""
    return {
        "sessionId": info.session_id,
        "cwd": info.root,
        "title": info.title,
        "updatedAt": translate.moment(info.updated),
    }


def moment(cursor: str | None) -> float | None:
    """What a cursor says: when the last row of the page before was used.

    Raises:
        RpcError: it is none of ours.
    """
    if cursor is None:
        return None
    try:
        found = float(cursor)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e12:  # noqa: PLR2004 - seconds; not a number fails as well
        raise invalid("cursor", "is none that was given")
    return found
