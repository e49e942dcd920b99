"""The process around a protocol: its standard streams, its signals, its parent, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
"""Those that ask us to end, as far as the system has them."""
PARENT_POLL = 1.0
"""Seconds between two looks at the parent where the system does not tell of its end."""
_STANDARD_STREAMS = 3


@dataclass(frozen=True, slots=True)
class Wire:
    """The file descriptors of the protocol, which nobody else knows."""

    incoming: int
    outgoing: int


def claim() -> Wire:
    """Takes standard input and output for the protocol alone.

    Both are moved to private descriptors. What is left in their place is the null device for
    input, and standard error for output, so that neither a ``print`` nor a C library nor a
    child process can write into the protocol or read from it.

    Raises:
        OSError: standard input or output is closed.
    """
    os.fstat(0)
    os.fstat(1)
    null = os.open(os.devnull, os.O_RDWR)
    try:
        os.fstat(2)
    except OSError:  # closed: without this, 2 would be the next free one, and be ours
        os.dup2(null, 2)
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(null, 0)
    os.dup2(2, 1)
    if null >= _STANDARD_STREAMS:
        os.close(null)
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 -- exists on Windows only

        for fd in (incoming, outgoing):
            msvcrt.setmode(fd, os.O_BINARY)
    return Wire(incoming, outgoing)


def tell(line: str) -> None:
    """One line on standard error, if that can be written to."""
    with contextlib.suppress(OSError):
        os.write(2, f"polypilot: {line}\n".encode(errors="replace"))


def exit_within(seconds: float, code: int) -> None:
    """Ends the process at the latest then, whatever threads and exit handlers are up to.

    The interpreter's own end joins every thread of every pool; one that hangs in a name
    lookup would keep the process for minutes.
    """

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, name="polypilot-exit", daemon=True).start()


def on_signals(
    stop: Callable[[str], None], *, ignorable: Container[str] = SIGNALS
) -> Callable[[], None]:
    """Calls ``stop`` with the name of a signal that asks us to end; must be in the main thread.

    It runs between two instructions of whatever that thread is doing. An ``ignorable`` one
    that the parent set to be ignored (``nohup``) stays ignored. Returns what puts the former
    handlers back.
    """
    former: dict[int, object] = {}
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is None:
            continue
        if name in ignorable and signal.getsignal(number) == signal.SIG_IGN:
            continue
        # Not loop.add_signal_handler: this one also runs while a handler keeps the loop busy.
        former[number] = signal.signal(number, lambda number, _: stop(signal.Signals(number).name))

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] -- what signal() gave

    return restore


def watch_process(pid: int, gone: Callable[[], None]) -> Callable[[], None]:
    """Calls ``gone`` in the event loop when process ``pid`` ends. Returns what ends the watch.

    A client in another container or on another machine names a process that does not exist
    here; then there is nothing to watch, and the end of the input has to do.
    """
    if pid <= 0 or pid == os.getpid():
        return lambda: None
    if sys.platform == "linux":
        try:
            return _watch_pidfd(os.pidfd_open(pid), gone)
        except ProcessLookupError:
            return lambda: None
        except OSError:  # an old kernel, a sandbox: poll instead
            pass
    alive = _windows_probe(pid) if sys.platform == "win32" else _posix_probe(pid)
    if not alive():
        return lambda: None
    return _poll(alive, gone)


def _watch_pidfd(fd: int, gone: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        nonlocal fd
        if fd >= 0:
            loop.remove_reader(fd)
            os.close(fd)
            fd = -1

    def ended() -> None:
        stop()
        gone()

    loop.add_reader(fd, ended)
    return stop


def _poll(alive: Callable[[], bool], gone: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        if alive():
            timer = loop.call_later(PARENT_POLL, look)
        else:
            gone()

    timer = loop.call_later(PARENT_POLL, look)
    return lambda: timer.cancel()  # noqa: PLW0108 -- the timer of that moment


def _posix_probe(pid: int) -> Callable[[], bool]:
    """Signal 0 says whether a process exists; a dead one that nobody waited for still does,
    but then its children have a new parent."""  # noqa: D205, D209 -- one sentence
    was_parent = os.getppid() == pid

    def alive() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass  # it exists and is another user's
        return not was_parent or os.getppid() == pid

    return alive


def _windows_probe(pid: int) -> Callable[[], bool]:
    """On Windows ``os.kill(pid, 0)`` would end the process: its handle is waited for instead."""
    import ctypes  # noqa: PLC0415 -- costs start-up time and is needed on Windows only

    synchronize, timed_out = 0x00100000, 0x102
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009 -- unknown to a checker on POSIX
    kernel32.OpenProcess.restype = ctypes.c_void_p
    handle = kernel32.OpenProcess(synchronize, False, pid)

    def alive() -> bool:
        if not handle:
            return False
        return kernel32.WaitForSingleObject(ctypes.c_void_p(handle), 0) == timed_out

    return alive
