"""The console script: picks the face by its arguments and imports nothing heavy before that.

``polypilot`` and ``polypilot --stdio`` are the language server; everything else belongs to the
terminal. The server's start must not pay for the terminal's libraries, nor the terminal's for
the server's, hence the imports inside the branches.
"""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the face that the arguments ask for and leave with its exit status."""
    if _is_server(sys.argv[1:]):
        from polypilot.lsp import collector  # noqa: PLC0415 - see the module's docstring

        collector.pause()  # the imports below make half a million objects, none of them garbage
        from polypilot.lsp.entry import run as serve  # noqa: PLC0415 - see the module's docstring

        sys.exit(serve())
    from polypilot.terminal.app import run  # noqa: PLC0415 - see the module's docstring

    sys.exit(run(sys.argv[1:]))


def _is_server(arguments: list[str]) -> bool:
    """Whether an editor started us: no arguments, or what language clients add for stdio.

    vscode-languageclient appends ``--clientProcessId=N`` to ``--stdio``. A person who types the
    bare command at a terminal gets the help instead of a program that silently waits for LSP.
    """
    if not arguments:
        return sys.stdin is None or not sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison] - None under pythonw and without fd 0
    return arguments[0] == "--stdio" and all(
        argument.startswith("--clientProcessId=") for argument in arguments[1:]
    )


if __name__ == "__main__":
    main()
