"""Answers that are text: a Markdown file of the user's own, opened in the editor.

The file is a conversation that can be gone on with, see ``document_chat``.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot.lsp.features.action_work import Works
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)

FOLDER = "transcripts"
KEPT = 100
"""Files; the oldest go. Only one, if the user wants no history."""
WRITE_S = 5.0
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


async def show(
    server: PolypilotServer[Backend], works: Works, name: str, text: str, *, kept: int = KEPT
) -> str:
    """Write the file and open it, or say where it is; a line for the progress.

    Raises:
        OSError, TimeoutError: it can't be written.
    """
    from polypilot.tasks import run_blocking  # noqa: PLC0415 - not needed to start
    from polypilot.workspace.roots import uri_of  # noqa: PLC0415 - likewise

    path = await run_blocking(write, name, text, kept, timeout=WRITE_S, name="transcript")
    window = server.client_capabilities.window
    able = window.show_document if window else None
    if able is not None and able.support:
        params = types.ShowDocumentParams(uri_of(str(path)), external=False, take_focus=True)
        try:
            if (await server.window_show_document_async(params)).success:
                return "done"
        except Exception as error:  # noqa: BLE001 - a client's error answer, of whatever kind
            log.info("a file was not shown: %s", type(error).__name__)
    works.tell(f"Polypilot: the answer is in {path}")
    return "done"


def write(name: str, text: str, kept: int = KEPT) -> Path:
    """Write a file that only its user can read, and remove the oldest ones. Blocks.

    Raises:
        OSError: it can't be written.
    """
    from polypilot import paths  # noqa: PLC0415 - not needed to start

    folder = paths.ensure_private(paths.data_dir() / FOLDER)
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    safe = _NOT_IN_NAMES.sub("-", name)[:60].strip("-.") or "answer"
    path = folder / f"{stamp}-{secrets.token_hex(2)}-{safe}.md"
    paths.write_private(path, text.encode())
    others = [each for each in folder.glob("*.md") if each != path]
    others.sort(key=lambda each: each.lstat().st_mtime_ns, reverse=True)
    for old in others[max(0, kept - 1) :]:
        old.unlink(missing_ok=True)
    return path
