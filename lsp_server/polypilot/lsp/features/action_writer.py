"""Text into an editor's document by ``workspace/applyEdit``, at a place that may move meanwhile.

One edit is under way at a time, and says for which version it was made, so that an editor in
which the user has just typed refuses it; then it is made again at the new place. An edit's
answer may come before the editor tells of the edit itself, hence the wait behind each. Some
editors tell late or, having silently dropped an edit, never; see `Writer._is_made`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from lsprotocol import types

from polypilot.errors import UserError
from polypilot.lsp.features.action_region import Region, plain
from polypilot.lsp.features.applying import WRITTEN, text_edit, workspace_edit
from polypilot.workspace.documents import Position

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.documents import DocumentStore

log = logging.getLogger(__name__)

TOLD_WITHIN_S = 1.0
"""How long an editor may take to tell of an edit: Neovim waits 150 ms, Emacs half a second."""
ANSWERED_WITHIN_S = 30.0
CONFIRMED_WITHIN_S = 600.0
"""Likewise, where the user is asked to confirm."""
ATTEMPTS = 5


class EditError(UserError):
    """The edit was not made: ``edited``, ``closed`` or ``refused``."""

    code = "edit"


class Writers:
    """Those who write into documents of one connection, told of what happens to these."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._writers: dict[str, set[Writer]] = {}
        documents.tell(self)

    def add(self, writer: Writer) -> None:
        """Tell it from now on."""
        self._writers.setdefault(writer.uri, set()).add(writer)

    def remove(self, writer: Writer) -> None:
        """No longer."""
        writers = self._writers.get(writer.uri, set())
        writers.discard(writer)
        if not writers:
            self._writers.pop(writer.uri, None)

    def overlaps(self, uri: str, start: int, end: int) -> bool:
        """Whether somebody writes there already."""
        regions = (writer.region for writer in self._writers.get(uri, ()))
        return any(each.start < end and start < max(each.end, each.start + 1) for each in regions)

    def visited(self, uri: str, line: int | None = None) -> None:
        """A document was opened, perhaps again."""
        self.edited(uri, line)

    def edited(self, uri: str, line: int | None = None) -> None:
        """A document was edited."""
        del line
        document = self._documents.get(uri)
        for writer in self._writers.get(uri, ()):
            if document is not None:
                writer.edited(document.text, document.version)

    def closed(self, uri: str, line: int | None = None) -> None:
        """A document is about to be closed."""
        del line
        for writer in self._writers.get(uri, ()):
            writer.closed()


class Writer:
    """Writes into one part of one document. To be used with ``with``.

    Raises:
        EditError: from every method that writes, once the part is lost.
    """

    def __init__(
        self,
        server: PolypilotServer[Backend],
        writers: Writers,
        uri: str,
        span: tuple[int, int],
        *,
        told_within: float = TOLD_WITHIN_S,
    ) -> None:
        """``span``: offsets in the `plain` text of the document, which has to be in sync."""
        document = server.documents.current(uri)
        if document is None:
            raise EditError("the document's text is not known for sure", code="closed")
        self.uri = uri
        self.eol = document.snapshot(Position(0, 0), 0, 0).eol
        self.region = Region(plain(document.text), *span)
        self._server = server
        self._writers = writers
        self._told_within = told_within
        self._version: int | None = document.version
        """Of the text that the region knows; None: the editor has not told of all of it."""
        self._told = 0
        self._open = True
        self._news = asyncio.Event()

    def __enter__(self) -> Self:
        self._writers.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._writers.remove(self)

    # -- what the editor tells -------------------------------------------------------------

    def edited(self, text: str, version: int) -> None:
        """The document has changed."""
        self._told += 1
        self._version = version
        self.region.observe(plain(text))
        self._news.set()

    def closed(self) -> None:
        """The document is closed."""
        self._open = False
        self._news.set()

    def check(self) -> None:
        """Raises EditError if nothing can be written any more."""
        if not self._open:
            raise EditError("the document was closed", code="closed")
        if self.region.lost:
            raise EditError(
                "the text was edited at this place meanwhile",
                code="edited",
                cure="Ask again; what was written so far stays.",
            )

    async def lost(self) -> None:
        """Returns, by raising EditError, when nothing can be written any more."""
        while True:
            self.check()
            self._news.clear()
            await self._news.wait()

    # -- writing -----------------------------------------------------------------------------

    async def append(self, text: str, label: str) -> None:
        r"""Add text, with ``\n`` line breaks, at the part's end."""
        await self._write(text, label, confirm=False, whole=False)

    async def replace(self, text: str, label: str, *, confirm: bool = False) -> None:
        r"""Put text in the part's place; with ``confirm`` the user is asked, where possible."""
        await self._write(text, label, confirm=confirm, whole=True)

    async def _write(self, text: str, label: str, *, confirm: bool, whole: bool) -> None:
        for _ in range(ATTEMPTS):
            self.check()
            region = self.region
            told, version, before = self._told, self._version, region.text
            edit = self._edit(text, label, whole=whole, confirm=confirm)
            region.want(text if whole else region.content + text)
            answer = await self._ask(edit, label, confirm=confirm)
            if answer is None or not answer.applied:
                await self._refused(answer, told, version)
            elif await self._is_made(told, before):
                return
            region.give_up()
        raise EditError("the document changes too fast", code="refused", cure="Try again.")

    async def _ask(
        self, edit: types.WorkspaceEdit, label: str, *, confirm: bool
    ) -> types.ApplyWorkspaceEditResult | None:
        """The editor's answer; None: it was an error."""
        params = types.ApplyWorkspaceEditParams(edit, label=label)
        asked = self._server.workspace_apply_edit_async(params)
        try:
            async with asyncio.timeout(CONFIRMED_WITHIN_S if confirm else ANSWERED_WITHIN_S):
                return await asked
        except Exception as error:  # noqa: BLE001 - a client's error answer, of whatever kind
            log.info("an edit was not made: %s", type(error).__name__)
            return None

    async def _refused(
        self, answer: types.ApplyWorkspaceEditResult | None, told: int, version: int | None
    ) -> None:
        """Returns if the reason is that the user has typed: then it may be tried again."""
        if version is not None:
            await self._until(lambda: self._told > told)
        self.region.give_up()
        if self._told == told:
            reason = " ".join((answer.failure_reason or "").split())[:200] if answer else ""
            raise EditError(
                "the editor did not make the edit" + (f": {reason}" if reason else ""),
                code="refused",
            )

    async def _is_made(self, told: int, before: str) -> bool:
        """Whether the edit that the editor says to have made is in the document.

        Neovim answers that it has, also of an edit that it has dropped because the user had
        typed. Then it tells of what was typed, and the edit is not among it. An editor that
        tells of nothing is believed; what follows goes out without a version, since nobody
        knows which it is.
        """
        await self._until(lambda: self.region.wanted is None)
        if self.region.wanted is None:
            return True
        if self._told > told:
            if self.region.text == before:  # nothing was typed: our edit has been undone
                self.region.lost = True
                self.check()
            return False
        self.region.assume()
        self._version = None
        self._told_within = 0.0
        return True

    async def _until(self, true: Callable[[], bool]) -> None:
        """Returns when it is true, when time is up, or raises when the part is lost."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._told_within
        while not true():
            self.check()
            self._news.clear()
            left = deadline - loop.time()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return

    def _edit(self, text: str, label: str, *, whole: bool, confirm: bool) -> types.WorkspaceEdit:
        region = self.region
        start = region.start if whole else region.end
        encoding = self._server.documents.encoding
        return workspace_edit(
            self._server.client_capabilities,
            self.uri,
            [text_edit(region.text, (start, region.end), text, self.eol, encoding)],
            version=self._version,
            label=label if confirm else "",
            description=WRITTEN,
            confirm=confirm,
        )
