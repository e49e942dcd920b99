"""Whether a file is valid with an answer in it. What is no text of a program ends no judge."""

from __future__ import annotations

import json
import threading
import tomllib
import warnings
from typing import TYPE_CHECKING

from polypilot_prompts.syntax_grammars import parser_for

if TYPE_CHECKING:
    from tree_sitter import Node

_LONGEST = 1_000_000
"""Code points; a longer file is not judged."""
_one = threading.Lock()
"""Filters of warnings are the whole process's, and a grammar's parser serves one at a time."""


def still_parses(before: str, after: str, language: str) -> bool | None:
    """Whether ``after`` is valid, for a file that was valid as ``before``.

    None if ``before`` was not (its Python is newer than ours, say), or nothing here knows the
    language. Blocks.
    """
    return parses(after, language) if parses(before, language) else None


def parses(text: str, language: str) -> bool | None:
    """Whether a whole file is valid; None if nothing here knows the language, or it is huge."""
    if len(text) > _LONGEST:
        return None
    with _one:
        match language.lower():
            case "python":
                return _is_python(text)
            case "json":
                return _loads(text, toml=False)
            case "toml":
                return _loads(text, toml=True)
            case _:
                return _is_known(text, language)


def _is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's own code
        try:
            compile(text, "<file>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False  # ValueError: a null, a lone surrogate, a number of too many digits
    return True


def _loads(text: str, *, toml: bool) -> bool:
    try:
        tomllib.loads(text) if toml else json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_known(text: str, language: str) -> bool | None:
    parser = parser_for(language)
    if parser is None:
        return None
    try:
        root: Node = parser.parse(text.encode("utf-8", "surrogatepass")).root_node
    except ValueError:  # given up
        return None
    return not root.has_error
