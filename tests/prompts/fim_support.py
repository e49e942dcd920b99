"""A raw prompt as it is sent: the pieces of a family, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_prompts.context import Snippet
    from polypilot_prompts.fim import Family


def raw(
    family: Family,
    prefix: str,
    suffix: str,
    *,
    path: str = "",
    language: str = "",
    snippets: Sequence[Snippet] = (),
) -> str:
    """The whole text."""
    pieces = family.pieces(prefix, suffix, path=path, language=language, snippets=snippets)
    return "".join(piece.text for piece in pieces)
