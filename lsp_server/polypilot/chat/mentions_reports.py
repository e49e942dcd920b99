"""``#diagnostics``: what other tools of the editor report, each with the line it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.chat.attachments import Attached
from polypilot.chat.mentions_sources import LOOK_S, Brought, Place, Sources, spoken
from polypilot.workspace.diagnostics import ERROR, HINT, INFORMATION, MESSAGE_CHARS, WARNING
from polypilot.workspace.gate import ExcludedError, assemble
from polypilot_prompts.breaking import one_line
from polypilot_prompts.budget import estimate
from polypilot_prompts.mentions import KINDS

if TYPE_CHECKING:
    from polypilot.workspace.diagnostics import Diagnostic
    from polypilot.workspace.gate import Outgoing
    from polypilot_prompts.mentions import Mention

_WORDS = {ERROR: "error", WARNING: "warning", INFORMATION: "information", HINT: "hint"}


async def diagnostics(sources: Sources, mention: Mention, place: Place) -> Brought:
    """Of the document in front; of all with the argument ``all``, or if none is in front."""
    brought = Brought()
    if mention.argument not in {"", "all"}:
        brought.refuse("#diagnostics", "there are #diagnostics and #diagnostics:all")
        return brought
    front = place.scene.buffer
    uris = [front] if front and not mention.argument else list(sources.diagnostics.uris())
    reported = {uri: items for uri in uris if (items := sources.diagnostics.of(uri))}
    if not reported:
        brought.refuse("#diagnostics", "no errors or warnings are reported")
        return brought
    await sources.gate.look(reported, LOOK_S, read=True)
    pieces: list[tuple[int, Outgoing]] = []
    for uri, items in reported.items():
        try:
            pieces += _document(sources, uri, items)
        except ExcludedError as error:
            brought.refuse(f"#diagnostics: {sources.collector.name(uri)}", error.message, uri)
    if pieces:
        uri = next(iter(reported)) if len(reported) == 1 else place.uri
        _bring(sources, brought, uri, pieces)
    return brought


def _bring(
    sources: Sources, brought: Brought, uri: str, pieces: list[tuple[int, Outgoing]]
) -> None:
    """As many as fit, the worst first, in the order of their documents and lines."""
    room = KINDS["diagnostics"].limit
    taken: set[int] = set()
    for at in sorted(range(len(pieces)), key=lambda each: (pieces[each][0], each)):
        cost = estimate(pieces[at][1].text)
        if cost > room:
            break
        room -= cost
        taken.add(at)
    kept = [piece for at, (_, piece) in enumerate(pieces) if at in taken]
    cut = "" if len(kept) == len(pieces) else f"{len(kept)} of {len(pieces)}, the worst"
    if cut:
        kept.append(spoken(sources.gate, f"({len(pieces) - len(kept)} more are left out.)\n"))
    found = Attached("#diagnostics", "", assemble(kept, part="context"))
    brought.attached.append(found)
    brought.items.append(found.item(uri, cut))


def _document(
    sources: Sources, uri: str, items: tuple[Diagnostic, ...]
) -> list[tuple[int, Outgoing]]:
    """Severity and text of each report. Raises ExcludedError."""
    name = one_line(sources.collector.name(uri))
    try:
        text = sources.gate.read_file(uri).text
    except ExcludedError:
        text = None
    found: list[tuple[int, Outgoing]] = []
    for item in items:
        told = sources.gate.outgoing(uri, f"{name}:{item.line + 1}: {_said(item)}\n", "context")
        line = text.lines(item.line, item.line + 1) if text is not None else None
        if line is None or not line.text.strip():
            found.append((item.severity, told))
            continue
        bare = line.slice(0, len(line.text.rstrip("\r\n")))
        mark, end = spoken(sources.gate, "    | "), spoken(sources.gate, "\n")
        found.append((item.severity, assemble([told, mark, bare, end], part="context")))
    return found


def _said(item: Diagnostic) -> str:
    by = " ".join(each for each in (item.source, item.code) if each)
    what = _WORDS.get(item.severity, "note")
    message = one_line(item.message)[:MESSAGE_CHARS]
    return f"{what} ({one_line(by)}): {message}" if by else f"{what}: {message}"
