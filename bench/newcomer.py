"""How long a newcomer waits in VS Code, from a fresh home to a first suggestion, step by step.

    export PYTHONPATH=tests/e2e:tests/e2e/vscode
    python bench/newcomer.py [--runs 3] [--server] [--vsix FILE] [--shots FOLDER]

A real VS Code in a real browser, a home with nothing in it, the walkthrough and its button "Try a
Suggestion". Given are VS Code, the extension's .vsix, the server where pipx and uv put it, and
the file of the embedded model (SmolLM2 135M, 4 bit). Printed beside that: the same VS Code
without the extension until its window stands, which is what the machine itself takes. What has
to be fetched once is timed apart, as it depends on the line: the model's file, and with --server
the server and the embedded runtime, by uv into an environment of its own from this tree.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import vscode_extension
import vscode_install
from desktop_support import Session
from vscode_desk import Desk
from vscode_window import GHOST

from polypilot.embedded.catalog import catalog
from polypilot.embedded.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TREE = Path(__file__).resolve().parents[1]
EMBEDDED = """
[embedded]
model = "smollm2-135m"
model_file = "{file}"
"""
WALKTHROUGH = ".gettingStartedContainer"


def _require(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        sys.exit(f"{program} is not there; get it with: apt-get install {package}")
    return found


@asynccontextmanager
async def newcomer(shots: Path) -> AsyncGenerator[Desk]:
    """Somebody who has just logged in for the first time."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        session = Session(Path(folder) / "s", _require)
        desk: Desk | None = None
        try:
            session.start_bus()
            session.unlock()
            programs = vscode_install.fetch(vscode_install.cache_folder())
            desk = Desk(session.base, session, programs, _require("chromium", "chromium"), shots)
            yield desk
        finally:
            if desk is not None:
                await desk.close()
            session.close()


async def once(vsix: Path, model: Path, shots: Path) -> dict[str, float]:
    """Seconds until each step is done, from the first."""
    async with newcomer(shots) as desk:
        desk.install_server()
        desk.configure(EMBEDDED.format(file=model))
        started = time.monotonic()
        steps: dict[str, float] = {}

        def done(step: str) -> None:
            steps[step] = time.monotonic() - started

        await desk.install(vsix)
        done("extension installed")
        window = await desk.start()
        done("window stands")
        await window.wait(f"{WALKTHROUGH}:has-text('Polypilot')")
        done("walkthrough opens")
        await window.click(f"{WALKTHROUGH} .step-title:has-text('See a suggestion')")
        await window.click(f"{WALKTHROUGH} .monaco-button:has-text('Try a Suggestion')")
        await window.wait(GHOST)
        done("first suggestion")
        await window.shot("newcomer")
        return steps


async def alone(shots: Path) -> float:
    """Seconds until the window of a VS Code without extensions stands."""
    async with newcomer(shots) as desk:
        started = time.monotonic()
        await desk.start()
        return time.monotonic() - started


def fetched_model() -> tuple[Path, float]:
    """The model's file, and the seconds that fetching it took."""
    folder = Path(tempfile.mkdtemp(prefix="newcomer-model-"))
    row = catalog()["smollm2-135m"].model_copy(update={"hub": ""})
    started = time.monotonic()
    return ModelStore(folder).pull(row), time.monotonic() - started


def fetched_server() -> float:
    """Seconds to install the server with the embedded runtime, nothing cached."""
    with tempfile.TemporaryDirectory(prefix="newcomer-server-") as folder:
        uv = [sys.executable, "-m", "uv"]
        environment = {**os.environ, "UV_CACHE_DIR": f"{folder}/cache"}
        started = time.monotonic()
        for command in (
            [*uv, "venv", "-q", f"{folder}/venv"],
            [*uv, "pip", "install", "-q", "--python", f"{folder}/venv", f"{TREE}[embedded]"],
        ):
            subprocess.run(command, env=environment, check=True)
        return time.monotonic() - started


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--server", action="store_true")
    parser.add_argument("--vsix", type=Path)
    parser.add_argument("--shots", type=Path, default=Path(tempfile.gettempdir()) / "newcomer")
    options = parser.parse_args()
    vsix = options.vsix or vscode_extension.build(vscode_install.cache_folder())
    model, seconds = fetched_model()
    print(f"fetched once: the model, {model.stat().st_size / 1e6:.0f} MB: {seconds:.1f} s")
    if options.server:
        print(f"fetched once: the server and its runtime: {fetched_server():.1f} s")
    runs = [await once(vsix, model, options.shots) for _ in range(options.runs)]
    bare = [await alone(options.shots) for _ in range(options.runs)]
    print(f"seconds from the start of the extension's installation, {options.runs} runs:")
    for step in runs[0]:
        took = [each[step] for each in runs]
        print(f"  {step:22} median {statistics.median(took):5.1f}  worst {max(took):5.1f}")
    print(f"  VS Code alone, window  median {statistics.median(bare):5.1f}  worst {max(bare):5.1f}")
    print(f"picture: {options.shots / 'newcomer.png'}")
    shutil.rmtree(model.parent)


if __name__ == "__main__":
    asyncio.run(main())
