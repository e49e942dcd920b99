"""What an action is about: some lines of a document, as they are when the command comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.lsp.features.action_offers import marked
from polypilot.lsp.features.action_region import plain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from polypilot.backend import Backend
    from polypilot.chat import events
    from polypilot.chat.values import Attach, Embedded
    from polypilot.lsp.features.action_offers import Order
    from polypilot.lsp.features.action_work import Work
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.roots import Root

    Stream = AsyncGenerator[events.ChatEvent, None]

AROUND_LINES = 300
WHOLE_LINES = 1500
"""A document of at most so many lines goes along whole, else what is around."""


@dataclass(frozen=True, slots=True)
class Place:
    r"""Lines of a document. Texts have ``\n`` line breaks."""

    uri: str
    path: str | None
    language: str
    text: str
    """The whole document."""
    start: int
    end: int
    """Offsets of the lines, their last line break included."""
    first: int
    last: int
    """The lines, 1-based, both among them."""

    @property
    def code(self) -> str:
        """The lines."""
        return self.text[self.start : self.end]

    @property
    def around(self) -> str:
        """The document, or as much of it as goes along."""
        lines = self.text.split("\n")
        if len(lines) <= WHOLE_LINES:
            return self.text
        low, high = max(0, self.first - 1 - AROUND_LINES), self.last + AROUND_LINES
        return "\n".join(lines[low:high]) + "\n"


def place_of(documents: DocumentStore, order: Order) -> Place:
    """The lines of an order.

    Raises:
        UserError: ``stale``, they are not what they were when the action was offered.
    """
    document = documents.current(order.uri)
    if (
        document is None
        or order.last >= document.line_count
        or marked(document, order.first, order.last) != order.mark
    ):
        raise UserError("the text has changed meanwhile", code="stale", cure="Ask again.")
    text = plain(document.text)
    start = _offset(text, order.first)
    end = _offset(text, order.last + 1)
    return Place(
        order.uri,
        document.path,
        document.language_id,
        text,
        start,
        end,
        order.first + 1,
        order.last + 1,
    )


def _offset(text: str, line: int) -> int:
    """Where a line begins; behind the last one: the end."""
    at = 0
    for _ in range(line):
        following = text.find("\n", at)
        if following == -1:
            return len(text)
        at = following + 1
    return at


@dataclass(frozen=True, slots=True)
class Case:
    """One order that is being carried out."""

    backend: Backend
    order: Order
    place: Place
    work: Work
    name: str
    """Of the document: relative to its workspace root where there is one."""
    root: Root | None

    def question(self, text: str, attachments: Sequence[Attach | Embedded]) -> Stream:
        """Ask the model; the answer's events."""
        from polypilot.chat.values import (  # noqa: PLC0415 - with the backend, not before
            Attach,
            Question,
            Scene,
            Unattended,
        )

        uri, root = self.place.uri, self.root.path if self.root else None
        question = Question(text, tuple(attachments), root=root, mode="plain", keep=False)
        return self.backend.chat.send(question, Unattended(Scene(Attach(uri), uri)))


def case_of(backend: Backend, order: Order, place: Place, work: Work) -> Case:
    """The case of an order, now that there is a backend."""
    root = backend.gate.roots.of(place.path) if place.path else None
    relative = root.relative(place.path) if root and place.path else None
    name = relative or (place.path or place.uri).replace("\\", "/").rsplit("/", 1)[-1]
    return Case(backend, order, place, work, name.replace("\\", "/"), root)
