"""A user with a real VS Code and the extension under test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import vscode_extension
import vscode_install
from vscode_desk import Desk
from vscode_install import Programs, UnavailableError
from vscode_supplier import Supplier

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from desktop_support import RequireSystem, Session

# Read now: a test's own environment has nothing of this program's.
SCREENSHOTS = os.environ.get("POLYPILOT_SCREENSHOTS", "")


def _do_without(reason: str) -> None:
    if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def vscode_programs() -> Programs:
    """VS Code and its browser."""
    try:
        return vscode_install.fetch(vscode_install.cache_folder())
    except UnavailableError as error:
        _do_without(f"no VS Code: {error}")
        raise


@pytest.fixture(scope="session")
def chromium(require_system: RequireSystem) -> str:
    """The browser's program."""
    return require_system("chromium", "chromium")


@pytest.fixture
async def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    desktop: Session,
    vscode_programs: Programs,
    chromium: str,
) -> AsyncGenerator[Desk]:
    """A fresh user; nothing is installed in the editor yet."""
    shots = (Path(SCREENSHOTS) if SCREENSHOTS else tmp_path / "screenshots") / request.node.name
    user = Desk(desktop.base, desktop, vscode_programs, chromium, shots)
    yield user
    await user.close()


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The extension, built from this tree, or the one that POLYPILOT_TEST_VSIX names."""
    if given := os.environ.get("POLYPILOT_TEST_VSIX", ""):
        return Path(given)
    try:
        return vscode_extension.build(vscode_install.cache_folder())
    except UnavailableError as error:
        _do_without(f"the extension can't be built: {error}")
        raise


@pytest.fixture
async def user(desk: Desk, vsix: Path) -> Desk:
    """A user who has the server and the extension."""
    desk.install_server()
    await desk.install(vsix)
    return desk


@pytest.fixture
async def supplier() -> AsyncGenerator[Supplier]:
    """A supplier on loopback."""
    async with Supplier() as server:
        yield server
