"""From a provider's id to a provider that can be asked: its row, its key, its origin.

A key goes to the origin it was entered for and to no other. Every request passes the gate's
last check on its way to the wire, whoever made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from polypilot.backend.checked import Checked
from polypilot.backend.tokens import TokenCommands
from polypilot.credentials import CredentialError
from polypilot.embedded.errors import EmbeddedError
from polypilot.errors import register_secret
from polypilot.settings import EMBEDDED, SettingsError, env_keys, key_from_env
from polypilot_providers.errors import AuthError, ConfigurationError
from polypilot_providers.factory import Plugin, build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polypilot.credentials import Credentials
    from polypilot.embedded.catalog import Model
    from polypilot.embedded.runtime import Endpoint, Stage
    from polypilot.settings import Loaded, Settings
    from polypilot.workspace.gate import Gate
    from polypilot_providers.base import KeySource, Provider, Secret
    from polypilot_providers.catalog import ProviderRow
    from polypilot_providers.http import Heard


class Process(Protocol):
    """What the pool asks of the embedded model's runtime."""

    async def ensure(
        self, model: Model, on_stage: Callable[[Stage], None] | None = None
    ) -> Endpoint:
        """Where the model answers; raises EmbeddedError."""
        ...


class ProviderPool:
    """Builds each provider once and keeps it while its row and address stay the same.

    Each has connections of its own. One whose settings changed is closed, with them, when the
    last request that it was answering has ended.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        credentials: Callable[[], Credentials],
        runtime: Process,
        embedded: Callable[[], Model],
        on_stage: Callable[[Stage], None],
        gate: Gate,
        env: Mapping[str, str],
        plugins: Mapping[str, Plugin],
        heard: Heard | None = None,
    ) -> None:
        self._loaded = loaded
        self._credentials = credentials
        self._runtime = runtime
        self._embedded_model = embedded
        self._on_stage = on_stage
        self._gate = gate
        self._env = env
        self._plugins = plugins
        self._heard = heard
        self._tokens = TokenCommands()
        self._built: dict[str, tuple[tuple[str, int | None], Checked]] = {}
        self._retired: list[Checked] = []
        """Those that may still be answering."""

    async def configure(self, loaded: Loaded) -> None:
        """Take new settings; providers whose row changed are built anew when next asked."""
        old, new = self._loaded.settings, loaded.settings
        network_changed = old.network != new.network
        stale = [
            provider_id
            for provider_id in self._built
            if network_changed or old.providers.get(provider_id) != new.providers.get(provider_id)
        ]
        self._loaded = loaded
        self._tokens.forget()
        # All of them first: nobody may be given one while another is being closed.
        for provider in [self._built.pop(provider_id)[1] for provider_id in stale]:
            await self._retire(provider)

    def row(self, provider_id: str) -> ProviderRow:
        """The row of one provider.

        Raises:
            ConfigurationError: there is none, or the user's row must not be used.
        """
        try:
            return self._loaded.row(provider_id)
        except SettingsError as error:
            raise ConfigurationError(
                error.message, provider=provider_id, cure=error.cure
            ) from error

    def origin(self, provider_id: str) -> Origin:
        """Where the provider's text and key go.

        Raises:
            ConfigurationError: no such provider, or no usable address.
        """
        return Origin.parse(self.row(provider_id).address())

    def environment_key(self, provider_id: str) -> str | None:
        """The name of the environment variable that holds this provider's key, if one does."""
        return env_keys(self._loaded.settings, self._env).get(provider_id)

    async def provider(self, provider_id: str) -> Provider:
        """The provider, ready to be asked. The embedded model's process is started.

        Raises:
            ProviderError: unknown id, an address, proxy or CA file that can't be used, or an
                embedded model that is not installed or can't be started.
        """
        row = self.row(provider_id)
        if row.id == EMBEDDED:
            return await self._embedded()
        return await self._keep(row, row.address(), self._key_source(row))

    async def warm(self, provider_id: str) -> None:
        """Make a provider ready to connect; asks for no key. Not for the embedded model.

        Raises:
            ProviderError: as :meth:`provider`.
        """
        row = self.row(provider_id)
        made = await self._keep(row, row.address(), self._key_source(row))
        await made.prepare(Origin.parse(row.address()))

    def client(self, certificate: tuple[str, str] = ("", "")) -> HttpClient:
        """Connections of their own, by the user's network settings; for the caller to close."""
        network = self._loaded.settings.network
        return HttpClient(
            Network(
                proxy=network.proxy,
                ca_file=network.ca_file,
                client=certificate,
                env=self._env,
            ),
            heard=self._heard,
        )

    async def check(self, provider_id: str, account: str | None = None, model: str = "") -> str:
        """Have a provider's supplier prove its key; a short word on it.

        Args:
            provider_id: whose.
            account: the name of the key, if it is not the one in use that is meant.
            model: to ask where a token of an answer is the proof and the row has no model.

        Raises:
            ProviderError: what is wrong.
        """
        row = self.row(provider_id)
        changes: dict[str, str] = {} if account is None else {"account": account}
        if row.check == "chat" and not row.chat_model:
            changes["chat_model"] = model
        elif row.check == "completion" and not row.completion_model:
            changes["completion_model"] = model
        wanted = row.model_copy(update=changes)
        if row.id == EMBEDDED:
            return await (await self._embedded()).check()
        if wanted == row:
            return await (await self._keep(row, row.address(), self._key_source(row))).check()
        made = self._make(wanted, row.address(), self._key_source(wanted))
        try:
            return await made.check()
        finally:
            await made.aclose()

    async def token(self, provider_id: str) -> None:
        """Run the provider's token command, to see whether it works.

        Raises:
            AuthError: it does not.
        """
        row = self.row(provider_id)
        await self._tokens.token(row.id, row.command)

    async def aclose(self) -> None:
        """Close every connection, those of requests that still run among them."""
        every = [*self._retired, *(provider for _, provider in self._built.values())]
        self._built, self._retired = {}, []
        for provider in every:
            await provider.aclose()

    async def _embedded(self) -> Checked:
        try:
            endpoint = await self._runtime.ensure(self._embedded_model(), self._on_stage)
        except EmbeddedError as error:
            raise EmbeddedModelError.of(error) from error
        # Not before: a start takes seconds, and settings may change meanwhile.
        return await self._keep(
            self.row(EMBEDDED), endpoint.base_url, _fixed(endpoint), endpoint.pid
        )

    async def _keep(
        self, row: ProviderRow, base_url: str, key: KeySource, pid: int | None = None
    ) -> Checked:
        """The row's provider; a new one if its address or the process behind that changed."""
        peer = (base_url, pid)
        kept = self._built.get(row.id)
        if kept is not None and kept[0] == peer:
            return kept[1]
        provider = self._make(row, base_url, key)
        self._built[row.id] = (peer, provider)
        if kept is not None:
            # The runtime came back: at another port, or at the same one with another key.
            await self._retire(kept[1])
        return provider

    def _make(self, row: ProviderRow, base_url: str, key: KeySource) -> Checked:
        http = self.client((row.client_cert, row.client_key))
        made = build(row, key, http, base_url=base_url, plugins=self._plugins)
        if row.auth != "command":
            return Checked(made, http, self._gate)
        return Checked(made, http, self._gate, lambda: self._tokens.refused(row.command))

    async def _retire(self, provider: Checked) -> None:
        await provider.retire()
        self._retired = [each for each in (*self._retired, provider) if not each.closed]

    def _key_source(self, row: ProviderRow) -> KeySource:
        # The settings that the row is of: later ones may name a key for another address.
        settings = self._loaded.settings

        async def key() -> Secret | None:
            if row.auth == "none":
                return None
            if row.auth == "command":
                return await self._tokens.token(row.id, row.command)
            return await self._stored_key(row, settings)

        return key

    async def _stored_key(self, row: ProviderRow, settings: Settings) -> Secret:
        origin = Origin.parse(row.address())
        trouble: CredentialError | None = None
        try:
            found = await self._credentials().get(row.id, origin, row.account)
        except CredentialError as error:
            found, trouble = None, error
        if found is None and not row.account:
            found = key_from_env(settings, row.id, self._env)
        if found is not None:
            register_secret(found.reveal())
            return found
        name = row.name or row.id
        which = f"the key {row.account!r}" if row.account else "the key"
        if trouble is not None:
            raise AuthError(
                f"{which} of {name} can't be read: {trouble.message}",
                provider=row.id,
                host=origin.host,
                cure=trouble.cure,
            ) from trouble
        raise _missing(row, origin)


def _missing(row: ProviderRow, origin: Origin) -> AuthError:
    named = f" named {row.account!r}" if row.account else ""
    option = f" --account {row.account}" if row.account else ""
    other = "use another key (`polypilot auth use`)" if named else "choose another provider"
    where = f" Keys are made at {row.key_page}" if row.key_page else ""
    return AuthError(
        f"no key{named} for {row.name or row.id} ({origin}) is stored",
        provider=row.id,
        host=origin.host,
        cure=f"Run `polypilot auth set {row.id}{option}`, or {other}.{where}",
    )


class EmbeddedModelError(ConfigurationError):
    """The embedded model can't answer; ``code`` is the EmbeddedError's."""

    @classmethod
    def of(cls, error: EmbeddedError) -> EmbeddedModelError:
        """The same failure in the providers' tree, where the router looks for it."""
        made = cls(error.message, provider=EMBEDDED, cure=error.cure)
        made.code = error.code
        return made


def _fixed(endpoint: Endpoint) -> KeySource:
    async def key() -> Secret | None:
        return endpoint.key

    return key
