"""Stands for the `polypilot` program in tests of the editor's side.

`--stdio`: every byte between the editor and the test is passed through the socket named by
`POLYPILOT_TEST_SOCKET`; the test itself is the language server. Any other command line writes
what the program was given (arguments, environment, standard input) to `cli.json` in the folder
`POLYPILOT_TEST_RECORD`, and prints a line.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path

CHUNK = 65536


def _to_test(connection: socket.socket) -> None:
    while data := os.read(0, CHUNK):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def _serve() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["POLYPILOT_TEST_SOCKET"])
        threading.Thread(target=_to_test, args=(connection,), daemon=True).start()
        while data := connection.recv(CHUNK):
            os.write(1, data)


def _record(arguments: list[str]) -> int:
    stdin = sys.stdin.read() if "--stdin" in arguments else ""
    record = {"arguments": arguments, "environment": dict(os.environ), "stdin": stdin}
    folder = Path(os.environ["POLYPILOT_TEST_RECORD"])
    fresh = folder / "cli.json.new"
    fresh.write_text(json.dumps(record), encoding="utf-8")
    fresh.replace(folder / "cli.json")
    if "refused" in arguments:
        os.write(2, f"the keyring is locked (given: {stdin.strip()})\n".encode())
        return 3
    os.write(1, b"polypilot 9.9.9\n" if "--version" in arguments else b"done by the program\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--stdio"]:
        _serve()
    else:
        sys.exit(_record(sys.argv[1:]))
