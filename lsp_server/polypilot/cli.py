"""The console script: picks the face by its arguments and imports nothing heavy before that.

``polypilot`` and ``polypilot --stdio`` are the language server, ``polypilot acp`` is the agent of
the Agent Client Protocol; everything else belongs to the terminal. No face's start must pay for
another's libraries, hence the imports inside the branches.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import NoReturn


def main() -> NoReturn:
    """Run the face that the arguments ask for and leave with its exit status."""
    if _is_server(sys.argv[1:]):
        from polypilot.lsp import collector  # noqa: PLC0415 - see the module's docstring

        collector.pause()  # the imports below make half a million objects, none of them garbage
        from polypilot.lsp.entry import run as serve  # noqa: PLC0415 - see the module's docstring

        sys.exit(serve())
    arguments = sys.argv[1:]
    if arguments == ["acp"]:
        from polypilot.acp.entry import run as answer  # noqa: PLC0415 - see the module's docstring

        sys.exit(answer())
    from polypilot.terminal.app import run  # noqa: PLC0415 - see the module's docstring

    _leave(run(_signing_in(arguments)))


def _leave(status: int) -> NoReturn:
    """End the process. A thread of ours that is still inside a library's C++ code (it compiles
    the gate's rules, for one) would abort the process if the interpreter were taken down.
    """  # noqa: D205 - one sentence
    for stream in (sys.stdout, sys.stderr):
        # None after a reader that went away (`| head`).
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    if any(thread.name.startswith("polypilot:") for thread in threading.enumerate()):
        os._exit(status)
    sys.exit(status)


def _signing_in(arguments: list[str]) -> list[str]:
    """``polypilot acp auth`` is ``polypilot auth``: to have its user sign in, a client starts
    the agent as it always does, with arguments added.
    """  # noqa: D205 - one sentence
    return arguments[1:] if arguments[:2] == ["acp", "auth"] else arguments


def _is_server(arguments: list[str]) -> bool:
    """Whether an editor started us: no arguments, or what language clients add for stdio.

    vscode-languageclient appends ``--clientProcessId=N`` to ``--stdio``, and users of Copilot's
    clients may have options for the server that those were made for, such as ``--debug``. A
    person who types the bare command at a terminal gets the help instead of a program that
    silently waits for LSP.
    """
    if not arguments:
        return sys.stdin is None or not sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison] - None under pythonw and without fd 0
    return "--stdio" in arguments and all(argument.startswith("-") for argument in arguments)


if __name__ == "__main__":
    main()
