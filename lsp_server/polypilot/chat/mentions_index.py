"""``#symbol``, ``#search`` and ``#tree``: what the index of the workspace finds."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from polypilot.chat.attachments import Attached, line_count
from polypilot.chat.mentions_sources import LOOK_S, Brought, Place, Range, Sources, add_all
from polypilot.chat.values import Attach
from polypilot.errors import UserError
from polypilot.workspace.gate import ExcludedError
from polypilot.workspace.roots import normal, uri_of
from polypilot_prompts.mentions import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_prompts.mentions import Mention

_NO_INDEX = "the workspace is not indexed"
_HITS = 12
_DEFINITIONS = 5


async def symbol(sources: Sources, mention: Mention, place: Place) -> Brought:
    """Where a name is defined."""
    brought = Brought()
    name = mention.argument.removesuffix("()").replace("::", ".")
    shown = f"#symbol:{mention.argument}"
    if sources.index is None:
        brought.refuse(shown, _NO_INDEX)
        return brought
    try:
        found = await sources.index.symbols(name, place.root, _DEFINITIONS)
    except UserError as error:
        brought.refuse(shown, error.message, place.uri)
        return brought
    last = name.rpartition(".")[2]
    exact = [each for each in found if each.name in {last, name}]
    await _bring(sources, brought, mention, exact or found, "")
    if not brought.items:
        brought.refuse(shown, "no such name is defined in the workspace", place.uri)
    return brought


async def search(sources: Sources, mention: Mention, place: Place) -> Brought:
    """The places that fit words best."""
    brought = Brought()
    shown = f"#search:{mention.argument}"
    if sources.index is None:
        brought.refuse(shown, _NO_INDEX)
        return brought
    try:
        found = await sources.index.search(mention.argument, place.root, _HITS)
    except UserError as error:
        brought.refuse(shown, error.message, place.uri)
        return brought
    partly = "" if found.complete else found.problem or "not the whole workspace was searched"
    await _bring(sources, brought, mention, found.hits, partly)
    if not brought.items:
        nothing = "nothing fits these words"
        brought.refuse(shown, f"{nothing}; {partly}" if partly else nothing, place.uri)
    return brought


async def tree(sources: Sources, mention: Mention, place: Place) -> Brought:
    """The workspace's folders and files, or those of one folder."""
    brought = Brought()
    shown = f"#tree:{mention.argument}" if mention.argument else "#tree"
    if sources.index is None:
        brought.refuse(shown, _NO_INDEX)
        return brought
    folder = place.root
    if mention.argument and folder is not None:
        folder = normal(os.path.join(folder, mention.argument))  # noqa: PTH118 - strings
    try:
        text = await sources.index.tree(folder)
    except UserError as error:
        brought.refuse(shown, error.message, place.uri)
        return brought
    if not text.strip():
        brought.refuse(shown, "there are no files that may be sent", place.uri)
        return brought
    found = Attached(shown, "", sources.gate.typed(text, "context"))
    brought.add(place.uri, found, KINDS[mention.kind].limit)
    return brought


async def _bring(
    sources: Sources, brought: Brought, mention: Mention, ranges: Sequence[Range], cut: str
) -> None:
    """The lines of files that the index has named, as they are now."""
    uris = {each.path: uri_of(each.path) for each in ranges}
    await sources.gate.look(uris.values(), LOOK_S, read=True)
    found: list[tuple[str, Attached]] = []
    for each in ranges:
        uri = uris[each.path]
        try:
            whole = sources.collector.one(Attach(uri))
        except ExcludedError as error:
            brought.refuse(sources.collector.name(uri), error.message, uri)
            continue
        first, end = each.span
        text = whole.text.lines(first, end)
        if text.text.strip():
            last = first + line_count(text.text)
            found.append((uri, replace(whole, text=text, first_line=first + 1, last_line=last)))
    add_all(brought, found, KINDS[mention.kind].limit, cut)
