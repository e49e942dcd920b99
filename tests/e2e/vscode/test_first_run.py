"""What a newcomer is told, and the ways out that are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from vscode_supplier import embedded

if TYPE_CHECKING:
    from pathlib import Path

    from vscode_desk import Desk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

STATUS = "#polypilot\\.polypilot\\.polypilot\\.status"
TOAST = ".notification-list-item"
DIALOG = ".monaco-dialog-box"


async def test_a_model_that_is_not_there_is_told_and_downloaded(
    desk: Desk, vsix: Path, smollm2: Path
) -> None:
    desk.install_server()
    desk.configure(embedded(f'mirror = "{smollm2.parent}"'))
    desk.write("code.py", "def add(a, b):\n    return a + b\n\n\n")
    await desk.install(vsix)
    window = await desk.begin()
    await window.wait(f"{STATUS}.warning-kind:has-text('needs its model')")
    told = f"{TOAST}:has-text('the embedded model is not here yet')"
    await window.wait(told)
    await window.shot("1-told")
    await window.click(f"{told} .monaco-button:text-is('Download')")
    await window.wait(f"{DIALOG}:has-text('Download the embedded model?')")
    await window.shot("2-question")
    await window.click(f"{DIALOG} .monaco-button:text-is('Download')")
    await window.gone(f"{STATUS}.warning-kind")
    await window.open_file("code.py")
    await window.type("def subtract(a, b):\n    return")
    await window.wait_ghost()
    await window.shot("3-suggestion")
