"""Storing a key, what is known of those there are, what suppliers say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.errors import describe
from polypilot.settings import EMBEDDED
from polypilot.terminal.program import CONFIGURATION, FAILED, OK, status_of
from polypilot_providers.base import Secret
from polypilot_providers.errors import ConfigurationError, ProviderError
from polypilot_providers.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend
    from polypilot.terminal.output import Output
    from polypilot_providers.catalog import ProviderRow


@dataclass(frozen=True, slots=True)
class Known:
    """A key: whose, where it goes, where it is kept. Never the key itself."""

    provider: str
    account: str
    origin: str
    source: str
    in_use: bool
    """Whether it is the one that a request from here would take."""


async def known_keys(backend: Backend) -> list[Known]:
    """From the index and the environment: the keyring itself is not asked and can't prompt."""
    stored = await backend.credentials.stored()
    keys = [
        Known(
            key.provider,
            key.account,
            key.origin,
            "keyring",
            (key.account, key.origin) == _wanted(backend, key.provider),
        )
        for key in stored
    ]
    for row in backend.rows().values():
        variable = backend.keys.environment(row.id)
        if variable is None:
            continue
        origin = _origin(backend, row.id)
        if not any((key.provider, key.account, key.origin) == (row.id, "", origin) for key in keys):
            source = f"environment ({variable})"
            keys.append(Known(row.id, "", origin, source, in_use=bool(origin)))
    return keys


def _wanted(backend: Backend, provider_id: str) -> tuple[str, str] | None:
    """Account and origin of the key that the provider takes, if it takes one of the keyring's."""
    row = backend.rows().get(provider_id)
    if row is None or row.auth != "keyring":
        return None
    return row.account, _origin(backend, provider_id)


def _origin(backend: Backend, provider_id: str) -> str:
    """Where the provider's key goes; empty while its address can't be used."""
    try:
        return str(backend.origin(provider_id))
    except ProviderError:
        return ""


async def remove(backend: Backend, provider_id: str, account: str) -> list[str]:
    """Take a key out of the keyring; the origins that it was for.

    The key for the address in use. If there is none, those for addresses that the provider had,
    which may be gone from the settings.

    Raises:
        ConfigurationError: there is no such provider, and no key for one.
        CredentialError: the keyring can't be used.
    """
    stored = [
        key.origin
        for key in await backend.credentials.stored()
        if (key.provider, key.account) == (provider_id, account)
    ]
    here = _origin(backend, provider_id) if stored else str(backend.origin(provider_id))
    if here and await backend.credentials.remove(provider_id, Origin.parse(here), account):
        return [here]
    before = [each for each in stored if each != here]
    for each in before:
        await backend.credentials.remove(provider_id, Origin.parse(each), account)
    return before


async def to_check(backend: Backend) -> list[tuple[str, str | None]]:
    """Providers and accounts to check when none is named: each key that is stored, and the
    selected providers that get theirs elsewhere. None is the account in use.
    """  # noqa: D205 - one sentence
    found: dict[tuple[str, str | None], None] = {
        (key.provider, key.account): None for key in await backend.credentials.stored()
    }
    for provider_id in selected(backend):
        row = backend.rows().get(provider_id)
        elsewhere = row is not None and row.auth in ("command", "aws")
        if elsewhere or backend.keys.environment(provider_id):
            found.setdefault((provider_id, None))
    # One that is stored and selected too is asked once.
    return [each for each in found if each[1] is not None or (each[0], "") not in found]


def selected(backend: Backend) -> list[str]:
    """Every provider that the settings may ask, in their order; not the embedded one."""
    targets = [*backend.loaded.targets("completion"), *backend.loaded.targets("chat")]
    return [each for each in dict.fromkeys(name for name, _ in targets) if each != EMBEDDED]


async def check(
    backend: Backend, output: Output, provider_id: str, account: str | None, *, as_json: bool
) -> int:
    """Have one key proved and show what comes of it; the exit status."""
    row = backend.rows().get(provider_id)
    named = account if account is not None else row.account if row is not None else ""
    fields: dict[str, object] = {"provider": provider_id, "account": named}
    label = f"{provider_id} ({named})" if named else provider_id
    try:
        said = await backend.keys.check(provider_id, account)
    except Exception as error:  # noqa: BLE001 - shown per key; the others are still checked
        problem = describe(error)
        if as_json:
            told = {"code": problem.code, "message": problem.message}
            output.json({**fields, "ok": False, **told})
        else:
            output.print(f"{label}: {FAULTS.get(problem.code, 'failed')}")
        output.failure(problem.code, problem.message, problem.cure)
        return status_of(problem.code) or FAILED
    if as_json:
        output.json({**fields, "ok": True, "said": said})
    else:
        output.print(f"{label}: ok ({said})")
    return OK


FAULTS = {
    "auth": "the key is missing or refused",
    "permission": "the key is known and may not do this",
    "quota_exhausted": "the key is known and no credit is left",
    "rate_limited": "too many requests at the moment; nothing is said of the key",
    "unknown_model": "the key is known and the model is not",
    "configuration": "the settings are wrong; nothing is said of the key",
    "network": "not reached; nothing is said of the key",
    "timeout": "no answer in time; nothing is said of the key",
    "unavailable": "failing at the moment; nothing is said of the key",
}
"""What an error's code means for a key."""


@dataclass(frozen=True, slots=True)
class Storing:
    """Storing one key, and asking the provider about it."""

    backend: Backend
    output: Output
    row: ProviderRow
    account: str

    async def run(self, key: str, *, check: bool) -> int:
        """Store, then ask. A refused key does not displace the one before."""
        credentials, origin = self.backend.credentials, self.backend.origin(self.row.id)
        before = await credentials.get(self.row.id, origin, self.account)
        await credentials.set(self.row.id, origin, Secret(key), self.account)
        where = f"{await credentials.backend_name()}, for {origin} only"
        if not check:
            self.output.print(f"Stored in {where}; not checked.")
            self._tell_use()
            return OK
        try:
            said = await self.backend.keys.check(self.row.id, self.account)
        except Exception as error:  # noqa: BLE001 - each kind of failure has its own way on, below
            problem = describe(error)
            if problem.code == "auth":
                await self._put_back(before)
                option = f" --account {self.account}" if self.account else ""
                self.output.failure(
                    problem.code,
                    f"{problem.message} The new key was not kept.",
                    f"check the key at its page, then `polypilot auth set {self.row.id}{option}` "
                    "again",
                )
                return CONFIGURATION
            self.output.print(f"Stored in {where}.")
            self.output.note(f"That the key works is not shown: {problem.message}")
        else:
            self.output.print(f"Stored in {where}. The key works ({said}).")
        self._tell_use()
        return OK

    async def _put_back(self, before: Secret | None) -> None:
        credentials, origin = self.backend.credentials, self.backend.origin(self.row.id)
        if before is None:
            await credentials.remove(self.row.id, origin, self.account)
        else:
            await credentials.set(self.row.id, origin, before, self.account)

    def _tell_use(self) -> None:
        row, account = self.row, self.account
        if row.account == account:
            self.output.print(f"Use it with: polypilot use {row.id}", style="dim")
            return
        use = f"polypilot auth use {row.id} {account or '--default'}"
        now = f"the key {row.account!r}" if row.account else "the key without a name"
        self.output.note(f"In use here is {now}. To use this one: {use} [--folder .]")


OF_SERVER = "mcp:"
"""Begins the name of what is no provider but a server of the user's, whose tools are offered."""


async def store_for_server(
    backend: Backend, output: Output, name: str, typed: Callable[[], str]
) -> int:
    """Store the key of ``mcp:NAME`` for its server's address.

    Raises:
        ConfigurationError: there is no such server, or it takes no key.
        CredentialError: the keyring did not take it.
    """
    server = backend.settings.mcp.get(name.removeprefix(OF_SERVER))
    if server is None or server.auth != "keyring":
        raise ConfigurationError(
            f"there is no server {name} that takes a key",
            cure=f'Write auth = "keyring" below [mcp.{name.removeprefix(OF_SERVER)}]',
        )
    origin = Origin.parse(server.url)
    await backend.credentials.set(name, origin, typed())
    output.print(f"Stored the key of {name} for {origin}.")
    return OK
