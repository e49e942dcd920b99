"""The tree-sitter grammars that are installed beside the project: optional, never an error.

The runtime and each grammar are packages of their own. What is absent, broken or of another
ABI is as if it were not there, and the rules that need no grammar decide alone.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser

GRAMMARS: dict[str, tuple[str, str]] = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "css": ("tree_sitter_css", "language"),
    "go": ("tree_sitter_go", "language"),
    "html": ("tree_sitter_html", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "json": ("tree_sitter_json", "language"),
    "php": ("tree_sitter_php", "language_php_only"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "shellscript": ("tree_sitter_bash", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
}
"""LSP language id: the package's module and its function that gives the grammar."""

_ALIASES = {"bash": "shellscript", "cs": "csharp", "jsonc": "json", "sh": "shellscript"}
"""What editors also call them."""


def parser_for(language_id: str) -> Parser | None:
    """A parser of the language, if the runtime and the grammar are installed and fit."""
    known = grammar_name(language_id)
    return _load(*GRAMMARS[known]) if known in GRAMMARS else None


def grammar_name(language_id: str) -> str:
    """The key in ``GRAMMARS``, if there is one."""
    low = language_id.lower()
    return _ALIASES.get(low, low)


def installed() -> tuple[str, ...]:
    """The LSP language ids whose blocks are told by their grammar here. Imports them all."""
    return tuple(name for name in GRAMMARS if parser_for(name) is not None)


def looked_for() -> int:
    """How many grammars have been looked for so far."""
    return _load.cache_info().currsize


def forget() -> None:
    """Look for the packages anew at the next call."""
    _load.cache_clear()


@cache
def _load(module: str, function: str) -> Parser | None:
    """Import the runtime and the grammar when they are first needed, once."""
    try:
        runtime = importlib.import_module("tree_sitter")
        grammar = getattr(importlib.import_module(module), function)
        parser: Parser = runtime.Parser(runtime.Language(grammar()))
    except Exception:  # noqa: BLE001 - whatever is wrong with a package: it is not there
        return None
    return parser
