"""The process that a test runs under: ``python -m polypilot.compare.cage``.

Its input is one line of JSON, the plan (:func:`polypilot.compare.sandbox_plan.make`), and the end
of its input is the order to end everything, whoever closed it. What the test prints comes out
of its output; on its error stream it says in lines of JSON how it goes: ``begun``, then
``code`` (an exit status; 128 and the signal's number if it was killed) or ``failed``. With
``code`` comes ``proof``: what the test wrote to a pipe of which its input tells it, if the plan
has a ``nonce`` (:mod:`polypilot.compare.witness`).

With namespaces there are four processes: this one, which maps users and waits; one that leaves
the old namespaces; the first process of the new ones, with whose end the kernel ends all others;
the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from polypilot.compare import cage_linux, cage_mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINUX = sys.platform == "linux"
_KILLED = 128
_NOT_STARTED = 127
_PROOF = 1 << 17
"""Bytes that are read of what a test testifies; whoever writes more waits for ever."""


def main() -> None:
    """Run the plan that stands in the first line of the input."""
    status = os.dup(2)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 2)
    plan: dict[str, Any] = json.loads(_first_line())
    wake = _wake_at_a_childs_end()
    if _LINUX:
        cage_linux.adopt_orphans()
    start = _start_caged if plan["caged"] else _start_plain
    proof = _Proof(plan.get("nonce"))
    code = _wait(start(plan, status, nothing, proof), wake, proof)
    _end_the_rest()
    _say(status, code=code, proof=proof.text())


class _Proof:
    """The pipe through which a test testifies, and the nonce by which that is known as its own."""

    def __init__(self, nonce: str | None) -> None:
        self._nonce = nonce
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._said = bytearray()

    def hand_over(self, nothing: int) -> None:
        """In the process that becomes the test: its input names the pipe, or is empty."""
        if self._nonce is None:
            os.dup2(nothing, 0)
            return
        given, giver = os.pipe()
        text = json.dumps({"nonce": self._nonce, "tell": self._writer})
        os.write(giver, text.encode() + b"\n")
        os.dup2(given, 0)
        os.set_inheritable(self._writer, True)

    def wanted(self) -> list[int]:
        """What is to be waited for."""
        return [self.reader] if len(self._said) < _PROOF else []

    def collect(self) -> None:
        """Take what is there."""
        with contextlib.suppress(BlockingIOError):
            while len(self._said) < _PROOF and (part := os.read(self.reader, 1 << 16)):
                self._said += part

    def text(self) -> str:
        """All that it has said, when nobody is left to say more."""
        self.collect()
        return self._said.decode("utf-8", "replace")


def _first_line() -> bytes:
    """Byte by byte would be slow, and a buffered reader would keep what follows."""
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        parts.append(os.read(0, 1 << 16))
        if not parts[-1]:
            raise SystemExit(_NOT_STARTED)
    return b"".join(parts)


def _say(status: int, **what: object) -> None:
    left = json.dumps(what).encode() + b"\n"
    with contextlib.suppress(OSError):  # nobody listens any more
        while left:
            left = left[os.write(status, left) :]


# --- waiting


def _wake_at_a_childs_end() -> int:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, _noted)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def _noted(_number: int, _frame: object) -> None:
    """A handler is what makes a signal write to the wake-up pipe."""


def _wait(child: int, wake: int, proof: _Proof) -> int:
    """The child's exit status; it is killed when the input ends."""
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return _exit_code(status)
        ready, _, _ = select.select([0, wake, *proof.wanted()], [], [])
        if 0 in ready:
            os.kill(child, signal.SIGKILL)
            return _exit_code(os.waitpid(child, 0)[1])
        proof.collect()
        if wake in ready:
            os.read(wake, 512)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _KILLED - code


def _end_the_rest() -> None:
    """Kill what is left below, also what has left its group, and wait for it to be gone."""
    while True:
        for pid in _children() if _LINUX else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    own = os.getpid()
    found: list[int] = []
    for entry in os.listdir("/proc"):  # noqa: PTH208  (names alone)
        if entry.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                line = Path("/proc", entry, "stat").read_text("utf-8", "replace")
                if int(line.rpartition(")")[2].split()[1]) == own:
                    found.append(int(entry))
    return found


# --- starting


def _fork(then: Callable[[], NoReturn], status: int) -> int:
    """Start a child that does ``then``; what goes wrong in it is said, and it ends."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        then()
    except OSError as exc:
        _say(status, failed=os.strerror(exc.errno or 0), doing=str(exc.strerror).split(":")[0])
    except BaseException as exc:  # noqa: BLE001  (a forked child must never return)
        _say(status, failed=str(exc) if isinstance(exc, ValueError) else type(exc).__name__)
    os._exit(_NOT_STARTED)


def _start_plain(plan: Mapping[str, Any], status: int, nothing: int, proof: _Proof) -> int:
    return _fork(lambda: _become(plan, status, nothing, proof), status)


def _start_caged(plan: Mapping[str, Any], status: int, nothing: int, proof: _Proof) -> int:
    unshared, tell = os.pipe()
    mapped, go = os.pipe()
    maps = {f"{kind}_map": _map(plan, kind) for kind in ("uid", "gid")}

    def leave() -> NoReturn:
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
        cage_linux.unshare(cage_linux.NEW_ALL)
        cage_linux.die_with_parent()
        os.write(tell, b".")
        os.close(go)
        if not os.read(mapped, 1):
            raise ValueError("users can't be mapped")
        first = _fork(lambda: _rule(plan, status, nothing, proof), status)
        os._exit(_exit_code(os.waitpid(first, 0)[1]))

    child = _fork(leave, status)
    os.close(tell)
    if os.read(unshared, 1):
        with contextlib.suppress(OSError):  # then the child says so
            Path(f"/proc/{child}/setgroups").write_text("deny", "ascii")
            for name, text in maps.items():
                Path(f"/proc/{child}/{name}").write_text(text, "ascii")
            os.write(go, b".")
    for descriptor in (unshared, mapped, go):
        os.close(descriptor)
    return child


def _map(plan: Mapping[str, Any], kind: str) -> str:
    """Root keeps every number, since it may own any file; others may keep their own alone."""
    if plan["root"]:
        return cage_linux.own_map(kind)
    number = os.geteuid() if kind == "uid" else os.getegid()
    return f"{number} {number} 1\n"


def _rule(plan: Mapping[str, Any], status: int, nothing: int, proof: _Proof) -> NoReturn:
    """Be the first process of the new namespaces: start the test, bury the dead, end with it."""
    cage_linux.die_with_parent()
    cage_mounts.build(plan)
    test = _fork(lambda: _become(plan, status, nothing, proof), status)
    while True:
        pid, result = os.wait()
        if pid == test:
            os._exit(_exit_code(result))


def _become(plan: Mapping[str, Any], status: int, nothing: int, proof: _Proof) -> NoReturn:
    os.setsid()
    proof.hand_over(nothing)
    os.dup2(1, 2)
    os.chdir(plan["place"])
    _limit(plan["limits"])
    if plan["caged"]:
        cage_linux.forget_keys()
        cage_linux.drop_privileges(root=plan["root"])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _say(status, begun=True)
    os.execvpe(plan["command"][0], plan["command"], plan["environment"])  # noqa: S606  (no shell is meant)


def _limit(limits: Mapping[str, int]) -> None:
    """Each limit by its name in ``resource``; what a system does not know is left out."""
    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(OSError, ValueError):
                hard = resource.getrlimit(kind)[1]
                most = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main()
