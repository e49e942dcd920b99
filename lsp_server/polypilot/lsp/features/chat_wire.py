"""From the conversation's values to the protocol's, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from polypilot.lsp import chat_kept as kept
from polypilot.lsp import chat_methods as values
from polypilot.workspace.documents import Position
from polypilot.workspace.roots import locate, uri_of
from polypilot_providers.types import usage_fields

if TYPE_CHECKING:
    from decimal import Decimal

    from lsprotocol import types

    from polypilot.chat import events
    from polypilot.chat import values as chat
    from polypilot.chat.previewing import Preview

# What is imported inside functions here comes with the backend, not before it.


def _decimal(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def path_of(uri: str | None) -> str | None:
    """A folder's path by its URI; None if it has none."""
    return locate(uri).path if uri else None


# -- from the editor -------------------------------------------------------------------------


def attach(uri: str, span: types.Range | None) -> chat.Attach:
    """A document, or a part of it."""
    from polypilot.chat.values import Attach  # noqa: PLC0415 - see above

    if span is None:
        return Attach(uri)
    start, end = span.start, span.end
    return Attach(uri, Position(start.line, start.character), Position(end.line, end.character))


def question(params: values.ChatPreviewParams, *, keep: bool = True) -> chat.Question:
    """A message of the user's."""
    from polypilot.chat.values import Question  # noqa: PLC0415 - see above

    return Question(
        text=params.text,
        attachments=tuple(
            attach(each.uri, each.range if each.kind == "selection" else None)
            for each in params.context
        ),
        session_id=params.session_id,
        replaces=params.replaces,
        root=path_of(params.root),
        provider=params.provider,
        model=params.model,
        effort=params.effort,
        mode=params.mode,
        keep=keep,
    )


def scene(seen: values.Scene | None) -> chat.Scene:
    """What the user looks at."""
    from polypilot.chat.values import Scene  # noqa: PLC0415 - see above

    if seen is None:
        return Scene()
    chosen = seen.selection
    return Scene(attach(chosen.uri, chosen.range) if chosen else None, seen.buffer)


def documents_of(params: values.ChatPreviewParams) -> set[str]:
    """The documents whose texts of now a message is about."""
    uris = {each.uri for each in params.context}
    if params.scene is not None:
        uris |= {params.scene.buffer or ""} - {""}
        uris |= {params.scene.selection.uri} if params.scene.selection else set()
    return uris


# -- to the editor ---------------------------------------------------------------------------


def _places(locations: tuple[chat.Location, ...]) -> tuple[values.Place, ...]:
    return tuple(
        values.Place(uri_of(each.path), None if each.line is None else max(each.line - 1, 0))
        for each in locations
    )


def _diffs(diffs: tuple[chat.FileDiff, ...]) -> tuple[values.FileDiff, ...]:
    return tuple(values.FileDiff(uri_of(each.path), each.new, each.old) for each in diffs)


def context_item(item: events.ContextItem) -> values.ContextItem:
    """What became of an attachment."""
    return values.ContextItem(
        item.uri,
        item.tokens,
        item.redacted,
        item.refused or None,
        item.media_type or None,
        item.name or None,
        item.cut or None,
    )


def delta(event: events.ChatEvent) -> object | None:  # noqa: C901, PLR0911, PLR0912 - one case for each kind
    """An event as one delta; None for one that is part of the result alone."""
    match event.kind:
        case "session":
            return values.SessionDelta(
                event.session_id,
                event.message_id,
                event.provider,
                event.model,
                event.question_id or None,
            )
        case "title":
            return values.TitleDelta(event.title)
        case "context":
            return values.ContextDelta(tuple(map(context_item, event.items)))
        case "compacted":
            return values.CompactedDelta(event.messages, event.before, event.after, event.summary)
        case "text":
            return values.TextDelta(event.text)
        case "thought":
            return values.TextDelta(event.text, "thought")
        case "refusal":
            return values.TextDelta(event.text, "refusal")
        case "toolCall":
            return values.ToolCallDelta(
                event.id,
                event.name,
                event.arguments,
                event.title or None,
                event.tool_kind,
                _places(event.locations) or None,
            )
        case "toolUpdate":
            return values.ToolUpdateDelta(
                event.id,
                event.status,
                event.text or None,
                _diffs(event.diffs) or None,
                _places(event.locations) or None,
                event.proposals or None,
            )
        case "plan":
            steps = (values.PlanEntry(e.content, e.status, e.priority) for e in event.entries)
            return values.PlanDelta(tuple(steps))
        case "citation":
            return values.CitationDelta(event.url, event.title, event.text)
        case "usage":
            return values.UsageDelta(
                **usage_fields(event.usage, event.cost),
                used=event.used or None,
                window=event.window,
                session_cost=_decimal(event.session_cost),
            )
        case "edit":
            # A document without a file has its URI for a path, what is refused any name.
            uri = uri_of(event.path) if Path(event.path).is_absolute() else event.path
            return values.EditDelta(uri, event.diff, event.id or None, event.refused or None)
        case "notice":
            return values.NoticeDelta(event.message)
        case "error" | "end":
            return None
        case _:
            assert_never(event)


def problem(error: events.Error | None) -> values.Problem | None:
    """What went wrong."""
    return None if error is None else values.Problem(error.code, error.message, error.cure or None)


def session(info: chat.SessionInfo) -> kept.ChatSession:
    """A conversation in a list."""
    return kept.ChatSession(
        session_id=info.session_id,
        title=info.title,
        provider=info.provider,
        model=info.model,
        messages=info.messages,
        created=info.created,
        updated=info.updated,
        mode=info.mode,
        root=uri_of(info.root) if info.root else None,
        effort=info.effort,
        excerpt=info.excerpt or None,
    )


def conversation(whole: chat.Conversation) -> kept.Conversation:
    """A conversation that is opened again."""
    return kept.Conversation(
        session(whole.info),
        tuple(map(_message, whole.messages)),
        whole.used or None,
        whole.window,
        _decimal(whole.session_cost),
    )


def _message(message: chat.ShownMessage) -> kept.ShownMessage:
    made: tuple[Any, ...] = tuple(map(delta, message.events))
    return kept.ShownMessage(
        id=message.id,
        role=message.role,
        text=message.text,
        created=message.created,
        events=tuple(each for each in made if each is not None) or None,
        context=tuple(map(context_item, message.context)) or None,
        provider=message.provider or None,
        model=message.model or None,
        stop_reason=message.stop_reason or None,
        branches=message.branches if len(message.branches) > 1 else None,
    )


def preview(found: Preview) -> kept.Preview:
    """What would be sent."""
    parts = (
        kept.PreviewPart(each.name, each.text, each.tokens, each.redacted, each.refused or None)
        for each in found.parts
    )
    return kept.Preview(
        found.provider, found.model, found.tokens, tuple(parts), found.notices, found.window
    )


def asked_call(request: chat.PermissionRequest) -> kept.AskedCall:
    """The call that wants to be allowed."""
    return kept.AskedCall(
        id=request.call_id,
        name=request.tool,
        title=request.title,
        tool_kind=request.kind,
        arguments=request.arguments,
        diffs=_diffs(request.diffs),
        locations=_places(request.locations),
    )
