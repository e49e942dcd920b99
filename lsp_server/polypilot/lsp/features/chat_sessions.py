"""`polypilot/chat/*` about conversations that are kept, and what a question may be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.lsp import chat_kept as kept
from polypilot.lsp.features import chat_wire
from polypilot.lsp.features.chat_ready import chatting
from polypilot.lsp.features.chat_wire import path_of

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.lsp.server import PolypilotServer

    Server = PolypilotServer[Backend]

MOST_SESSIONS = 500
"""In one list; a longer one is asked for by pages."""


async def sessions(server: Server, params: kept.SessionsParams) -> list[kept.ChatSession]:
    """The conversations, the one used last first."""
    found = await (await chatting(server)).chat.sessions(
        params.query,
        root=path_of(params.root),
        limit=max(0, min(params.limit, MOST_SESSIONS)),
        before=params.before,
    )
    return [chat_wire.session(each) for each in found]


async def create(server: Server, params: kept.CreateParams) -> kept.ChatSession:
    """A conversation without a message."""
    backend = await chatting(server)
    await backend.refresh()
    made = await backend.chat.create(
        root=path_of(params.root),
        provider=params.provider,
        model=params.model,
        mode=params.mode,
        effort=params.effort,
    )
    return chat_wire.session(made)


async def load(server: Server, params: kept.SessionParams) -> kept.Conversation:
    """A conversation, to be shown."""
    chat = (await chatting(server)).chat
    return chat_wire.conversation(await chat.load(params.session_id))


async def rename(server: Server, params: kept.RenameParams) -> None:
    """Give it another title."""
    await (await chatting(server)).chat.rename(params.session_id, params.title)


async def delete(server: Server, params: kept.SessionParams) -> None:
    """Forget it for good."""
    await (await chatting(server)).chat.delete(params.session_id)


async def configure(server: Server, params: kept.ConfigureParams) -> kept.ChatSession:
    """Who answers in it from now on."""
    backend = await chatting(server)
    await backend.refresh()
    info = await backend.chat.configure(
        params.session_id,
        provider=params.provider,
        model=params.model,
        effort=params.effort,
        mode=params.mode,
    )
    return chat_wire.session(info)


async def select(server: Server, params: kept.SelectParams) -> kept.Conversation:
    """Go to another branch; the conversation as it is then."""
    chat = (await chatting(server)).chat
    await chat.select(params.session_id, params.message_id)
    return chat_wire.conversation(await chat.load(params.session_id))


async def export(server: Server, params: kept.SessionParams) -> kept.Exported:
    """All of it as Markdown."""
    return kept.Exported(await (await chatting(server)).chat.export(params.session_id))


async def close(server: Server, params: kept.SessionParams) -> None:
    """It is not shown any more; one that is kept can be loaded again."""
    await (await chatting(server)).chat.close(params.session_id)


async def commands(server: Server, params: kept.RootParams) -> list[kept.Command]:
    """The slash commands that can be used."""
    found = await (await chatting(server)).chat.commands(path_of(params.root))
    return [
        kept.Command(each.name, each.description, each.source, each.hint or None) for each in found
    ]


async def mentions(server: Server, params: kept.MentionsParams) -> list[kept.Mention]:
    """What a mention that is being typed may become."""
    backend = await chatting(server)
    root = path_of(params.root) or next((each.path for each in backend.gate.roots), None)
    found = await backend.chatting.mentions.complete(params.typed, root)
    return [kept.Mention(each.label, each.insert, each.detail or None) for each in found]
