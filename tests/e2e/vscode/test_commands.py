"""The extension's commands: what the server's actions do, a commit message, pauses, a key moved."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from vscode_desk import until
from vscode_supplier import answer

if TYPE_CHECKING:
    from vscode_desk import Desk
    from vscode_supplier import Supplier
    from vscode_window import Window

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CODE = "def add(a, b):\n    return a - b\n"
MENDED = CODE.replace("a - b", "a + b")
ACTION = ".action-widget .monaco-list-row"
STATUS = "#polypilot\\.polypilot\\.polypilot\\.status"
SCM_BOX = ".scm-input .view-lines"
KEY = "canary-found-in-settings-0123456789"


async def _opened(user: Desk, supplier: Supplier, **settings: object) -> Window:
    user.configure(supplier.config(auth="none"))
    user.write("code.py", CODE)
    window = await user.begin(**settings)
    await window.wait(f"{STATUS}:has-text('quick')")
    await window.open_file("code.py")
    await window.press("ArrowUp")
    return window


async def test_code_is_rewritten_as_the_user_says(user: Desk, supplier: Supplier) -> None:
    supplier.play(answer(f"```python\n{MENDED}```\n"))
    window = await _opened(user, supplier)
    await window.command("Polypilot: Rewrite…")
    await window.wait_title("Polypilot: rewrite how?")
    await window.type("add, don't subtract")
    await window.press("Enter")
    # The edit is a model's: it is shown before it is made.
    await window.wait(".monaco-diff-editor .modified .view-lines:has-text('a + b')")
    await window.shot("1-preview")
    assert user.read("code.py") == CODE
    await window.click(".editor-actions .action-label[aria-label^='Make This Change']")
    await window.gone(".monaco-diff-editor")
    await user.saved("code.py", MENDED)
    await window.shot("2-applied")
    asked = json.dumps(supplier.chats[0].json)
    assert "add, don't subtract" in asked


@pytest.mark.feature("vscode", "code actions")
async def test_the_light_bulb_offers_to_optimise_code(user: Desk, supplier: Supplier) -> None:
    supplier.play(answer(f"```python\n{MENDED}```\n"))
    window = await _opened(user, supplier)
    await window.press("Control+.")
    await window.wait(f"{ACTION}:has-text('optimise')")
    await window.shot("1-offered")
    await window.click(f"{ACTION}:has-text('optimise')")
    await window.wait(".monaco-diff-editor .modified .view-lines:has-text('a + b')")
    await window.shot("2-preview")
    assert user.read("code.py") == CODE
    await window.click(".editor-actions .action-label[aria-label^='Make This Change']")
    await user.saved("code.py", MENDED)


@pytest.mark.nightly
async def test_code_is_explained_in_a_transcript(user: Desk, supplier: Supplier) -> None:
    supplier.play(answer("It subtracts, ", "though it says that it adds."))
    window = await _opened(user, supplier)
    await window.command("Polypilot: Explain")
    await window.wait(".editor-group-container .view-lines:has-text('though it says that it adds')")
    await window.shot("transcript")


@pytest.mark.nightly
async def test_a_commit_message_is_written_into_the_box(user: Desk, supplier: Supplier) -> None:
    supplier.play(answer("```text\nSubtract in add\n\nNobody knows why.\n```"))
    user.write("code.py", "")
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", *command], cwd=user.workspace, check=True, env=user.environment)  # noqa: ASYNC221 - short
    window = await _opened(user, supplier, git__enabled=True)
    await window.press("Control+Shift+g")
    await window.click(".pane-header .action-label[aria-label*='Write Commit Message']")
    await window.wait(f"{SCM_BOX}:has-text('Subtract in add')")
    await window.shot("message")
    assert "```" not in "".join(await window.texts(SCM_BOX))


@pytest.mark.nightly
async def test_suggestions_are_paused_and_resumed(user: Desk, supplier: Supplier) -> None:
    supplier.text = " + 0"
    window = await _opened(user, supplier)
    await window.click(f"{STATUS} a")
    await window.pick("Pause or resume suggestions")
    await window.pick("Pause in this window")
    await window.wait(f"{STATUS}:has-text('paused')")
    await window.shot("1-paused")
    before = len(supplier.completions)
    await window.press("End")
    await window.type(" ")
    await window.command("Polypilot: Pause or Resume Suggestions")
    await window.pick("Resume in this window")
    await window.gone(f"{STATUS}:has-text('paused')")
    assert len(supplier.completions) == before
    await window.click(".editor-group-container .view-lines")
    await window.press("Control+End")
    await window.type("print(1")
    await window.wait_ghost("+ 0")


async def test_a_key_in_the_settings_is_moved_to_the_keyring(
    user: Desk, supplier: Supplier
) -> None:
    user.configure(supplier.config())
    window = await user.begin(polypilot__providers__team__apiKey=KEY)
    offer = ".notifications-toasts:has-text('your settings hold a key')"
    await window.wait(offer)
    await window.shot("1-offer")
    assert KEY not in "".join(await window.toasts())
    await window.click(f"{offer} .monaco-button:has-text('Move to Keyring')")
    settings = user.profile / "User" / "settings.json"
    await until(lambda: KEY not in settings.read_text("utf-8"), "no key in the settings")
    await window.shot("2-moved")
    found = subprocess.run(  # noqa: ASYNC221 - short
        ["secret-tool", "search", "--all", "service", "polypilot"],
        env=user.session.env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=30,
    )
    assert KEY in found.stdout + found.stderr
    # VS Code keeps copies of what it changes; the user is told, and how to be rid of them.
    history = user.profile / "User" / "History"
    assert [each for each in user.holds(KEY.encode()) if history not in each.parents] == []
    told = ".monaco-dialog-box:has-text('local history keeps copies')"
    await window.click(f"{told} .monaco-button:has-text('Delete Local History')")
    await window.wait(".monaco-dialog-box:has-text('all entries of all files')")
    await window.shot("3-history")
    await window.click(".monaco-dialog-box .monaco-button:has-text('Delete All')")
    await until(lambda: user.holds(KEY.encode()) == [], "no copy", lambda: user.holds(KEY.encode()))


async def test_the_walkthrough_ends_in_a_suggestion(user: Desk, supplier: Supplier) -> None:
    supplier.text = "return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)"
    user.configure(supplier.config(auth="none"))
    # At once, as a newcomer does: the server may not have started yet.
    window = await user.begin()
    await window.click(".getting-started-step:has-text('See a suggestion')")
    await window.shot("1-step")
    await window.click(".gettingStartedContainer .monaco-button:has-text('Try a Suggestion')")
    await window.wait_ghost("fibonacci(n - 1)")
    await window.shot("2-suggestion")
