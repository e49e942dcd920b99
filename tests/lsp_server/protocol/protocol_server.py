"""A language server with test features, as a process of its own."""

from __future__ import annotations

from polypilot.lsp import collector

collector.pause()

import logging  # noqa: E402 -- all else comes after the pause, as in the program
import os  # noqa: E402 - after the path is set
import sys  # noqa: E402 - after the path is set
from pathlib import Path  # noqa: E402 - after the path is set

from protocol_features import FEATURES, FakeBackend  # noqa: E402 - after the path is set

from polypilot.lsp.serve import serve  # noqa: E402 - after the path is set

if __name__ == "__main__":
    log_file = os.environ.get("TEST_LOG")
    if log_file:
        logging.basicConfig(filename=Path(log_file), level=logging.DEBUG)
    sys.exit(serve(FakeBackend.make, FEATURES, version="0"))
