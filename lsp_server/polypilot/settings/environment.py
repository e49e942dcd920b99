"""Keys in the process's environment, under the names their suppliers chose.

Only the process's own environment counts, never a ``.env`` file, and only for keys:
variables such as OPENAI_BASE_URL change nothing. A supplier's variable counts for the
supplier's own origin; a row that the user moved elsewhere must name its variables itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.errors import register_secret
from polypilot.settings.source import SettingsProblem
from polypilot_providers.base import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from polypilot.settings.model import Settings

_KEY_SUFFIXES = ("_API_KEY", "_KEY", "_TOKEN")
_URL_SUFFIXES = ("_BASE_URL", "_API_BASE", "_API_BASE_URL", "_ENDPOINT")


def env_keys(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """Name of the variable that holds a key, by provider id; never the key.

    A row that names an account takes that one's key and no other.
    """
    found: dict[str, str] = {}
    for provider_id, row in settings.providers.items():
        name = next((name for name in row.key_env if env.get(name, "").strip()), None)
        if name is not None and row.auth == "keyring" and not row.account:
            found[provider_id] = name
    return found


def key_from_env(settings: Settings, provider_id: str, env: Mapping[str, str]) -> Secret | None:
    """The key a provider has in the environment, if any."""
    name = env_keys(settings, env).get(provider_id)
    if name is None:
        return None
    key = env[name].strip()
    register_secret(key)
    return Secret(key)


def variable_problems(settings: Settings, env: Mapping[str, str]) -> Iterator[SettingsProblem]:
    """Say of each address variable that is set that it has no effect."""
    stems = {
        name.removesuffix(suffix): provider_id
        for provider_id, row in settings.providers.items()
        for name in row.key_env
        for suffix in _KEY_SUFFIXES
        if name.endswith(suffix)
    }
    for stem, provider_id in sorted(stems.items()):
        for suffix in _URL_SUFFIXES:
            if env.get(stem + suffix):
                yield SettingsProblem(
                    "environment",
                    None,
                    stem + suffix,
                    "is not used; addresses come from your config.toml only",
                    f"If you want it, set base_url under [providers.{provider_id}]",
                    severity="warning",
                    code="ignored_variable",
                )
