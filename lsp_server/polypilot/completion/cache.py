"""Suggestions by the text before the cursor: one answer serves every key that types it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polypilot_prompts.context import next_line_with_text, unix

if TYPE_CHECKING:
    from polypilot.workspace.documents import Snapshot

ANCHOR_CHARS = 2000
"""How much of the text before the cursor has to be the same."""
_TAIL = 48


@dataclass(frozen=True, slots=True)
class Key:
    """What has to be equal for a suggestion to fit, besides the text before the cursor."""

    uri: str
    policy: str
    """Hash of the rules that decided what could be sent."""
    model: str
    rest: str
    """What stands on the cursor's line after it."""
    next_line: str
    """The next line that is not blank."""


def key_for(snapshot: Snapshot, policy: str, model: str) -> Key:
    """The key of a suggestion for this place."""
    rest = snapshot.line_suffix.rstrip()
    after = unix(snapshot.suffix[len(snapshot.line_suffix) :])
    return Key(snapshot.uri, policy, model, rest, next_line_with_text(after))


def follows(anchor: str, prefix: str, at: int) -> bool:
    """Whether ``prefix[:at]`` ends as it did where the anchor was taken.

    A short anchor is all there was before the cursor; by itself it would say little.
    """
    return (len(anchor) >= _TAIL or at == len(anchor)) and prefix.endswith(anchor, 0, at)


@dataclass(frozen=True, slots=True)
class Entry:
    """A suggestion and where it belongs. Empty text: the model had nothing to add there."""

    id: str
    key: Key
    anchor: str
    """The end of the text before the cursor it was made for."""
    text: str
    provider: str
    model: str
    unsure: bool = False
    """The model itself thinks little of it: offered only to a user who asks."""
    given_up: bool = False
    """Only its beginning came, being unsure: a user who asks gets a whole one instead."""

    def rest(self, prefix: str, typed: int) -> str | None:
        """What is left of the text if its first ``typed`` characters stand before the cursor.

        None if the document's text is another one.
        """
        at = len(prefix) - typed
        if at < 0 or typed > len(self.text):
            return None
        if not follows(self.anchor, prefix, at) or prefix[at:] != self.text[:typed]:
            return None
        return self.text[typed:]


@dataclass(slots=True)
class _Bucket:
    by_tail: dict[str, list[Entry]] = field(default_factory=dict[str, list[Entry]])
    longest: int = 0


class SuggestionCache:
    """The least recently used go first; bounded in number and in characters."""

    def __init__(self, entries: int = 512, chars: int = 2_000_000) -> None:
        self._limit = entries
        self._chars_limit = chars
        self._chars = 0
        self._order: OrderedDict[int, Entry] = OrderedDict()
        self._buckets: dict[Key, _Bucket] = {}

    def __len__(self) -> int:
        return len(self._order)

    @property
    def chars(self) -> int:
        """Characters held."""
        return self._chars

    def add(self, entry: Entry) -> None:
        """Keep a suggestion, in place of what was known for exactly the same place."""
        bucket = self._buckets.setdefault(entry.key, _Bucket())
        for old in list(bucket.by_tail.get(entry.anchor[-_TAIL:], ())):
            if old.anchor == entry.anchor:
                self._remove(old)
        bucket = self._buckets.setdefault(entry.key, _Bucket())
        bucket.by_tail.setdefault(entry.anchor[-_TAIL:], []).append(entry)
        bucket.longest = max(bucket.longest, len(entry.text))
        self._order[id(entry)] = entry
        self._chars += _size(entry)
        while len(self._order) > self._limit or self._chars > self._chars_limit:
            self._remove(next(iter(self._order.values())))

    def find(self, key: Key, prefix: str) -> tuple[Entry, str] | None:
        """The suggestion that fits here and what is left of it; the shortest way back wins.

        An entry with empty text fits only the very place it was made for.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            return None
        end = len(prefix)
        nothing: Entry | None = None
        for typed in range(min(bucket.longest, end) + 1):
            at = end - typed
            for entry in reversed(bucket.by_tail.get(prefix[max(0, at - _TAIL) : at], ())):
                rest = entry.rest(prefix, typed)
                if rest:
                    self._order.move_to_end(id(entry))
                    return entry, rest
                if rest is not None and not entry.text:
                    nothing = entry
        return None if nothing is None else (nothing, "")

    def forget(self, uri: str) -> None:
        """Drop everything about a document."""
        for entry in [entry for entry in self._order.values() if entry.key.uri == uri]:
            self._remove(entry)

    def clear(self) -> None:
        """Drop everything."""
        self._order.clear()
        self._buckets.clear()
        self._chars = 0

    def _remove(self, entry: Entry) -> None:
        del self._order[id(entry)]
        self._chars -= _size(entry)
        bucket = self._buckets[entry.key]
        tail = entry.anchor[-_TAIL:]
        bucket.by_tail[tail].remove(entry)
        if not bucket.by_tail[tail]:
            del bucket.by_tail[tail]
        if not bucket.by_tail:
            del self._buckets[entry.key]


def _size(entry: Entry) -> int:
    return len(entry.anchor) + len(entry.text)
