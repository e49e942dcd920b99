"""What a test gets to run with: interpreter, environment, limits, what it sees of the disk."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypilot.children import bare_environment
from polypilot.compare.cage_files import SCRATCH
from polypilot.compare.evidence import witnessed, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot.compare.values import TestRun

DISK = 512 << 20
"""Bytes that one run may write, in memory."""
FILE = 256 << 20
PROCESSES = 256
"""Processes and threads of one run."""
_FILES = 1024
_HIDDEN = ("/home", "/root", "/run", "/var/run", "/var/tmp", "/tmp")  # noqa: S108  (hidden, not used)
_VENV = ".venv"


def interpreter(repository: Path) -> str:
    """What ``{python}`` stands for: the repository's own ``.venv``, else what runs now."""
    return str(own_interpreter(repository) or sys.executable)


def own_interpreter(repository: Path) -> Path | None:
    """That of the repository's own ``.venv``, if there is one. Blocks."""
    folder = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    own = repository / _VENV / folder
    return own if own.exists() else None


def command(run: TestRun, repository: Path) -> list[str]:
    """The run's command with the interpreter put in, under the witness if that can run it."""
    python = interpreter(repository)
    parts = wrapped(run.command) if is_witnessed(run, repository) else run.command
    return [part.replace("{python}", python) for part in parts]


def is_witnessed(run: TestRun, repository: Path) -> bool:
    """Whether the witness runs it: also ``pytest``, if that is beside the interpreter."""
    how = witnessed(run.command)
    if how is None or how.mode != "pytest":
        return how is not None
    return (Path(interpreter(repository)).parent / "pytest").exists()


def environment(repository: Path, home: str, scratch: str) -> dict[str, str]:
    """Made anew: where programs are, the language and the time zone, nothing else of the user's.

    What git says about owners does not hold where users are mapped, so it is told not to ask.
    """
    kept = bare_environment()
    names = ("PATH", "LANG", "TZ", "SYSTEMROOT", "COMSPEC")
    found = {name: kept[name] for name in kept if name in names or name.startswith("LC_")}
    programs = Path(interpreter(repository)).parent
    found["PATH"] = os.pathsep.join([str(programs), found.get("PATH") or os.defpath])
    places = {"HOME": home, "USERPROFILE": home}
    places |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch)
    fixed = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "GIT_CONFIG_COUNT": "1"}
    git = {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    return found | places | fixed | git


def limits(run: TestRun, others: int = 0) -> dict[str, int]:
    """By their names in ``resource``. ``others``: processes that count, but are not the run's."""
    return {
        "RLIMIT_AS": run.megabytes << 20,
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": max(1, round(run.seconds)) * (os.cpu_count() or 1) + 1,
        "RLIMIT_FSIZE": FILE,
        "RLIMIT_NOFILE": _FILES,
        "RLIMIT_NPROC": PROCESSES + others,
    }


def caged(
    run: TestRun, tree: Path, repository: Path, files: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """The plan for :mod:`polypilot.compare.cage` with namespaces. Blocks.

    Raises:
        OSError: there is no such tree.
    """
    tree, repository = tree.resolve(), repository.resolve()
    about = tree.stat()
    own = about.st_uid == os.geteuid() and about.st_gid == os.getegid()
    root = os.geteuid() == 0
    return {
        "caged": True,
        "command": command(run, repository),
        "disk": DISK,
        "environment": environment(repository, f"{SCRATCH}/home", SCRATCH),
        "files": list(files),
        "hide": hidden(),
        "limits": limits(run),
        "place": str(repository),
        "root": root,
        "shares_owner": root or own,
        "show": shown(repository),
        "tree": str(tree),
        "witnessed": is_witnessed(run, repository),
    }


def plain(run: TestRun, copy: Path, repository: Path) -> dict[str, Any]:
    """The plan without namespaces, in a copy that the caller has made.

    The copy comes first on Python's path: else an editable installation leads to the original.
    """
    own = {"PYTHONPATH": os.pathsep.join([str(copy), str(copy / "src")])}
    home = copy.parent / "home"
    return {
        "caged": False,
        "command": command(run, repository),
        "environment": environment(repository, str(home), str(home)) | own,
        "limits": limits(run, _processes_now()),
        "place": str(copy),
        "witnessed": is_witnessed(run, repository),
    }


def hidden() -> list[str]:
    """Folders with the user's own things and the sockets of running programs."""
    wanted = [*_HIDDEN, str(Path.home()), os.environ.get("XDG_RUNTIME_DIR", ""), _temporary()]
    real = {os.path.realpath(each) for each in wanted if each}
    return sorted(each for each in real if each not in {"/", SCRATCH} and _is_folder(each))


def shown(repository: Path) -> list[str]:
    """What tests need of the hidden: the interpreter, and folders in which programs are found."""
    found = [repository / _VENV, Path(sys.prefix), Path(sys.base_prefix)]
    python = Path(interpreter(repository)).resolve()
    found.append(python.parent.parent)
    found += [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    covered = [*hidden(), SCRATCH, str(repository)]
    names = {
        str(each)
        for each in found
        if each.is_absolute() and _is_folder(each) and any(map(each.is_relative_to, covered))
    }
    return sorted(name for name in names if name not in covered)


def _is_folder(path: str | Path) -> bool:
    """Also of what may not be looked at, where ``Path.is_dir`` raises."""
    return os.path.isdir(path)  # noqa: PTH112  (see above)


def _temporary() -> str:
    return tempfile.gettempdir()


def _processes_now() -> int:
    """Threads of this user's, where that can be told: a plain limit counts them too."""
    count = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if entry.stat().st_uid == os.geteuid():
                count += sum(1 for _ in (entry / "task").iterdir())
        except OSError:  # it has ended meanwhile
            continue
    return count


def bubblewrap(program: str, plan: Mapping[str, Any], repository: Path) -> list[str]:
    """The command by which bubblewrap runs a plain plan's: the copy stands where the tree is."""
    parts = [program, "--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/"]
    parts += ["--dev", "/dev", "--proc", "/proc", "--cap-drop", "ALL"]
    for folder in [*hidden(), SCRATCH]:
        parts += ["--tmpfs", folder]
    copy = plan["place"]
    home = str(Path(copy).parent / "home")
    inside = [path for path in shown(repository) if Path(path).is_relative_to(repository)]
    for path in shown(repository):
        parts += ["--ro-bind", path, path]
    parts += ["--bind", home, home, "--bind", copy, str(repository)]
    for path in inside:
        parts += ["--ro-bind", path, path]
    return [*parts, "--chdir", str(repository), "--unsetenv", "PYTHONPATH", "--", *plan["command"]]
