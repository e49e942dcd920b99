"""Work-done progress while the index of a workspace is built: it takes seconds to minutes."""

from __future__ import annotations

import itertools
from pathlib import PurePath
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.index import State

_SHOWN_FROM = 2_000
"""Files; a smaller workspace is ready before anybody could read of it."""


class Indexing:
    """Tells an editor that shows progress how far the index is."""

    def __init__(self, server: PolypilotServer[Backend]) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._tokens: dict[str, str] = {}
        """Of the reports that are shown, by root; a token must not be used for two."""
        self._said: dict[str, int] = {}

    def state(self, state: State) -> None:
        """A new state of a root's index."""
        window = self._server.client_capabilities.window
        if window is None or not window.work_done_progress:
            return
        token = self._tokens.get(state.root)
        if not state.working:
            if token is not None:
                del self._tokens[state.root]
                self._report(token, types.WorkDoneProgressEnd(message=state.problem or "done"))
        elif token is None and state.total >= _SHOWN_FROM:
            token = self._tokens[state.root] = f"polypilot-index-{next(self._numbers)}"
            self._server.window_work_done_progress_create(types.WorkDoneProgressCreateParams(token))
            name = PurePath(state.root).name
            self._report(
                token, types.WorkDoneProgressBegin(f"Polypilot: indexing {name}", percentage=0)
            )
        elif token is not None:
            share = min(100, 100 * state.done // max(1, state.total))
            if share != self._said.get(token):
                self._said[token] = share
                message = f"{state.done:,} of {state.total:,} files"
                self._report(token, types.WorkDoneProgressReport(message=message, percentage=share))

    def _report(self, token: str, value: object) -> None:
        self._server.progress(types.ProgressParams(token, value))
