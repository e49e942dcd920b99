"""From the events of an answer to the protocol's updates. Pure: no state, no input or output."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from polypilot.errors import printable
from polypilot_prompts.neutral import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from polypilot.chat import events
    from polypilot.chat.events import EndReason
    from polypilot.chat.values import (
        Decision,
        FileDiff,
        Location,
        PermissionRequest,
        PlanEntry,
        ToolKind,
        ToolStatus,
    )

_ENVELOPE = 64
"""Levels that a message, and the stack below it, may add to what is in it."""

Update = dict[str, object]
"""The params' ``update`` of `session/update`."""

_STOPS: dict[EndReason, str] = {
    "end": "end_turn",
    "stop_sequence": "end_turn",
    "tool_calls": "end_turn",
    "length": "max_tokens",
    "max_steps": "max_turn_requests",
    "budget": "max_turn_requests",
    "refusal": "refusal",
    "cancelled": "cancelled",
}

# The ids are the kinds: clients show the names, and some go by the ids.
PERMISSIONS = (
    ("allow_once", "Allow once"),
    ("allow_always", "Allow for this conversation"),
    ("reject_once", "Reject"),
    ("reject_always", "Reject for this conversation"),
)
_DECISIONS: dict[str, Decision] = {
    "allow_once": "allow_once",
    "allow_always": "allow_session",
    "reject_once": "reject_once",
    "reject_always": "reject_session",
}


def stop_reason(reason: EndReason) -> str:
    """How an answer ended that did not fail."""
    return _STOPS.get(reason, "end_turn")


def decision(outcome: object) -> Decision:
    """What the user said to a request for permission; whatever is unclear is a no."""
    if not isinstance(outcome, dict):
        return "reject_once"
    fields: dict[object, object] = {**outcome}
    if fields.get("outcome") == "cancelled":
        return "cancelled"
    option = fields.get("optionId")
    if fields.get("outcome") != "selected" or not isinstance(option, str):
        return "reject_once"
    return _DECISIONS.get(option, "reject_once")


def text_block(text: str) -> dict[str, object]:
    """A content block of text."""
    return {"type": "text", "text": text}


def chunk(kind: str, text: str, message_id: str) -> Update:
    """More of a message: ``kind`` is user, agent or agent_thought."""
    update: Update = {"sessionUpdate": _CHUNKS[kind], "content": text_block(text)}
    if message_id:
        update["messageId"] = message_id
    return update


_CHUNKS = {
    "user": "user_message_chunk",
    "agent": "agent_message_chunk",
    "thought": "agent_thought_chunk",
}


def tool_call(event: events.ToolCall, call_id: str) -> Update:
    """A call begins."""
    return {
        "sessionUpdate": "tool_call",
        "toolCallId": call_id,
        "title": neutral(event.title or event.name or "tool"),
        "name": event.name,
        "kind": event.tool_kind,
        "status": "pending",
        **_places(event.locations),
        **_raw(event.arguments),
    }


def tool_update(event: events.ToolUpdate, call_id: str) -> Update:
    """What became of a call. Content replaces what was there, so it is left out if empty."""
    return _tool_update(call_id, event.status, event.text, event.diffs, event.locations)


def _tool_update(
    call_id: str,
    status: ToolStatus,
    text: str,
    diffs: Sequence[FileDiff],
    locations: Sequence[Location],
) -> Update:
    update: Update = {
        "sessionUpdate": "tool_call_update",
        "toolCallId": call_id,
        "status": status,
        **_places(locations),
    }
    if content := _content(text, diffs):
        update["content"] = content
    return update


def proposed(call_id: str, diff: FileDiff, title: str, status: ToolStatus) -> Update:
    """An edit that the answer proposes, shown as a call with its diff."""
    kind: ToolKind = "edit"
    return {
        "sessionUpdate": "tool_call",
        "toolCallId": call_id,
        "title": neutral(title),
        "kind": kind,
        "status": status,
        "content": _content("", (diff,)),
        "locations": [{"path": diff.path}],
    }


def settled(call_id: str, status: ToolStatus, text: str = "") -> Update:
    """A call that has come to its end; the diff that it shows stays."""
    update: Update = {
        "sessionUpdate": "tool_call_update",
        "toolCallId": call_id,
        "status": status,
    }
    if text:
        update["content"] = _content(text, ())
    return update


def permission(request: PermissionRequest, call_id: str) -> dict[str, object]:
    """The params of a request for permission."""
    call: dict[str, object] = {
        "toolCallId": call_id,
        "title": neutral(request.title),
        "name": request.tool,
        "kind": request.kind,
        "status": "pending",
        **_places(request.locations),
        **_raw(request.arguments),
    }
    if request.diffs:
        call["content"] = _content("", request.diffs)
    options = [{"optionId": each, "name": name, "kind": each} for each, name in PERMISSIONS]
    return {"sessionId": request.session_id, "toolCall": call, "options": options}


def plan(entries: Iterable[PlanEntry]) -> Update:
    """The model's plan."""
    listed = [
        {"content": neutral(each.content), "priority": each.priority, "status": each.status}
        for each in entries
    ]
    return {"sessionUpdate": "plan", "entries": listed}


def usage(event: events.Usage) -> Update | None:
    """How full the window is, and the conversation's cost; None if the window is not known."""
    if not event.used or event.window is None:
        return None
    return usage_of(event.used, event.window, event.session_cost)


def usage_of(used: int, window: int, cost: object) -> Update:
    """Likewise, of its parts; ``cost`` is in US dollars, or None."""
    update: Update = {"sessionUpdate": "usage_update", "used": used, "size": window}
    if cost is not None:
        update["cost"] = {"amount": float(str(cost)), "currency": "USD"}
    return update


def info(title: str | None = None, updated: float | None = None) -> Update:
    """The conversation's title, and when it was last used."""
    update: Update = {"sessionUpdate": "session_info_update"}
    if title is not None:
        update["title"] = title
    if updated is not None:
        update["updatedAt"] = moment(updated)
    return update


def moment(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def notice(message: str) -> Update:
    """For clients that say they show notices."""
    return {"sessionUpdate": "notice", "severity": "info", "title": message}


def compaction(event: events.Compacted, compaction_id: str) -> Update:
    """For clients that say they show compactions."""
    return {
        "sessionUpdate": "compaction_update",
        "compactionId": compaction_id,
        "status": "completed",
        "summary": [text_block(event.summary)],
    }


def sources(citations: Iterable[events.Citation]) -> str:
    """What the answer rests on, as Markdown; each once. Nothing that is not a web page."""
    lines: dict[str, str] = {}
    for each in citations:
        if each.url.startswith(("https://", "http://")) and each.url not in lines:
            url = "".join(_IN_URLS.get(char, char) for char in printable(each.url))
            lines[each.url] = f"- <{url}>" + (f" {_plain(each.title)}" if each.title else "")
    return "\n\nSources:\n" + "\n".join(lines.values()) + "\n" if lines else ""


_IN_URLS = {"<": "%3C", ">": "%3E", " ": "%20", "\\": "%5C"}


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\`*_[]()<>!#|~" else char for char in printable(text))


def _content(text: str, diffs: Sequence[FileDiff]) -> list[dict[str, object]]:
    content: list[dict[str, object]] = [
        {"type": "diff", "path": each.path, "oldText": each.old, "newText": each.new}
        for each in diffs
    ]
    if text:
        content.append({"type": "content", "content": text_block(_shown(text))})
    return content


def _shown(text: str) -> str:
    """A tool's answer: clients take it for Markdown, so what would be more than text is code."""
    if neutral(text) == text:
        return text
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _places(locations: Sequence[Location]) -> dict[str, object]:
    if not locations:
        return {}
    places: list[dict[str, object]] = []
    for each in locations:
        place: dict[str, object] = {"path": each.path}
        if each.line is not None:
            place["line"] = each.line
        places.append(place)
    return {"locations": places}


def _raw(arguments: str) -> dict[str, object]:
    """A call's arguments as JSON, or as text if that is what the model wrote.

    JSON reads what it does not write: numbers without end, and nesting to its very limit.
    """
    if not arguments:
        return {}
    try:
        value: object = json.loads(arguments, parse_constant=str)
        inside = value
        for _ in range(_ENVELOPE):
            inside = [inside]
        json.dumps(inside, allow_nan=False)
    except (ValueError, RecursionError):
        return {"rawInput": arguments}
    return {"rawInput": value}
