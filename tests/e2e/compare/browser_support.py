"""A real Chromium without a window, spoken to over its debugging pipe; no port is opened."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_ROOT = () if getattr(os, "getuid", lambda: 1)() else ("--no-sandbox",)
# The browser's own look-ups (updates, field trials) would be requests that no page makes.
OPTIONS = (
    "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-default-browser-check",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND", *_ROOT,
)  # fmt: skip
# By the protocol the pipes' ends are 3 and 4; either may be the other's number now.
LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One browser with one page; what it asks of the network and says is kept."""

    def __init__(self, program: str, home: Path) -> None:
        told, tell = os.pipe()
        hear, heard = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(told), str(heard), program, *OPTIONS,
             f"--user-data-dir={home / 'profile'}", "about:blank"],
            pass_fds=(told, heard), env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(told)
        os.close(heard)
        self._tell = os.fdopen(tell, "wb", buffering=0)
        self._hear = os.fdopen(hear, "rb")
        self._buffer = b""
        self._last = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        targets = self.do("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self.do("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(20)
        self._tell.close()
        self._hear.close()

    # --- the protocol

    def do(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer; events meanwhile are kept."""
        self._last += 1
        number = self._last
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._tell.write(json.dumps(message).encode() + b"\0")
        while True:
            heard = self._read()
            if heard.get("id") == number:
                assert "error" not in heard, heard["error"]
                return heard["result"]
            self.events.append(heard)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            piece = self._hear.read1(65536)
            assert piece, "the browser has ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    # --- what tests ask

    def show(self, url: str, *, width: int, dark: bool = False, media: str = "") -> None:
        """Open a page at a width, in a theme, and wait until it is loaded."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=900,
                deviceScaleFactor=1, mobile=False)  # fmt: skip
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", media=media, features=[theme])
        self.events.clear()
        self.do("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def run(self, expression: str) -> Any:
        """A script's value; the debugger runs it, as the page's own policy forbids all."""
        answer = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def asked(self) -> list[str]:
        """Addresses that the page asked for, itself and what is in it (``data:``) apart."""
        urls = [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip
        return [url for url in urls[1:] if not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """What stands in the console."""
        names = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
        return [json.dumps(each["params"]) for each in self.events if each.get("method") in names]

    def picture(self) -> bytes:
        """The whole page as PNG."""
        shot = self.do("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def paper(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.do("Page.printToPDF", printBackground=True)["data"])
