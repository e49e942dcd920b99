"""Open documents, files and selections that go along with a message, through the gate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.chat.events import ContextItem
from polypilot.workspace.gate import ExcludedError
from polypilot_prompts.budget import estimate
from polypilot_prompts.chat import Attachment
from polypilot_providers.types import FilePart, ImagePart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot.workspace.documents import DocumentStore, Position
    from polypilot.workspace.gate import Gate, Outgoing
    from polypilot.workspace.gate_outgoing import OutgoingMedia
    from polypilot_providers.types import Part

_PICTURE_TOKENS = 1600
"""About what suppliers count for a picture as big as they take, and for a page as a picture."""
_PAGE = re.compile(rb"/Type\s*/Page\b")
_LANGUAGES = {
    "c": "c",
    "cpp": "cpp",
    "cs": "csharp",
    "css": "css",
    "go": "go",
    "h": "c",
    "hpp": "cpp",
    "html": "html",
    "java": "java",
    "js": "javascript",
    "json": "json",
    "jsx": "jsx",
    "kt": "kotlin",
    "lua": "lua",
    "md": "markdown",
    "php": "php",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "sql": "sql",
    "swift": "swift",
    "toml": "toml",
    "ts": "typescript",
    "tsx": "tsx",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yaml",
}


@dataclass(frozen=True, slots=True)
class Attach:
    """What the user wants to go along: a document, or with ``start`` and ``end`` a part of it."""

    uri: str
    start: Position | None = None
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """What passed the gate. It is asked again whenever the conversation goes on."""

    name: str
    language: str
    text: Outgoing
    first_line: int | None = None
    """1-based; None: the whole document."""
    last_line: int | None = None
    media: OutgoingMedia | None = None
    """The picture or the PDF that it is; then ``text`` is empty."""

    @property
    def size(self) -> int:
        """Characters; a picture counts as the tokens that its bytes may cost at most."""
        return len(self.text) + (len(self.media.data) // 4 if self.media else 0)

    @property
    def tokens(self) -> int:
        """Estimated."""
        if self.media is None:
            return estimate(self.text.text)
        pages = 1
        if self.media.media_type == "application/pdf":
            pages = max(1, len(_PAGE.findall(self.media.data)))
        return pages * _PICTURE_TOKENS

    def part(self) -> Part | None:
        """As a part of the message, if it is not text."""
        if self.media is None:
            return None
        if self.media.media_type == "application/pdf":
            return FilePart(self.media.media_type, self.name, self.media.data)
        return ImagePart(self.media.media_type, self.media.data)

    def render(self) -> Attachment:
        """As the prompt takes it."""
        return Attachment(self.name, self.text.text, self.language, self.first_line, self.last_line)


class Collector:
    """Asks the gate for each attachment; a refusal is noted, never silent."""

    def __init__(self, gate: Gate, documents: DocumentStore) -> None:
        self._gate = gate
        self._documents = documents

    def collect(self, wanted: Iterable[Attach]) -> tuple[list[Attached], list[ContextItem]]:
        """What may go along, and an item for each one wanted, in order."""
        attached: list[Attached] = []
        items: list[ContextItem] = []
        for each in wanted:
            try:
                found = self._one(each)
            except ExcludedError as error:
                items.append(ContextItem(each.uri, refused=error.message))
                continue
            attached.append(found)
            kind = found.media.media_type if found.media else ""
            items.append(
                ContextItem(each.uri, found.tokens, found.text.redactions, media_type=kind)
            )
        return attached, items

    def _one(self, wanted: Attach) -> Attached:
        if wanted.start is None or wanted.end is None:
            admitted = self._gate.read_any(wanted.uri)
            language = self._language(admitted.uri, admitted.relative)
            return Attached(admitted.relative, language, admitted.text, media=admitted.media)
        text = self._gate.excerpt(wanted.uri, wanted.start, wanted.end)
        name = self._name(wanted.uri)
        first, last = sorted((wanted.start, wanted.end))
        # A selection that ends at a line's beginning does not hold that line.
        below = last.line if last.character == 0 and last.line > first.line else last.line + 1
        return Attached(name, self._language(wanted.uri, name), text, first.line + 1, below)

    def _name(self, uri: str) -> str:
        document = self._documents.get(uri)
        path = document.path if document else None
        root = self._gate.roots.of(path) if path else None
        relative = root.relative(path) if root and path else None
        return (relative or (path or uri).rsplit("/", 1)[-1]).replace("\\", "/")

    def _language(self, uri: str, name: str) -> str:
        document = self._documents.get(uri)
        if document is not None and document.language_id:
            return document.language_id
        return _LANGUAGES.get(name.rpartition(".")[2].lower(), "")
