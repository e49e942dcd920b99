"""The policy gate: the one door through which text leaves for a model.

Every piece of text passes here, whatever it comes from: a window around the cursor, another
open document, an attached file, a selection, what the user typed. The gate judges the
document by its name (every reading of it, the link and what it leads to) and by the ignore
files around it, as they are at that moment; it hides secrets; and it returns `Outgoing`,
the only type that prompts are made of.

Documents are read in the event loop's thread, so the gate is used there only.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from polypilot.workspace import secrets
from polypilot.workspace.disk import SYSTEM, Disk
from polypilot.workspace.gate_look import Looks, Seen, Wanted
from polypilot.workspace.gate_outgoing import (
    Admitted,
    ExcludedError,
    Outgoing,
    OutgoingMedia,
    Redaction,
    Released,
    Verdict,
    Windows,
    assemble,
    make,
    make_media,
    passed,
)
from polypilot.workspace.gate_policy import Privacy
from polypilot.workspace.gate_read import handed_type
from polypilot.workspace.gate_request import checked
from polypilot.workspace.gate_scan import Scanner, between
from polypilot.workspace.roots import Roots, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot.workspace.documents import Document, DocumentStore, Position, Snapshot
    from polypilot.workspace.gate_request import Request

__all__ = [
    "MARGIN",
    "Admitted",
    "ExcludedError",
    "Gate",
    "Outgoing",
    "Privacy",
    "Redaction",
    "Released",
    "Verdict",
    "Windows",
    "assemble",
]

MARGIN = secrets.MARGIN
MAX_FILE_BYTES = 2_000_000


class Gate:
    """The choke point. ``roots`` and ``documents`` may change under it at any time."""

    def __init__(
        self,
        roots: Roots,
        privacy: Privacy,
        documents: DocumentStore,
        *,
        max_file_bytes: int = MAX_FILE_BYTES,
        disk: Disk = SYSTEM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._disk = disk
        self._clock = clock
        self._looks = Looks(roots, privacy, disk, max_file_bytes, clock)
        self._documents = documents
        self._max_file_bytes = max_file_bytes
        self._scanner = Scanner(hides=privacy.redact_secrets)

    @property
    def roots(self) -> Roots:
        """The workspace roots it goes by."""
        return self._looks.roots

    @property
    def redactions(self) -> int:
        """Different secrets hidden since the start; each counts once."""
        return self._scanner.hidden

    def update(self, privacy: Privacy) -> None:
        """New settings, from the next question on."""
        if privacy == self._looks.privacy:
            return
        limit, clock = self._max_file_bytes, self._clock
        self._looks = Looks(self._looks.roots, privacy, self._disk, limit, clock)
        self._scanner.update(hides=privacy.redact_secrets)

    def warm(self) -> None:
        """Compiles the rules (some 60 ms), so that the first request does not wait for them.

        May be called in another thread.
        """
        self._looks.warm()
        secrets.scan("")

    # -- when the disk is asked ----------------------------------------------------------

    async def look(
        self, uris: Iterable[str], within: float, *, read: bool = False, lately: float = 0.0
    ) -> None:
        """Looks at the disk, in another thread, for all that the running task does next.

        What it, or a task that it starts, asks about these documents is answered from this
        look, which begins after the call. If the disk does not answer ``within`` seconds,
        they are as they were judged last, and excluded if they never were. With ``read``, the
        files are read as well, for `read_file`. With ``lately``, verdicts of the last so many
        seconds are good enough, unless an ignore file is known to have changed since.
        """
        found = {self._open_uri(uri, locate(uri).path) if read else uri for uri in uris}
        wanted = [self._wanted(uri, read=read) for uri in found]
        await self._looks.look(wanted, within, lately=lately)

    def saved(self, uri: str) -> None:
        """A file was saved or changed: if it is an ignore file, no earlier look counts."""
        self._looks.changed(uri)

    def _wanted(self, uri: str, *, read: bool = False) -> Wanted:
        document = self._documents.get(uri)
        if document is None:
            return Wanted(uri, opened=False, read=read)
        return Wanted(uri, opened=True, notebook=document.notebook)

    def _seen(self, uri: str, *, read: bool = False) -> Seen:
        return self._looks.now(self._wanted(uri, read=read))

    # -- may it? -------------------------------------------------------------------------

    def admit_document(self, uri: str) -> Verdict:
        """Whether the document may be sent: open, or a file below a root, and not excluded."""
        return self._seen(uri).verdict

    def admit_name(self, uri: str) -> Verdict:
        """Whether text may be sent that goes by a name, and is no file of this machine."""
        return self._looks.by_name(uri)

    def policy_hash(self, uri: str = "") -> str:
        """Changes with anything that decides about ``uri``: settings, root, ignore files.

        Belongs into the key of every cache of text made from a document.
        """
        return self._seen(uri).state if uri else self._looks.state

    def still_allowed(self, text: Outgoing) -> bool:
        """Whether text that passed earlier would pass now; for kept conversations."""
        return all(self.admit_document(uri).allowed for uri in text.sources)

    # -- what leaves ---------------------------------------------------------------------

    def release(self, text: str, source: str = "") -> Released:
        """Hides the secrets of ``text``; judges no name. ``source`` is for nothing but order."""
        del source
        return self._scanner.release(text)

    def outgoing(self, uri: str, text: str, part: str) -> Outgoing:
        """Text of the document ``uri``. What its edges cut is not seen: prefer the others.

        Raises:
            ExcludedError: the document must not be sent.
        """
        verdict = self._allowed(uri)
        released = self.release(text)
        return make(released.text, part, (uri,), len(released.redactions), verdict.policy)

    def typed(self, text: str, part: str = "message") -> Outgoing:
        """What the user wrote to the model, or our own words; secrets are hidden all the same."""
        released = self.release(text)
        return make(released.text, part, (), len(released.redactions), "")

    def restored(self, text: str, part: str, sources: Iterable[str]) -> Outgoing:
        """Text that passed in an earlier session and was kept; `still_allowed` judges its names."""
        released = self.release(text)
        return make(released.text, part, tuple(sources), len(released.redactions), "")

    def restored_media(self, media_type: str, data: bytes) -> OutgoingMedia:
        """A picture or a PDF that passed in an earlier session."""
        return make_media(media_type, data)

    def handed_media(self, data: bytes) -> OutgoingMedia:
        """A picture or a PDF that the user put into a message, by what it is.

        Raises:
            ExcludedError: it is neither, or too big.
        """
        return make_media(handed_type(data), data)

    def windows(self, snapshot: Snapshot, before: int, after: int) -> Windows:
        """The ``before`` and ``after`` characters around a cursor.

        ``snapshot`` should have been taken with `MARGIN` more on each side, so that a secret
        that the edge cuts is recognised. Both sides are scanned as one text.

        Raises:
            ExcludedError: the document must not be sent.
        """
        verdict = self._allowed(snapshot.uri)
        text, cursor = snapshot.prefix + snapshot.suffix, len(snapshot.prefix)
        low, high = max(0, cursor - before), min(len(text), cursor + after)
        findings = self._scanner.scan(text)

        def side(start: int, end: int, part: str) -> Outgoing:
            cut, count = between(text, start, end, findings)
            return make(cut, part, (snapshot.uri,), count, verdict.policy)

        return Windows(
            side(low, cursor, "prefix"),
            side(cursor, high, "suffix"),
            any(found.start < cursor < found.end for found in findings),
        )

    def excerpt(
        self, uri: str, start: Position, end: Position, part: str = "selection"
    ) -> Outgoing:
        """A range of an open document.

        Raises:
            ExcludedError: the document must not be sent, is not open or out of sync.
        """
        verdict = self._allowed(uri)
        text, count = self._scanner.excerpt(self._current(uri), start, end)
        return make(text, part, (uri,), count, verdict.policy)

    def read_file(self, uri_or_path: str, part: str = "context") -> Admitted:
        """A whole document: the editor's text if it is open, else the file's.

        Raises:
            ExcludedError: it must not be sent, is no text file, too big, or can't be read.
        """
        admitted = self.read_any(uri_or_path, part)
        if admitted.media is not None:
            raise ExcludedError("it is not text")
        return admitted

    def read_any(self, uri_or_path: str, part: str = "context") -> Admitted:
        """As `read_file`, or a picture or a PDF.

        Raises:
            ExcludedError: likewise.
        """
        place = locate(uri_or_path)
        uri = self._open_uri(uri_or_path, place.path)
        media = None
        seen = self._seen(uri, read=True)
        verdict = passed(seen.verdict)
        root = self.roots.of(place.path) if place.path else None
        if uri in self._documents:
            document = self._current(uri)
            if document.length > self._max_file_bytes:
                raise ExcludedError(f"it is bigger than {self._max_file_bytes:,} characters")
            released = self._scanner.whole(document)
        elif seen.content is None:
            raise ExcludedError(seen.unread)
        else:
            released = self.release(seen.content.text)
            if kind := seen.content.media_type:
                media = make_media(kind, seen.content.data)
        text = make(released.text, part, (uri,), len(released.redactions), verdict.policy)
        relative = root.relative(place.path) if root and place.path else None
        name = relative or (place.path or uri).replace("\\", "/").rsplit("/", 1)[-1]
        name = name.replace("\\", "/")
        return Admitted(uri, place.path, root.path if root else None, name, text, media)

    def last_check(self, request: Request) -> Request:
        """The request with secrets hidden wherever they are in it.

        The second net, below the types: it sees what was joined after the gate, the model's
        earlier answers and tool traffic. Names are not judged here.
        """
        return checked(request, self._scanner.scan)

    # -- inside --------------------------------------------------------------------------

    def _allowed(self, uri: str) -> Verdict:
        return passed(self.admit_document(uri))

    def _current(self, uri: str) -> Document:
        document = self._documents.current(uri)
        if document is None:
            raise ExcludedError("its text is not known for sure", cure="close and reopen it")
        return document

    def _open_uri(self, uri: str, path: str | None) -> str:
        """The URI under which the editor has the file open, or ``uri``."""
        if uri in self._documents or path is None:
            return uri
        return next((doc.uri for doc in self._documents if doc.path == path), uri)
