"""What pip is started with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from polypilot.children import bare_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIP = frozenset((
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "PROGRAMDATA", "VIRTUAL_ENV",
))  # fmt: skip


def pip_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """``bare_environment`` and how the user's network and package index are reached."""
    source = os.environ if environ is None else environ
    kept = {
        name: value
        for name, value in source.items()
        if name.upper() in _PIP or name.upper().startswith(("PIP_", "XDG_CONFIG_"))
    }
    index = source.get("UV_DEFAULT_INDEX") or source.get("UV_INDEX_URL")
    if index and "PIP_INDEX_URL" not in kept:
        kept["PIP_INDEX_URL"] = index
    return {**bare_environment(source), **kept}
