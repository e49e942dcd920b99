"""Which files tasks are made of: code that people write, of a size that can be read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from polypilot.backend.file_completion import language_of
from polypilot.errors import printable

SMALLEST = 200
"""Bytes."""
BIGGEST = 200_000
_LONGEST_LINE = 1_000
_MEAN_LINE = 160
_HEAD = 30
"""Lines in which a generator leaves its mark."""
_NO_CODE = frozenset({"plaintext", "json", "yaml", "toml", "markdown", "html", "css"})
_OTHERS = frozenset({
    "node_modules", "bower_components", "vendor", "vendored", "_vendor", "third_party",
    "thirdparty", "third-party", "external", "site-packages", "dist", "build", "out", "target",
    "generated", "__generated__", "gen", ".venv", "venv", ".git", "migrations",
})  # fmt: skip
_DATA = frozenset({
    "fixtures", "fixture", "__fixtures__", "testdata", "test_data", "test-data", "__snapshots__",
    "snapshots", "cassettes", "golden", "goldens", "corpus",
})  # fmt: skip
_GENERATED_NAME = re.compile(
    r".*(?:[._-]min\.(?:js|css|mjs)|_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|cc|h)|\.g\.dart|_generated\.\w+"
    r"|\.generated\.\w+|\.bundle\.js|\.designer\.cs|-lock\.\w+|\.lock|\.d\.ts|parsetab\.py|_version\.py)",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"@generated|do not (?:edit|modify)|code generated|auto-?generated|automatically generated"
    r"|generated (?:by|from|with) ",
    re.IGNORECASE,
)
_REMARK = re.compile(r"\s*(?:#|//|/?\*|--|;|\"(?!\")|%|<!--)")
_TEST = re.compile(r"(?:test_.*|.*_test|.*[._-](?:test|spec)|.*Tests?|.*_spec|conftest)\.\w+")
_TESTS = frozenset({"tests", "test", "__tests__", "spec", "specs"})


def unfit_name(path: str, size: int) -> str:
    """Why a file is left out by its name and size; empty if it is not.

    Args:
        path: with ``/``.
        size: bytes.
    """
    pure = PurePosixPath(path)
    folders = {part.lower() for part in pure.parts[:-1]}
    reasons = {
        "a name with unusual characters": printable(path) != path,
        "not code": language_of(pure) in _NO_CODE,
        "others' or generated code": folders & _OTHERS or _GENERATED_NAME.fullmatch(pure.name),
        "data of tests": folders & _DATA,
        "too small": size < SMALLEST,
        "too big": size > BIGGEST,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def unfit_text(text: str) -> str:
    """Why a file is left out by what is in it; empty if it is not."""
    lines = re.split(r"\r\n|\r|\n", text)
    filled = [len(line) for line in lines if line.strip()]
    if not filled or max(filled) > _LONGEST_LINE or sum(filled) / len(filled) > _MEAN_LINE:
        return "minified, or data"
    if any(_REMARK.match(line) and _GENERATED.search(line) for line in lines[:_HEAD]):
        return "others' or generated code"
    return ""


def decoded(data: bytes) -> str | None:
    """The text, without a byte order mark; None if it is not UTF-8.

    Text in another encoding is not guessed at: what is put back for a test must be its bytes.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def is_test(path: str) -> bool:
    """Whether a file is a test, or belongs to tests, by its name."""
    pure = PurePosixPath(path)
    return bool(_TEST.fullmatch(pure.name)) or bool({*pure.parts[:-1]} & _TESTS)


def language(path: str) -> str:
    """As editors call it."""
    return language_of(PurePosixPath(path))
