"""From the file that a model names to its text as it is now.

Only what the gate would let out may be edited, below a workspace folder, or a document that the
user has open in front of the question. Text is not changed on its way: it does not leave.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from polypilot.chat.edits_lines import lines_of
from polypilot.chat.edits_values import EditError
from polypilot.errors import printable
from polypilot.tasks import run_blocking
from polypilot.workspace.documents import Position
from polypilot.workspace.gate_outgoing import ExcludedError
from polypilot.workspace.gate_read import read_content
from polypilot.workspace.roots import locate, normal, uri_of
from polypilot.workspace.sensitive import refused
from polypilot.workspace.text_units import width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polypilot.chat.values import Scene
    from polypilot.workspace.documents import Document, DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot.workspace.roots import Root, Roots
    from polypilot.workspace.text_units import Encoding

DISK_S = 3.0
"""Seconds that the disk has for each question."""
MAX_CHARS = 2_000_000
_LONGEST = 4_096
_NEVER = "no edit of it is proposed"
_T = TypeVar("_T")
_A = TypeVar("_A")
_B = TypeVar("_B")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")


@dataclass(frozen=True, slots=True)
class Target:
    """A document that an edit is for."""

    uri: str
    path: str
    """Absolute; of one without a file, its URI."""
    name: str
    """For the diff: below the root, with forward slashes."""
    text: str | None
    """None: there is no such file."""
    encoding: Encoding
    version: int | None = None
    """Of the open document."""

    def position(self, line: int, column: int) -> Position:
        """A place by line and code points, both from 0, in the store's encoding."""
        text = lines_of(self.text or "")[line][:column]
        return Position(line, width(text, self.encoding))


class Targets:
    """Finds documents. For the event loop's thread."""

    def __init__(self, gate: Gate, documents: DocumentStore, roots: Roots) -> None:
        self._gate = gate
        self._documents = documents
        self._roots = roots

    async def named(self, written: str, scene: Scene, root: str | None) -> Target:
        """The document that a model calls ``written``.

        Raises:
            EditError: there is none that may be edited.
        """
        front = self._front(written, scene)
        if front is not None:
            return await self.open(front)
        return await self._file(await self._meant(written, root))

    async def again(self, uri: str, path: str) -> Target:
        """The document of an edit, as it is now. Raises EditError."""
        if uri in self._documents:
            return await self.open(uri)
        if path == uri:
            raise EditError("the document is closed", code="edit_unmatched")
        return await self._file(path)

    async def open(self, uri: str) -> Target:
        """An open document that the user has pointed to. Raises EditError."""
        document = self._documents.get(uri)
        if document is None:
            raise EditError("the document is not open", code="edit_unmatched")
        if document.notebook:
            raise EditError("cells of a notebook are not edited")
        path = locate(uri).path if document.path else None
        await self._admit(uri, path)
        return self._of_document(document, path)

    def offsets(self, uri: str, start: Position, end: Position) -> tuple[int, int]:
        """A range of an open document in code points."""
        document = self._documents.get(uri)
        assert document is not None  # noqa: S101 - the caller has just had its text
        low, high = sorted((document.offset(start), document.offset(end)))
        return low, high

    # -- which -----------------------------------------------------------------------------

    def _front(self, written: str, scene: Scene) -> str | None:
        """The URI of the document in front, if it has no file below a root and is meant."""
        wanted = written.replace("\\", "/").rsplit("/", 1)[-1]
        for uri in (scene.selection.uri if scene.selection else None, scene.buffer):
            document = self._documents.get(uri) if uri else None
            if document is None or not uri:
                continue
            inside = document.path is not None and self._roots.of(document.path) is not None
            if not inside and written in {uri, document.path}:
                return uri
            if not inside and re.split(r"[/:]", uri)[-1] == wanted:
                return uri
        return None

    async def _meant(self, written: str, root: str | None) -> str:
        """The absolute path that is meant: of several, the first that exists."""
        text = written.strip()
        if len(text) > _LONGEST or any(ord(char) < ord(" ") for char in text):
            raise EditError("it is no path")
        if _URL.match(text) or text.startswith(("~", "//", "\\\\")):
            raise EditError("it is no path below a workspace folder")
        if "\\" in text and "/" not in text and sys.platform != "win32":
            text = text.replace("\\", "/")
        if os.path.isabs(text):  # noqa: PTH117 - strings: the name may be none that Path takes
            return text
        found = list(dict.fromkeys(self._joined(text, root)))
        if len(found) > 1:
            there = await self._blocking(_existing, found, len(found))
            found = there or found
        if not found:
            raise EditError("no workspace folder is open")
        return found[0]

    def _joined(self, text: str, root: str | None) -> Iterator[str]:
        bases = [root] if root else []
        bases += [each.path for each in self._roots]
        for base in bases:
            yield os.path.join(base, text)  # noqa: PTH118 - strings
        for base in bases:  # a model may count the folder's own name
            first, slash, rest = text.replace("\\", "/").partition("/")
            if slash and first == os.path.basename(base):  # noqa: PTH119 - strings
                yield os.path.join(base, rest)  # noqa: PTH118 - strings

    # -- may it, and what is in it ----------------------------------------------------------

    async def _file(self, written: str) -> Target:
        place = locate(normal(written))
        root = self._roots.of(place.path) if place.path else None
        if place.path is None or place.fault or root is None:
            raise EditError("it is not below a workspace folder")
        reason = await self._blocking(refused, written, root)
        if reason:
            raise EditError(f"{_NEVER}: {reason}")
        uri = self._uri_of(place.path)
        await self._admit(uri, place.path, judged=True)
        document = self._documents.get(uri)
        if document is not None:
            return self._of_document(document, place.path)
        text = await self._blocking(_read, place.path, MAX_CHARS)
        return Target(uri, place.path, _name(root, place.path), text, self._documents.encoding)

    def _uri_of(self, path: str) -> str:
        """The URI under which the editor has the file open, or its own."""
        return next((doc.uri for doc in self._documents if doc.path == path), uri_of(path))

    def _of_document(self, document: Document, path: str | None) -> Target:
        if self._documents.current(document.uri) is None:
            cure = "close and reopen it"
            raise EditError("its text is not known for sure", code="edit_unmatched", cure=cure)
        if document.length > MAX_CHARS:
            raise EditError("it is too big")
        root = self._roots.of(path) if path else None
        name = _name(root, path) if path else document.uri
        return Target(
            document.uri,
            path or document.uri,
            name,
            document.text,
            self._documents.encoding,
            document.version,
        )

    async def _admit(self, uri: str, path: str | None, *, judged: bool = False) -> None:
        if path is not None and not judged:
            reason = await self._blocking(refused, path, self._roots.of(path))
            if reason:
                raise EditError(f"{_NEVER}: {reason}")
        await self._gate.look([uri], DISK_S)
        verdict = self._gate.admit_document(uri)
        if not verdict.allowed:
            raise EditError(f"it is excluded: {verdict.reason}")

    async def _blocking(self, ask: Callable[[_A, _B], _T], first: _A, second: _B) -> _T:
        try:
            return await run_blocking(ask, first, second, timeout=DISK_S, name="an edit's file")
        except TimeoutError:
            raise EditError("the disk does not answer", code="edit_unmatched") from None
        except ExcludedError as error:
            raise EditError(error.message) from None


def _name(root: Root | None, path: str) -> str:
    relative = root.relative(path) if root else None
    return printable((relative or path).replace("\\", "/"))


def _existing(paths: list[str], limit: int) -> list[str]:
    return [path for path in paths if os.path.lexists(path)][:limit]


def _read(path: str, limit: int) -> str | None:
    """What is in a file; None: there is none. Raises ExcludedError."""
    real = os.path.realpath(path)
    try:
        info = os.stat(real)  # noqa: PTH116 - strings
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExcludedError(f"it can't be read ({error.strerror})") from None
    content = read_content(real, info, limit)
    if content.media_type or "\ufffd" in content.text:
        raise ExcludedError("it is not text in UTF-8 or UTF-16")
    return content.text
