"""Runs the user's own ``git``, and nothing that a repository would have it run.

A repository's configuration can name programs: monitors, filters, converters, pagers, hooks,
transports, signature checkers. Each is overridden here by configuration in the environment,
which counts more than any file's; what has no name known beforehand (filters) is asked for
first. The program is found on the PATH and never below a workspace folder; its arguments are
ours; its environment is made anew; what it writes is bounded, and so is its time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

WITHIN_S = 5.0
"""Seconds for one question to git, however many calls it takes."""
LIMIT = 4_000_000
"""Bytes of one call's answer."""
_ERRORS = 20_000
_CHUNK = 65_536

_NOTHING = os.devnull
_FIXED: tuple[tuple[str, str], ...] = (
    # programs
    ("core.fsmonitor", "false"),
    ("core.hooksPath", _NOTHING),
    ("core.pager", ""),
    ("core.editor", ""),
    ("core.askPass", ""),
    ("core.sshCommand", ""),
    ("core.gitProxy", ""),
    ("core.alternateRefsCommand", ""),
    ("credential.helper", ""),
    ("diff.external", ""),
    ("gpg.program", ""),
    ("gpg.ssh.program", ""),
    ("gpg.x509.program", ""),
    ("log.showSignature", "false"),
    # network
    ("protocol.allow", "never"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    # files elsewhere
    ("core.attributesFile", _NOTHING),
    ("safe.bareRepository", "explicit"),
    # the form of what is written
    ("core.quotePath", "true"),
    ("core.commentChar", "#"),
    ("color.ui", "false"),
    ("diff.noprefix", "false"),
    ("diff.mnemonicPrefix", "false"),
    ("diff.interHunkContext", "0"),
    ("diff.suppressBlankEmpty", "false"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("status.relativePaths", "false"),
)
_KEPT = ("HOME", "XDG_CONFIG_HOME", "SYSTEMROOT", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA")
"""Of our own environment: where the user's configuration is (safe.directory, user names)."""


class GitError(UserError):
    """Git has no answer. Codes: git_absent, no_repository, git_unsafe, git_timeout, git_failed."""

    code = "git_failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call came to."""

    out: bytes = field(repr=False)
    status: int
    truncated: bool
    """There was more; git was stopped."""
    error: str = field(repr=False)
    """What it said on stderr: for `failure`, and for nobody else."""


@dataclass(slots=True)
class Stopper:
    """Ends a call from another thread."""

    stopped: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """Kill what runs, and let nothing begin any more."""
        with self._lock:
            self.stopped = True
            if self._process is not None:
                kill(self._process)

    def holds(self, process: subprocess.Popen[bytes] | None) -> None:
        """This is what runs now."""
        with self._lock:
            self._process = process
            if self.stopped and process is not None:
                kill(process)


def find(path: str, roots: Iterable[str]) -> str | None:
    """The first ``git`` of a PATH that is not below one of ``roots``, as an absolute path.

    Relative entries, which mean the folder that happens to be current, don't count.
    """
    tops = [Path(os.path.realpath(root)) for root in roots]
    tops += [Path(root) for root in roots]
    for entry in path.split(os.pathsep):
        if not os.path.isabs(entry):  # noqa: PTH117 - an empty entry means the current folder
            continue
        file = Path(entry, "git.exe" if sys.platform == "win32" else "git")
        real = Path(os.path.realpath(file))
        if any(place.is_relative_to(top) for place in (file, real) for top in tops):
            continue
        with contextlib.suppress(OSError):
            if stat.S_ISREG(real.stat().st_mode) and os.access(real, os.X_OK):
                return str(file)
    return None


def environment(git: str, top: str, extra: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """All variables that git gets, for a repository whose work tree is ``top``."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    settings = (*_FIXED, *extra)
    config = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        config[f"GIT_CONFIG_KEY_{number}"] = key
        config[f"GIT_CONFIG_VALUE_{number}"] = value
    return {
        **kept,
        **config,
        "PATH": str(Path(git).parent),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_ASKPASS": "",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(Path(top).parent),
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "",
        "GIT_TERMINAL_PROMPT": "0",
        # A repository's own word about where its files are would lead out of the workspace.
        "GIT_WORK_TREE": top,
    }


def run(  # noqa: D417 - the others say it by their types
    argv: Sequence[str],
    folder: str,
    env: Mapping[str, str],
    *,
    deadline: float,
    limit: int,
    stopper: Stopper,
    given: bytes = b"",
) -> Answer:
    """Run a program to its end, its limit or its deadline. Blocks.

    Args:
        deadline: as `time.monotonic` counts.
        given: what it reads on stdin.

    Raises:
        GitError: it can't be started, or takes too long.
    """
    if stopper.stopped or time.monotonic() >= deadline:
        raise GitError("git took too long", code="git_timeout", cure=_TOO_LONG)
    try:
        with _stdin(given) as stdin:
            process = subprocess.Popen(  # noqa: S603 - an absolute path and our own arguments
                argv,
                cwd=folder,
                env=env,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "a name that no program can be given"
        raise GitError(f"git can't be started ({reason})", code="git_absent") from None
    watch = threading.Timer(max(0.0, deadline - time.monotonic()), kill, (process,))
    watch.daemon = True
    watch.start()
    try:
        stopper.holds(process)
        answer = _read(process, limit)
    finally:
        watch.cancel()
        kill(process)
        stopper.holds(None)
        process.wait()
    if time.monotonic() >= deadline:
        raise GitError("git took too long", code="git_timeout", cure=_TOO_LONG)
    return answer


@contextlib.contextmanager
def _stdin(given: bytes) -> Generator[int]:
    """What a process reads: a file, so that nobody waits for it to be read."""
    if not given:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file.fileno()


_TOO_LONG = "Try again; a first look at a big repository takes longest."


def _read(process: subprocess.Popen[bytes], limit: int) -> Answer:
    """What it writes; stderr on a thread of its own, so that neither pipe blocks the other."""
    errors: list[bytes] = []

    def drain() -> None:
        left = _ERRORS
        while chunk := os.read(process.stderr.fileno(), _CHUNK) if process.stderr else b"":
            errors.append(chunk[:left])
            left = max(0, left - len(chunk))

    reader = threading.Thread(target=drain, name="polypilot:git stderr", daemon=True)
    reader.start()
    chunks: list[bytes] = []
    size = 0
    while size <= limit and (
        chunk := os.read(process.stdout.fileno(), _CHUNK) if process.stdout else b""
    ):
        chunks.append(chunk)
        size += len(chunk)
    truncated = size > limit
    if truncated:
        kill(process)
    reader.join()
    status = process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    error = b"".join(errors).decode("utf-8", "replace")
    return Answer(b"".join(chunks)[:limit], 0 if truncated else status, truncated, error)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it has started."""
    if process.returncode is not None:
        return
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def failure(answer: Answer, root: str) -> GitError:
    """What went wrong, in our own words: git's may quote anything."""
    text = answer.error
    if "dubious ownership" in text or "unsafe repository" in text:
        return GitError(
            "the repository belongs to another user, so that git does not use it",
            code="git_unsafe",
            cure=f"If you trust it: git config --global --add safe.directory {root}",
        )
    if "not a git repository" in text:
        return no_repository()
    if "bad config" in text or "bad numeric config" in text or "bad boolean config" in text:
        return GitError("the repository's configuration has an error", cure="Run `git status`.")
    return GitError(f"git failed (status {answer.status})", cure="Run `git status` to see why.")


def no_repository() -> GitError:
    """The folder is in none."""
    return GitError(
        "the folder is in no git repository", code="no_repository", cure="Open one, or git init."
    )
