"""Records for the history's tests, and a process that writes them until it is killed."""

from __future__ import annotations

from decimal import Decimal

from polypilot.chat.history_values import MessageRecord, SessionRecord


def session(ident: str = "s1", **given: object) -> SessionRecord:
    values: dict[str, object] = {
        "id": ident,
        "title": f"About {ident}",
        "provider": "anthropic",
        "model": "claude-1",
        "effort": "high",
        "mode": "ask",
        "root": "/home/me/project",
        "created": 1_000.0,
        "updated": 2_000.0,
        "head": "m1",
    }
    return SessionRecord(**(values | given))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (fields by name)


def message(ident: str = "m1", session_id: str = "s1", **given: object) -> MessageRecord:
    values: dict[str, object] = {
        "id": ident,
        "session_id": session_id,
        "parent": "",
        "role": "assistant",
        "provider": "anthropic",
        "model": "claude-1",
        "reason": "end",
        "created": 1_500.0,
        "body": '{"parts": []}',
        "text": f"what {ident} says",
        "cost": Decimal("0.000123"),
        "tokens_in": 12,
        "tokens_out": 34,
    }
    return MessageRecord(**(values | given))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (fields by name)
