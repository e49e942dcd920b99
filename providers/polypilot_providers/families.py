"""Which models know fill-in-the-middle tokens, as their names tell."""

from __future__ import annotations

import re

_FAMILIES = (
    (re.compile(r"qwen.*coder|codeqwen"), "qwen"),
    (re.compile(r"codestral"), "codestral"),
    (re.compile(r"deepseek-?coder"), "deepseek"),
    (re.compile(r"star-?coder|stable-?code"), "starcoder"),
    (re.compile(r"code-?llama"), "codellama"),
    (re.compile(r"code-?gemma"), "codegemma"),
    (re.compile(r"granite-?4"), "granite"),
    (re.compile(r"granite.*code|granite-?3"), "granite3"),
    (re.compile(r"seed-?coder"), "seed-coder"),
    (re.compile(r"codegeex-?4"), "codegeex4"),
)
"""Names of models, and the family in whose fill-in-the-middle tokens they were trained."""


def family(name: str) -> str:
    """The family of templates that a model's name speaks for; empty: none."""
    name = name.lower().replace("_", "-")
    return next((found for pattern, found in _FAMILIES if pattern.search(name)), "")
