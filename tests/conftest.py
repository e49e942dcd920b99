"""What every test gets without asking: a home of its own, no network, no blocked event loop."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import ipaddress
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from blockbuster import BlockBuster

RequireSystem = Callable[[str, str], str]

PRODUCT = ["polypilot", "polypilot_providers", "polypilot_prompts"]
REQUIRE_SYSTEM = "POLYPILOT_REQUIRE_SYSTEM"

# What a developer's own shell may hold, and no test may see or touch.
_PRIVATE = re.compile(
    r"(?i)(_API_KEY|_API_TOKEN|_ACCESS_TOKEN|_AUTH_TOKEN|_SECRET|_BASE_URL|_API_BASE|_ENDPOINT)$"
    r"|^(https?|all|no|ftp)_proxy$|^(SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|NETRC)$"
    r"|^(DBUS_SESSION_BUS_ADDRESS|DISPLAY|WAYLAND_DISPLAY|GNOME_KEYRING_CONTROL)$"
    r"|^(POLYPILOT_(?!REQUIRE_SYSTEM|TEST_).*|PYTHON_KEYRING_BACKEND|KEYRING_PROPERTY_.*)$"
)
_HOME = {
    "HOME": "home",
    "USERPROFILE": "home",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_STATE_HOME": "home/.local/state",
    "XDG_RUNTIME_DIR": "run",
    "POLYPILOT_CONFIG_DIR": "polypilot/config",
    "POLYPILOT_DATA_DIR": "polypilot/data",
    "POLYPILOT_CACHE_DIR": "polypilot/cache",
}


# --- markers and selection


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "allow_blocking(reason): this test's own code may block the event loop"
    )
    _heed_signals()


def _heed_signals() -> None:
    """Undo what ``nohup`` and shells' ``&`` do to a program: it and all that it starts would
    ignore the signals that tests send."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long runs only when asked for by ``-m``; deselected and not skipped, as a skip is a gap."""
    if "nightly" in (config.option.markexpr or ""):
        return
    nightly = [item for item in items if item.get_closest_marker("nightly")]
    if nightly:
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]


# --- a home of its own


@pytest.fixture(autouse=True)
def isolated_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Folders of this test's own in place of the user's; no keys, proxies or keyring in sight."""
    base = tmp_path_factory.mktemp("user")
    for name in [name for name in os.environ if _PRIVATE.search(name)]:
        monkeypatch.delenv(name)
    for name, folder in _HOME.items():
        monkeypatch.setenv(name, str(base / folder))
    (base / "home").mkdir()
    (base / "run").mkdir(mode=0o700)
    # A test that means to use a keyring says so; no other may reach the developer's.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return base


# Found from every folder below: an editor of a later test would take the common one for its
# workspace, and heed what the file says.
_MARKS = (
    *(".polypilot.toml", ".git", "AGENTS.md", ".gitignore", ".noai"),
    *(".aiignore", ".aiexclude", ".continueignore", ".cursorignore"),
)


@pytest.fixture(autouse=True)
def common_folder_stays_unmarked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail a test that makes a workspace of the folder that all tests' folders are in."""
    yield
    base = tmp_path_factory.getbasetemp()
    left = [base / name for name in _MARKS if (base / name).exists()]
    for each in left:  # only the test that made it is to fail
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    if left:
        pytest.fail(f"left for all later tests: {', '.join(str(each) for each in left)}")


# --- no network

_guard_on = False


_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  (refused, not bound)


def _loopback(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or not _guard_on:
        return
    if event == "socket.getaddrinfo":
        host: object = args[0]
    elif event in {"socket.connect", "socket.sendto", "socket.bind"} and isinstance(args[1], tuple):
        host = cast("tuple[object, ...]", args[1])[0]  # a Unix socket's address is no tuple
    else:
        return
    if event == "socket.bind" and host in _EVERYWHERE:
        message = "a test would listen on every interface"
        raise PermissionError(message)
    if not _loopback(host):
        message = f"a test would leave this machine: {event} {host!r}"
        raise PermissionError(message)


# An audit hook sees every socket of the process, also those of C code; it can't be taken out
# again, hence the switch.
sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse any socket of this process to another machine, and any look-up of its name.

    Child processes are not covered: a test that starts one gives it addresses on loopback.
    """
    global _guard_on  # noqa: PLW0603  (one switch for one hook)
    _guard_on = True
    yield
    _guard_on = False


# --- no blocked event loop


@functools.cache
def _blockbuster() -> BlockBuster:
    detector = BlockBuster(PRODUCT)
    # Coverage takes its own lock, on behalf of whatever line it sees first in a file.
    detector.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
    return detector


@pytest.fixture(autouse=True)
def loop_stays_free(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail an async test in which code of the product blocks the event loop.

    ``@pytest.mark.allow_blocking("reason")`` opts out.
    """
    function = getattr(request.node, "obj", None)
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    if not inspect.iscoroutinefunction(inner) or request.node.get_closest_marker("allow_blocking"):
        yield
        return
    detector = _blockbuster()
    detector.activate()
    yield
    detector.deactivate()


# --- what the system may lack


def _missing(what: str, command: str) -> None:
    message = f"{what} is not there; get it with: {command}"
    if os.environ.get(REQUIRE_SYSTEM) == "1":
        pytest.fail(f"{message} ({REQUIRE_SYSTEM}=1: a gap is a failure)", pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def require_system() -> RequireSystem:
    """``require_system(binary, package)``: the binary's path.

    Without it the test is skipped with the reason and the command that installs it; with
    POLYPILOT_REQUIRE_SYSTEM=1 it fails.
    """

    def require(binary: str, package: str) -> str:
        found = shutil.which(binary)
        if found is None:
            _missing(f"the program {binary}", f"apt-get install --no-install-recommends {package}")
        return str(found)

    return require


@pytest.fixture(scope="session")
def keyrings_alt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on PYTHONPATH, makes keyrings.alt importable with its entry points.

    It must never be installed beside the product's own tests: with it the keyring library
    stores keys as plain text. POLYPILOT_TEST_KEYRINGS_ALT names a folder made beforehand by
    ``pip install --no-deps --target FOLDER keyrings.alt``; without it this does the same.
    """
    given = os.environ.get("POLYPILOT_TEST_KEYRINGS_ALT", "")
    folder = Path(given) if given else tmp_path_factory.mktemp("keyrings_alt")
    command = f"{sys.executable} -m pip install --no-deps --target {folder} keyrings.alt"
    if not given:
        uv = importlib.util.find_spec("uv") is not None
        tool = ["uv", "pip"] if uv else ["pip"]
        asked = [sys.executable, "-m", *tool, "install", "-q", "--no-deps"]
        subprocess.run(
            [*asked, "--target", str(folder), "keyrings.alt>=5.0"],
            check=False,
            timeout=60,
            capture_output=True,
        )
    if not (folder / "keyrings" / "alt" / "file.py").exists():
        _missing("keyrings.alt", f"{command}; POLYPILOT_TEST_KEYRINGS_ALT={folder}")
    return folder
