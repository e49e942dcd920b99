"""``#selection``, ``#buffer``, ``#file`` and ``#open``: what the editor or the disk has."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.chat.attachments import line_count
from polypilot.chat.mentions_sources import LOOK_S, Brought, Place, Sources, add_all
from polypilot.chat.values import Attach
from polypilot.errors import UserError
from polypilot.workspace.gate import ExcludedError
from polypilot.workspace.roots import locate, uri_of
from polypilot_prompts.mentions import KINDS

if TYPE_CHECKING:
    from polypilot.chat.attachments import Attached
    from polypilot_prompts.mentions import Mention

MOST_OPEN = 40
"""Documents that ``#open`` takes."""


async def selection(sources: Sources, mention: Mention, place: Place) -> Brought:
    """What is selected."""
    brought = Brought()
    wanted = place.scene.selection
    if wanted is None or (wanted.start is not None and wanted.start == wanted.end):
        brought.refuse("#selection", "nothing is selected")
        return brought
    return await _one(sources, wanted, mention.kind)


async def buffer(sources: Sources, mention: Mention, place: Place) -> Brought:
    """The document in front, as the editor has it."""
    brought = Brought()
    if place.scene.buffer is None:
        brought.refuse("#buffer", "no document is in front")
        return brought
    return await _one(sources, Attach(place.scene.buffer), mention.kind)


async def file(sources: Sources, mention: Mention, place: Place) -> Brought:
    """A file of the workspace, or lines of it."""
    path = _path(sources, mention.argument, place.root)
    brought = Brought()
    if path is None:
        brought.refuse(mention.argument, "there is no workspace folder that it could be in")
        return brought
    brought = await _one(sources, Attach(uri_of(path)), mention.kind, mention)
    if brought.attached or sources.index is None:
        return brought
    # A name alone does where only one file has it.
    try:
        listed = await sources.index.files(mention.argument, place.root, 5)
    except UserError:
        return brought
    name = mention.argument.replace("\\", "/")
    found = [each for each in listed if f"/{each}".endswith(f"/{name}") and each != name]
    if len(found) != 1:
        return brought
    path = _path(sources, found[0], place.root)
    return await _one(sources, Attach(uri_of(path or "")), mention.kind, mention)


async def open_documents(sources: Sources, mention: Mention, place: Place) -> Brought:
    """All open documents, the same share of the limit for each of the long ones."""
    brought = Brought()
    front = place.scene.buffer
    documents = sorted(sources.documents, key=lambda each: (each.uri != front, each.uri))
    await sources.gate.look([each.uri for each in documents[:MOST_OPEN]], LOOK_S, read=True)
    found: list[tuple[str, Attached]] = []
    for each in documents[:MOST_OPEN]:
        try:
            found.append((each.uri, sources.collector.one(Attach(each.uri))))
        except ExcludedError as error:
            brought.refuse(sources.collector.name(each.uri), error.message, each.uri)
    add_all(brought, found, KINDS[mention.kind].limit)
    if len(documents) > MOST_OPEN:
        brought.refuse(f"{len(documents) - MOST_OPEN} more", f"#open takes {MOST_OPEN} documents")
    if not documents:
        brought.refuse("#open", "no document is open")
    return brought


async def _one(
    sources: Sources, wanted: Attach, kind: str, mention: Mention | None = None
) -> Brought:
    brought = Brought()
    await sources.gate.look([wanted.uri], LOOK_S, read=True)
    name = sources.collector.name(wanted.uri)
    try:
        found = sources.collector.one(wanted)
    except ExcludedError as error:
        brought.refuse(name, error.message, wanted.uri)
        return brought
    if mention is not None and mention.first_line is not None:
        lines = _lines_of(found, mention)
        if lines is None:
            brought.refuse(name, f"it has no line {mention.first_line:,}", wanted.uri)
            return brought
        found = lines
    brought.add(wanted.uri, found, KINDS[kind].limit)
    return brought


def _lines_of(found: Attached, mention: Mention) -> Attached | None:
    first = mention.first_line or 1
    last = mention.last_line or first
    text = found.text.lines(first - 1, last)
    if not text or found.media is not None:
        return None
    return replace(found, text=text, first_line=first, last_line=first + line_count(text.text) - 1)


def _path(sources: Sources, argument: str, root: str | None) -> str | None:
    """The path that was meant: below the folder, unless it is absolute. The gate judges it."""
    named = locate(argument)
    if named.path is not None and named.readable:
        return named.path
    base = root or next((each.path for each in sources.gate.roots), None)
    return os.path.normpath(os.path.join(base, argument)) if base else None  # noqa: PTH118 - strings
