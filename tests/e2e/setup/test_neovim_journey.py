"""A newcomer's way in Neovim, by keys alone: set up, complete, give a key, ask, stop, apply.

A real terminal, the real program, the real embedded model, a real Secret Service; the supplier is
a real HTTP server on loopback.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from terminal_peer import poll
from terminal_screen import Terminal
from vscode_supplier import Supplier, answer, embedded

from polypilot_providers.testing import Stall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]

MODEL_S = 150.0
PATIENCE_S = 60.0
KEY = "canary-key-of-the-journey-0123456789"
POLYPILOT = Path(sys.executable).with_name("polypilot")
CODE = "def add(a, b):\n    return a + b\n\n\n"
EDIT = """\
Here:

```python path=code.py
<<<<<<< SEARCH
    return a + b
=======
    return b + a
>>>>>>> REPLACE
```
"""
SECRETS = """
import secretstorage
bus = secretstorage.dbus_init()
for collection in secretstorage.get_all_collections(bus):
    for item in collection.get_all_items():
        print(item.get_secret().decode())
"""


@pytest.fixture(params=["0.11", "0.12"])
def nvim(request: pytest.FixtureRequest) -> Path:
    if request.param == "0.12":
        return request.getfixturevalue("newer_nvim")
    return Path(sys.executable).with_name("nvim")


@pytest.fixture
def supplier(serve: Callable[[Any], Any]) -> Supplier:
    answers = [answer("Hel", "lo."), answer("One", Stall()), answer(EDIT)]
    server = Supplier(" a - b  # theirs", answers)
    serve(server)
    return server


@pytest.fixture
def terminal(nvim: Path, desktop: Any, smollm2: Path, supplier: Supplier) -> Iterator[Terminal]:
    """Neovim on a file of a fresh user's, who has run `polypilot setup neovim`."""
    desktop.env["XDG_STATE_HOME"] = str(desktop.base / "state")
    config = Path(desktop.env["POLYPILOT_CONFIG_DIR"])
    config.mkdir(parents=True, exist_ok=True)
    text = embedded(f'model_file = "{smollm2}"', "threads = 1") + supplier.config(select=False)
    text += '[log]\nlevel = "debug"\n'  # says of each request why nothing came of it
    (config / "config.toml").write_text(text, encoding="utf-8")
    env = {**os.environ, **desktop.env, "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("PYTHON_KEYRING_BACKEND", None)
    subprocess.run(
        [str(POLYPILOT), "setup", "neovim", "--yes"],
        env=env,
        cwd=desktop.base,
        capture_output=True,
        check=True,
        timeout=60,
    )
    work = desktop.base / "work"
    (work / ".git").mkdir(parents=True)
    (work / "code.py").write_text(CODE, encoding="utf-8")
    command = ["env", "-u", "PYTHON_KEYRING_BACKEND", str(nvim), str(work / "code.py")]
    made = Terminal(desktop.base / "tmux", command, desktop.env, (110, 70))
    made.wait_screen("code.py")
    yield made
    made.close()


def row_of(terminal: Terminal, start: str) -> str:
    """The last row of the screen that begins so."""
    return next((row for row in reversed(terminal.screen()) if row.startswith(start)), "")


def evidence(terminal: Terminal, desktop: Any) -> str:
    """What decides why nothing came: the screen, the server's log, and what the doctor finds."""
    screen = [row for row in terminal.screen() if row not in {"", "~"}]
    log = desktop.base / "state" / "nvim" / "lsp.log"
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else ["no log"]
    doctor = subprocess.run(
        ["env", "-u", "PYTHON_KEYRING_BACKEND", str(POLYPILOT), "doctor"],
        env={**os.environ, **desktop.env},
        cwd=desktop.base / "work",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        encoding="utf-8",
    )
    parts = {"screen": screen, "log": lines[-20:], "doctor": doctor.stdout.splitlines()}
    return "\n".join("\n".join((f"--- {name}", *rows)) for name, rows in parts.items())


def command(terminal: Terminal, text: str) -> None:
    terminal.keys("Escape")
    poll(lambda: "-- INSERT" not in "\n".join(terminal.screen()), "normal mode")
    terminal.type_text(f":{text}")
    terminal.keys("Enter")


def choose(terminal: Terminal, label: str) -> None:
    """Answers the list that is on the screen with the number of a row."""

    def number() -> str:
        found = re.search(rf"^\s*(\d+):? {label}", "\n".join(terminal.screen()), re.MULTILINE)
        return found[1] if found else ""

    terminal.type_text(poll(number, lambda: f"{label} in\n" + "\n".join(terminal.screen()), 60.0))
    terminal.keys("Enter")


@pytest.mark.feature("neovim", "ghost text", "accept a word or line", "chat", "stop an answer")
@pytest.mark.feature("neovim", "choose provider and model", "enter a key", "embedded model")
@pytest.mark.feature("neovim", "apply edits with a diff", "installed by setup")
def test_from_nothing_to_an_applied_edit(
    terminal: Terminal, desktop: Any, supplier: Supplier
) -> None:
    # The embedded model, with no account and no key.
    terminal.type_text("Godef subtract(a, b):")
    terminal.keys("Enter")
    terminal.type_text("return")
    typed = "    return"
    poll(
        lambda: len(row_of(terminal, typed)) > len(typed),
        lambda: "ghost text; there is\n" + evidence(terminal, desktop),
        MODEL_S,
    )
    terminal.shot("neovim-journey-ghost")
    terminal.keys("Tab")
    poll(lambda: terminal.cursor()[1] > len(typed), "the accepted text")
    # Another provider: its key is asked for, and kept in the keyring alone.
    command(terminal, "PolypilotSelect")
    choose(terminal, "completion and chat")
    choose(terminal, "Team")
    terminal.wait_screen("ey for", PATIENCE_S)
    terminal.type_text(KEY)
    terminal.keys("Enter")
    terminal.wait_screen("Stored in Secret Service", PATIENCE_S)
    terminal.keys("Enter")
    choose(terminal, "quick")
    terminal.wait_screen("completion and chat: team / quick", PATIENCE_S)
    assert KEY not in "\n".join(terminal.screen())
    stored = subprocess.run(
        [sys.executable, "-c", SECRETS],
        env=desktop.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert KEY in stored.stdout
    assert desktop.found_on_disk(KEY.encode()) == []
    # Its suggestion, by the word and by the line.
    terminal.keys("Enter")
    terminal.type_text("Godef minus(a, b):")
    terminal.keys("Enter")
    terminal.type_text("return")
    terminal.wait_screen("return a - b  # theirs", PATIENCE_S)
    terminal.keys("M-Right")
    poll(lambda: terminal.cursor()[1] == len("    return a"), "one word accepted")
    terminal.keys("M-C-Right")
    poll(lambda: terminal.cursor()[1] == len("    return a - b  # theirs"), "the line accepted")
    assert all(each.headers["authorization"] == f"Bearer {KEY}" for each in supplier.completions)
    # Chat: an answer, one that is stopped, and an edit that is applied.
    command(terminal, "write")
    command(terminal, "PolypilotAsk greet me")
    terminal.wait_screen("Hello.", PATIENCE_S)
    command(terminal, "PolypilotAsk count")
    terminal.wait_screen("One", PATIENCE_S)
    command(terminal, "PolypilotStop")
    terminal.wait_screen("stopped", PATIENCE_S)
    command(terminal, "PolypilotAsk change it")
    terminal.wait_screen("+    return b + a", PATIENCE_S)
    terminal.shot("neovim-journey-edit")
    command(terminal, "PolypilotEdits")
    choose(terminal, r"\S*code\.py: apply")
    terminal.wait_screen("applied*", PATIENCE_S)
    file = desktop.base / "work" / "code.py"
    before = file.read_text("utf-8")
    assert before.startswith(CODE.rstrip("\n"))
    command(terminal, "wall")
    wanted = before.replace("return a + b", "return b + a", 1)  # Neovim empties it, then writes
    poll(lambda: file.read_text("utf-8") == wanted, f"the file: {wanted}", PATIENCE_S)
    assert len(supplier.chats) == 3
