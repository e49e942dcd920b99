"""Hides the secrets in text that is about to leave, and counts them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from polypilot.workspace import secrets
from polypilot.workspace.gate_outgoing import Redaction, Released

if TYPE_CHECKING:
    from polypilot.workspace.documents import Document, Position

_DOCUMENTS_KEPT = 64
_SECRETS_COUNTED = 10_000


class Scanner:
    """Looks for secrets, unless the settings say that they may leave."""

    def __init__(self, *, hides: bool) -> None:
        self._hides = hides
        self._whole: OrderedDict[tuple[str, int], tuple[str, Released]] = OrderedDict()
        self._seen: set[int] = set()

    @property
    def hidden(self) -> int:
        """Different secrets hidden since the start; each counts once."""
        return len(self._seen)

    def update(self, *, hides: bool) -> None:
        """New settings, from the next text on."""
        self._hides = hides
        self._whole.clear()

    def scan(self, text: str) -> list[secrets.Finding]:
        """The secrets to hide in ``text``."""
        if not self._hides:
            return []
        findings = secrets.scan(text)
        if len(self._seen) < _SECRETS_COUNTED:
            # Python's own salted hash: nothing that could be turned back is kept.
            self._seen.update(
                hash((found.kind, text[found.start : found.end])) for found in findings
            )
        return findings

    def release(self, text: str) -> Released:
        """``text`` without its secrets."""
        findings = self.scan(text)
        if not findings:
            return Released(text)
        marks = tuple(Redaction(found.kind, found.start, found.end) for found in findings)
        return Released(secrets.redact(text, findings), marks)

    def whole(self, document: Document) -> Released:
        """A document without its secrets, kept as long as its version."""
        key = (document.uri, document.version)
        text = document.text
        kept = self._whole.get(key)
        if kept is not None and kept[0] == text:
            return kept[1]
        released = self.release(text)
        self._whole[key] = (text, released)
        while len(self._whole) > _DOCUMENTS_KEPT:
            self._whole.popitem(last=False)
        return released

    def excerpt(self, document: Document, start: Position, end: Position) -> tuple[str, int]:
        """As `between`, of a document; it is scanned with what is around the range."""
        low, high = sorted((document.offset(start), document.offset(end)))
        first = max(0, low - secrets.MARGIN)
        text = document.text[first : high + secrets.MARGIN]
        return between(text, low - first, high - first, self.scan(text))


def between(text: str, start: int, end: int, findings: list[secrets.Finding]) -> tuple[str, int]:
    """``text[start:end]`` without the secrets of ``text``, and how many of them are in it."""
    cut = secrets.redact_between(text, start, end, findings)
    return cut, sum(found.start < end and found.end > start for found in findings)
