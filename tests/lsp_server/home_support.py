"""A user's empty home, for the programs that tests start, and the settings in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def environment(home: Path) -> dict[str, str]:
    """What a program is started with."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("POLYPILOT_")},
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "POLYPILOT_CONFIG_DIR": str(home / "config"),
        "POLYPILOT_DATA_DIR": str(home / "data"),
        "POLYPILOT_CACHE_DIR": str(home / "cache"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


def team(url: str) -> str:
    """A config.toml with the server at ``url`` as the provider for everything."""
    return f"""\
[completion]
provider = "team"
model = "coder"
prefetch = "off"
[chat]
provider = "team"
model = "talker"
[providers.team]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""
