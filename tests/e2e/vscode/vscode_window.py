"""A real VS Code window, driven by keys and clicks, read back from the page and as a picture."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

from vscode_install import NODE, Programs

HERE = Path(__file__).parent
# A wait's bound on a busy machine, not a claim.
BOUND_S = 120.0
WIDTH, HEIGHT = 1280, 800

# Only the code editors: the chat's input box is an editor too.
EDITOR = ".editor-group-container .monaco-editor"
GHOST = f"{EDITOR} [class*=ghost-text]"
QUICK_PICK = ".quick-input-widget"
ROW = f"{QUICK_PICK} .monaco-list-row"
STATE = ".statusbar-item[id^='polypilot'] a"
TOAST = ".notifications-toasts .notification-list-item"


class WindowError(AssertionError):
    """What the driver could not do; a screenshot of that moment was kept."""


class Window:
    """One browser with one VS Code window."""

    def __init__(self, programs: Programs, browser: str, shots: Path) -> None:
        self.shots = shots
        self._browser = browser
        self._programs = programs
        self._last = 0
        self._process: asyncio.subprocess.Process

    # --- the driver

    async def open(self, url: str, home: Path) -> None:
        """Start the browser on that page, with a home folder of its own."""
        self._process = await asyncio.create_subprocess_exec(
            str(NODE), str(HERE / "driver.mjs"), str(self._programs.folder),
            env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )  # fmt: skip
        size = {"width": WIDTH, "height": HEIGHT}
        await self.do("open", program=self._browser, url=url, seconds=BOUND_S, **size)
        await self.wait(".monaco-workbench .activitybar")

    async def do(self, operation: str, **args: Any) -> Any:
        """One operation of the driver's."""
        self._last += 1
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"id": self._last, "operation": operation, "args": args}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        assert line, "the browser's driver has ended"
        answer = json.loads(line)
        if "error" in answer:
            state = ""
            if operation not in {"shot", "close", "attributes"}:
                with contextlib.suppress(AssertionError):
                    await self.shot("failed")
                    state = str(await self.do("attributes", selector=STATE, name="aria-label"))
            raise WindowError(f"{answer['error']} {state} (see {self.shots})")
        return answer["result"]

    async def close(self) -> None:
        """End browser and driver."""
        with contextlib.suppress(AssertionError, ConnectionError):
            await self.do("close")
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 20)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    # --- hands

    async def type(self, text: str, delay: int = 25) -> None:
        """Type it as a person does: milliseconds between the keys."""
        await self.do("type", text=text, delay=delay)

    async def press(self, *keys: str) -> None:
        """Keys by their names, with modifiers: ``Control+s``."""
        await self.do("press", keys=keys)

    async def click(self, selector: str, *, anywhere: bool = False, **options: Any) -> None:
        """Click the first visible element, waited for; ``anywhere``: also in a view's own page."""
        await self.do("click", selector=selector, anywhere=anywhere, options=options)

    async def command(self, title: str) -> None:
        """Run a command from the palette by its exact title."""
        await self.press("F1")
        await self.wait(QUICK_PICK)
        await self.type(title, delay=5)
        await self.pick(title)

    async def pick(self, label: str) -> None:
        """Choose the row of this label; it may have an icon before and a description behind."""
        ends = [f'="{label}"', f'^="{label},"', f'$="  {label}"', f'*="  {label},"']
        await self.click(", ".join(f"{ROW}[aria-label{end}]" for end in ends))

    async def wait_title(self, title: str) -> None:
        """Return when the list or box of this title is open."""
        await self.wait(f"{QUICK_PICK} .quick-input-title:text-is({json.dumps(title)})")

    async def enter(self, prompt: str, text: str) -> None:
        """Type into the input box that shows this prompt, and confirm."""
        await self.wait(f"{QUICK_PICK}:has-text({json.dumps(prompt)})")
        await self.type(text, delay=5)
        await self.press("Enter")

    # --- eyes

    async def wait(self, selector: str, *, anywhere: bool = False) -> None:
        """Return when the element is visible."""
        await self.do("wait", selector=selector, anywhere=anywhere)

    async def gone(self, selector: str, *, anywhere: bool = False) -> None:
        """Return when no such element is visible."""
        await self.do("gone", selector=selector, anywhere=anywhere)

    async def count(self, selector: str, *, anywhere: bool = False) -> int:
        """How many such elements are visible."""
        return await self.do("count", selector=selector, anywhere=anywhere)

    async def texts(self, selector: str, *, anywhere: bool = False) -> list[str]:
        """The visible elements' texts, without waiting."""
        return await self.do("texts", selector=selector, anywhere=anywhere)

    async def shot(self, name: str) -> Path:
        """A picture of the window, kept."""
        self.shots.mkdir(parents=True, exist_ok=True)
        path = self.shots / f"{name}.png"
        await self.do("shot", path=str(path))
        return path

    # --- the code editor

    async def open_file(self, name: str) -> None:
        """Open a file of the workspace, the cursor in it."""
        # Not by its name in a list: such a list closes when something else takes the focus.
        row = f".explorer-viewlet .monaco-list-row[aria-label^={json.dumps(name)}]"
        await self.click(row, clickCount=2)
        await self.wait(f".tab.active[data-resource-name='{name}']")
        await self.click(f"{EDITOR} .view-lines")
        await self.press("Control+End")

    async def ghost(self) -> str:
        """The suggestion that is drawn behind the cursor; empty: none."""
        return "".join(await self.texts(GHOST))

    async def wait_ghost(self, part: str = "") -> str:
        """The suggestion, waited for, with ``part`` in it."""
        return await self.do("reads", selector=GHOST, part=part)

    async def toasts(self) -> list[str]:
        """The messages that are shown now."""
        return await self.texts(f"{TOAST} .notification-list-item-message")

    async def messages(self) -> int:
        """How many messages have been shown so far, those that are gone again included."""
        return await self.do("messages")

    async def status(self) -> list[str]:
        """The texts in the status bar."""
        return await self.texts(".statusbar-item")
