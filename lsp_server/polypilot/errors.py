"""The one border between exceptions and what a user, or a log file, gets to see.

Three things are kept out of both: keys, the user's text, and control characters with which
text from outside could forge log lines or drive a terminal.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import re
import threading
import traceback
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot_providers.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MASK = "[secret]"
_SHORTEST_SECRET = 6  # shorter "keys" (none, test) would blank out ordinary words

Code = str


class UserError(Exception):
    """A failure of ours, told in the user's words.

    ``code`` is stable and machine-readable, ``message`` says what happened, ``cure`` what to
    do about it (one sentence, may be empty). None of them ever holds a key or the user's
    code. Subclasses set ``code``; an instance may say it more exactly.
    """

    code: Code = "error"

    def __init__(self, message: str, *, code: Code = "", cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        if code:
            self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """What a face shows: printable, one line each, free of secrets."""

    code: Code
    message: str
    cure: str = ""


_SYSTEM = {
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("the disk quota is used up", "free some space"),
    errno.EROFS: ("the disk is read-only", "make it writable, or set POLYPILOT_DATA_DIR"),
    errno.EACCES: ("a file or folder may not be opened", "check its owner and permissions"),
    errno.EPERM: ("the system did not permit it", "check owner and permissions"),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n) or restart the editor"),
    errno.ENFILE: ("the system has too many open files", "close some programs"),
    errno.ENOMEM: ("the system is out of memory", "close some programs"),
    errno.EIO: ("the disk reported an error", "check the disk"),
}


def describe(exc: BaseException) -> Problem:
    """Say what ``exc`` means to a user.

    Our own errors and the providers' carry their words with them. Of anything else only the
    type is named, because its text was written for programmers and may quote anything.
    """
    match exc:
        case BaseExceptionGroup():
            found = _describe_group(exc)
        case UserError() | ProviderError():
            found = Problem(exc.code, printable(redact(exc.message)), printable(redact(exc.cure)))
        case asyncio.CancelledError():
            found = Problem("cancelled", "cancelled")
        case MemoryError():
            found = Problem("system", *_SYSTEM[errno.ENOMEM])
        case OSError() if exc.errno in _SYSTEM:
            found = Problem("system", *_SYSTEM[exc.errno])
        case TimeoutError():
            found = Problem("timeout", "it took too long", "try again")
        case _:
            found = _internal(exc)
    return found


def _internal(exc: BaseException) -> Problem:
    return Problem(
        "internal",
        f"Polypilot failed inside ({printable(type(exc).__name__)})",
        "run `polypilot doctor`; the log names the place",
    )


def _describe_group(group: BaseExceptionGroup[BaseException]) -> Problem:
    """A group is told by its first member that has words of its own."""
    problems = [describe(member) for member in group.exceptions]
    return next((p for p in problems if p.code not in {"internal", "cancelled"}), problems[0])


# --- what may be printed

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    r"""Escape what could break a line or steer a terminal: ``\n`` becomes ``\\n``.

    Covers C0 and C1 controls, line and paragraph separators, bidirectional and zero-width
    controls, tag characters and lone surrogates.
    """
    return _UNPRINTABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


# --- secrets

_KEY_SHAPES = re.compile(
    # Only prefixes that cannot be anything else, and no quantifier that can be reached in two
    # ways: the scan is linear in the text. A key's first character must begin a word, or
    # "task-..." would be one.
    r"""(?<![A-Za-z0-9])(?:
        sk-[A-Za-z0-9_-]{12,}                # OpenAI, Anthropic, DeepSeek, OpenRouter
      | (?:sk|rk)_(?:live|test)_[A-Za-z0-9]{12,}
      | (?:gsk|csk|fw|r8|hf|tgp_v1|pplx|xai|nvapi|co)[_-][A-Za-z0-9_-]{16,}
      | AIza[A-Za-z0-9_-]{30,}
      | (?:AKIA|ASIA)[A-Z0-9]{16}
      | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,} | glpat-[A-Za-z0-9_-]{16,}
      | xox[abeprs]-[A-Za-z0-9-]{10,} | npm_[A-Za-z0-9]{30,} | pypi-AgE[A-Za-z0-9_-]{16,}
      | eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]{10,}
    )""",
    re.VERBOSE,
)
_KEY_PLACES = re.compile(
    r"""(?ix)
    (?P<keep> \b(?:bearer|basic)\s{1,4}
      | \b(?:authorization|(?:x-|x-goog-)?api-key|api_?key)["']?\s{0,4}[:=]\s{0,4}["']?
        (?:(?:bearer|basic)\s{1,4})?
      | [?&](?:key|api_key|apikey|access_token|token)=
      | ://[^\s/:@]{0,128}:(?=[^\s/@]{1,256}@)
    )
    [^\s"'&,;@]{4,4096}"""
)

_secrets: set[str] = set()
_secrets_lock = threading.Lock()
_known: re.Pattern[str] | None = None


def register_secret(secret: str) -> None:
    """Never let ``secret`` into a log or a message again, in whatever encoding it turns up.

    Masked are: the text itself, its URL-, JSON- and Python-escaped forms, hexadecimal, and
    base64 at any of the three alignments it can have inside a longer value.
    """
    global _known  # noqa: PLW0603  (one table per process, like logging's own)
    if len(secret) < _SHORTEST_SECRET:
        return
    with _secrets_lock:
        if secret in _secrets:
            return
        _secrets.add(secret)
        forms = {form for each in _secrets for form in _forms(each)}
        longest_first = sorted(forms, key=len, reverse=True)
        _known = re.compile("|".join(map(re.escape, longest_first)))


def redact(text: str) -> str:
    """``text`` with every registered secret, and whatever is shaped like a key, masked."""
    if _known is not None:
        text = _known.sub(MASK, text)
    text = _KEY_PLACES.sub(lambda match: match["keep"] + MASK, text)
    return _KEY_SHAPES.sub(MASK, text)


def looks_like_key(text: str) -> bool:
    """Whether ``text`` holds something with the shape of a supplier's key."""
    return _KEY_SHAPES.search(text) is not None


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield urllib.parse.quote(secret, safe="", errors="surrogatepass")
    yield urllib.parse.quote_plus(secret, errors="surrogatepass")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    yield json.dumps(json.dumps(secret)[1:-1])[1:-1]  # a JSON document inside a JSON string
    yield repr(secret)[1:-1]
    yield ascii(secret)[1:-1]
    yield printable(secret)
    yield raw.hex()
    yield raw.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            yield _base64_core(encode, raw, before)


def _base64_core(encode: Callable[[bytes], bytes], raw: bytes, before: int) -> str:
    """The part of base64 text that ``raw`` alone decides, with ``before`` bytes ahead of it."""
    whole = encode(b"\0" * before + raw).decode("ascii")
    first = (0, 2, 3)[before]
    last = (0, 3, 2)[(before + len(raw)) % 3]  # padding, and a character shared with what follows
    return whole[first : len(whole) - last]


def trace(exc: BaseException) -> str:
    """Where ``exc`` came from, on one line: types and places, without text or source code."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.extract_tb(current.__traceback__, limit=-20)
        places = ", ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        parts.append(f"{type(current).__name__} ({places or 'no traceback'})")
        current = current.__cause__ or current.__context__
    return printable(redact(" from ".join(parts)))
