"""The chat's parts: history, context, tools, edits; each is made when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot import paths
from polypilot.chat.asking import Asking
from polypilot.chat.commands import Commands
from polypilot.chat.edits import Edits
from polypilot.chat.history import History
from polypilot.chat.instructions import Instructions
from polypilot.chat.mentions import Mentions
from polypilot.chat.retrieving import Retrieving
from polypilot.chat.service import ChatService, Parts
from polypilot.chat.tools.ground import Ground
from polypilot.chat.tools.mcp import McpServers
from polypilot.chat.tools.proposing import ProposeEdit
from polypilot.chat.tools.registry import Toolbox
from polypilot.workspace.git import Git
from polypilot.workspace.index.service import WorkspaceIndex
from polypilot_prompts.proposals import INSTRUCTIONS as EDITS_HINT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from polypilot.backend.accounts import ChatAccounts
    from polypilot.backend.in_force import InForce
    from polypilot.chat import events
    from polypilot.chat.values import Scene
    from polypilot.settings.mcp import McpServer
    from polypilot.workspace.diagnostics import Diagnostics
    from polypilot.workspace.documents import DocumentStore
    from polypilot.workspace.gate import Gate
    from polypilot.workspace.trust import TrustStore
    from polypilot_providers.base import Secret
    from polypilot_providers.network import Network
    from polypilot_providers.origin import Origin


class Chatting:
    """Puts the chat together."""

    def __init__(  # noqa: PLR0917 - the parts of a composition
        self,
        now: InForce,
        gate: Gate,
        documents: DocumentStore,
        diagnostics: Diagnostics,
        trust: TrustStore,
        accounts: ChatAccounts,
    ) -> None:
        self._now = now
        self.history = History(problems=now.board.problem)
        self.git = Git(gate.roots)
        self.index = WorkspaceIndex(
            lambda: paths.cache_dir() / "index",
            lambda: now.loaded.settings.privacy,
            lambda: gate.roots,
        )
        self.edits = Edits(gate, documents, gate.roots)
        ground = Ground(gate, documents, diagnostics, self.index)
        self.servers = McpServers(ground, _Mcp(now))
        self.mentions = Mentions(gate, documents, diagnostics, self.git, self.index)
        self.commands = Commands(trust)
        asking = Asking(
            gate,
            documents,
            commands=self.commands,
            mentions=self.mentions,
            instructions=Instructions(gate, trust),
            retriever=Retrieving(self.mentions),
            edits_hint=EDITS_HINT,
        )
        self.service = ChatService(
            router=now.router,
            gate=gate,
            plan=now.chat_plan,
            parts=Parts(
                asking,
                accounts,
                tools=Toolbox(
                    ground,
                    git=self.git,
                    proposing=ProposeEdit(ground, self.edits),
                    servers=self.servers,
                    disabled=lambda: now.loaded.settings.chat.disabled_tools,
                ),
                history=self._kept,
                proposals=self._proposals,
                forget=self.edits.forget,
                mode=lambda: now.loaded.settings.chat.mode,
                roots=lambda: [each.path for each in gate.roots],
            ),
        )

    def _kept(self) -> History | None:
        return self.history if self._now.loaded.settings.chat.history else None

    async def _proposals(
        self, session_id: str, text: str, scene: Scene, root: str | None
    ) -> AsyncGenerator[events.Proposal, None]:
        for each in await self.edits.found(session_id, text, scene, root):
            yield each.event()

    async def aclose(self) -> None:
        """End what runs for it, and close its files."""
        await self.service.aclose()
        await self.servers.aclose()
        await self.index.aclose()
        await self.history.aclose()


class _Mcp:
    """What is in force for MCP servers."""

    def __init__(self, now: InForce) -> None:
        self._now = now

    @property
    def servers(self) -> Mapping[str, McpServer]:
        """The user's, by name."""
        return self._now.loaded.settings.mcp

    @property
    def local_only(self) -> bool:
        """Whether nothing may leave this machine."""
        return self._now.loaded.settings.privacy.local_only

    @property
    def network(self) -> Network:
        """How addresses are reached."""
        return self._now.network

    @property
    def environ(self) -> Mapping[str, str]:
        """Where variables are looked up."""
        return self._now.environ

    async def key(self, server: str, origin: Origin) -> Secret | None:
        """A server's key for an origin, from the keyring."""
        return await self._now.credentials.get(f"mcp:{server}", origin)
