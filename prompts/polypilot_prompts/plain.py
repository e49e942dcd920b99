"""Other files as plain text above the prefix, for endpoints that have no place for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot_prompts.breaking import neutralise, one_line
from polypilot_prompts.context import Snippet
from polypilot_prompts.fim import FAMILIES, MARKUP, neutralise_common

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE_MARK = "+++++ "
"""What begins another file in a plain prompt for Codestral, and ends an answer that goes on to one.
Source: the template of continue that ``fim`` names."""

_HASH = (
    "cmake dockerfile elixir gdscript graphql julia make makefile nim nix perl powershell python r "
    "ruby shellscript starlark terraform toml yaml"
)
_DASHES = "ada elm haskell lua sql vhdl"
_SEMICOLON = "asm clojure common-lisp lisp racket scheme"
_PERCENT = "erlang latex matlab prolog tex"
_ANGLES = "html markdown svelte vue xml"
_COMMENTS = {
    **dict.fromkeys(_HASH.split(), ("# ", "")),
    **dict.fromkeys(_DASHES.split(), ("-- ", "")),
    **dict.fromkeys(_SEMICOLON.split(), (";; ", "")),
    **dict.fromkeys(_PERCENT.split(), ("% ", "")),
    **dict.fromkeys(_ANGLES.split(), ("<!-- ", " -->")),
    **dict.fromkeys(("css", "less", "scss"), ("/* ", " */")),
    **dict.fromkeys(("fsharp", "ocaml", "coq"), ("(* ", " *)")),
}


def under_marks(prefix: str, path: str, snippets: Sequence[Snippet]) -> tuple[tuple[str, str], ...]:
    """``prefix`` beneath other files, each with a header that Codestral knows.

    The file at ``path`` has one too. A header in the user's own text is broken.
    """
    files = (
        (f"file {one_line(s.path)}", f"{FILE_MARK}{_clean(one_line(s.path))}\n{_clean(s.text)}\n\n")
        for s in snippets
    )
    here = f"{FILE_MARK}{_clean(one_line(path)) or 'untitled'}\n"
    return (*files, (MARKUP, here), ("prefix", _clean(prefix)))


def _clean(text: str) -> str:
    return neutralise(text, (FILE_MARK,))


def left_to_right(
    path: str, language: str, snippets: Sequence[Snippet], family: str
) -> tuple[tuple[str, str], ...]:
    """Other files as they stand above a prefix, in the family's own form or under comments."""
    if not snippets:
        return ()
    path = neutralise_common(one_line(path))
    others = [
        Snippet(neutralise_common(one_line(s.path)), neutralise_common(s.text)) for s in snippets
    ]
    known = FAMILIES.get(family)
    if known is not None and known.file:
        return known.beneath(path, others)
    begin, end = _COMMENTS.get(language.lower(), ("// ", ""))
    files = ((f"file {s.path}", f"{begin}{s.path}{end}\n{s.text}\n\n") for s in others)
    return (*files, (MARKUP, f"{begin}{path or 'untitled'}{end}\n"))
