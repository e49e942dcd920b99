"""The language server as editors start it."""

from __future__ import annotations

import logging
import sys

from polypilot import __version__
from polypilot.logs import install_crash_hooks, install_log_redaction
from polypilot.lsp.features import FEATURES
from polypilot.lsp.features.session import make_backend
from polypilot.lsp.serve import serve


def run() -> int:
    """Serve on standard input and output; the exit code."""
    install_log_redaction()
    install_crash_hooks()
    # Editors show a server's stderr in their own log. The level comes with the settings.
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    return serve(make_backend, FEATURES, version=__version__)
