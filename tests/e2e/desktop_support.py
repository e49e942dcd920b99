"""A desktop session of the test's own: a D-Bus bus and a real gnome-keyring on it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RequireSystem = Callable[[str, str], str]

SECRETS = "org.freedesktop.secrets"
PREAMBLE = """
import asyncio, base64, json, logging, os, signal, sys, threading, time
from polypilot import logs, paths
from polypilot.credentials import CredentialError, Credentials
from polypilot_providers.origin import Origin
logs.install_log_redaction()
logging.basicConfig(level=logging.DEBUG)
HOME = Origin.parse("https://api.example.com")
OTHER = Origin.parse("https://evil.example")
KEY = "canary-" + "key-of-the-keyring-0123"
def say(**what):
    print(json.dumps(what), flush=True)
async def attempt(awaitable):
    started = time.monotonic()
    try:
        got = await awaitable
        result = {"value": got.reveal() if hasattr(got, "reveal") else got}
    except CredentialError as exc:
        result = {"code": exc.code, "message": exc.message, "cure": exc.cure}
    result["seconds"] = time.monotonic() - started
    return result
"""


class Session:
    """What a user's login session is to a program: environment, bus, keyring daemon."""

    def __init__(self, base: Path, require: RequireSystem) -> None:
        self.base = base
        self.dbus = require("dbus-daemon", "dbus")
        self.gdbus = require("gdbus", "libglib2.0-bin")
        self.daemon = require("gnome-keyring-daemon", "gnome-keyring")
        folders = {"HOME": "home", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config"}
        folders |= {"XDG_CACHE_HOME": "cache", "XDG_RUNTIME_DIR": "run", "TMPDIR": "tmp"}
        self.env = {name: str(base / folder) for name, folder in folders.items()}
        for folder in self.env.values():
            Path(folder).mkdir(mode=0o700, parents=True)
        self.env |= {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "POLYPILOT_CONFIG_DIR": str(base / "polypilot-config"),
            "POLYPILOT_DATA_DIR": str(base / "polypilot-data"),
        }
        self._bus: subprocess.Popen[str] | None = None
        self._pids: set[int] = set()

    # --- the bus

    def start_bus(self) -> None:
        """A bus of our own. It ends the keyring daemon with itself."""
        self._bus = subprocess.Popen(
            [self.dbus, "--session", "--nofork", "--nosyslog", "--print-address=1"],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        assert self._bus.stdout is not None
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self._bus.stdout.readline().strip()

    def close(self) -> None:
        for pid in self._pids:
            self.signal(signal.SIGKILL, pid)
        if self._bus is not None:
            self._bus.terminate()
            self._bus.wait(10)
            if self._bus.stdout is not None:
                self._bus.stdout.close()

    # --- the daemon

    def unlock(self, *options: str) -> None:
        """Start the daemon, or with ``--replace`` take over from it, unlocked."""
        command = [self.daemon, "--unlock", "--components=secrets", *options]
        subprocess.run(
            command, env=self.env, input="pw", text=True, check=True, timeout=20,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, encoding="utf-8",
        )  # fmt: skip
        # --unlock may return before the name is owned.
        self._gdbus("wait", "--session", "--timeout", "20", SECRETS)
        self._pids.add(self.pid())

    def lock(self) -> None:
        collection = "['/org/freedesktop/secrets/collection/login']"
        lock = "org.freedesktop.Secret.Service.Lock"
        self._call(SECRETS, "/org/freedesktop/secrets", lock, collection)

    def pid(self) -> int:
        """The daemon's process id, as the bus knows it."""
        bus = "org.freedesktop.DBus"
        out = self._call(bus, "/org/freedesktop/DBus", f"{bus}.GetConnectionUnixProcessID", SECRETS)
        pid = int(re.findall(r"\d+", out)[-1])
        self._pids.add(pid)
        return pid

    @staticmethod
    def signal(number: int, pid: int) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def _call(self, name: str, path: str, method: str, *args: str) -> str:
        return self._gdbus("call", "--session", "-d", name, "-o", path, "-m", method, *args)

    def _gdbus(self, *args: str) -> str:
        done = subprocess.run(
            [self.gdbus, *args],
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            encoding="utf-8",
        )
        return done.stdout

    # --- programs in the session

    def start(self, code: str, **env: str) -> subprocess.Popen[str]:
        """A Python program in the session; ``say(...)`` of it prints a JSON line."""
        return subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + textwrap.dedent(code)],
            env={**self.env, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, code: str, **env: str) -> Ran:
        """Run one to its end."""
        started = time.monotonic()
        with self.start(code, **env) as program:
            out, err = program.communicate(timeout=60)
        assert program.returncode == 0, err
        return Ran(
            [json.loads(line) for line in out.splitlines()], out, err, time.monotonic() - started
        )

    def found_on_disk(self, *needles: bytes) -> list[Path]:
        """Files of the session that contain one of ``needles``."""
        files = [path for path in self.base.rglob("*") if path.is_file()]
        return [path for path in files if any(needle in path.read_bytes() for needle in needles)]


class Ran:
    """What a program said, wrote, and how long it took from start to end."""

    def __init__(self, said: list[dict[str, Any]], out: str, err: str, seconds: float) -> None:
        self.said, self.out, self.err, self.seconds = said, out, err, seconds
