"""Finding what in the workspace a question is about, when the user wants that done unasked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polypilot.chat.values import Scene

if TYPE_CHECKING:
    from polypilot.chat.attachments import Attached
    from polypilot.chat.events import ContextItem
    from polypilot.chat.mentions import Mentions

_WORD = re.compile(r"[^\W\d_]\w{2,}")
_MOST_WORDS = 12
_FEWEST = 2
"""A question of one word is about anything."""
_COMMON = frozenset(
    (
        *("and", "any", "are", "all", "but", "can", "does", "did", "for", "from", "has", "have"),
        *("how", "into", "its", "not", "one", "our", "out", "should", "than", "that", "the"),
        *("their", "them", "then", "there", "these", "they", "this", "those", "through", "use"),
        *("used", "using", "was", "were", "what", "when", "where", "which", "who", "why", "will"),
        *("with", "would", "you", "your", "code", "file", "files", "function", "method", "please"),
        *("show", "tell", "write", "explain"),
    )
)


class Retrieving:
    """Searches the workspace for a question's words; each excerpt passes the gate."""

    def __init__(self, mentions: Mentions) -> None:
        self._mentions = mentions

    async def retrieve(
        self, text: str, root: str | None
    ) -> tuple[list[Attached], list[ContextItem]]:
        """Excerpts that fit. What was not found or must not be sent is no news: nobody asked."""
        words = words_of(text)
        if len(words) < _FEWEST:
            return [], []
        mention = f'#search:"{" ".join(words)}"'
        attached, items = await self._mentions.collect(mention, Scene(), root)
        return attached, [each for each in items if not each.refused]


def words_of(text: str) -> list[str]:
    """The words that say what a question is about, each once, in order."""
    found = dict.fromkeys(_WORD.findall(text))
    return [word for word in found if word.casefold() not in _COMMON][:_MOST_WORDS]
