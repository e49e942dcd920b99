"""The console program, imported once and run in a process of its own for each command line.

    python prepared_program.py SOCKET

Most of what a run costs is its imports. Who connects sends a JSON object (argv, env, cwd) with
the three standard streams; back come two lines, the number of the run's process and its status.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import threading
from typing import Any

from polypilot.cli import main

IMPORTED = (
    *("polypilot.terminal.app", "polypilot.backend.chatting", "polypilot_providers.suppliers"),
    *(
        "polypilot_providers.http",
        "polypilot_providers.wires.openai_chat",
        "httpcore2",
        "truststore",
    ),
)
"""What most runs come to import."""


def serve(listener: socket.socket) -> None:
    """Returns in each run's process; otherwise when nobody can connect any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who watches a run is not waited for
    while True:
        connection, _ = listener.accept()
        with connection:
            data, streams, _, _ = socket.recv_fds(connection, 1, 3)
            if not data:
                sys.exit(0)
            with connection.makefile("rb") as lines:
                data = lines.readline()
            if os.fork() == 0:
                listener.close()
                if watch(connection):
                    return begin(json.loads(data), streams)
            for each in streams:
                os.close(each)


def watch(connection: socket.socket) -> bool:
    """Fork once more: true in the run, while this process tells of its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        connection.close()
        return True
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def begin(asked: dict[str, Any], streams: list[int]) -> None:
    """Be as a process is that was just started so."""
    os.setsid()
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    _open_streams()
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv[1:] = asked["argv"]


def _open_streams() -> None:
    """Python's objects for them anew: the old ones know whether they could be seeked."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        stream = open(  # noqa: SIM115 - for the process's life; a number
            number,
            "w" if number else "r",
            buffering=1 if name == "stderr" else -1,
            encoding=old.encoding,
            errors=old.errors,
            closefd=False,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    for name in IMPORTED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork would leave the threads behind"
    with socket.socket(socket.AF_UNIX) as meeting:
        meeting.bind(sys.argv[1])
        meeting.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        serve(meeting)
    main()
