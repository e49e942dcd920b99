"""A whole server over stdio, with a supplier of ours in its settings, and a client for it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TESTS = Path(__file__).parent.parent / "tests" / "lsp_server" / "protocol"
sys.path.insert(0, str(TESTS))
# The tests' clients; dynamically, since that folder is no package.
support: Any = importlib.import_module("protocol_support")

COMMAND = (sys.executable, "-P", "-m", "polypilot.cli", "--stdio")
_CONFIG = """
[completion]
provider = "scripted"
model = "m"
[providers.scripted]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}"
auth = "none"
"""


@contextlib.asynccontextmanager
async def whole_server(folder: Path, base_url: str) -> AsyncGenerator[Any]:
    """``polypilot --stdio`` asking ``base_url``; everything it keeps is below ``folder``."""
    (folder / "config.toml").write_text(_CONFIG.format(url=base_url), encoding="utf-8")
    env = {f"POLYPILOT_{name}_DIR": str(folder) for name in ("CONFIG", "DATA", "CACHE")}
    env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    process = await support.Process.spawn(*COMMAND, env=env)
    try:
        root = {"uri": folder.as_uri(), "name": "work"}
        await process.initialize(workspaceFolders=[root])
        yield process
    finally:
        await process.aclose()
