"""Open documents, files and selections that go along with a message, through the gate."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polypilot.chat.events import ContextItem
from polypilot.chat.values import Embedded
from polypilot.workspace.gate import ExcludedError
from polypilot.workspace.roots import locate
from polypilot_prompts.breaking import one_line
from polypilot_prompts.budget import cut_suffix, estimate
from polypilot_prompts.chat import Attachment
from polypilot_providers.types import FilePart, ImagePart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot.chat.values import Attach
    from polypilot.workspace.documents import DocumentStore
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

    def cut(self, tokens: int) -> tuple[Attached, str]:
        """Its first lines that fit, and what of it that is; empty: it fits as it is."""
        if self.media is not None or self.tokens <= tokens:
            return self, ""
        head = self.text.slice(0, len(cut_suffix(self.text.text, tokens)))
        first = self.first_line or 1
        last = first + max(0, line_count(head.text) - 1)
        whole = first + line_count(self.text.text) - 1
        if last == whole:  # a single line that is too long by itself
            said = f"the first {len(head):,} of {len(self.text):,} characters"
        else:
            said = f"lines {first:,}-{last:,} of {whole:,}"
        return replace(self, text=head, first_line=first, last_line=last), said

    def item(self, uri: str, cut: str = "") -> ContextItem:
        """What the user is told of it."""
        kind = self.media.media_type if self.media else ""
        name = self.name
        if self.first_line is not None:
            name = f"{name}:{self.first_line}-{self.last_line or self.first_line}"
        return ContextItem(uri, self.tokens, self.text.redactions, "", kind, one_line(name), cut)

    def render(self) -> Attachment:
        """As the prompt takes it."""
        return Attachment(self.name, self.text.text, self.language, self.first_line, self.last_line)


class Collector:
    """Asks the gate for each attachment; a refusal is noted, never silent."""

    def __init__(self, gate: Gate, documents: DocumentStore) -> None:
        self._gate = gate
        self._documents = documents

    def collect(
        self, wanted: Iterable[Attach | Embedded]
    ) -> tuple[list[Attached], list[ContextItem]]:
        """What may go along, and an item for each one wanted, in order."""
        attached: list[Attached] = []
        items: list[ContextItem] = []
        for each in wanted:
            try:
                found = self.one(each)
            except ExcludedError as error:
                name = one_line(self.name(each.uri))
                items.append(ContextItem(each.uri, refused=error.message, name=name))
                continue
            attached.append(found)
            items.append(found.item(each.uri))
        return attached, items

    def one(self, wanted: Attach | Embedded) -> Attached:
        """One of them.

        Raises:
            ExcludedError: it must not be sent.
        """
        if isinstance(wanted, Embedded):
            return self._embedded(wanted)
        if wanted.start is None or wanted.end is None:
            admitted = self._gate.read_any(wanted.uri)
            language = self._language(admitted.uri, admitted.relative)
            return Attached(admitted.relative, language, admitted.text, media=admitted.media)
        name = self.name(wanted.uri)
        first, last = sorted((wanted.start, wanted.end))
        # A selection that ends at a line's beginning does not hold that line.
        below = last.line if last.character == 0 and last.line > first.line else last.line + 1
        if self._documents.get(wanted.uri) is None:
            # No editor counts its characters: whole lines, as the disk has them.
            text = self._gate.read_file(wanted.uri).text.lines(first.line, below)
        else:
            text = self._gate.excerpt(wanted.uri, wanted.start, wanted.end)
        return Attached(name, self._language(wanted.uri, name), text, first.line + 1, below)

    def _embedded(self, wanted: Embedded) -> Attached:
        """A file's text is judged as the file is, any other text by the name that it goes by."""
        place = locate(wanted.uri)
        name = self.name(wanted.uri)
        if place.readable and place.path is not None:
            text = self._gate.outgoing(wanted.uri, wanted.text, "context")
        else:
            verdict = self._gate.admit_name(wanted.uri)
            if not verdict.allowed:
                raise ExcludedError(verdict.reason)
            text = self._gate.typed(wanted.text, "context")
        if wanted.data:
            media = self._gate.handed_media(wanted.data)
            return Attached(name, "", text.slice(0, 0), media=media)
        return Attached(name, wanted.language or self._language(wanted.uri, name), text)

    def name(self, uri: str) -> str:
        """A document's name for prompts: below its root, else its last component."""
        document = self._documents.get(uri)
        path = document.path if document else locate(uri).path
        root = self._gate.roots.of(path) if path else None
        relative = root.relative(path) if root and path else None
        return (relative or (path or uri).rsplit("/", 1)[-1]).replace("\\", "/")

    def _language(self, uri: str, name: str) -> str:
        document = self._documents.get(uri)
        if document is not None and document.language_id:
            return document.language_id
        return _LANGUAGES.get(name.rpartition(".")[2].lower(), "")


def line_count(text: str) -> int:
    """How many lines a text has; the break at its end begins no further one."""
    breaks = text.count("\n") + text.count("\r") - text.count("\r\n")
    return breaks + (not text.endswith(("\n", "\r")))
