"""An edit that an answer proposes, looked at in VS Code's diff editor and taken by the part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from vscode_supplier import Supplier, answer
from vscode_window import EDITOR

if TYPE_CHECKING:
    from vscode_desk import Desk

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(480)]

CODE = "".join(f"line{number} = {number}\n" for number in range(1, 31))
FIRST = CODE.replace("line2 = 2\n", "line2 = 'two'\n")
BOTH = FIRST.replace("line29 = 29\n", "line29 = 'end'\n")
ANSWER = """\
Both ends.

```python path=code.py
<<<<<<< SEARCH
line2 = 2
=======
line2 = 'two'
>>>>>>> REPLACE
```

```python path=code.py
<<<<<<< SEARCH
line29 = 29
=======
line29 = 'end'
>>>>>>> REPLACE
```
"""


async def test_an_edit_is_taken_by_the_part_in_the_diff_editor_and_undone(
    user: Desk, supplier: Supplier
) -> None:
    supplier.play(answer(ANSWER))
    user.configure(supplier.config(auth="none"))
    user.write("code.py", CODE)
    window = await user.begin()
    await window.open_file("code.py")
    await window.command("Polypilot: Open Chat")
    await window.click("#message", anywhere=True)
    await window.type("Change both ends.\n")
    await window.click("section.edit button:has-text('Review')", anywhere=True)
    await window.wait(".tab.active:has-text('proposed edit')")
    await window.wait(".editor-actions a[aria-label^='Accept the Change at the Cursor']")
    await window.wait(".monaco-diff-editor .view-line:has-text(\"'two'\")")
    await window.shot("1-diff")
    assert user.read("code.py") == CODE

    # The part at the cursor, which is at the beginning.
    await window.click(".editor-actions a[aria-label^='Accept the Change at the Cursor']")
    await window.wait("section.edit .hunk.done", anywhere=True)
    assert await window.count("section.edit .hunk.done", anywhere=True) == 1
    await window.shot("2-part")
    await window.click(".editor-actions a[aria-label^='Accept the Proposed Edit']")
    await window.wait("section.edit.settled", anywhere=True)
    await window.wait(".tab.active[data-resource-name='code.py']")
    await window.click(f"{EDITOR} .view-lines")
    await user.saved("code.py", BOTH)

    # Each acceptance is one step for undo.
    await window.press("Control+z")
    await user.saved("code.py", FIRST)
    await window.press("Control+z")
    await user.saved("code.py", CODE)
    assert await window.toasts() == []
