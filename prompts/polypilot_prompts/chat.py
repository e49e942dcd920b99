"""Prompts of a conversation: the system prompt, and attachments as the model sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_prompts.breaking import one_line
from polypilot_prompts.templates import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FENCE = re.compile(r"`{3,}")
_LANGUAGE = re.compile(r"[^A-Za-z0-9_+#.-]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """Text that goes along with a message."""

    path: str
    """As the user knows it: relative to the workspace root where there is one."""
    text: str
    language: str = ""
    """LSP language id."""
    first_line: int | None = None
    """1-based number of the first line, for a part of a file; None: the whole of it."""
    last_line: int | None = None


def system_prompt(extra: str = "", *, overrides: Mapping[str, str] | None = None) -> str:
    """Our own instructions, or the user's in their place, then what the user adds to them."""
    text = render("chat", overrides=overrides)
    return f"{text}\n\n{extra.strip()}" if extra.strip() else text


def fence_for(text: str) -> str:
    """A code fence that the text can't close: longer than any run of backticks inside."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    return "`" * (longest + 1)


def render_attachment(attachment: Attachment) -> str:
    """One attachment: a line that names it, and a fenced block."""
    lines = ""
    if attachment.first_line is not None:
        last = attachment.last_line or attachment.first_line
        lines = f", lines {attachment.first_line}-{last}"
    name = one_line(attachment.path).replace("`", "'") or "untitled"
    fence = fence_for(attachment.text)
    language = _LANGUAGE.sub("", attachment.language)
    body = attachment.text if attachment.text.endswith("\n") else f"{attachment.text}\n"
    return f"`{name}`{lines}:\n{fence}{language}\n{body}{fence}"


def user_message(text: str, attachments: Sequence[Attachment] = ()) -> str:
    """The user's message with its attachments before it.

    The attachments come first because they stay the same when a question is asked again.
    """
    return "\n\n".join([*(render_attachment(item) for item in attachments), text])


def title_for(text: str, limit: int = 60) -> str:
    """A conversation's title: the first line with text of its first message, cut at a word."""
    line = next((one_line(line) for line in text.splitlines() if one_line(line)), "")
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip() + "…"
