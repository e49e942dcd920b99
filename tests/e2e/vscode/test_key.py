"""A provider chosen in the status item's menu, its key typed in: where the key is, and is not."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vscode_desk import Desk
    from vscode_supplier import Supplier

    from polypilot_providers.testing import Request

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KEY = "canary-typed-into-a-box-0123456789"
CODE = "def total(prices):\n    return"


@pytest.mark.feature("vscode", "enter a key", "choose provider and model", "status")
async def test_a_key_that_is_typed_is_in_the_keyring_and_nowhere_else(
    user: Desk, supplier: Supplier
) -> None:
    supplier.text = " sum(prices)"
    user.configure(supplier.config(select=False))
    user.write("code.py", "")
    user.log_level = "trace"
    window = await user.begin()
    await window.open_file("code.py")

    await window.click("#polypilot\\.polypilot\\.polypilot\\.status a")
    await window.pick("Select provider and model")
    await window.wait_title("Polypilot: Provider")
    await window.type("team")
    await window.pick("Team")
    await window.wait_title("Polypilot: key for Team")
    await window.type(KEY, delay=5)
    await window.shot("1-key-box")
    await window.press("Enter")
    await window.wait_title("Polypilot: Model of Team")
    await window.pick("quick")
    await window.wait_title("Polypilot: use it for")
    await window.shot("2-what-for")
    await window.pick("Completion")
    await window.wait("#polypilot\\.polypilot\\.polypilot\\.status:has-text('quick')")

    await window.click(".editor-group-container .view-lines")
    await window.type(CODE)
    await window.wait_ghost("sum(prices)")
    await window.shot("3-supplied")
    await window.press("Tab")
    await user.saved("code.py", CODE + supplier.text)

    assert {_key(each) for each in supplier.completions} == {KEY}
    assert KEY in user.secrets()
    assert await window.messages() > 0, "that it was stored is said"
    needles = [KEY.encode(), base64.b64encode(KEY.encode()), KEY.encode("utf-16-le")]
    assert user.holds(*needles) == []
    assert "Starting " in user.logs(), "the extension's log is on disk"
    # The same look finds what is there.
    assert user.holds(CODE.encode()) != []
    assert not [each for each in user.told_to_processes() if KEY in each]


def _key(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")
