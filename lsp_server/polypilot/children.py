"""How we start another process: isolated, and without the user's keys around it."""

from __future__ import annotations

import os
import site
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PYTHON = frozenset((
    "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR", "USERPROFILE",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
))  # fmt: skip
"""What Python needs to run; no key of the user's is among them."""
_PROGRAM = frozenset(("PATH", "USER", "LOGNAME", "COMSPEC", "APPDATA", "LOCALAPPDATA"))


def python(*arguments: str) -> list[str]:
    """The command that runs this interpreter with ``arguments`` and nothing of its
    surroundings: no PYTHON* variables, no module from the current folder.

    The user's own site folder stays where Polypilot may have been installed into it.
    """  # noqa: D205  (one sentence)
    flags = ("-E", "-P") if site.ENABLE_USER_SITE else ("-I",)
    return [sys.executable, *flags, *arguments]


def python_environment(
    environ: Mapping[str, str] | None = None, more: Collection[str] = ()
) -> dict[str, str]:
    """What Python needs to run, and ``more``, in capitals."""
    source = os.environ if environ is None else environ
    return {
        name: value
        for name, value in source.items()
        if name.upper() in _PYTHON or name.upper() in more or name.upper().startswith("LC_")
    }


def bare_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program needs to run at all; in particular no supplier's key."""
    return python_environment(environ, _PROGRAM)
