"""Sets up the project's own virtual environment from the hash-locked requirements.

Only the standard library, so that it runs on a machine that has nothing but Python and git.
Every failure is one message that says what is missing and what to do about it.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
WINDOWS = os.name == "nt"

_MORE_SPACE = "free about 2 GB, then run again"

_NETWORK_SIGNS = (
    "temporary failure in name resolution",
    "failed to establish a new connection",
    "name or service not known",
    "nodename nor servname",
    "getaddrinfo failed",
    "newconnectionerror",
    "nameresolutionerror",
    "network is unreachable",
    "connection refused",
    "proxyerror",
    "read timed out",
    "connecttimeout",
    "(from versions: none)",
)


class SetupError(Exception):
    """Setting up can't go on; the message says why, ``cure`` what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def say(text: str) -> None:
    """One line of progress for the person who watches."""
    print(text, flush=True)


def guarded(work: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> NoReturn:
    """Run ``work`` and leave with its status; a known failure becomes one clear message."""
    try:
        sys.exit(work(arguments))
    except SetupError as error:
        failure, cure = str(error), error.cure
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to go on.")
    except OSError as error:
        failure, cure = _describe_os_error(error)
    sys.exit(f"\n{failure}\nCure: {cure}")


def _describe_os_error(error: OSError) -> tuple[str, str]:
    where = error.filename or ROOT
    if error.errno == errno.ENOSPC:
        return (
            f"No space is left on the disk that holds {where}.",
            "free about 2 GB, then run again",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"This user may not write {where}.",
            "set POLYPILOT_VENV to a folder you may write, or take a clone of your own",
        )
    return f"The operating system refused: {error}.", "see the message above, then run again"


def venv_folder() -> Path:
    """Where the virtual environment lives: ``POLYPILOT_VENV``, or ``.venv`` in the clone."""
    chosen = os.environ.get("POLYPILOT_VENV", "")
    return Path(chosen).expanduser().absolute() if chosen else ROOT / ".venv"


def program(name: str) -> Path:
    """A program inside the virtual environment."""
    folder = venv_folder() / ("Scripts" if WINDOWS else "bin")
    return folder / (name + ".exe" if WINDOWS else name)


def is_root() -> bool:
    """Whether system packages may be installed without asking anybody."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install_system_packages(names: Sequence[str]) -> bool:
    """Install Debian packages as root; False where that is not possible here."""
    if not names:
        return True
    if not is_root() or shutil.which("apt-get") is None:
        return False
    say(f"Installing system packages: {' '.join(names)}")
    # An update that fails in part still leaves the old lists: the install's word counts.
    _apt("update", "-q")
    done = _apt("install", "-q", "-y", "--no-install-recommends", *names)
    if done.returncode != 0:
        say(_tail(done.stdout + done.stderr))
    return done.returncode == 0


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


# --- the virtual environment ------------------------------------------------


def _works(python: Path) -> bool:
    """Whether the environment's interpreter runs, and is of the version that started us."""
    probe = f"import sys, pip; print(sys.version_info[:2] == {sys.version_info[:2]!r})"
    try:
        done = subprocess.run(
            [python, "-c", probe], capture_output=True, text=True, encoding="utf-8", check=False
        )
    except OSError:
        return False
    return done.stdout.strip() == "True"


def ensure_venv() -> Path:
    """Make the virtual environment unless a working one is there; its interpreter."""
    folder, python = venv_folder(), program("python")
    if python.exists() and _works(python):
        return python
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        raise SetupError(
            f"{folder} exists and is not a virtual environment; it was left as it is.",
            "set POLYPILOT_VENV to another folder, or move that one away",
        )
    _need_ensurepip()
    say(f"Making a virtual environment in {folder}")
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0 or not _works(python):
        _explain(done.stdout + done.stderr, "The virtual environment could not be made.")
    return python


def _need_ensurepip() -> None:
    """Debian's Python comes without what makes virtual environments; get it or say how."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if install_system_packages([package]):
        return
    command = f"apt-get install {package}"
    raise SetupError(
        f"{sys.executable} can't make virtual environments: its ensurepip module is missing.",
        f"{command if is_root() else 'sudo ' + command}    (Debian, Ubuntu; elsewhere install "
        "Python's venv and ensurepip)",
    )


# --- the locked requirements ------------------------------------------------


def _fingerprint(kind: str) -> str:
    """Changes whenever the environment has to be brought up to date."""
    digest = hashlib.sha256()
    for path in (REQUIREMENTS / f"{kind}.txt", ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    digest.update(repr((sys.version_info[:3], str(ROOT))).encode())
    return digest.hexdigest()


def _stamp(kind: str) -> Path:
    return venv_folder() / f"polypilot-{kind}.stamp"


def is_current(kind: str) -> bool:
    """Whether the environment already holds exactly what ``kind``'s lock asks for."""
    try:
        return _stamp(kind).read_text(encoding="ascii") == _fingerprint(kind)
    except OSError:
        return False


def install(kind: str) -> None:
    """Install ``requirements/KIND.txt`` and the project, unless that was done before.

    The development lock holds all that the demo's does, so it serves for both.
    """
    ensure_venv()
    if is_current(kind) or (kind == "demo" and is_current("dev")):
        return
    for stamp in (_stamp("demo"), _stamp("dev")):
        stamp.unlink(missing_ok=True)
    started = time.monotonic()
    lock = (REQUIREMENTS / f"{kind}.txt").read_text("utf-8")
    wanted = sum(1 for line in lock.splitlines() if line[:1].isalnum())
    say(f"Installing up to {wanted} packages, each checked against requirements/{kind}.txt")
    pip_install(locked(kind), wanted)
    # The build backend came with the lock, so nothing unpinned is downloaded to build.
    pip_install(["--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    _stamp(kind).write_text(_fingerprint(kind), encoding="ascii")
    say(f"Installed in {time.monotonic() - started:.0f} s")


def locked(kind: str) -> list[str]:
    """The arguments with which pip installs exactly what ``requirements/KIND.txt`` names."""
    return ["--require-hashes", "--requirement", str(REQUIREMENTS / f"{kind}.txt")]


def pip_install(what: Sequence[str], wanted: int = 1) -> None:
    """Run the environment's pip; ``wanted`` packages are about to come.

    Raises:
        SetupError: it failed; says why in a sentence.
    """
    command = [str(program("python")), "-m", "pip", "install", "--no-input"]
    command.append("--disable-pip-version-check")
    output: list[str] = []
    seen = 0
    with subprocess.Popen(
        [*command, "--progress-bar=off", *what],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        cwd=ROOT,
    ) as process:
        for line in process.stdout or ():
            output.append(line)
            seen += line.startswith("Collecting ")
            _show_progress(line, seen, wanted)
    if sys.stdout.isatty():
        print("\r\x1b[K", end="", flush=True)
    if process.returncode != 0:
        _explain("".join(output), "The packages could not be installed.")


def _show_progress(line: str, seen: int, wanted: int) -> None:
    if not sys.stdout.isatty():
        return
    what = line.split()[1].partition("=")[0] if line.startswith("Collecting ") else ""
    if line.startswith("Installing collected"):
        what, seen = "unpacking", wanted
    if what:
        print(f"\r\x1b[K  {seen}/{wanted} {what}", end="", flush=True)


def _explain(output: str, failure: str) -> NoReturn:
    """Turn a tool's output into one message and its cure; never returns."""
    low = output.lower()
    if "no space left on device" in low:
        raise SetupError("No space is left on the disk.", _MORE_SPACE)
    if "do not match the hashes" in low:
        raise SetupError(
            "A downloaded package is not the one that requirements/ names; it was not installed.",
            "run again; if it stays so, your package registry or proxy serves altered files",
        )
    if any(sign in low for sign in _NETWORK_SIGNS):
        raise SetupError(
            "The package registry can't be reached, or lacks a package.",
            "check the network; behind a proxy set HTTPS_PROXY, for a mirror see `pip config`",
        )
    if "ensurepip" in low:
        raise SetupError(f"{failure} Python's ensurepip failed.", "reinstall Python's venv package")
    if "permission denied" in low or "read-only file system" in low:
        raise SetupError(
            f"This user may not write {venv_folder()}.",
            "set POLYPILOT_VENV to a folder you may write, or take a clone of your own",
        )
    raise SetupError(f"{_tail(output)}\n{failure}", "see the lines above; then run again")


# --- the first command ------------------------------------------------------


def demo(arguments: Sequence[str]) -> int:
    """Install what the demo needs and run it; further arguments go to ``polypilot demo``."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=demo.__doc__)
    parser.add_argument("--setup-only", action="store_true", help="install, but do not run it")
    options, rest = parser.parse_known_args(arguments)
    install("demo")
    if options.setup_only:
        return 0
    # The server is started from wherever the user is; the program needs no working folder.
    return subprocess.run([program("polypilot"), "demo", *rest], check=False).returncode
