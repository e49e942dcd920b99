"""How long a newcomer waits in Neovim, from a fresh home to a first suggestion, step by step.

    export PYTHONPATH=tests/e2e:tests/e2e/terminal
    python bench/newcomer_neovim.py [--runs 5] [--nvim PROGRAM] [--model FILE]

A real Neovim in a real terminal, a home with nothing in it, `polypilot setup neovim`, then keys
until ghost text stands on the screen. Given are Neovim, the server and the file of the embedded
model (SmolLM2 135M, 4 bit). Printed beside that: the same Neovim without any configuration until
its file stands on the screen, which is what the machine itself takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from terminal_peer import poll
from terminal_screen import Terminal

from polypilot.embedded.catalog import catalog
from polypilot.embedded.store import ModelStore

BIN = Path(sys.executable).parent
BOUND_S = 150.0
CODE = "def add(a, b):\n    return a + b\n\n\n"
EMBEDDED = """
[embedded]
model = "smollm2-135m"
model_file = "{file}"
"""


class Newcomer:
    """A home with nothing in it but a file to edit, in a folder that is deleted at the end."""

    def __init__(self, folder: Path, nvim: Path) -> None:
        self.folder = folder
        self._nvim = nvim
        for each in ("home", "run", "work/.git", "settings"):
            (folder / each).mkdir(parents=True, mode=0o700)
        (folder / "work" / "code.py").write_text(CODE, encoding="utf-8")
        home = folder / "home"
        self.env = {
            "HOME": str(home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "POLYPILOT_CONFIG_DIR": str(folder / "settings"),
            "POLYPILOT_DATA_DIR": str(folder / "data"),
            "POLYPILOT_CACHE_DIR": str(folder / "cache"),
            **{f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "STATE")},
        }

    def set_up(self) -> None:
        """As the README says."""
        subprocess.run(
            [str(BIN / "polypilot"), "setup", "neovim", "--yes"],
            env=self.env,
            capture_output=True,
            check=True,
        )

    def edit(self, *options: str) -> Terminal:
        """Neovim with the file on its screen."""
        command = [str(self._nvim), *options, str(self.folder / "work" / "code.py")]
        terminal = Terminal(self.folder / "tmux", command, self.env, (110, 40))
        terminal.wait_screen("return a + b")
        return terminal


def once(nvim: Path, model: Path) -> dict[str, float]:
    """Seconds until each step is done, from the first."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        user = Newcomer(Path(folder), nvim)
        settings = user.folder / "settings" / "config.toml"
        settings.write_text(EMBEDDED.format(file=model), encoding="utf-8")
        started = time.monotonic()
        steps: dict[str, float] = {}
        user.set_up()
        steps["set up"] = time.monotonic() - started
        terminal = user.edit()
        steps["file stands"] = time.monotonic() - started
        terminal.type_text("Godef subtract(a, b):")
        terminal.keys("Enter")
        terminal.type_text("return")
        typed = "    return"
        poll(
            lambda: any(row.startswith(typed) and row != typed for row in terminal.screen()[3:]),
            "ghost text",
            BOUND_S,
        )
        steps["first suggestion"] = time.monotonic() - started
        terminal.close()
        return steps


def alone(nvim: Path) -> float:
    """Seconds until the file stands on the screen of a Neovim without configuration."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        user = Newcomer(Path(folder), nvim)
        started = time.monotonic()
        terminal = user.edit("--clean")
        seconds = time.monotonic() - started
        terminal.close()
        return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--nvim", type=Path, default=BIN / "nvim")
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    model: Path = options.model or ModelStore(
        Path(tempfile.mkdtemp(prefix="newcomer-model-"))
    ).pull(catalog()["smollm2-135m"].model_copy(update={"hub": ""}))
    model = model.resolve()
    runs = [once(options.nvim, model) for _ in range(options.runs)]
    bare = [alone(options.nvim) for _ in range(options.runs)]
    print(f"seconds from `polypilot setup neovim`, {options.runs} runs:")
    for step in runs[0]:
        took = [each[step] for each in runs]
        print(f"  {step:22} median {statistics.median(took):5.2f}  worst {max(took):5.2f}")
    print(f"  {'Neovim alone':22} median {statistics.median(bare):5.2f}  worst {max(bare):5.2f}")


if __name__ == "__main__":
    main()
