"""The chat: in the extension's own view, and in VS Code's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from vscode_desk import until
from vscode_supplier import Supplier, answer

from polypilot_providers.testing import Stall, Wait

if TYPE_CHECKING:
    from vscode_desk import Desk

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

CODE = "def add(a, b):\n    total = a - b\n    return total\n"
MENDED = CODE.replace("-", "+")
ANSWER = ".answer .parts"


@pytest.mark.feature(
    "vscode",
    "chat",
    "stop an answer",
    "apply edits with a diff",
    "mentions and commands",
    "history of conversations",
)
async def test_an_answer_streams_is_stopped_and_its_code_is_applied(
    user: Desk, supplier: Supplier
) -> None:
    go_on = asyncio.Event()
    supplier.play(
        answer("It **subtracts**. ", Wait(go_on), f"Write\n\n```python\n{MENDED}```\n"),
        answer("One, two, ", Stall()),
        answer("Yes."),
    )
    user.configure(supplier.config(auth="none"))
    user.write("code.py", CODE)
    window = await user.begin()
    await window.open_file("code.py")
    await window.command("Polypilot: Open Chat")

    # Streamed: the beginning is there while the rest has not been sent.
    await window.click("#message", anywhere=True)
    await window.type("What is wrong with #buffer?\n")
    await window.wait(f"{ANSWER} strong:text-is('subtracts')", anywhere=True)
    await window.shot("1-streaming")
    assert await window.count(f"{ANSWER} .code-block", anywhere=True) == 0
    go_on.set()
    await window.wait(f"{ANSWER} .code-block", anywhere=True)
    await window.wait("button[aria-label^='Send']", anywhere=True)
    await window.shot("2-answered")
    assert "total = a - b" in supplier.chats[0].body.decode()

    # Applied: after a diff, and not before.
    await window.click(".code-actions button[aria-label^='Apply']", anywhere=True)
    await window.wait(".tab.active:has-text('proposed edit')")
    await window.shot("3-diff")
    assert user.read("code.py") == CODE
    await window.click("section.edit button.primary:has-text('Accept')", anywhere=True)
    await window.wait("section.edit .state.applied", anywhere=True)
    await window.shot("4-applied")
    await window.click(".tab[data-resource-name='code.py']")
    await user.saved("code.py", MENDED)

    # Stopped: the supplier's connection is closed, what came stays, and it goes on.
    await window.click("#message", anywhere=True)
    await window.type("Count.\n")
    await window.wait(f"{ANSWER}:has-text('One, two,')", anywhere=True)
    await window.click("button[aria-label^='Stop']", anywhere=True)
    await window.wait(".answer-end:has-text('Stopped.')", anywhere=True)
    await window.shot("5-stopped")
    await until(supplier.chats[1].gone.is_set, "the connection is closed")
    await window.type("Again?\n")  # the focus is in the box again
    await window.wait(f"{ANSWER}:has-text('Yes.')", anywhere=True)
    assert len(supplier.chats) == 3

    # Kept: another conversation is begun, and this one is taken out of the list again.
    await window.command("Polypilot: New Chat")
    await window.gone(ANSWER, anywhere=True)
    await window.click("header.header .title-place button", anywhere=True)
    await window.click(".history-open:has-text('What is wrong')", anywhere=True)
    await window.wait(f"{ANSWER}:has-text('Yes.')", anywhere=True)
    await window.shot("6-opened-again")
    assert len(supplier.chats) == 3
    assert await window.toasts() == []


async def test_vscodes_own_chat_is_answered_by_the_users_provider(
    user: Desk, supplier: Supplier
) -> None:
    supplier.play(answer("Hello from ", "the team."))
    user.configure(supplier.config(auth="none"))
    user.write("code.py", CODE)
    window = await user.begin()
    await window.open_file("code.py")
    await window.command("Chat: Open Chat")
    await window.wait(".interactive-input-part:has-text('wise')")
    await window.shot("1-picker")
    await window.click(".interactive-input-part .monaco-editor .view-lines")
    await window.type("@polypilot hello there", delay=40)
    await window.shot("2-typed")
    await window.press("Enter")
    await window.wait(".interactive-item-container:has-text('Hello from the team.')")
    await window.shot("3-answered")
    assert "hello there" in supplier.chats[-1].body.decode()
