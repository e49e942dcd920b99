"""From a row of data to a provider, and providers from other packages.

A package adds a provider by an entry point in the group ``polypilot.providers``::

    [project.entry-points."polypilot.providers"]
    acme = "polypilot_acme:plugin"

``plugin`` is called without arguments and returns a :class:`Plugin`: the provider's row, and,
unless the row's wire is one of ours, a function that makes the provider. That function gets
the row, a source of the key that the user stored for the row's origin, the shared HTTP
client (the only way out to the network) and, for runtimes, the address. The provider has to
pass ``testing.ProviderConformance``.
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

from polypilot_providers.errors import ConfigurationError
from polypilot_providers.origin import Origin
from polypilot_providers.wires.several import SeveralWires

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polypilot_providers.base import KeySource, Provider
    from polypilot_providers.catalog import ProviderRow, Wire
    from polypilot_providers.http import HttpClient
    from polypilot_providers.wires.provider import WireProvider

_log = logging.getLogger(__name__)

GROUP = "polypilot.providers"

_WIRES = {
    "openai-chat": ("openai_chat", "OpenAIProvider"),
    "openai-responses": ("responses", "ResponsesProvider"),
    "anthropic-messages": ("anthropic_messages", "AnthropicProvider"),
    "ollama": ("ollama", "OllamaProvider"),
    "gemini": ("gemini", "GeminiProvider"),
    "bedrock-converse": ("bedrock", "BedrockProvider"),
    "bedrock-invoke": ("bedrock_invoke", "BedrockInvokeProvider"),
    "llama-cpp": ("llama_cpp", "LlamaCppProvider"),
}
"""Module and class of each wire; imported when first used."""


class Factory(Protocol):
    """Makes a provider of a row."""

    def __call__(
        self, row: ProviderRow, key: KeySource, http: HttpClient, *, base_url: str | None = None
    ) -> Provider:
        """The provider; raises ConfigurationError if the row can't be used."""
        ...


@dataclass(frozen=True, slots=True)
class Plugin:
    """A provider from another package."""

    row: ProviderRow
    build: Factory | None = None
    """Needed only for the wire ``plugin``."""


def build(
    row: ProviderRow,
    key: KeySource,
    http: HttpClient,
    *,
    base_url: str | None = None,
    plugins: Mapping[str, Plugin] | None = None,
) -> Provider:
    """The provider of ``row``.

    Args:
        row: of the catalog, the user or a plugin.
        key: yields the key stored for the row's origin.
        http: the process's client.
        base_url: overrides the row's, for a runtime whose port is known only now.
        plugins: as :func:`load_entry_points` found them.

    Raises:
        ConfigurationError: the address or the wire can't be used.
    """
    plugin = (plugins or {}).get(row.id)
    if plugin is not None and plugin.build is not None:
        return plugin.build(row, key, http, base_url=base_url)
    origin, path = address(row.address() if base_url is None else base_url)

    def make(wire: Wire) -> WireProvider:
        return _wire(row, wire)(row, origin, path, key, http)

    wires = {row.wire, row.completion_wire, *(model.wire for model in row.models)} - {None}
    return make(row.wire) if len(wires) == 1 else SeveralWires(row, make)


def _wire(row: ProviderRow, wire: Wire) -> type[WireProvider]:
    """The class that speaks ``wire``."""
    found = _WIRES.get(wire)
    if found is None:
        raise ConfigurationError(
            f"nothing installed makes the provider {row.id}",
            provider=row.id,
            cure="Install the package that brings it, or correct the row's `wire`.",
        )
    module, name = found
    made: type[WireProvider] = getattr(
        importlib.import_module(f"polypilot_providers.wires.{module}"), name
    )
    return made


def address(base_url: str) -> tuple[Origin, str]:
    """Origin and base path (no slash at its end) of a ``base_url``.

    Raises:
        ConfigurationError: it has no usable origin, or a query or fragment.
    """
    origin = Origin.parse(base_url)
    parts = urlsplit(base_url)
    if parts.query or parts.fragment:
        raise ConfigurationError(
            "a base_url takes no query and no fragment",
            host=origin.authority,
            cure="Remove everything from `?` or `#` on.",
        )
    return origin, parts.path.rstrip("/")


def load_entry_points() -> dict[str, Plugin]:
    """The installed plugins by provider id. One that fails to load is logged and left out."""
    # Reading the metadata of all installed packages takes a while: not at import.
    from importlib.metadata import entry_points  # noqa: PLC0415 - see above

    plugins: dict[str, Plugin] = {}
    for point in entry_points(group=GROUP):
        try:
            plugin = cast("Callable[[], object]", point.load())()
        except Exception as error:  # noqa: BLE001 - a stranger's code may fail in any way
            _log.warning("provider plugin %r failed to load: %s", point.name, type(error).__name__)
            continue
        if isinstance(plugin, Plugin) and plugin.row.id == point.name:
            plugins[point.name] = plugin
        else:
            _log.warning("provider plugin %r is none: it has to return a Plugin", point.name)
    return plugins
