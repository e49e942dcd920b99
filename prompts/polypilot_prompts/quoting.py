"""Whether a line stands inside a text of several lines: there no rule for code applies."""

from __future__ import annotations

_PAIRED = ('"""', "'''", "`")
_NESTED = (("/*", "*/"), ("<!--", "-->"))


class Quotes:
    """Counts the marks that open and close such texts. As good as counting can be."""

    def __init__(self, prefix: str) -> None:
        self._odd = dict.fromkeys(_PAIRED, False)
        self._commented = dict.fromkeys(_NESTED, False)
        self.note(prefix)

    @property
    def inside(self) -> bool:
        """Whether a string or comment is open."""
        return any(self._odd.values()) or any(self._commented.values())

    def note(self, text: str) -> None:
        """More of the text."""
        for mark in _PAIRED:
            self._odd[mark] ^= text.count(mark) % 2 == 1
        for opening, closing in _NESTED:
            began, ended = text.rfind(opening), text.rfind(closing)
            if began != ended:
                self._commented[opening, closing] = began > ended
