"""``#diff`` and ``#commits``: what git knows, each file of it through the gate."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from polypilot.chat.attachments import Attached, line_count
from polypilot.chat.mentions_sources import LOOK_S, Brought, Place, Sources, spoken
from polypilot.errors import UserError
from polypilot.workspace.gate import ExcludedError, assemble
from polypilot.workspace.roots import uri_of
from polypilot_prompts.budget import cut_suffix, estimate
from polypilot_prompts.mentions import KINDS, shares
from polypilot_prompts.sanitize import strip_controls

if TYPE_CHECKING:
    from polypilot.workspace.gate import Outgoing
    from polypilot.workspace.git_diff import FileDiff, GitDiff
    from polypilot_prompts.mentions import Mention

_STAGED = {"": None, "staged": True, "unstaged": False}
_NOTHING = {
    "": "nothing has changed since the last commit",
    "staged": "nothing is staged",
    "unstaged": "nothing has changed that is not staged",
}
MOST_FILES = 300
"""Of a diff; each is judged."""
_MOST_REFUSED = 10
_SUBJECTS = 10


async def diff(sources: Sources, mention: Mention, place: Place) -> Brought:
    """What has changed since the last commit, or with an argument what is staged or is not."""
    brought = Brought()
    name = f"#diff:{mention.argument}" if mention.argument else "#diff"
    if mention.argument not in _STAGED:
        brought.refuse(name, "there are #diff, #diff:staged and #diff:unstaged")
        return brought
    if sources.git is None or place.root is None:
        brought.refuse(name, "there is no workspace folder")
        return brought
    try:
        found = await sources.git.diff(place.root, staged=_STAGED[mention.argument])
    except UserError as error:
        brought.refuse(name, error.message, place.uri)
        return brought
    await diff_files(sources, brought, found, name, place.uri)
    if not brought.items:
        brought.refuse(name, await _why_nothing(sources, mention.argument, place.root), place.uri)
    return brought


async def diff_files(
    sources: Sources, brought: Brought, found: GitDiff, name: str, uri: str
) -> None:
    """A diff without the files that must not be sent, the longest cut to the same length."""
    files = found.files[:MOST_FILES]
    uris = [[_uri(found.top, path) for path in each.paths] for each in files]
    await sources.gate.look({uri for each in uris for uri in each}, LOOK_S)
    passed: list[Outgoing] = []
    refused: list[tuple[str, str, str]] = []
    for each, names in zip(files, uris, strict=True):
        try:
            passed.append(_pass(sources, each, names))
        except ExcludedError as error:
            refused.append((f"{name}: {each.path}", error.message, names[0]))
    cuts: list[str] = []
    if found.truncated:
        cuts.append("the first part of an enormous diff")
    elif len(found.files) > len(files):
        cuts.append(f"the first {len(files)} of {len(found.files)} files")
    if passed:
        text, cut = _fitted(sources, passed)
        cuts += [cut] if cut else []
        if refused or len(found.files) > len(files) or found.truncated:
            text = assemble([text, spoken(sources.gate, "(Other files are left out.)\n")])
        whole = Attached(name, "diff", text)
        brought.attached.append(whole)
        brought.items.append(whole.item(uri, "; ".join(cuts)))
    for refusal in refused[:_MOST_REFUSED]:
        brought.refuse(*refusal)
    if len(refused) > _MOST_REFUSED:
        brought.refuse(name, f"{len(refused) - _MOST_REFUSED} more files must not be sent", uri)


def _pass(sources: Sources, file: FileDiff, uris: list[str]) -> Outgoing:
    """A file's part, judged by each of its names. Raises ExcludedError."""
    text = sources.gate.outgoing(uris[0], strip_controls(file.text), "context")
    others = [sources.gate.outgoing(uri, "", "context") for uri in uris[1:]]
    return assemble([text, *others], part="context") if others else text


def _fitted(sources: Sources, passed: list[Outgoing]) -> tuple[Outgoing, str]:
    sizes = [estimate(each.text) for each in passed]
    pieces: list[Outgoing] = []
    cut = 0
    for each, size, room in zip(passed, sizes, shares(sizes, KINDS["diff"].limit), strict=True):
        if size <= room:
            pieces.append(each)
            continue
        cut += 1
        head = each.slice(0, len(cut_suffix(each.text, room)))
        left = line_count(each.text) - line_count(head.text)
        pieces += [head, spoken(sources.gate, f"\n({left:,} more lines of this file.)\n")]
    said = f"{cut} of {len(passed)} files in part" if cut else ""
    return assemble(pieces, part="context"), said


def _uri(top: str, path: str) -> str:
    return uri_of(os.path.join(top, *path.split("/")))  # noqa: PTH118 - strings


async def _why_nothing(sources: Sources, argument: str, root: str) -> str:
    """New files are what is overlooked most."""
    reason = _NOTHING[argument]
    try:
        status = await sources.git.status(root) if sources.git else None
    except UserError:
        return reason
    new = sum(each.index == "?" for each in status.entries) if status else 0
    return f"{reason}; {new} new files are not known to git: add them first" if new else reason


async def commits(sources: Sources, mention: Mention, place: Place) -> Brought:
    """Subjects of the last commits, whose style a new message follows."""
    brought = Brought()
    name = f"#{mention.kind}"
    if sources.git is None or place.root is None:
        brought.refuse(name, "there is no workspace folder")
        return brought
    try:
        subjects = await sources.git.recent_subjects(place.root, _SUBJECTS)
    except UserError as error:
        brought.refuse(name, error.message, place.uri)
        return brought
    if not subjects:
        brought.refuse(name, "there is no commit yet", place.uri)
        return brought
    lines = "".join(f"{strip_controls(each)}\n" for each in subjects)
    text = sources.gate.typed(lines, "context")
    brought.add(place.uri, Attached(name, "", text), KINDS[mention.kind].limit)
    return brought
