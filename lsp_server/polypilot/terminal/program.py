"""What every command shares: opening the backend, running its coroutines, the exit status."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from polypilot.errors import describe, trace
from polypilot.logs import install_log_redaction

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Sequence

    from polypilot.backend import Backend
    from polypilot.terminal.output import Output

T = TypeVar("T")

OK, FAILED, USAGE, CONFIGURATION, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit statuses: success; provider or network; usage; configuration or credentials; Ctrl-C."""

_CONFIGURATION_CODES = frozenset(
    (
        *("configuration", "settings", "setup", "auth", "permission", "trust", "excluded"),
        *("needs_model", "needs_extra", "model_corrupt"),
    )
)


def status_of(code: str) -> int:
    """The exit status that belongs to an error's code."""
    if code in _CONFIGURATION_CODES or code.startswith(("keyring", "settings")):
        return CONFIGURATION
    return FAILED


def workspace_root(path: Path) -> Path:
    """The folder that a file or folder belongs to: the nearest with ``.git``, else its own."""
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if (folder / ".git").exists():
            return folder
    return start


@dataclass(frozen=True)
class Session:
    """An open backend and the event loop its coroutines run on.

    Between two runs the loop stands still, so that a command can ask the user something: a
    Ctrl-C there is an ordinary KeyboardInterrupt. During a run it cancels that run alone.
    """

    backend: Backend
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``; on Ctrl-C cancel it, let it clean up, raise KeyboardInterrupt."""
        return self.runner.run(work)


class Program:
    """One run of one command."""

    def __init__(self, output: Output) -> None:
        self.output = output

    @contextmanager
    def session(self, roots: Sequence[Path] | None = None) -> Generator[Session]:
        """A backend over ``roots`` (default: the folder that the user is in), closed at the end."""
        # Imported here: `--help` and usage errors need none of it.
        from polypilot.backend import Backend  # noqa: PLC0415 - a face starts without it

        backend = Backend.open(roots=roots if roots is not None else [workspace_root(Path.cwd())])
        self._set_up_logging(backend.loaded.settings.log.level)
        for problem in backend.loaded.problems:
            self.output.note(str(problem))
        with asyncio.Runner() as runner:
            try:
                yield Session(backend, runner)
            finally:
                runner.run(backend.aclose())

    def failed(self, error: BaseException) -> int:
        """Show an error with its cure; its exit status."""
        problem = describe(error)
        if problem.code == "internal":
            # Types and places only; what a bug report needs.
            self.output.note(trace(error), kind="trace")
        self.output.failure(problem.code, problem.message, problem.cure)
        return status_of(problem.code)

    @staticmethod
    def _set_up_logging(level: str) -> None:
        """Log to stderr only if the user asked for more than warnings: errors reach him typed."""
        install_log_redaction()
        wanted = level.upper()
        handler: logging.Handler = logging.NullHandler()
        if wanted in ("DEBUG", "INFO"):
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        logging.basicConfig(level=wanted, handlers=[handler])
