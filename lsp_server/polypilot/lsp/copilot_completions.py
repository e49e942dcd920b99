"""Copilot's older completion methods, asked of the engine as every other client's are.

They count from the beginning of the line: a completion's text is the whole line with the
suggestion in it, and takes the whole line's place. (Some clients delete what stands behind the
cursor, whatever the range says.)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot.completion.values import Trigger
from polypilot.lsp import copilot_names as names
from polypilot.lsp.features.asking import place_at
from polypilot.lsp.features.completion import item_of
from polypilot.workspace.text_units import width

if TYPE_CHECKING:
    from lsprotocol import types

    from polypilot.completion.values import Answer, Suggestion
    from polypilot.lsp import copilot_methods as values
    from polypilot.lsp.copilot_dialect import CopilotClient
    from polypilot.lsp.features.asking import Place

MOST = 3
"""Solutions of a panel: as many as the engine offers to a user who asks."""
_ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class _Line:
    """The line of a cursor, as it was when the client asked."""

    place: Place
    before: str
    after: str
    version: int | None
    units: int
    """Its length in the client's code units."""

    def span(self) -> dict[str, Any]:
        """The whole line."""
        row = self.place.position.line
        return {
            "start": {"line": row, "character": 0},
            "end": {"line": row, "character": self.units},
        }

    def cursor(self) -> dict[str, int]:
        here = self.place.position
        return {"line": here.line, "character": here.character}

    def text(self, suggestion: Suggestion) -> str:
        """The line, or the lines, with the suggestion in it."""
        return f"{self.before}{suggestion.text}{self.after}"


def _line(client: CopilotClient, doc: values.Doc) -> _Line | None:
    """None: nothing can be offered there, or the client speaks of a text that is gone."""
    documents = client.server.documents
    document = documents.current(doc.uri)
    if document is None or (doc.version is not None and doc.version < document.version):
        return None
    place = place_at(documents, doc.uri, doc.position)
    if place is None:
        return None
    row, column = document.line(place.position.line), place.snapshot.column
    units = width(row, documents.encoding)
    return _Line(place, row[:column], row[column:], doc.version, units)


async def first(client: CopilotClient, params: values.CompletionsParams) -> dict[str, Any]:
    """What is offered while the user types."""
    return await _completions(client, params, Trigger.AUTOMATIC)


async def cycling(client: CopilotClient, params: values.CompletionsParams) -> dict[str, Any]:
    """What there is to choose from."""
    return await _completions(client, params, Trigger.INVOKED)


async def _completions(
    client: CopilotClient, params: values.CompletionsParams, trigger: Trigger
) -> dict[str, Any]:
    line = _line(client, params.doc)
    if line is None:
        return {"completions": []}
    answer = await client.asker.inline(line.place, trigger)
    found = [_completion(client, line, each) for each in answer.suggestions]
    return {"completions": found}


def _completion(client: CopilotClient, line: _Line, suggestion: Suggestion) -> dict[str, Any]:
    _keep(client, line, suggestion)
    found = {
        "uuid": suggestion.id,
        "text": line.text(suggestion),
        "range": line.span(),
        "displayText": suggestion.text,
        "position": line.cursor(),
    }
    return found if line.version is None else {**found, "docVersion": line.version}


def _keep(client: CopilotClient, line: _Line, suggestion: Suggestion) -> None:
    """For the client's message that it was taken, which counts from the line's beginning."""
    client.outcomes.command(suggestion.id, line.before + suggestion.text, len(line.before))


# -- the panel -------------------------------------------------------------------------------


async def panel(client: CopilotClient, params: values.PanelParams) -> dict[str, Any]:
    """How many solutions may come; they follow one by one."""
    line = _line(client, params.doc)
    client.server.protocol.spawn(_solve(client, params.panel_id, line), "copilot-panel")
    return {"solutionCountTarget": MOST}


async def _solve(client: CopilotClient, panel_id: str, line: _Line | None) -> None:
    await asyncio.sleep(0)  # the count goes out before the first solution
    done: dict[str, Any] = {"panelId": panel_id, "status": "OK"}
    try:
        answer = None if line is None else await client.asker.inline(line.place, Trigger.INVOKED)
    except Exception as error:  # noqa: BLE001 - nobody awaits this; the panel shows it
        from polypilot.errors import describe  # noqa: PLC0415 - rarely needed

        done |= {"status": "Error", "message": describe(error).message}
    else:
        if line is not None and answer is not None:
            done |= _failure(answer)
            _send_solutions(client, panel_id, line, answer)
    client.server.protocol.notify(names.PANEL_SOLUTIONS_DONE, done)


def _failure(answer: Answer) -> dict[str, str]:
    if answer.error is None:
        return {}
    from polypilot.errors import describe  # noqa: PLC0415 - rarely needed

    return {"status": "Error", "message": describe(answer.error).message}


def _send_solutions(client: CopilotClient, panel_id: str, line: _Line, answer: Answer) -> None:
    for score, suggestion in zip(range(MOST, 0, -1), answer.suggestions, strict=False):
        _keep(client, line, suggestion)
        solution = {
            "panelId": panel_id,
            "solutionId": suggestion.id,
            "score": score,
            "range": {"start": line.cursor(), "end": line.cursor()},
            "completionText": suggestion.text,
            "displayText": line.text(suggestion),
        }
        client.server.protocol.notify(names.PANEL_SOLUTION, solution)


async def panel_items(
    client: CopilotClient, params: values.PanelCompletionParams
) -> dict[str, list[types.InlineCompletionItem]]:
    """The newer form: items as those of ``textDocument/inlineCompletion``."""
    document = client.server.documents.current(params.text_document.uri)
    version = params.text_document.version
    if document is None or (version is not None and version < document.version):
        return {"items": []}
    place = place_at(client.server.documents, params.text_document.uri, params.position)
    if place is None:
        return {"items": []}
    answer = await client.asker.inline(place, Trigger.INVOKED)
    items = [item_of(each, place, client.outcomes) for each in answer.suggestions]
    return {"items": [item for item in items if item is not None]}


# -- what became of them -----------------------------------------------------------------------


async def shown(client: CopilotClient, params: values.ShownParams) -> str:
    """The user sees it."""
    (await client.server.backend()).engine.shown(params.uuid)
    return "OK"


async def accepted(client: CopilotClient, params: values.AcceptedParams) -> str:
    """The user took it, or its beginning."""
    engine = (await client.server.backend()).engine
    taken = _ALL if params.accepted_length is None else max(params.accepted_length, 0)
    chars = client.outcomes.taken(params.uuid, taken)
    if chars is None or chars == client.outcomes.taken(params.uuid, _ALL):
        engine.accepted(params.uuid)
    else:
        engine.partially_accepted(params.uuid, chars)
    return "OK"


async def rejected(client: CopilotClient, params: values.RejectedParams) -> str:
    """The user does not want them."""
    engine = (await client.server.backend()).engine
    for each in params.uuids:
        engine.dismissed(each)
    return "OK"
