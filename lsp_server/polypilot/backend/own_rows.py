"""The rows of the user's own file: adding, changing, showing, removing; and what runs nearby."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from polypilot.backend import discovering
from polypilot.backend.adding import PROBE_S, WHOLE_S, Adding
from polypilot.backend.row_fields import assignments, shown
from polypilot.backend.selecting import WRITE_S
from polypilot.credentials import StoredKey
from polypilot.errors import UserError, describe, register_secret
from polypilot.settings import EMBEDDED, SettingsError, remove_row, row_text, update_row
from polypilot.tasks import run_blocking
from polypilot_providers import retired
from polypilot_providers.base import Secret
from polypilot_providers.catalog import ProviderRow
from polypilot_providers.errors import ConfigurationError, ProviderError
from polypilot_providers.factory import address
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from polypilot.backend.core import Backend
    from polypilot.backend.discovering import LocalServer
    from polypilot.backend.reloading import Sources
    from polypilot.backend.row_fields import Field
    from polypilot_providers.catalog import Wire
    from polypilot_providers.http import HttpClient


@dataclass(frozen=True, slots=True)
class Saved:
    """A row that was written."""

    file: Path
    key_kept_in: str
    """The keyring's name; empty if no key was stored."""
    problem: str
    """Why it can't be asked as yet; empty if it can."""


class OwnRows:
    """What a face may do with rows. Part of the backend."""

    def __init__(
        self, backend: Backend, sources: Sources, client: Callable[[], HttpClient]
    ) -> None:
        self._backend = backend
        self._sources = sources
        self._client = client

    # -- adding ----------------------------------------------------------------------------

    def add(
        self,
        name: str,
        url: str,
        *,
        say: Callable[[str], None],
        wire: Wire | None = None,
        model: str = "",
        replace: bool = False,
        each: float = PROBE_S,
        whole: float = WHOLE_S,
    ) -> Adding:
        """Begin to make a row of an address. For the caller to close.

        Raises:
            SettingsError: the name can't be had.
            ConfigurationError: the address can't be used.
        """
        self._check_name(name, replace=replace)
        if gone := retired.by_address(url):
            raise ConfigurationError(gone.message, provider=name, cure=gone.cure)
        return Adding(
            name, url, self._client(), say=say, wire=wire, model=model, each=each, whole=whole
        )

    def known_as(self, origin: Origin) -> list[str]:
        """The catalog's rows at the same address, which may be what the user wants."""
        return [row.id for row in self._sources.catalog().values() if _origin(row) == origin]

    def key_in(self, variable: str) -> Secret:
        """The key in an environment variable.

        Raises:
            UserError: there is none.
        """
        text = self._sources.env.get(variable, "").strip()
        if not text:
            raise UserError(
                f"the environment variable {variable} holds no key",
                code="auth",
                cure=f"Set {variable}, or leave --key-env out and type the key.",
            )
        register_secret(text)
        return Secret(text)

    async def mind_stored(self, adding: Adding, variable: str) -> None:
        """Note that a key which is stored would be used before one of the environment."""
        mine = StoredKey(adding.name, str(adding.origin))
        if mine in await self._backend.credentials.stored():
            adding.found.notes.append(
                f"a key that was stored for {adding.name} earlier is used before {variable}: "
                f"`polypilot auth remove {adding.name}` removes it"
            )

    def text(self, name: str, fields: Mapping[str, object]) -> str:
        """What :meth:`save` would write."""
        return row_text(name, fields)

    async def save(self, adding: Adding, *, key_env: str = "") -> Saved:
        """Store the key, then write the row, put it in force and see whether it can be asked.

        Raises:
            CredentialError: the keyring did not take the key; nothing was written.
            SettingsError: the row was not written; the key is not kept.
        """
        name, origin = adding.name, adding.origin
        fields = adding.fields(key_env)
        credentials = self._backend.credentials
        stored = ""
        before: Secret | None = None
        if adding.key is not None and not key_env:
            before = await credentials.get(name, origin)
            await credentials.set(name, origin, adding.key)
            stored = await credentials.backend_name()
        try:
            file = await self._write(name, fields, anew=True)
        except BaseException:
            if stored and before is None:
                await credentials.remove(name, origin)
            elif stored and before is not None:
                await credentials.set(name, origin, before)
            raise
        return Saved(file, stored, await self._try(name, listed=bool(adding.found.names)))

    async def _try(self, name: str, *, listed: bool) -> str:
        try:
            provider = await self._backend.provider(name)
            if listed:
                await provider.models()
        except (ProviderError, UserError) as error:
            return describe(error).message
        return ""

    def _check_name(self, name: str, *, replace: bool) -> None:
        try:
            ProviderRow(id=name, wire="openai-chat", base_url="")
            usable = name != EMBEDDED
        except ValidationError:
            usable = False
        if not usable:
            raise SettingsError(
                "that is not a name for a provider",
                cure="Use lower-case letters, digits, dot, dash or underscore.",
            )
        if name in self._sources.catalog():
            raise SettingsError(
                f"{name} is in the catalog already",
                cure=f"Take another name, or change that one: `polypilot providers set {name} "
                "base_url=...`.",
            )
        if self._is_named(name) and not replace:
            raise SettingsError(
                f"you have a provider {name} already",
                cure="Take another name, or say --replace.",
            )

    # -- changing --------------------------------------------------------------------------

    async def change(
        self, provider_id: str, values: Mapping[str, str], unset: Sequence[str] = ()
    ) -> Path:
        """Set fields and variables of a row, as text; take others back.

        Raises:
            SettingsError: there is no such field, or a value can't be used; nothing is written.
            ConfigurationError: there is no such provider.
        """
        if provider_id == EMBEDDED:
            raise SettingsError(
                "the embedded model has no row to change",
                cure="Its settings are under [embedded] in config.toml.",
            )
        catalog = self._sources.catalog()
        row = self._backend.rows().get(provider_id) or catalog.get(provider_id)
        if row is None and not self._is_named(provider_id):
            self._backend.row(provider_id)
        return await self._write(provider_id, assignments(provider_id, row, values, unset))

    def show(self, provider_id: str) -> list[Field]:
        """Each field of the row in force, and where it comes from; raises ConfigurationError."""
        row = self._backend.row(provider_id)
        plugin = provider_id in self._sources.plugins
        origin = "plugin" if plugin else "catalog" * (provider_id in self._sources.catalog())
        return shown(row, self._backend.loaded.sources, origin or "default")

    async def remove(self, provider_id: str, *, with_key: bool) -> tuple[Path, int]:
        """Take a row of the user's out of the file; the file, and how many keys went with it.

        Raises:
            SettingsError: it is not the user's, or the file can't be written.
            CredentialError: the keys can't be removed; the row is.
        """
        self.check_removable(provider_id)
        file = await run_blocking(remove_row, provider_id, timeout=WRITE_S, name="settings")
        await self._backend.reload()
        if not with_key:
            return file, 0
        credentials = self._backend.credentials
        keys = [key for key in await credentials.stored() if key.provider == provider_id]
        for key in keys:
            await credentials.remove(provider_id, Origin.parse(key.origin), key.account)
        return file, len(keys)

    def check_removable(self, provider_id: str) -> None:
        """Raises SettingsError unless the row is one of the user's own."""
        if provider_id in self._sources.catalog():
            raise SettingsError(
                f"{provider_id} is in the catalog and can't be removed",
                cure=f"Take back what you changed: `polypilot providers set {provider_id} "
                "--unset FIELD`.",
            )
        if not self._is_named(provider_id):
            raise SettingsError(
                f"you have no provider {provider_id!r}", cure="`polypilot providers` lists them."
            )

    def used_for(self, provider_id: str) -> list[str]:
        """The settings that name the provider."""
        settings = self._backend.settings
        return [
            f"{job}.{name}"
            for job, each in (("completion", settings.completion), ("chat", settings.chat))
            for name, targets in (("provider", (each.provider,)), ("fallback", each.fallback))
            if any(target.split("/", 1)[0] == provider_id for target in targets)
        ]

    # -- what runs nearby ------------------------------------------------------------------

    async def discover(self, *, own: bool = True) -> list[LocalServer]:
        """The servers that answer on this machine; see :mod:`discovering`.

        ``own``: those too for which the user wrote a row.
        """
        http = self._client()
        catalog = self._sources.catalog()
        rows = self._backend.rows()
        if not own:
            rows = {name: row for name, row in rows.items() if name in catalog}
        settings = self._backend.settings
        selected = {"completion": settings.completion.provider, "chat": settings.chat.provider}
        try:
            return await discovering.discover(rows, catalog, http, selected)
        finally:
            await http.aclose()

    # -- common ----------------------------------------------------------------------------

    def _is_named(self, provider_id: str) -> bool:
        """Whether the user's file has a row of that name, usable or not."""
        loaded = self._backend.loaded
        return f"providers.{provider_id}" in loaded.sources or provider_id in loaded.blocked

    async def _write(
        self, name: str, fields: Mapping[str, object | None], *, anew: bool = False
    ) -> Path:
        write = partial(update_row, name, fields, self._sources.catalog(), anew=anew)
        file = await run_blocking(write, timeout=WRITE_S, name="settings")
        await self._backend.reload()
        return file


def _origin(row: ProviderRow) -> Origin | None:
    try:
        return address(row.address())[0]
    except ProviderError:
        return None
