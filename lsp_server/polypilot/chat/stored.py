"""Turns as JSON, for the disk, and back. What comes back passes the gate again."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast, get_args

from polypilot.chat.attachments import Attached
from polypilot.chat.events import ContextItem
from polypilot.chat.steps import CallResult, Step
from polypilot.chat.turns import AnswerTurn, SummaryTurn, Turn, UserTurn
from polypilot.chat.values import FileDiff, Location, Mode
from polypilot_providers.types import (
    Cost,
    TextPart,
    ThoughtPart,
    ToolCallPart,
    Usage,
    usage_fields,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.workspace.gate import Gate, Outgoing
    from polypilot_providers.types import Part

_PARTS: dict[str, type[TextPart | ThoughtPart | ToolCallPart]] = {
    "text": TextPart,
    "thought": ThoughtPart,
    "call": ToolCallPart,
}
_KINDS = {kind: name for name, kind in _PARTS.items()}


class UnreadableError(Exception):
    """What was kept is not what this version writes."""


def dumped(turn: Turn) -> str:
    """A turn as JSON."""
    match turn:
        case UserTurn():
            body: dict[str, object] = {
                "text": turn.text.text,
                "shown": turn.shown,
                "attached": [_attached(each) for each in turn.attached],
                "items": [asdict(each) for each in turn.items],
                "mode": turn.mode,
            }
        case AnswerTurn():
            body = {"steps": [_step(each) for each in turn.steps], "reason": turn.reason}
        case SummaryTurn():
            body = {
                "text": _text(turn.text),
                "kept": turn.kept,
                "replaced": turn.replaced,
                "before": turn.before,
                "after": turn.after,
                "cost": _cost(turn.cost),
            }
    return json.dumps(body, separators=(",", ":"))


def restored(
    body: str,
    gate: Gate,
    *,
    role: str,
    turn_id: str,
    parent: str | None,
    created: float,
    provider: str,
    model: str,
) -> Turn:
    """A turn as it was.

    Raises:
        UnreadableError: it can't be read.
    """
    try:
        kept = cast("dict[str, Any]", json.loads(body))
        if role == "user":
            return _user(kept, gate, turn_id, parent, created)
        if role == "summary":
            text = _outgoing(kept["text"], gate, "summary")
            return SummaryTurn(
                turn_id,
                parent,
                text,
                tuple(kept["kept"]),
                int(kept["replaced"]),
                int(kept["before"]),
                int(kept["after"]),
                _cost_again(kept.get("cost")),
                created,
            )
        turn = AnswerTurn(turn_id, provider, model, parent, created=created)
        turn.steps = [_step_again(each, gate) for each in kept["steps"]]
        # What was being answered when the process ended has ended with it.
        turn.reason = kept["reason"] or "cancelled"
        turn.size = len(turn.text) + sum(len(r.text) for s in turn.steps for r in s.results)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise UnreadableError(type(error).__name__) from None
    return turn


def _text(text: Outgoing) -> dict[str, object]:
    return {"text": text.text, "sources": text.sources}


def _outgoing(kept: Mapping[str, Any], gate: Gate, part: str) -> Outgoing:
    return gate.restored(str(kept["text"]), part, [str(uri) for uri in kept["sources"]])


def _attached(each: Attached) -> dict[str, object]:
    media = None
    if each.media is not None:
        data = base64.b64encode(each.media.data).decode()
        media = {"type": each.media.media_type, "data": data}
    return {
        "name": each.name,
        "language": each.language,
        "text": _text(each.text),
        "lines": [each.first_line, each.last_line],
        "media": media,
    }


def _user(
    kept: Mapping[str, Any], gate: Gate, turn_id: str, parent: str | None, created: float
) -> UserTurn:
    return UserTurn(
        gate.restored(str(kept["text"]), "message", ()),
        tuple(_attached_again(each, gate) for each in kept["attached"]),
        turn_id,
        parent,
        gate.release(str(kept["shown"])).text,
        tuple(ContextItem(**each) for each in kept["items"]),
        _mode_again(kept.get("mode")),
        created,
    )


def _attached_again(kept: Mapping[str, Any], gate: Gate) -> Attached:
    media = kept["media"]
    first, last = kept["lines"]
    return Attached(
        str(kept["name"]),
        str(kept["language"]),
        _outgoing(kept["text"], gate, "attachment"),
        first,
        last,
        media
        and gate.restored_media(str(media["type"]), base64.b64decode(media["data"], validate=True)),
    )


def _step(step: Step) -> dict[str, object]:
    return {
        "provider": step.provider,
        "model": step.model,
        "reason": step.reason,
        "usage": step.usage and usage_fields(step.usage),
        "cost": _cost(step.cost),
        "parts": [_part(each) for each in step.parts],
        "results": [
            {
                "call_id": each.call_id,
                "text": _text(each.text),
                "is_error": each.is_error,
                "title": each.title,
                "diffs": [asdict(diff) for diff in each.diffs],
                "locations": [asdict(place) for place in each.locations],
                "status": each.status,
            }
            for each in step.results
        ],
    }


def _part(part: Part) -> dict[str, object]:
    kind = type(part)
    if kind not in _KINDS:
        raise TypeError(kind.__name__)
    fields: dict[str, object] = {name: getattr(part, name) for name in kind.__slots__}
    return {"kind": _KINDS[kind], **fields}


def _step_again(kept: Mapping[str, Any], gate: Gate) -> Step:
    step = Step(str(kept["provider"]), str(kept["model"]), reason=kept["reason"])
    for each in kept["parts"]:
        fields = {name: value for name, value in each.items() if name != "kind"}
        step.parts.append(_PARTS[each["kind"]](**fields))
    step.results = [
        CallResult(
            str(each["call_id"]),
            _outgoing(each["text"], gate, "tool"),
            bool(each["is_error"]),
            str(each["title"]),
            tuple(FileDiff(**diff) for diff in each["diffs"]),
            tuple(Location(**place) for place in each["locations"]),
            each["status"],
        )
        for each in kept["results"]
    ]
    if (usage := kept["usage"]) is not None:
        counts = {name: usage[name] for name in Usage.__slots__ if name != "cost"}
        step.usage = Usage(**counts)
    step.cost = _cost_again(kept["cost"])
    return step


def _cost(cost: Cost | None) -> list[str] | None:
    return None if cost is None else [f"{cost.dollars:f}", cost.source]


def _cost_again(kept: Any) -> Cost | None:
    return None if kept is None else Cost(Decimal(kept[0]), kept[1])


def _mode_again(kept: object) -> Mode | None:
    # An earlier version kept none; a later one may know more of them.
    return cast("Mode", kept) if kept in get_args(Mode) else None
