"""What gets into a log: no key, no control character, and of an exception only type and place."""

from __future__ import annotations

import logging
import re
import sys
import threading
from typing import TYPE_CHECKING

from polypilot.errors import printable, redact, trace

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_LONGEST_MESSAGE = 20_000


class _CleanRecord(logging.LogRecord):
    """A log record that can't say what it must not.

    The cleaning sits in the record and not in a filter, because a filter on a logger does
    not see its children's records, and one on a handler misses handlers added later.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (passed through)
        if self.exc_info and self.exc_info[1] is not None:
            self.exc_text = trace(self.exc_info[1])
        self.exc_info = None

    def getMessage(self) -> str:  # noqa: N802  (logging's name)
        try:
            text = super().getMessage()
        except Exception as exc:  # noqa: BLE001  (logging would print message and arguments to stderr)
            text = f"{self.msg} ({type(exc).__name__} in its arguments)"
        if self.name == "asyncio":
            # What follows are representations of tasks and callbacks, with exceptions and
            # arguments in them.
            text = re.split(r"[<(\n]", text, maxsplit=1)[0]
        return printable(redact(_cut(text)))


def _cut(text: str) -> str:
    """At most _LONGEST_MESSAGE characters, cut between words: half a key is not recognised."""
    if len(text) <= _LONGEST_MESSAGE:
        return text
    head = text[:_LONGEST_MESSAGE]
    return head[: max(head.rfind(space) for space in " \n\t") + 1] + "... (cut)"


def install_log_redaction() -> Callable[[], None]:
    """From now on, no log record of this process shows a secret, a control character or the
    text of an exception. Returns a function that takes it back (for tests).
    """  # noqa: D205  (one sentence)
    factory, noisy = logging.getLogRecordFactory(), logging.raiseExceptions
    logging.setLogRecordFactory(_CleanRecord)
    # A handler that fails would print the record's raw arguments to stderr.
    logging.raiseExceptions = False

    def restore() -> None:
        logging.setLogRecordFactory(factory)
        logging.raiseExceptions = noisy

    return restore


def install_crash_hooks() -> None:
    """Log uncaught exceptions by type and place instead of printing them with their text."""

    def main(kind: type[BaseException], exc: BaseException, _tb: object) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        _crash("uncaught exception", exc)

    def thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            _crash("uncaught exception in a thread", args.exc_value)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            _crash("exception in a destructor or callback", args.exc_value)

    sys.excepthook = main
    threading.excepthook = thread
    sys.unraisablehook = unraisable


def _crash(what: str, exc: BaseException) -> None:
    log.critical("%s: %s", what, trace(exc))
