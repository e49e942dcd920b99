"""Doing when a document is opened what the first key in it would otherwise wait for."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.tasks import Tasks, run_blocking
from polypilot_prompts import syntax_grammars
from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from polypilot.workspace.documents import DocumentStore

_LOAD_S = 10.0
_TIMES = 3
"""An interpreter that specialises itself is quick from about the third time on."""


class Warming:
    """Told by the document store what is opened. Needs a running event loop.

    Loads the grammar of the document's language (two extension modules from the disk, some 10 ms)
    and, for the first document, makes a prompt that nobody is sent.

    Args:
        documents: the store.
        rehearse: makes a prompt for a document; what it raises means that none can be made.
    """

    def __init__(
        self, documents: DocumentStore, rehearse: Callable[[str], Awaitable[object]]
    ) -> None:
        self._documents = documents
        self._rehearse = rehearse
        self._rehearsed = False
        self._tasks = Tasks()
        self._asked: set[str] = set()

    def visited(self, uri: str, line: int | None = None) -> None:
        """A document was opened."""
        del line
        document = self._documents.get(uri)
        name = syntax_grammars.grammar_name(document.language_id) if document else ""
        if name in syntax_grammars.GRAMMARS and name not in self._asked:
            self._asked.add(name)
            work = run_blocking(syntax_grammars.parser_for, name, timeout=_LOAD_S, name="grammar")
            self._tasks.spawn(work, name="grammar")
        if not self._rehearsed:
            self._rehearsed = True
            self._tasks.spawn(self._rehearsal(uri), name="rehearsal")

    async def _rehearsal(self, uri: str) -> None:
        # A document that must not be sent, or nobody to ask: the key will be told.
        with suppress(UserError, ProviderError):
            for _ in range(_TIMES):
                await self._rehearse(uri)

    def warm(self) -> None:
        """Do it for the documents that were opened before anybody was told."""
        for document in self._documents:
            self.visited(document.uri)

    def edited(self, uri: str, line: int | None = None) -> None:
        """Nothing to do."""

    def closed(self, uri: str) -> None:
        """Nothing to do."""

    async def aclose(self) -> None:
        """Wait for nothing any more."""
        await self._tasks.aclose()
