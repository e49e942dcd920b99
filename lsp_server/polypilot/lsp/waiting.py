"""What waits behind a large message that is still being read, and what may overtake it.

Order matters for each document by itself: its edits are made one after the other, and a
request sees it as it was when the request was sent. So a message that mentions a document
waits if something before it in the line mentions that document too, and as long as it is not
known what a large message mentions. Everything else that speaks of one document, or of none
and wants an answer, goes ahead.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types

from polypilot.lsp.calls import MsgId, is_id
from polypilot.lsp.framing import Frame
from polypilot.lsp.sync import mentioned

if TYPE_CHECKING:
    from collections.abc import Container

_OF_ONE_DOCUMENT = "textDocument/did"
_OF_THE_WORKSPACE = "workspace/did"
"""Settings, folders, files on disk: they decide what may be sent, so no request about another
document may overtake them."""


class Line:
    """The line. ``running`` are the ids of the requests that are being worked on."""

    def __init__(self, running: Container[object]) -> None:
        self._running = running
        self._items: deque[tuple[object, frozenset[str]]] = deque()
        """Messages, and frames that are large, with the documents that they mention."""
        self._held: Counter[str] = Counter()
        """How many of the items mention a document."""
        self._about: frozenset[str] = frozenset()
        """What the large message mentions that is being read."""
        self._unknown = 0
        """Large messages of which that is not known, the one that is being read among them."""
        self._reading_unknown = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, frame: Frame) -> None:
        """A large message has come."""
        self._items.append((frame, frozenset()))
        self._unknown += 1

    def offer(self, message: object) -> bool:
        """Takes a message if it has to wait; otherwise it may be handled now."""
        about = _about(message)
        known = not self._unknown and self._about.isdisjoint(about)
        free = known and not any(self._held[uri] > 0 for uri in about)
        if not self._must_wait(message, about, free=free):
            return False
        self._items.append((message, about))
        self._held.update(about)
        return True

    def take(self) -> object:
        """The next one, a large message or another; the large one before it has been handled."""
        self._unknown -= self._reading_unknown
        self._about = frozenset()
        item = self._pop(0)
        self._reading_unknown = isinstance(item, Frame)
        return item

    def learn(self, message: object) -> frozenset[str]:
        """What the large message that is being read is about. Returns what it mentions."""
        self._unknown -= self._reading_unknown
        self._reading_unknown = False
        self._about = _about(message)
        return self._about

    def release(self) -> object | None:
        """The next one that need not wait after all, now that more is known; None: all do."""
        ahead = set(self._about)
        for place, (item, about) in enumerate(self._items):
            if isinstance(item, Frame):
                return None
            if not self._must_wait(item, about, free=ahead.isdisjoint(about)):
                return self._pop(place)
            ahead |= about
        return None

    def withdraw(self, msg_id: object) -> MsgId | None:
        """Takes a request out that still waits. Its id; None: there is none of this id."""
        for place, (item, _) in enumerate(self._items):
            found = request_id(item)
            if found is not None and is_id(msg_id) and found == msg_id:
                self._pop(place)
                return found
        return None

    def clear(self) -> list[object]:
        """Takes everything out."""
        items = [item for item, _ in self._items]
        self._items.clear()
        self._held.clear()
        self._unknown = int(self._reading_unknown)
        return items

    def _pop(self, place: int) -> object:
        item, about = self._items[place]
        del self._items[place]
        self._held.subtract(about)
        if not self._items:
            self._held.clear()
        return item

    def _must_wait(self, message: object, about: frozenset[str], *, free: bool) -> bool:
        """``free``: nothing before it is about the same."""
        if not isinstance(message, dict):
            return False
        fields = cast("dict[str, Any]", message)
        method, params = fields.get("method"), fields.get("params")
        if not isinstance(method, str) or method == types.EXIT:
            return False
        if method.startswith(_OF_THE_WORKSPACE):
            return False
        if method == types.CANCEL_REQUEST and isinstance(params, dict):
            # It may be for the large message.
            return cast("dict[str, object]", params).get("id") not in self._running
        if "id" in fields:
            return bool(about) and not free
        return not (free and about and method.startswith(_OF_ONE_DOCUMENT))


def request_id(message: object) -> MsgId | None:
    """The id under which a message wants an answer; None if it wants none."""
    if not isinstance(message, dict):
        return None
    fields = cast("dict[str, object]", message)
    msg_id = fields.get("id")
    return msg_id if is_id(msg_id) and isinstance(fields.get("method"), str) else None


def _about(message: object) -> frozenset[str]:
    return frozenset(mentioned(message))
