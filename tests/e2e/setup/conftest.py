"""Real editors of a Debian suite beside the system, with the configuration that we write."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FETCH = Path(__file__).parents[1] / "neovim" / "fetch_nvim.py"
POLYPILOT = Path(sys.executable).with_name("polypilot")


def _fetcher() -> Any:
    spec = importlib.util.spec_from_file_location("fetch_nvim_for_setup", FETCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _unpacked(*program: Any) -> Path:
    fetch = _fetcher()
    try:
        return cast("Path", fetch.unpacked(fetch.Program(*program)))
    except fetch.UnavailableError as error:
        _do_without(f"no {program[0]}: {error}")


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def helix_program() -> Path:
    """Helix."""
    runtime = "export HELIX_RUNTIME='{root}/usr/lib/hx/runtime'\n"
    return _unpacked("hx", "hx", "usr/lib/hx/hx", runtime)


@pytest.fixture(scope="session")
def kakoune_program() -> Path:
    """Kakoune."""
    runtime = "export KAKOUNE_RUNTIME='{root}/usr/share/kak'\n"
    return _unpacked("kak", "kakoune", "usr/bin/kak", runtime, ("-version",))


@pytest.fixture(scope="session")
def newer_nvim() -> Path:
    """Neovim 0.12."""
    fetch = _fetcher()
    try:
        return cast("Path", fetch.fetch())
    except fetch.UnavailableError as error:
        _do_without(f"no Neovim 0.12: {error}")


def _path_without_ours() -> str:
    """The path without the tests' environment, whose tools an editor would find: Ruff's server."""
    ours = str(Path(sys.executable).parent)
    return os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if each != ours)


class Home:
    """A user's home with settings of Polypilot, in which `polypilot setup` is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / ".config"
        self.work = folder / "work"
        (self.work / ".git").mkdir(parents=True)
        (folder / "pp").mkdir()
        self.env = {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_RUNTIME_DIR": str(folder),
            "POLYPILOT_CONFIG_DIR": str(folder / "pp"),
            "POLYPILOT_DATA_DIR": str(folder / "pp-data"),
            "POLYPILOT_CACHE_DIR": str(folder / "pp-cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": _path_without_ours(),
        }

    def settings(self, text: str) -> None:
        (self.folder / "pp" / "config.toml").write_text(text, encoding="utf-8")

    def setup(self, *arguments: str, path: Path | None = None) -> str:
        """Runs `polypilot setup`, with an editor's folder on the path."""
        env = {**os.environ, **self.env}
        if path is not None:
            env["PATH"] = f"{path}:{env['PATH']}"
        done = subprocess.run(
            [str(POLYPILOT), "setup", *arguments],
            env=env,
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def user() -> Iterator[Home]:
    """A user; the path of his home is short enough for sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="pp-"))
    yield Home(folder)
    shutil.rmtree(folder, ignore_errors=True)


class Model:
    """A supplier on a loop of its own, so that the test may wait for the editor."""

    def __init__(self, server: ScriptedServer | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server = server or ScriptedServer()
        self._do(self.server.__aenter__())
        self.url = self.server.url

    def play(self, steps: list[Any]) -> None:
        self._loop.call_soon_threadsafe(self.server.play, steps)

    def close(self) -> None:
        self._do(self.server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


@pytest.fixture
def model() -> Iterator[Model]:
    """A supplier that says what it is told."""
    made = Model()
    yield made
    made.close()


@pytest.fixture
def serve() -> Iterator[Callable[[ScriptedServer], Model]]:
    """Runs a supplier of the test's own making."""
    made: list[Model] = []

    def start(server: ScriptedServer) -> Model:
        made.append(Model(server))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def said() -> Callable[..., list[Any]]:
    """What a supplier of chat streams to say some pieces."""

    def make(*pieces: str) -> list[Any]:
        def event(choice: Any) -> bytes:
            return f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n".encode()

        events = [event({"delta": {"content": each}}) for each in pieces]
        return stream(*events, event({"delta": {}, "finish_reason": "stop"}), b"data: [DONE]\n\n")

    return make
