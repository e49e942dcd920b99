"""A backend on real parts, with suppliers on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot.backend import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

ROW = """
[providers.{name}]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""


@pytest.fixture
def configure() -> Callable[..., Path]:
    """Writes config.toml: rows by name and address, the first of them chosen; then ``more``."""

    def write(more: str = "", **rows: str) -> Path:
        file = paths.config_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        chosen = next(iter(rows), "embedded")
        text = "".join(
            f'[{job}]\nprovider = "{chosen}"\nmodel = "coder"\n' for job in ("completion", "chat")
        )
        text += "".join(ROW.format(name=name, url=url) for name, url in rows.items())
        file.write_text(text + more, "utf-8")
        return file

    return write


@pytest.fixture
async def backends() -> AsyncGenerator[Callable[..., Backend]]:
    """Opens backends whose start is over; they are closed afterwards."""
    made: list[Backend] = []

    def open_(**options: object) -> Backend:
        backend = Backend.open(env={}, **options)  # pyright: ignore[reportArgumentType]
        backend.board.settle()
        made.append(backend)
        return backend

    yield open_
    for backend in made:
        await backend.aclose()
