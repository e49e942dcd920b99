"""The history's tables, and what is read from and written to them. Runs on its thread."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from polypilot.chat.history_values import MessageRecord, SessionRecord, SessionSummary
from polypilot.database.worker import rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

SHIFT = 20
"""A text's row number is its conversation's, shifted, plus its own number within: 0 is the
title. So the texts of a conversation lie together, and no look-up leads from one to the other."""
_MOST_MESSAGES = (1 << SHIFT) - 1

WORDS = """CREATE VIRTUAL TABLE words USING fts5 (
    text, place, tokenize = 'unicode61 remove_diacritics 2'
)"""
"""The texts stand here alone. ``place`` is one word for the workspace root, so that a search in
one root does not go through the matches of all others."""
_SCHEMA = (
    """CREATE TABLE sessions (
        key INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, effort TEXT NOT NULL, mode TEXT NOT NULL, root TEXT NOT NULL,
        created REAL NOT NULL, updated REAL NOT NULL, head TEXT NOT NULL,
        messages INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX sessions_by_time ON sessions (updated)",
    "CREATE INDEX sessions_by_root ON sessions (root, updated)",
    """CREATE TABLE messages (
        key INTEGER PRIMARY KEY,
        session INTEGER NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, role TEXT NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL, reason TEXT NOT NULL,
        created REAL NOT NULL, body BLOB NOT NULL, cost TEXT,
        tokens_in INTEGER, tokens_out INTEGER,
        UNIQUE (session, id)
    )""",
    WORDS,
    # One row while words of deleted texts may still stand in the index.
    "CREATE TABLE wiping (step INTEGER NOT NULL)",
)
_SESSION = "id, title, provider, model, effort, mode, root, created, updated, head"
_MESSAGE = "id, parent, role, provider, model, reason, created, body, cost, tokens_in, tokens_out"


def first_version(connection: sqlite3.Connection) -> None:
    """Make the tables."""
    for statement in _SCHEMA:
        connection.execute(statement)


MIGRATIONS = (first_version,)


def place_of(root: str) -> str:
    """The word that stands for a workspace root in the index."""
    return "r" + root.encode("utf-8", "surrogatepass").hex()


def save(
    connection: sqlite3.Connection, session: SessionRecord, messages: Iterable[MessageRecord]
) -> bool:
    """Write a conversation's row and the given messages; True: it was there before."""
    known = rows(
        connection.execute("SELECT key, title, root FROM sessions WHERE id = ?", _clean(session.id))
    )
    ident, new_title, new_root, head = _clean(session.id, session.title, session.root, session.head)
    choices = _clean(session.provider, session.model, session.effort, session.mode)
    values = (ident, new_title, *choices, new_root, session.created, session.updated, head)
    if known:
        key, title, root = known[0]
        connection.execute(
            f"UPDATE sessions SET ({_SESSION}) = (?,?,?,?,?,?,?,?,?,?) WHERE key = ?",  # noqa: S608  (our own column names)
            (*values, key),
        )
        if root != new_root:
            _move(connection, key, new_root)
        if title != new_title:
            _put_text(connection, key << SHIFT, new_title, new_root)
    else:
        key = connection.execute(
            f"INSERT INTO sessions ({_SESSION}) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608  (likewise)
            values,
        ).lastrowid
        _put_text(connection, (key or 0) << SHIFT, new_title, new_root)
    for message in messages:
        _put_message(connection, key or 0, new_root, message)
    return bool(known)


def listed(
    connection: sqlite3.Connection, root: str | None, limit: int, before: float | None
) -> list[SessionSummary]:
    """The newest conversations, those of one second together even beyond ``limit``.

    Else the next page, which begins before the last one's time, would leave some out.
    """
    where = "updated < :before" + ("" if root is None else " AND root = :root")
    values = {
        "root": "" if root is None else _clean(root)[0],
        "limit": limit,
        "before": float("inf") if before is None else before,
    }
    found = connection.execute(
        f"SELECT {_SESSION}, messages FROM sessions WHERE {where} AND updated >= ("  # noqa: S608  (our own words)
        f" SELECT min(updated) FROM (SELECT updated FROM sessions WHERE {where}"
        " ORDER BY updated DESC LIMIT :limit)) ORDER BY updated DESC, key DESC",
        values,
    )
    return [SessionSummary(SessionRecord(*row[:10]), row[10]) for row in rows(found)]


def summary(connection: sqlite3.Connection, key: int, excerpt: str) -> SessionSummary | None:
    """One conversation, as found; None: it is not there."""
    query = f"SELECT {_SESSION}, messages FROM sessions WHERE key = ?"  # noqa: S608  (our own column names)
    row = connection.execute(query, (key,)).fetchone()
    return None if row is None else SessionSummary(SessionRecord(*row[:10]), row[10], excerpt)


def load(
    connection: sqlite3.Connection, session_id: str
) -> tuple[SessionRecord, tuple[MessageRecord, ...]] | None:
    """A conversation with its messages in the order they were first saved."""
    query = f"SELECT key, {_SESSION} FROM sessions WHERE id = ?"  # noqa: S608  (our own column names)
    row = connection.execute(query, _clean(session_id)).fetchone()
    if row is None:
        return None
    key, session = row[0], SessionRecord(*row[1:])
    first, last = span(key)
    names = ", ".join(f"m.{name}" for name in _MESSAGE.split(", "))
    found = connection.execute(
        f"SELECT {names}, w.text FROM messages m JOIN words w ON w.rowid = m.key"  # noqa: S608  (likewise)
        " WHERE m.key BETWEEN ? AND ? ORDER BY m.key",
        (first, last),
    )
    return session, tuple(_message(session.id, each) for each in rows(found))


def rename(connection: sqlite3.Connection, session_id: str, title: str) -> bool:
    """Give a conversation another title; False: there is none."""
    (title,) = _clean(title)
    row = connection.execute(
        "SELECT key, root FROM sessions WHERE id = ?", _clean(session_id)
    ).fetchone()
    if row is None:
        return False
    connection.execute("UPDATE sessions SET title = ? WHERE key = ?", (title, row[0]))
    _put_text(connection, row[0] << SHIFT, title, row[1])
    return True


def delete(connection: sqlite3.Connection, session_id: str) -> bool:
    """Remove a conversation; False: there is none. ``history_wiping`` does the rest."""
    row = connection.execute("SELECT key FROM sessions WHERE id = ?", _clean(session_id)).fetchone()
    if row is None:
        return False
    texts = span(row[0])
    connection.execute("DELETE FROM words WHERE rowid BETWEEN ? AND ?", texts)
    connection.execute("DELETE FROM messages WHERE key BETWEEN ? AND ?", texts)
    connection.execute("DELETE FROM sessions WHERE key = ?", (row[0],))
    to_be_wiped(connection)
    return True


def delete_all(connection: sqlite3.Connection) -> int:
    """Remove every conversation; returns how many there were."""
    count = connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
    connection.execute("DROP TABLE words")
    for table in ("messages", "sessions"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  (our own names)
    connection.execute(WORDS)
    to_be_wiped(connection)
    return int(count)


def to_be_wiped(connection: sqlite3.Connection) -> None:
    """Note that words of deleted texts may still stand in the index."""
    connection.execute("DELETE FROM wiping")
    connection.execute("INSERT INTO wiping VALUES (0)")


def _put_message(
    connection: sqlite3.Connection, session: int, root: str, message: MessageRecord
) -> None:
    names = _clean(message.id, message.parent, message.role, message.provider, message.model)
    values = (*names, *_clean(message.reason), message.created)
    values += (message.body.encode("utf-8", "surrogatepass"),)
    values += (None if message.cost is None else str(message.cost),)
    values += (message.tokens_in, message.tokens_out)
    (text,) = _clean(message.text)
    known = connection.execute(
        "SELECT key FROM messages WHERE session = ? AND id = ?", (session, names[0])
    ).fetchone()
    if known is not None:
        connection.execute(
            f"UPDATE messages SET ({_MESSAGE}) = (?,?,?,?,?,?,?,?,?,?,?) WHERE key = ?",  # noqa: S608  (our own column names)
            (*values, known[0]),
        )
        _put_text(connection, known[0], text, root)
        return
    number = _next_number(connection, session)
    connection.execute(
        f"INSERT INTO messages (key, session, {_MESSAGE}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608  (likewise)
        ((session << SHIFT) + number, session, *values),
    )
    _put_text(connection, (session << SHIFT) + number, text, root)


def _next_number(connection: sqlite3.Connection, session: int) -> int:
    connection.execute(
        "UPDATE sessions SET messages = messages + 1, last = last + 1 WHERE key = ?", (session,)
    )
    row = connection.execute("SELECT last FROM sessions WHERE key = ?", (session,)).fetchone()
    if row[0] > _MOST_MESSAGES:
        raise OverflowError("a conversation has too many messages")
    return int(row[0])


def _put_text(connection: sqlite3.Connection, key: int, text: str, root: str) -> None:
    old = connection.execute("SELECT text FROM words WHERE rowid = ?", (key,)).fetchone()
    if old is not None:
        if old[0] == text:
            return
        connection.execute("DELETE FROM words WHERE rowid = ?", (key,))
    connection.execute(
        "INSERT INTO words (rowid, text, place) VALUES (?, ?, ?)", (key, text, place_of(root))
    )


def _move(connection: sqlite3.Connection, session: int, root: str) -> None:
    """The conversation is now about another workspace root."""
    connection.execute(
        "UPDATE words SET place = ? WHERE rowid BETWEEN ? AND ?",
        (place_of(root), *span(session)),
    )


def span(session: int) -> tuple[int, int]:
    """Row numbers of a conversation's first and last possible text."""
    return session << SHIFT, (session << SHIFT) + _MOST_MESSAGES


def _clean(*texts: str) -> tuple[str, ...]:
    """Half of a surrogate pair can't be stored; every other character can."""
    return tuple(each.encode("utf-8", "replace").decode() for each in texts)


def _message(session_id: str, row: tuple[Any, ...]) -> MessageRecord:
    ident, parent, role, provider, model, reason, created, body, cost, sent, received, text = row
    return MessageRecord(
        id=ident,
        session_id=session_id,
        parent=parent,
        role=role,
        provider=provider,
        model=model,
        reason=reason,
        created=created,
        body=body.decode("utf-8", "surrogatepass"),
        text=text,
        cost=None if cost is None else Decimal(cost),
        tokens_in=sent,
        tokens_out=received,
    )
