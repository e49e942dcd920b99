"""Makes text from outside fit to print: a model must not move the cursor or rename the window."""

from __future__ import annotations

import re

_LONGEST_SEQUENCE = 1024
"""Characters held back while an escape sequence is unfinished; after that it is plain text."""

_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
_STRING = r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
_SHORT = r"\x1b(?![\[\]PX^_])[ -/]*[0-~]"
_SEQUENCE = re.compile(f"{_CSI}|{_STRING}|{_SHORT}")
_OPENING = re.compile(r"[\x1b\x90\x98\x9b\x9d-\x9f]")

# Control characters (C0, DEL, C1) but tab and newline, and the characters that reorder the text
# around them (bidirectional embeddings, overrides, isolates), which can make code read as
# something that it is not.
_FORBIDDEN: dict[int, None] = dict.fromkeys(
    (
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
)


def clean(text: str) -> str:
    """``text`` without terminal escape sequences and control characters."""
    return _SEQUENCE.sub("", text).translate(_FORBIDDEN)


class Cleaner:
    """``clean`` for text that arrives in pieces, where a sequence may be cut anywhere."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What of the text so far can be shown; an unfinished sequence waits for its rest."""
        text = _SEQUENCE.sub("", self._held + piece)
        opening = _OPENING.search(text)
        if opening is None or len(text) - opening.start() > _LONGEST_SEQUENCE:
            self._held = ""
        else:
            self._held = text[opening.start() :]
            text = text[: opening.start()]
        return text.translate(_FORBIDDEN)

    def flush(self) -> str:
        """The rest: a sequence that was never finished is shown without its control characters."""
        rest, self._held = self._held, ""
        return rest.translate(_FORBIDDEN)
