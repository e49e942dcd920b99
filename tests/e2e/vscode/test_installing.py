"""A user without the server: it is installed after a question, and not before."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from vscode_desk import until

if TYPE_CHECKING:
    from vscode_desk import Desk
    from vscode_supplier import Supplier

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(600)]

TREE = Path(__file__).parents[3]
CODE = "def total(prices):\n    return"
DIALOG = ".monaco-dialog-box"


def _wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=TREE, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


async def test_the_server_is_installed_after_a_question_and_suggests(
    desk: Desk, vsix: Path, supplier: Supplier, tmp_path: Path
) -> None:
    supplier.text = " sum(prices)"
    desk.configure(supplier.config(auth="none"))
    desk.write("code.py", "")
    await desk.install(vsix)
    wheel = _wheel(tmp_path / "wheel")
    requirement = f"polypilot @ {wheel.as_uri()}"
    # The settings of the machine that the extension runs on, as in a window over SSH.
    settings = desk.profile / "Machine" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({"polypilot.server.package": requirement}), encoding="utf-8")
    window = await desk.begin()
    own = desk.profile / "User" / "globalStorage" / "polypilot.polypilot" / "server"

    await window.wait("#polypilot\\.polypilot\\.polypilot\\.status.warning-kind")
    await window.shot("1-missing")
    await window.click(".gettingStartedContainer .monaco-button:has-text('Install Server')")
    await window.wait(f"{DIALOG}:has-text('Install Polypilot')")
    await window.shot("2-question")
    assert not own.exists()
    await window.click(f"{DIALOG} .monaco-button:text-is('Install')")
    await window.wait('.notifications-toasts:has-text("Polypilot\'s server")')
    await window.shot("3-installing")
    await _installed(desk)
    (server,) = desk.servers()
    assert str(own) in " ".join(server.cmdline())
    await window.shot("4-installed")

    await window.open_file("code.py")
    await window.type(CODE)
    await window.wait_ghost("sum(prices)")
    await window.shot("5-suggestion")


async def _installed(desk: Desk) -> None:
    """The packages come from a registry: as long as that takes."""
    for _ in range(12):
        with contextlib.suppress(AssertionError):
            return await until(desk.servers, "a server runs")
    raise AssertionError("no server runs")
