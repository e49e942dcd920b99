"""Copilot's ``conversation/*`` and ``git/commitGenerate``, over our own conversations.

An answer is streamed as progress of the client's token; the request itself is answered when the
answer is complete, or earlier if that takes long: Emacs' JSON-RPC library gives a request up after
ten seconds, and the conversation's id with it.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast

from polypilot.errors import UserError
from polypilot.lsp import copilot_names as names
from polypilot.lsp.copilot_reply import Reply, bare
from polypilot.lsp.features import chat_wire
from polypilot.lsp.features.chat_client import EditorClient
from polypilot.lsp.features.chat_ready import chatting
from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from lsprotocol import types

    from polypilot.backend import Backend
    from polypilot.chat.values import Attach, Embedded, Question
    from polypilot.lsp import copilot_methods as values
    from polypilot.lsp.copilot_dialect import CopilotClient

_Key = TypeVar("_Key", bound="int | str")

# What is imported inside functions here comes with the backend, not before it.

HOLD_S = 8.0
"""Seconds that a request waits for its whole answer."""
CONTEXT_S = 2.0
"""Seconds that a client has to say what its user looks at."""
_EDITOR = "current-editor"


async def templates(client: CopilotClient, _params: object) -> list[dict[str, Any]]:
    """The slash commands."""
    backend = await chatting(client.server)
    return [
        {
            "id": each.name,
            "description": each.description,
            "shortDescription": each.description,
            "scopes": ["chat-panel", "agent-panel", "editor"],
        }
        for each in await backend.chat.commands(_first_root(client))
    ]


async def create(client: CopilotClient, params: values.CreateParams) -> dict[str, str]:
    """A new conversation, and the answer to its first question."""
    asked = params.turns[-1].request if params.turns else ""
    # Before anything is waited for: ranges are of the texts as they are now.
    with client.server.documents.keeping(_documents_of(params)):
        backend = await chatting(client.server)
        await backend.refresh()
        skills = params.capabilities
        # A client that lets nothing be asked about its editor wants no more than this answer.
        if asked.strip() and skills is not None and not skills.skills and not skills.all_skills:
            question = _question(backend, params, asked, root=_root(params), keep=False)
            return await _answer(client, params.work_done_token, question)
        made = await backend.chat.create(root=_root(params))
        if not asked.strip():
            return {"conversationId": made.session_id, "turnId": _turn_id()}
        doc = params.doc.uri if params.doc else None
        if doc is None and skills is not None and (skills.all_skills or _EDITOR in skills.skills):
            doc = await _looked_at(client, made.session_id)
        question = _question(backend, params, asked, session=made.session_id, doc=doc)
        return await _answer(client, params.work_done_token, question, doc)


async def turn(client: CopilotClient, params: values.TurnParams) -> dict[str, str]:
    """The answer to a further question."""
    with client.server.documents.keeping(_documents_of(params)):
        backend = await chatting(client.server)
        await backend.refresh()
        doc = params.doc.uri if params.doc else None
        known = params.conversation_id
        question = _question(backend, params, params.message, session=known, doc=doc)
        return await _answer(client, params.work_done_token, question, doc)


async def destroy(client: CopilotClient, params: values.DestroyParams) -> str:
    """It is not shown any more; what is kept of it stays in the history."""
    if (answering := client.turns.get(params.conversation_id)) is not None:
        answering.cancel()
    await (await chatting(client.server)).chat.close(params.conversation_id)
    return "OK"


def _documents_of(params: values.CreateParams | values.TurnParams) -> set[str]:
    uris = {each.uri for each in params.references or ()} | {params.doc and params.doc.uri}
    return {uri for uri in uris if uri}


# -- a question ------------------------------------------------------------------------------


def _question(
    backend: Backend,
    params: values.CreateParams | values.TurnParams,
    text: str,
    *,
    session: str | None = None,
    root: str | None = None,
    doc: str | None = None,
    keep: bool = True,
) -> Question:
    from polypilot.chat.values import Question  # noqa: PLC0415 - see above

    provider, model = _chosen(backend, params)
    return Question(
        text=text,
        attachments=(*_attached(params, doc), *_before(params)),
        session_id=session,
        root=root,
        provider=provider,
        model=model,
        keep=keep,
    )


def _chosen(
    backend: Backend, params: values.CreateParams | values.TurnParams
) -> tuple[str | None, str | None]:
    """Whom the client wants to be answered by; an id that is none of ours says nothing."""
    newer = params.model_info.id if params.model_info else None
    provider, slash, model = (newer or params.model or "").partition("/")
    return (provider, model) if slash and provider in backend.rows() else (None, None)


def _attached(params: values.CreateParams | values.TurnParams, doc: str | None) -> Iterable[Attach]:
    """What the user attaches, and the document in front."""
    wanted = [each for each in params.references or () if each.uri is not None]
    whole = {each.uri for each in wanted if each.selection is None}
    if doc is not None and doc not in whole:
        yield chat_wire.attach(doc, None)
    for each in wanted:
        yield chat_wire.attach(cast("str", each.uri), each.selection)


def _before(params: values.CreateParams | values.TurnParams) -> Iterable[Embedded]:
    """What was said in a conversation that the client goes on with."""
    from polypilot.chat.values import Embedded  # noqa: PLC0415 - see above

    earlier = getattr(params, "turns", ())[:-1]
    if earlier:
        said = (f"User: {each.request}\n\nAnswer: {each.response or ''}\n" for each in earlier)
        yield Embedded("conversation-so-far.md", "\n".join(said), "markdown")


async def _looked_at(client: CopilotClient, session_id: str) -> str | None:
    """The document that the client's user looks at, if it says so."""
    params = {"conversationId": session_id, "turnId": _turn_id(), "skillId": _EDITOR}
    asked: Awaitable[object] = client.server.protocol.send_request_async(
        names.CONVERSATION_CONTEXT, params
    )
    try:
        async with asyncio.timeout(CONTEXT_S):
            found = await asked
    except Exception:  # noqa: BLE001 - a client's error answer, of whatever kind, or none
        return None
    uri = cast("dict[str, object]", found).get("uri") if isinstance(found, dict) else None
    return uri if isinstance(uri, str) else None


def _root(params: values.CreateParams) -> str | None:
    folders = params.workspace_folders or ()
    named = [params.workspace_folder, *(each.uri for each in folders)]
    found = (chat_wire.path_of(each) for each in named if each)
    return next((each for each in found if each), None)


def _first_root(client: CopilotClient) -> str | None:
    return chat_wire.path_of(next(iter(client.server.folders), None))


def _turn_id() -> str:
    return str(uuid.uuid4())


# -- its answer ------------------------------------------------------------------------------


async def _answer(
    client: CopilotClient,
    token: types.ProgressToken,
    question: Question,
    doc: str | None = None,
) -> dict[str, str]:
    """Answer while the client is told; returns what it has to know of the answer."""
    from polypilot.chat.values import Scene  # noqa: PLC0415 - see above

    server = client.server
    backend = await chatting(server)
    stream = backend.chat.send(question, EditorClient(server, Scene(buffer=doc)))
    reply = Reply(server, token)
    work = server.protocol.spawn(reply.run(stream), "copilot-answer")
    _hold(client.answering, token, work)
    if question.session_id is not None:
        _hold(client.turns, question.session_id, work)
    server.protocol.calls.go_on_behind(work)
    try:
        await asyncio.wait({work}, timeout=HOLD_S)
        await reply.named.wait()
    except asyncio.CancelledError:
        # `$/cancelRequest` is how a user stops an answer; what arrived is kept.
        work.cancel()
        await asyncio.wait({work})
        if not reply.conversation_id:
            raise
    if reply.failure is not None and not reply.conversation_id:
        raise reply.failure
    if not work.done():
        _hold(client.turns, reply.conversation_id, work)
    return {"conversationId": reply.conversation_id, "turnId": reply.turn_id}


def _hold(running: dict[_Key, asyncio.Task[Any]], key: _Key, work: asyncio.Task[Any]) -> None:
    """Keep hold of work until it ends."""
    running[key] = work

    def ended(_work: asyncio.Task[Any]) -> None:
        if running.get(key) is work:
            del running[key]

    work.add_done_callback(ended)


# -- a commit message ------------------------------------------------------------------------


async def commit(client: CopilotClient, params: values.CommitParams) -> dict[str, str]:
    """A commit message for diffs that the client has made.

    Raises:
        UserError: there is nothing that may be sent, or no answer.
    """
    from polypilot.chat.values import Embedded, Question  # noqa: PLC0415 - see above

    backend = await chatting(client.server)
    await backend.refresh()
    root = _commit_root(params.workspace_folder) or _first_root(client)
    attached = await _changes(backend, params.changes, root)
    if not attached:
        raise UserError("there is no change that may be sent", code="excluded")
    earlier = params.recent_commits or params.user_commits or ()
    if subjects := "\n".join(each.partition("\n")[0] for each in earlier):
        attached.append(Embedded("subjects-of-earlier-commits.txt", subjects))
    question = Question("/commit", tuple(attached), root=root, keep=False, mode="plain")
    text = ""
    async with aclosing(backend.chat.send(question)) as stream:
        async for event in stream:
            if event.kind == "end":
                if (error := event.error) is not None:
                    raise UserError(error.message, code=error.code, cure=error.cure)
                text = event.text
    return {"commitMessage": bare(text)}


async def _changes(backend: Backend, changes: Iterable[str], root: str | None) -> list[Embedded]:
    """The diffs by files, each under the name of its file, which the gate judges."""
    from polypilot.chat.values import Embedded  # noqa: PLC0415 - see above
    from polypilot.workspace.git_diff import split  # noqa: PLC0415 - likewise

    def uri(path: str) -> str:
        return uri_of(os.path.join(root, *path.split("/"))) if root else path  # noqa: PTH118 - strings

    files = [file for text in changes for file in split(text)]
    await backend.gate.look({uri(path) for each in files for path in each.paths}, CONTEXT_S)
    return [
        Embedded(uri(each.path), each.text, "diff")
        for each in files
        if all(_may_go(backend, uri(path), root) for path in each.paths)
    ]


def _may_go(backend: Backend, uri: str, root: str | None) -> bool:
    gate = backend.gate
    return (gate.admit_document(uri) if root else gate.admit_name(uri)).allowed


def _commit_root(folder: object) -> str | None:
    folders = cast("list[object]", folder) if isinstance(folder, list) else [folder]
    first = next(iter(folders), None)
    if not isinstance(first, str) or not first:
        return None
    return chat_wire.path_of(first) if "://" in first else first
