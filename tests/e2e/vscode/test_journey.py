"""From a fresh profile to accepted text, with the embedded runtime and a real small model.

The model has 135 million parameters: what it writes is never judged, only that it is written,
shown and accepted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from vscode_supplier import embedded

from polypilot_providers.testing import Wait

if TYPE_CHECKING:
    from pathlib import Path

    from vscode_desk import Desk
    from vscode_supplier import Supplier

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CODE = "def add(a, b):\n    return a + b\n\n\n"
TYPED = "def subtract(a, b):\n    return"


@pytest.mark.feature("vscode", "ghost text", "embedded model")
async def test_from_a_fresh_profile_to_accepted_text(desk: Desk, vsix: Path, smollm2: Path) -> None:
    desk.install_server()
    desk.configure(embedded(f'model_file = "{smollm2}"'))
    desk.write("code.py", CODE)
    said = await desk.install(vsix)
    assert "was successfully installed" in said
    window = await desk.begin()
    await window.shot("1-walkthrough")

    await window.open_file("code.py")
    await window.type(TYPED)
    ghost = await window.wait_ghost()
    await window.shot("2-suggestion")
    assert ghost.strip()
    await window.press("Tab")
    await desk.saved("code.py", CODE + TYPED + ghost)
    await window.shot("3-accepted")
    assert await window.toasts() == []


@pytest.mark.feature("vscode", "accept a word or line")
async def test_the_next_word_of_a_suggestion_is_taken(user: Desk, supplier: Supplier) -> None:
    supplier.text = "first_word + second_word"
    user.configure(supplier.config(auth="none"))
    user.write("code.py", CODE)
    window = await user.begin()
    await window.open_file("code.py")
    await window.type(f"{TYPED} ")
    await window.wait_ghost("first_word + second_word")
    await window.press("Control+ArrowRight")
    await user.saved("code.py", f"{CODE}{TYPED} first_word")
    assert await window.wait_ghost(" + second_word") == " + second_word"
    await window.shot("rest")


async def test_the_rest_of_a_suggestion_is_drawn_when_it_has_come(
    user: Desk, supplier: Supplier
) -> None:
    go_on = asyncio.Event()
    supplier.text = "\n    both = a + b\n    ret"
    supplier.rest = [Wait(go_on), "urn both\n"]
    user.configure(supplier.config(auth="none"))
    user.write("code.py", "")
    window = await user.begin()
    await window.open_file("code.py")
    await window.type("def add(a, b):")
    beginning = await window.wait_ghost("both = a + b")
    assert "return" not in beginning
    await window.shot("beginning")
    asked = len(supplier.completions)
    go_on.set()
    await window.wait_ghost("return both")
    await window.shot("whole")
    assert len(supplier.completions) == asked
    await window.press("Tab")
    await user.saved("code.py", "def add(a, b):\n    both = a + b\n    return both")
