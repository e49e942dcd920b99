"""Stop strings, applied to a stream here: suppliers take few of them, or none."""

from __future__ import annotations


class StopStrings:
    """Cuts a stream before the first of several strings, however it is split."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.met = False
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""

    def feed(self, text: str) -> str:
        """The part that certainly stands before any stop string."""
        if self.met:
            return ""
        return self._scan(self._held + text, final=False)

    def finish(self) -> str:
        """What was held back as the possible beginning of a stop string."""
        held, self._held = self._held, ""
        return "" if self.met else self._scan(held, final=True)

    def _scan(self, text: str, *, final: bool) -> str:
        found = min((at for stop in self._stops if (at := text.find(stop)) >= 0), default=len(text))
        pending = len(text) if final else self._pending(text)
        if pending < found:  # an earlier stop string may still become whole
            self._held = text[pending:]
            return text[:pending]
        self._held = ""
        self.met = found < len(text)
        return text[:found]

    def _pending(self, text: str) -> int:
        """Where the earliest possible beginning of a stop string at the text's end is."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for at in range(max(0, len(text) - longest), len(text)):
            tail = text[at:]
            if any(stop.startswith(tail) for stop in self._stops):
                return at
        return len(text)
