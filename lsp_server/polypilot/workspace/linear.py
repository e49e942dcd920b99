"""Matching in linear time: the only importer of google-re2.

Patterns run over text that a repository or a network peer wrote, so a backtracking engine
is out of the question: there, one pattern and 200 KB of the wrong text cost minutes. RE2's
time is bounded by pattern size times text length.

re2 is imported at the first compilation, never when the server starts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _Match(Protocol):
    def span(self, group: int = 0) -> tuple[int, int]: ...


class _Regexp(Protocol):
    def finditer(self, text: bytes) -> Iterator[_Match]: ...
    def search(self, text: bytes) -> _Match | None: ...


class _Options(Protocol):
    encoding: object
    log_errors: bool
    never_capture: bool
    case_sensitive: bool
    max_mem: int


class _Set(Protocol):
    def Add(self, pattern: str) -> int: ...  # noqa: N802 - the library's name
    def Compile(self) -> None: ...  # noqa: N802 - the library's name
    def Match(self, text: bytes) -> list[int] | None: ...  # noqa: N802 - the library's name


class _Encoding(Protocol):
    LATIN1: object
    UTF8: object


class _OptionsType(Protocol):
    Encoding: _Encoding

    def __call__(self) -> _Options: ...


class _SetType(Protocol):
    def SearchSet(self, options: _Options) -> _Set: ...  # noqa: N802 - the library's name


class _Module(Protocol):
    """The part of google-re2 in use; it comes without types."""

    Options: _OptionsType
    Set: _SetType
    error: type[Exception]

    def compile(self, pattern: bytes, options: _Options) -> _Regexp: ...


def _re2() -> _Module:
    return cast("_Module", importlib.import_module("re2"))


class PatternError(ValueError):
    """The engine can't take this pattern, or so many of them."""


class Finder:
    """One pattern over bytes, one byte per character (Latin-1), or UTF-8.

    Raises:
        PatternError: the pattern is malformed or too big.
    """

    __slots__ = ("_regexp",)

    def __init__(self, pattern: str, *, captures: bool = False, utf8: bool = False) -> None:
        re2 = _re2()
        options = re2.Options()
        options.encoding = re2.Options.Encoding.UTF8 if utf8 else re2.Options.Encoding.LATIN1
        options.log_errors = False
        options.never_capture = not captures
        try:
            raw = pattern.encode("utf-8", "replace") if utf8 else pattern.encode("latin-1")
            self._regexp = re2.compile(raw, options)
        except re2.error as error:
            raise PatternError(str(error)) from None

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where the pattern matches, from left to right, without overlaps."""
        for match in self._regexp.finditer(data):
            yield match.span()

    def group(self, data: bytes) -> tuple[int, int] | None:
        """Span of the first group at the first match; needs ``captures``."""
        match = self._regexp.search(data)
        return None if match is None else match.span(1)


class PatternSet:
    """Many patterns over one short text (a path), told apart by their index.

    Raises:
        PatternError: a pattern is malformed, or together they need too much memory.
    """

    __slots__ = ("_always", "_set")

    def __init__(
        self,
        patterns: Sequence[str],
        *,
        case_sensitive: bool = False,
        max_memory: int = 32 << 20,
    ) -> None:
        re2 = _re2()
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        options.case_sensitive = case_sensitive
        options.max_mem = max_memory
        made = re2.Set.SearchSet(options)
        try:
            for pattern in patterns:
                made.Add(pattern)
            # Matches everything: its absence from an answer tells that the engine ran out
            # of memory and answered "nothing", which must not be read as "not excluded".
            self._always = made.Add("^")
            made.Compile()
        except (re2.error, UnicodeEncodeError) as error:
            raise PatternError(str(error)) from None
        self._set = made

    def matching(self, text: str | bytes) -> set[int] | None:
        """Indices of the patterns that match, or None if the engine gave up."""
        # A file name's undecodable bytes are surrogates; "?" stands for each of them here
        # and in the patterns, which can only make more names match.
        data = text.encode("utf-8", "replace") if isinstance(text, str) else text
        found = set(self._set.Match(data) or ())
        if self._always not in found:
            return None
        found.discard(self._always)
        return found
