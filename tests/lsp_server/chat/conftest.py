"""A chat service on real parts; see ``chat_support``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chat_support import Chat

from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "w").mkdir()
    return Roots([str(tmp_path / "w")])


@pytest.fixture
async def chat(tmp_path: Path, roots: Roots) -> Chat:
    return Chat(tmp_path / "w", roots)
