"""What several test files of this folder need."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from polypilot_providers.catalog import ProviderRow, rows
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.testing import key_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from polypilot_providers.base import KeySource, Provider


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    """A client that the environment has no say in."""
    client = HttpClient(Network(env={}))
    yield client
    await client.aclose()


@pytest.fixture
def key() -> KeySource:
    """A source of the key ``sk-test-1``."""
    return key_of("sk-test-1")


@pytest.fixture
def provider(http: HttpClient, key: KeySource) -> Callable[..., Provider]:
    """Makes a provider of a row's fields; only wire and base_url are needed."""

    def make(**fields: object) -> Provider:
        row = ProviderRow.model_validate({"id": "team", "wire": "openai-chat"} | fields)
        return build(row, key, http)

    return make


@pytest.fixture
def listed(http: HttpClient, key: KeySource) -> Callable[..., Provider]:
    """Makes a provider of the catalog's row of an id, some fields changed, at an address."""

    def make(supplier: str, base_url: str, **fields: object) -> Provider:
        row = rows({})[supplier].model_copy(update=fields)
        return build(row, key, http, base_url=base_url)

    return make


class Authority:
    """A certificate authority of our own and what it signed."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str, **options: object) -> ssl.SSLContext:
        """A server's context for ``names``; ``options`` as for ``trustme.CA.issue_cert``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._ca.issue_cert(*names, **options)  # pyright: ignore[reportArgumentType] - fields of several types
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names pyOpenSSL
        return context

    def client(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Files of a certificate of ``name`` and of its key."""
        issued = self._ca.issue_cert(name)
        cert, key = folder / "client.pem", folder / "client.key"
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return cert, key


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority nobody else trusts."""
    return Authority(tmp_path)
