"""Finding conversations by words. Runs on the history's thread."""

from __future__ import annotations

import unicodedata
from contextlib import closing
from typing import TYPE_CHECKING

from polypilot.chat import history_rows
from polypilot.chat.history_rows import SHIFT
from polypilot.database.worker import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from polypilot.chat.history_values import SessionSummary

_MOST_WORDS = 16
_MOST_RANKED = 3_000
"""Matching texts that are ranked, the newest; a word that stands everywhere finds more."""
_MOST_LOOKED_AT = 20_000
"""Likewise for each of several words that stand in different messages."""
_EXCERPT_TOKENS = 24
_SHORTEST_BEGINNING = 3

_RANKED = f"""
    SELECT key >> {SHIFT}, key, min(score) FROM (
        SELECT rowid AS key, bm25(words, 1.0, 0.0) AS score FROM words
        WHERE words MATCH ? ORDER BY rowid DESC LIMIT {_MOST_RANKED}
    ) GROUP BY 1 ORDER BY 3, 1 DESC LIMIT ?
"""  # noqa: S608  (our own numbers)
_HOLDING = f"""
    SELECT key >> {SHIFT}, max(key) FROM (
        SELECT rowid AS key FROM words WHERE words MATCH ?
        ORDER BY rowid DESC LIMIT {_MOST_LOOKED_AT}
    ) GROUP BY 1
"""  # noqa: S608  (likewise)


_EXCERPT = f"""
    SELECT rowid, snippet(words, 0, '', '', '…', {_EXCERPT_TOKENS}) FROM words WHERE words MATCH ?
"""  # noqa: S608  (likewise)


def search(
    connection: sqlite3.Connection, words: str, root: str | None, limit: int
) -> list[SessionSummary]:
    """Conversations with all the words, each as it stands or as one's beginning for the last.

    First those where one message, or the title, has them all, the best match first; then
    those where they stand in several, the newest first. No words: nothing.
    """
    phrases = phrases_of(words)
    if not phrases:
        return []
    whole = _query(phrases, root)
    ranked = rows(connection.execute(_RANKED, (whole, limit)))
    found = {session: key for session, key, _ in ranked}
    excerpts = _excerpts(connection, whole, found.values())
    if len(phrases) > 1 and len(found) < limit:
        queries = [_query([phrase], root) for phrase in phrases]
        scattered = _scattered(connection, queries)
        more = [session for session in scattered if session not in found][: limit - len(found)]
        found |= {session: scattered[session] for session in more}
        excerpts |= _excerpts(connection, queries[0], [scattered[session] for session in more])
    summaries = (
        history_rows.summary(connection, session, excerpts.get(key, ""))
        for session, key in found.items()
    )
    return [each for each in summaries if each is not None]


def _scattered(connection: sqlite3.Connection, queries: list[str]) -> dict[int, int]:
    """The conversations that match every query, the newest first, with where they do the first."""
    where = [dict(rows(connection.execute(_HOLDING, (query,)))) for query in queries]
    shared = set(where[0]).intersection(*where[1:])
    return {session: where[0][session] for session in sorted(shared, reverse=True)}


def _excerpts(connection: sqlite3.Connection, query: str, keys: Collection[int]) -> dict[int, str]:
    """For each text, on one line, where it matches the query.

    From a small index of these texts alone: in the large one each of them would cost as much
    as the search, if one word is the beginning of many.
    """
    import sqlite3  # noqa: PLC0415  (loaded already, by whoever opened the connection)

    wanted = ", ".join(map(str, keys))
    texts = connection.execute(f"SELECT rowid, text, place FROM words WHERE rowid IN ({wanted})")  # noqa: S608  (our own numbers)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as small:
        small.execute(history_rows.WORDS)
        small.executemany("INSERT INTO words (rowid, text, place) VALUES (?, ?, ?)", texts)
        return {key: " ".join(excerpt.split()) for key, excerpt in small.execute(_EXCERPT, [query])}


def phrases_of(words: str) -> list[str]:
    """What a user typed as FTS5 strings, the last one a beginning; never its syntax.

    What holds no letter or digit is left out: it would match nothing, and all with it. See
    https://www.sqlite.org/fts5.html, 3.1.
    """
    text = words.replace("\0", " ").encode("utf-8", "replace").decode()
    kept = [each for each in text.split() if any(map(_is_token, each))][:_MOST_WORDS]
    quoted = ['"' + each.replace('"', '""') + '"' for each in kept]
    if quoted and _is_beginning(kept[-1]):
        quoted[-1] += "*"
    return quoted


def _is_beginning(word: str) -> bool:
    """Whether more may follow. Two Latin letters begin so many words that each is taken whole."""
    return _is_token(word[-1]) and (len(word) >= _SHORTEST_BEGINNING or not word.isascii())


def _is_token(character: str) -> bool:
    """Whether it is part of a word for the tokenizer: letters, numbers, private use."""
    category = unicodedata.category(character)
    return category[0] in "LN" or category == "Co"


def _query(phrases: list[str], root: str | None) -> str:
    words = "{text} : (" + " AND ".join(phrases) + ")"
    if root is None:
        return words
    return f'{words} AND {{place}} : "{history_rows.place_of(root)}"'
