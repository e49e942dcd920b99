"""What a face may ask about the providers' keys; never the keys themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.backend import selecting

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot.backend.composition import Composition
    from polypilot.backend.planning import Purpose
    from polypilot.backend.pool import ProviderPool


class Keys:
    """Where keys come from, whether they work, and which of several is used."""

    def __init__(self, backend: Composition, pool: ProviderPool) -> None:
        self._backend = backend
        self._pool = pool

    def environment(self, provider_id: str) -> str | None:
        """The environment variable that holds a provider's key, if one does."""
        return self._pool.environment_key(provider_id)

    async def check_token(self, provider_id: str) -> None:
        """Run a provider's token command; raises AuthError."""
        await self._pool.token(provider_id)

    async def check(self, provider_id: str, account: str | None = None) -> str:
        """Have a supplier prove a key, as its row says; a short word on it.

        ``account`` names another key than the one in use. May cost a token of an answer.

        Raises:
            ProviderError: what is wrong: see the tree.
        """
        row = self._backend.row(provider_id)
        purpose: Purpose = "completion" if row.check == "completion" else "chat"
        target = self._backend.target(purpose)
        model = target.model if target.provider_id == provider_id else ""
        return await self._pool.check(provider_id, account, model)

    async def use(self, provider_id: str, account: str | None, folder: Path | None = None) -> Path:
        """Write to the user's file which of several keys is used, and put it in force.

        Args:
            provider_id: whose key.
            account: its name; None takes the choice back.
            folder: where it holds, and below; None: wherever no folder's choice does.

        Raises:
            ConfigurationError: there is no such provider.
            SettingsError: the file can't be written.
        """
        return await selecting.use_account(self._backend, provider_id, account, folder)
