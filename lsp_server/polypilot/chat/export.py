"""A conversation as a Markdown document. Pure: the same conversation gives the same text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

from polypilot.chat import events
from polypilot_prompts.neutral import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from polypilot.chat.events import ContextItem
    from polypilot.chat.values import Conversation, ShownMessage

_ENDS: Final = {
    "": "Not finished.",
    "length": "Cut off: the answer reached the model's limit of length.",
    "tool_calls": "Ended: the model asked for tools that were not offered.",
    "refusal": "The model declined.",
    "cancelled": "Stopped.",
    "error": "Cut off by an error.",
    "max_steps": "Stopped: the limit of steps was reached.",
    "budget": "Stopped: the budget was used up.",
}
"""How an answer ended, where that is worth a word."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!$])")
_LINES = re.compile(r"\r\n|\r|\n")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LEAST = Decimal("0.000001")


def exported(conversation: Conversation, zone: tzinfo = UTC) -> str:
    """``conversation`` in Markdown, without HTML of ours; dates by the clock of ``zone``.

    Texts are as they were shown. A code block that a cut answer has left open is closed, so
    that it does not take in what follows.
    """
    info = conversation.info
    blocks = [f"# {_inline(info.title) or 'Untitled conversation'}", _facts(conversation, zone)]
    for message in conversation.messages:
        blocks.append(f"## {_who(message)}")
        blocks += _blocks(message)
    return "\n\n".join(blocks) + "\n"


def fence_for(text: str) -> str:
    """Backticks that no line of ``text`` can be taken to close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _facts(conversation: Conversation, zone: tzinfo) -> str:
    info = conversation.info
    lines = [
        f"- Begun: {_date(info.created, zone)}",
        f"- Last changed: {_date(info.updated, zone)}",
    ]
    if info.root:
        lines.append(f"- About: {_code(info.root)}")
    if model := f"{info.provider} {info.model}".strip():
        lines.append(f"- Model: {_inline(model)}")
    if conversation.session_cost is not None:
        lines.append(f"- Cost: {_dollars(conversation.session_cost)}")
    return "\n".join(lines)


def _who(message: ShownMessage) -> str:
    match message.role:
        case "user":
            return "You"
        case "summary":
            return "Summary of what came before"
        case "assistant":
            return _inline(f"{message.provider} {message.model}") or "Assistant"


def _blocks(message: ShownMessage) -> Iterator[str]:
    if message.context:
        yield _quoted("Attached: " + ", ".join(map(_attached, message.context)))
    made = list(_made(message.events))
    if message.text.strip() and not any(isinstance(each, events.Text) for each in message.events):
        made.insert(0, _closed(message.text))
    yield from made
    if message.role == "assistant":
        if end := _ENDS.get(message.stop_reason):
            yield _quoted(end)
        if counts := _counts(message.events):
            yield f"*{counts}*"


def _made(parts: Iterable[events.ChatEvent]) -> Iterator[str]:
    """What an answer was made of; calls with what became of them, the last plan alone."""
    parts = list(parts)
    ends = {each.id: each.status for each in parts if isinstance(each, events.ToolUpdate)}
    plans = [each for each in parts if isinstance(each, events.Plan)]
    for each in _joined(parts):
        match each:
            case events.ToolCall():
                status = ends.get(each.id, "pending").replace("_", " ")
                yield f"- Tool {_code(each.name)}: {_inline(each.title or each.name)} ({status})"
            case events.Plan():
                if each is plans[-1]:
                    yield _plan(each)
            case _:
                if block := _block(each):
                    yield block
    sources = [f"- {_source(each)}" for each in parts if isinstance(each, events.Citation)]
    if sources:
        yield "Sources:\n\n" + "\n".join(sources)


def _block(part: events.ChatEvent) -> str:
    match part:
        case events.Text() | events.Refusal():
            # A text was made harmless when it was shown, with what stands around it.
            return _closed(part.text if isinstance(part, events.Text) else neutral(part.text))
        case events.Thought():
            text = _closed(neutral(part.text))
            return _quoted(f"*Thoughts*\n\n{text}") if text else ""
        case events.Proposal():
            return _proposal(part)
        case events.Notice():
            return _quoted(_inline(part.message))
        case events.Error():
            return _quoted(_inline(f"Error: {part.message}"))
        case _:
            return ""


def _joined(parts: Iterable[events.ChatEvent]) -> Iterator[events.ChatEvent]:
    """Texts that follow each other as one, thoughts and refusals likewise."""
    for kind, group in groupby(parts, type):
        if kind is events.Text or kind is events.Thought or kind is events.Refusal:
            yield kind("".join(cast("events.Text", each).text for each in group))
        else:
            yield from group


def _plan(plan: events.Plan) -> str:
    marks = {"completed": "x"}
    steps = (f"- [{marks.get(each.status, ' ')}] {_inline(each.content)}" for each in plan.entries)
    return "Plan:\n\n" + "\n".join(steps)


def _proposal(proposal: events.Proposal) -> str:
    if proposal.refused:
        return _quoted(f"Edit of {_code(proposal.path)} refused: {_inline(proposal.refused)}")
    fence = fence_for(proposal.diff)
    diff = proposal.diff.rstrip("\r\n")
    return f"Proposed edit of {_code(proposal.path)}:\n\n{fence}diff\n{diff}\n{fence}"


def _source(citation: events.Citation) -> str:
    """In a code span, so that it is no link: it was not checked."""
    title = f"{_inline(citation.title)}: " if citation.title else ""
    return title + _code(citation.url)


def _attached(item: ContextItem) -> str:
    name = _code(item.name or item.uri)
    if item.refused:
        return f"{name} (not sent: {_inline(item.refused)})"
    hidden = f", {item.redacted} secrets hidden" if item.redacted else ""
    return f"{name} (about {item.tokens:,} tokens{hidden})"


def _counts(parts: Iterable[events.ChatEvent]) -> str:
    """Tokens and cost of an answer, as far as known: one Usage for each of its requests."""
    counted = [each for each in parts if isinstance(each, events.Usage)]
    sent = [each.usage.input_tokens for each in counted if each.usage.input_tokens is not None]
    got = [each.usage.output_tokens for each in counted if each.usage.output_tokens is not None]
    costs = [each.cost.dollars for each in counted if each.cost is not None]
    told = [f"{sum(sent):,} tokens in"] if sent else []
    told += [f"{sum(got):,} tokens out"] if got else []
    told += [_dollars(sum(costs, Decimal(0)))] if costs else []
    return ", ".join(told)


def _dollars(amount: Decimal) -> str:
    if 0 < amount < _LEAST:
        return "under $0.000001"
    whole, _, part = f"{amount:.6f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


def _date(seconds: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%d %H:%M %Z}".rstrip()


def _inline(text: str) -> str:
    """On one line, nothing in it being Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """A code span on one line."""
    line = " ".join(text.split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _LINES.split(text))


def _closed(text: str) -> str:
    """``text`` without empty lines around it, its last code block ended."""
    text = text.strip("\r\n").rstrip()
    fence = ""
    for line in _LINES.split(text):
        found = _FENCE.fullmatch(line)
        if found is None:
            continue
        marks, rest = found.groups()
        if not fence:
            # Backticks behind backticks make it code in a line.
            fence = "" if marks[0] == "`" and "`" in rest else marks
        elif marks.startswith(fence) and not rest.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text
