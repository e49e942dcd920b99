"""How this package starts another Python: isolated, and without the user's keys around it."""

from __future__ import annotations

import os
import site
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEEDED = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP",
    "SYSTEMROOT", "WINDIR", "COMSPEC", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
))  # fmt: skip
_PIP = frozenset((
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "PROGRAMDATA", "VIRTUAL_ENV",
))  # fmt: skip


def python(*arguments: str) -> list[str]:
    """The command that runs this interpreter with ``arguments`` and nothing of its
    surroundings: no PYTHON* variables, no module from the current folder.

    The user's own site folder stays where Polypilot may have been installed into it.
    """  # noqa: D205  (one sentence)
    flags = ("-E", "-P") if site.ENABLE_USER_SITE else ("-I",)
    return [sys.executable, *flags, *arguments]


def bare_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program needs to run at all; in particular no supplier's key."""
    source = os.environ if environ is None else environ
    return {
        name: value
        for name, value in source.items()
        if name.upper() in _NEEDED or name.upper().startswith("LC_")
    }


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
