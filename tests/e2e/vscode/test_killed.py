"""The language server is killed while the user types."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from vscode_desk import until

if TYPE_CHECKING:
    from vscode_desk import Desk
    from vscode_supplier import Supplier

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

LINES = ["alpha = 1", "beta = 2", "gamma = 3"]


@pytest.mark.feature("vscode", "restart after a crash")
async def test_three_times_killed_it_suggests_again_and_nothing_typed_is_lost(
    user: Desk, supplier: Supplier
) -> None:
    supplier.text = "supplied_value"
    user.configure(supplier.config(auth="none"))
    user.write("code.py", "")
    window = await user.begin()
    await window.open_file("code.py")
    typed = ""
    for line in LINES:
        await until(lambda: len(user.servers()) == 1, "one server", user.servers)
        (server,) = user.servers()
        half = len(line) // 2
        await window.type(line[:half])
        os.kill(server.pid, signal.SIGKILL)
        await window.type(f"{line[half:]}\n")
        typed += f"{line}\n"
        await until(lambda gone=server: not gone.is_running(), "the killed one is gone")
    await until(lambda: len(user.servers()) == 1, "one server", user.servers)
    # No key after these: where the new server was not there yet, it is asked once it is.
    await window.type("result = ")
    await window.wait_ghost("supplied_value")
    await window.shot("suggested-again")
    await user.saved("code.py", f"{typed}result = ")
    assert await window.messages() <= 1
    await window.press("Tab")
    await user.saved("code.py", f"{typed}result = supplied_value")
