"""A real Ray cluster of several processes, and ``polypilot compare`` on it as a user types it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import psutil
from compare_repository import MODULE, ROW, git
from knowing_support import Knowing
from oracle_support import completing, saying

from polypilot_providers.testing import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from polypilot_providers.testing import Request, Step

PROGRAM = (sys.executable, "-P", "-m", "polypilot.cli")
RAY_PROGRAM = (sys.executable, "-m", "ray.scripts.scripts")
PATIENCE_S = 240
HOSTS = ("127.0.0.2", "127.0.0.3")
"""Of the nodes. Ray takes the outer address in place of 127.0.0.1."""
COMMAND = ("compare", "team/gpt-4.1", "--yes", "--json")
LARGE = (*COMMAND, "--kind", "tested=4", "--kind", "rest=8", "--kind", "fix=1")
TEST = """from sums.module_{number} import mean_{number}, total_{number}


def test_total():
    assert total_{number}([1, 2]) == {total}


def test_mean():
    assert mean_{number}([]) == {number}
    assert mean_{number}([1, 2]) == {total} / 2
"""


def make_tested_repository(folder: Path, modules: int = 6, needs: str = "") -> Path:
    """Modules of two functions each, and their tests, with one commit.

    ``needs``: a module that the tests import.
    """
    first = f"import {needs}\n" if needs else ""
    for number in range(modules):
        total = number + 3 * number
        for name, text in (
            (f"sums/module_{number}.py", MODULE.format(number=number)),
            (f"tests/test_module_{number}.py", first + TEST.format(number=number, total=total)),
        ):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    (folder / "sums" / "__init__.py").write_text("", "utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Add sums of all kinds")
    return folder


def make_environment(repository: Path, module: str) -> None:
    """The repository's own ``.venv``: what is installed here, and a module that is only there."""
    folder = repository / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages] = folder.glob("lib/*/site-packages")
    (packages / f"{module}.py").write_text("", "utf-8")
    (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    (repository / ".git" / "info" / "exclude").write_text(".venv\n", "utf-8")


class Bodies(Knowing):
    """Writes whole bodies: every other module's right, the others' wrong; says what it was asked.

    What it says depends on the question alone, so that every order of them comes to the same.
    """

    def next_script(self, request: Request) -> list[Step]:
        """Answer a request."""
        ScriptedServer.next_script(self, request)
        asked = request.json
        if "messages" in asked:
            return saying("It sums.\nThat is all.")
        prompt = str(asked["prompt"])
        if sum(prompt[-200:].encode()) % 2:
            return completing("return -1")
        return completing(self._body(prompt))

    def _body(self, prompt: str) -> str:
        for size in (400, 200, 100, 60, 40):
            for text in self._texts:
                if (at := text.find(prompt[-size:])) >= 0:
                    return text[at + len(prompt[-size:]) :].partition("\n\n\n")[0]
        return ""

    @property
    def twice(self) -> int:
        """How many questions came again."""
        asked = Counter(json.dumps(each.json, sort_keys=True) for each in self.requests)
        return sum(asked.values()) - len(asked)


def at_work(processes: Iterable[psutil.Process], name: str) -> list[psutil.Process]:
    """Those of Ray's that do this work now."""
    found: list[psutil.Process] = []
    for each in processes:
        with contextlib.suppress(psutil.Error):
            line = each.cmdline()
            if line and line[0].startswith("ray::") and name in line[0]:
                found.append(each)
    return found


class RayCluster:
    """A head and a second node on this machine, of two processors each."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        with socket.socket() as held:
            held.bind((HOSTS[0], 0))
            self.address = f"{HOSTS[0]}:{held.getsockname()[1]}"
        self.env = {**env, "RAY_TMPDIR": str(folder)}
        self._nodes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            port = self.address.rpartition(":")[2]
            self._start(HOSTS[0], "--head", f"--port={port}", "--include-dashboard=false",
                        f"--temp-dir={self._folder}")  # fmt: skip
            for host in HOSTS[1:]:
                self._start(host, f"--address={self.address}")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, host: str, *arguments: str) -> None:
        """Start a node; it is there when this returns."""
        node = subprocess.Popen(
            [*RAY_PROGRAM, "start", *arguments, f"--node-ip-address={host}", "--num-cpus=2",
             "--object-store-memory=134217728", "--disable-usage-stats", "--block"],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self._nodes.append(node)
        said = b""
        assert node.stdout is not None
        for line in node.stdout:
            said += line
            if b"--block" in line:  # its last words
                return
        raise AssertionError(said.decode())

    @property
    def processes(self) -> list[psutil.Process]:
        """All of them."""
        found: list[psutil.Process] = []
        for node in self._nodes:
            with contextlib.suppress(psutil.Error):
                top = psutil.Process(node.pid)
                found += [top, *top.children(recursive=True)]
        return found

    def at_work(self, name: str) -> list[psutil.Process]:
        """Those that do this work now."""
        return at_work(self.processes, name)

    @property
    def cages(self) -> list[psutil.Process]:
        """Runs of tests that go on."""
        found: list[psutil.Process] = []
        for each in self.processes:
            with contextlib.suppress(psutil.Error):
                found += [each] if "polypilot.compare.cage" in each.cmdline() else []
        return found

    def close(self) -> None:
        """End all of it."""
        left = self.processes
        for each in left:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(left, timeout=20)
        for node in self._nodes:
            node.wait()
            if node.stdout is not None:
                node.stdout.close()


@dataclass(frozen=True)
class Ended:
    """A run that is over."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> Any:
        """Its report."""
        assert self.status == 0, self.err
        return json.loads(self.out)


class Home:
    """A user: a repository, settings, a place for data."""

    def __init__(self, folder: Path, repository: Path, ray: Path | None, **more: str) -> None:
        self.folder = folder
        self.repository = repository
        self.config = folder / "config"
        self.config.mkdir(parents=True)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")},
            "HOME": str(folder), "COLUMNS": "100", "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            "POLYPILOT_CONFIG_DIR": str(self.config),
            "POLYPILOT_DATA_DIR": str(folder / "data"),
            "POLYPILOT_CACHE_DIR": str(folder / "cache"), **more,
        }  # fmt: skip
        if ray is not None:
            self.env["PYTHONPATH"] = str(ray)

    def knows(self, team: ScriptedServer) -> None:
        """Make a supplier known by the name of team."""
        row = ROW.format(name="team", url=team.url, more='prices = "openai"')
        (self.config / "config.toml").write_text(row, "utf-8")

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start ``polypilot`` in a session of its own."""
        return await asyncio.create_subprocess_exec(
            *PROGRAM, *arguments, env=self.env, cwd=self.repository,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    async def run(self, *arguments: str) -> Ended:
        """Run it to its end."""
        return await self.end(await self.start(*arguments))

    async def end(self, process: asyncio.subprocess.Process) -> Ended:
        """Wait for its end."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return Ended(process.returncode or 0, out.decode(), err.decode())

    def rows(self, table: str) -> list[Any]:
        """What is kept in ``compare.db``, without what each run's clock says."""
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "compare.db")) as file:
            order = "number" if table == "tasks" else "target, task"
            query = f"SELECT body FROM {table} ORDER BY {order}"  # noqa: S608 - our own words
            found = file.execute(query).fetchall()
        timed = {"when", "seconds", "first_text", "first_line"}
        return [{name: value for name, value in json.loads(body).items() if name not in timed}
                for (body,) in found]  # fmt: skip

    def count(self, table: str) -> int:
        """Rows of a table; 0 before there is one."""
        file = self.folder / "data" / "compare.db"
        if not file.exists():
            return 0
        with contextlib.closing(sqlite3.connect(file)) as connection:
            try:
                query = f"SELECT count(*) FROM {table}"  # noqa: S608 - our own words
                [found] = connection.execute(query).fetchone()
            except sqlite3.OperationalError:  # it is being made
                return 0
        return int(found)

    @property
    def left_behind(self) -> list[Path]:
        """Copies of trees that are still there."""
        folder = self.folder / "cache" / "compare"
        return sorted(folder.iterdir()) if folder.exists() else []


@dataclass(frozen=True)
class Alone:
    """A comparison without a cluster."""

    home: Home
    ended: Ended
    paid: int
    """Questions that the supplier got."""


def figures(report: Any) -> Any:
    """A report's figures without its clock's, as each run has other times."""
    summary = report["summary"]
    rows = [
        {
            name: row[name]
            for name in ("target", "quality", "reliability", "tokens", "money", "kinds")
        }
        for row in summary["rows"]
    ]
    return rows, summary["tasks"], summary["groups"]
