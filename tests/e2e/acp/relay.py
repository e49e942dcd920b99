"""Stands between a client and the agent and writes down every line, with the moment it passed.

    python relay.py LOG COMMAND...

A line of the log: ``>`` to the agent or ``<`` from it, seconds of the monotonic clock, the text.
After ``!`` stands the exit status of an agent that has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO, Any


def main() -> int:
    """Run the command behind the log; its exit status."""
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    agent = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    signal.signal(signal.SIGTERM, lambda _number, _frame: agent.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert agent.stdin is not None
    assert agent.stdout is not None
    inward = threading.Thread(
        target=_pump, args=(log, b">", sys.stdin.buffer, agent.stdin), daemon=True
    )
    inward.start()
    _pump(log, b"<", agent.stdout, sys.stdout.buffer)
    status = agent.wait()
    os.write(log, b"! %.6f %d\n" % (time.monotonic(), status))
    return status


def _pump(log: int, side: bytes, source: IO[Any], target: IO[Any]) -> None:
    try:
        for line in source:
            # First the log: who sees the line's effect finds the line.
            os.write(log, b"%b %.6f %b\n" % (side, time.monotonic(), line.strip()))
            target.write(line)
            target.flush()
        target.close()
    except OSError:  # the other side has gone
        pass


if __name__ == "__main__":
    sys.exit(main())
