"""What a block makes of a text, and what that is in an editor's positions."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from polypilot.chat import edits_lines as lines
from polypilot.chat.edits_values import EditError, Proposal, TextEdit
from polypilot.chat.edits_whole import fitted, whole
from polypilot_prompts.sanitize import strip_controls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot.chat.edits_targets import Target
    from polypilot.chat.edits_values import Hunk
    from polypilot_prompts.proposals import Block

_INNER_FENCE = re.compile(r"[ \t]*`{3,}[ \t]*[A-Za-z]")


def hashed(text: str) -> str:
    """What tells texts apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def applied(now: Sequence[str] | None, block: Block) -> list[str]:
    """The lines of a file (None: there is none) after a block that names it.

    Raises:
        EditError: the block does not fit, or asks for what is not done.
    """
    if block.action == "delete":
        raise EditError("files are not deleted by proposal")
    if block.action == "move":
        raise EditError("files are not moved by proposal")
    if block.kind == "whole":
        return _whole(now, block)
    if not block.hunks:
        raise EditError("it changes nothing", code="edit_unmatched")
    for hunk in block.hunks:
        old, new = _clean(hunk.old), _clean(hunk.new)
        if now is None:
            if any(each.strip() for each in old):
                raise EditError("there is no such file", code="edit_unmatched")
            now = [*new, ""]
        else:
            now = lines.replace(now, old, new, hunk.line if block.kind == "diff" else None)
    return list(now or ())


def placed(now: Sequence[str], block: Block) -> list[str]:
    """The lines of a file after a block that was not said to be for it.

    Raises:
        EditError: it is not clear where it belongs.
    """
    try:
        return (
            applied(now, block) if block.hunks else fitted(now, given(block.code), block.language)
        )
    except EditError as error:
        cure = "Select the lines that it is to take the place of, or insert it at the cursor."
        raise EditError(error.message, code=error.code, cure=cure) from None


def _whole(now: Sequence[str] | None, block: Block) -> list[str]:
    new = lines.lines_of(strip_controls(block.code))
    if now is not None and block.head and now[0].strip() == block.head.strip():
        new.insert(0, now[0])
    if block.language in {"markdown", "md", "mdx"} and any(map(_INNER_FENCE.match, new)):
        raise EditError("it holds code blocks, so it is not clear where it ends")
    if now is None:
        return new
    after = whole(now, new, block.language)
    if any(each.strip() for each in now) and not any(each.strip() for each in after):
        raise EditError("it would leave nothing of the file")
    return after


def _clean(each: Sequence[str]) -> list[str]:
    return [strip_controls(line) for line in each]


def given(text: str) -> list[str]:
    """The lines of a text that a tool was given, without what its last break begins."""
    found = lines.lines_of(strip_controls(text))
    return found[:-1] if len(found) > 1 and not found[-1] else found


def ended(after: Sequence[str], text: str | None) -> list[str]:
    """The lines with a break at the end if the file has one, or is new."""
    made = list(after)
    if text and lines.lines_of(text)[-1]:
        while len(made) > 1 and not made[-1]:
            made.pop()
    elif made and made[-1]:
        made.append("")
    return made


def in_place(text: str, bounds: tuple[int, int], code: str) -> str:
    """A text with code in place of a selection, indented as that is."""
    start, end = bounds
    selected = text[start:end]
    new = lines.lines_of(strip_controls(code).rstrip("\n"))
    first = next((each for each in lines.lines_of(selected) if each.strip()), "")
    begin = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    lead = text[begin:start]
    whole_line = not lead.strip()
    right = lead + lines.indent_of(first) if whole_line else ""
    wrong = lines.indent_of(next((each for each in new if each.strip()), ""))
    moved = [right + each.removeprefix(wrong) if each.strip() else each for each in new]
    if whole_line:
        start = begin
    tail = lines.eol_of(text) if selected.endswith(("\n", "\r")) else ""
    return text[:start] + lines.eol_of(text).join(moved) + tail + text[end:]


def replaced(target: Target, low: int, high: int, new: Sequence[str]) -> TextEdit:
    """The lines from ``low`` to before ``high``, from 0, and what takes their place."""
    text = target.text or ""
    there = lines.lines_of(text)
    eol = lines.eol_of(text)
    if high < len(there):
        made = "".join(each + eol for each in new)
        return TextEdit(target.position(low, 0), target.position(high, 0), made)
    end = target.position(len(there) - 1, len(there[-1]))
    if low == 0:
        return TextEdit(target.position(0, 0), end, eol.join(new))
    start = target.position(low - 1, len(there[low - 1]))
    return TextEdit(start, end, "".join(eol + each for each in new))


def places(text: str, proposal: Proposal, wanted: Sequence[Hunk]) -> list[int]:
    """Where hunks belong in a text as it is now: the index of the first line of each.

    Raises:
        EditError: one does not fit any more.
    """
    if hashed(text) == proposal.old_hash:
        return [each.first_line - 1 for each in wanted]
    there = lines.lines_of(text)
    found: list[int] = []
    shift, behind = 0, 0
    for each in proposal.hunks:
        if each.id in proposal.applied:
            shift += len(each.new) - len(each.old)
        if each not in wanted:
            continue
        at = lines.place_of(there, each, each.first_line - 1 + shift)
        if at is None or at < behind:
            raise EditError(
                f"the text has changed: part {each.id + 1} (line {each.first_line}) no longer fits",
                code="edit_unmatched",
            )
        shift, behind = at - (each.first_line - 1), at + len(each.old)
        found.append(at)
    return found
