"""Tools on a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tools_support import Shop

from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "w").mkdir()
    return Roots([str(tmp_path / "w")])


@pytest.fixture
async def shop(tmp_path: Path, roots: Roots) -> AsyncGenerator[Shop]:
    made = Shop(tmp_path / "w", roots)
    yield made
    await made.box.aclose()
