"""From a model's recorded answer to the suggestion: the product's filter, whole and in part.

What each of its rules adds is seen by leaving it out. Most have no switch in the product, since
nobody wants one: here their functions are replaced while a recorded answer is replayed.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import exp, log
from typing import TYPE_CHECKING, Any

from polypilot_prompts.postprocess import Filter, FilterSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from quality_model import Piece

_PACKAGE = "polypilot_prompts"


@dataclass(frozen=True)
class Chances:
    """How sure the model was of the tokens that were looked at: 0 to 1."""

    mean: float
    """Geometric mean of their probabilities."""
    whole: float
    """Their product: how likely this very text was."""
    line: float
    """The product for the first line with text alone."""
    least: float
    """The smallest."""


@dataclass(frozen=True)
class Judged:
    """What would be shown of an answer."""

    text: str
    chances: Chances | None
    pieces: int
    """Deltas that were looked at, before the stream could be ended."""


def filtered(pieces: Sequence[Piece], spec: FilterSpec) -> Judged:
    """The product's own suggestion."""
    machine = Filter(spec)
    used = 0
    for piece in pieces:
        used += 1
        if machine.feed(piece.text):
            break
    return Judged(machine.finish().text, chances(pieces[:used]), used)


def unfiltered(pieces: Sequence[Piece], _spec: FilterSpec) -> Judged:
    """All that the model wrote."""
    text = "".join(piece.text for piece in pieces)
    return Judged(text, chances(pieces), len(pieces))


def to_blank_line(pieces: Sequence[Piece], _spec: FilterSpec) -> Judged:
    """Up to the first blank line: the simplest rule for where a block ends."""
    text = "".join(piece.text for piece in pieces)
    lead = len(text) - len(text.lstrip("\n"))
    end = text.find("\n\n", lead)
    text = text if end < 0 else text[:end]
    return Judged(text, chances(pieces), len(pieces))


def first_line(pieces: Sequence[Piece], spec: FilterSpec) -> Judged:
    """The product's suggestion, cut after its first line with text."""
    whole = filtered(pieces, spec)
    blank = len(whole.text) - len(whole.text.lstrip("\n"))
    end = whole.text.find("\n", blank)
    return replace(whole, text=whole.text if end < 0 else whole.text[:end])


def while_sure(least: float) -> Callable[[Sequence[Piece], FilterSpec], Judged]:
    """Makes suggestions that end before the line at which all so far is less probable."""

    def judge(pieces: Sequence[Piece], spec: FilterSpec) -> Judged:
        whole = filtered(pieces, spec)
        sure = _sure_lines(pieces[: whole.pieces], log(least))
        if sure is None:
            return whole
        kept: list[str] = []
        for line in whole.text.split("\n"):
            if line.strip() and not sure:
                break
            sure -= bool(line.strip())
            kept.append(line)
        return replace(whole, text="\n".join(kept))

    return judge


def _sure_lines(pieces: Sequence[Piece], least: float) -> int | None:
    """How many lines with text there are before all so far is less probable; None: not said."""
    total, count, begun = 0.0, 0, False
    for piece in pieces:
        if piece.logprob is None:
            return None
        total += piece.logprob
        if total < least:
            return count
        begun = begun or bool(piece.text.strip())
        if begun and "\n" in piece.text:
            count += 1
            begun = bool(piece.text.rpartition("\n")[2].strip())
    return count + begun


def chances(pieces: Sequence[Piece]) -> Chances | None:
    """How sure the model was; None if it was not said."""
    known = [
        (piece.text, piece.logprob, piece.tokens)
        for piece in pieces
        if piece.logprob is not None and piece.tokens
    ]
    if not known:
        return None
    total = sum(logprob for _, logprob, _ in known)
    line, text = 0.0, ""
    for more, logprob, _ in known:
        line += logprob
        text += more
        if "\n" in text.lstrip():
            break
    return Chances(
        exp(total / sum(tokens for *_, tokens in known)),
        exp(total),
        exp(line),
        exp(min(logprob / tokens for _, logprob, tokens in known)),
    )


Change = tuple[str, str, Any]
"""Module and name (``Class.method``) of what is replaced, and by what."""


@dataclass(frozen=True)
class Rule:
    """One rule of the filter, and how to do without it."""

    name: str
    spec: Callable[[FilterSpec], FilterSpec] = lambda spec: spec
    changes: tuple[Change, ...] = ()

    def without(self, pieces: Sequence[Piece], spec: FilterSpec) -> Judged:
        """The suggestion if this rule were not there."""
        with _replaced(self.changes):
            return filtered(pieces, self.spec(spec))

    @property
    def known(self) -> bool:
        """Whether the product has what this rule's changes replace."""
        return all(_owner(module, name) is not None for module, name, _ in self.changes)


def _false(*_given: object, **_named: object) -> bool:
    return False


def _zero(*_given: object, **_named: object) -> int:
    return 0


def _as_it_is(text: str, *_given: object, **_named: object) -> str:
    return text


def _its_own(_self: object, text: str) -> str:
    return text


def _length(_self: object, text: str) -> int:
    return len(text)


def _methods(module: str, owner: str, replacement: Any, *names: str) -> tuple[Change, ...]:
    return tuple((module, f"{owner}.{name}", replacement) for name in names)


def _functions(module: str, replacement: Any, *names: str) -> tuple[Change, ...]:
    return tuple((module, name, replacement) for name in names)


def rules() -> list[Rule]:
    """Every rule of the filter that can bear on a completion model's answer."""
    repetition = _functions("repetition", _zero, "repeated_lines", "repeated_unit")
    circles = _functions("repetition", _zero, "repeated_tokens")
    found = [
        Rule("blanks before the cursor taken off", lambda spec: replace(spec, lead="")),
        Rule("stop strings", lambda spec: replace(spec, stops=())),
        Rule(
            "end of the block by indentation",
            changes=_methods("blocks", "Block", _false, "ends_before", "took"),
        ),
        Rule(
            "overlap with the text below",
            changes=_functions("overlap", _as_it_is, "trim_overlap"),
        ),
        Rule(
            "cut at a bracket that closes the line",
            changes=_functions("overlap", _as_it_is, "cut_at_closer"),
        ),
        Rule(
            "the line below again",
            changes=_methods("surroundings", "Surroundings", _false, "stands_below"),
        ),
        Rule(
            "the lines below again, in another layout",
            changes=_methods("surroundings", "Surroundings", _zero, "said_below"),
        ),
        Rule(
            "the lines above again",
            changes=_methods("duplicates", "Restated", _false, "by", "may"),
        ),
        Rule(
            "brackets that close too much taken off",
            changes=_methods("brackets", "Brackets", _length, "surplus"),
        ),
        Rule(
            "a closing line that the document lacks taken in",
            changes=_methods("brackets", "Brackets", _false, "wants"),
        ),
        Rule("repetition of lines and units", changes=repetition),
        Rule("repetition of tokens", changes=circles),
        Rule(
            "tabs and spaces as the document has them",
            changes=_methods("indents", "Indents", _its_own, "begun", "whole"),
        ),
        Rule(
            "code fences",
            changes=_methods("surroundings", "Surroundings", _false, "fence"),
        ),
    ]
    return [rule for rule in found if rule.known]


def _owner(module: str, name: str) -> tuple[Any, str] | None:
    """What has the attribute; None if it is gone."""
    try:
        owner: Any = importlib.import_module(f"{_PACKAGE}.{module}")
    except ImportError:
        return None
    *path, last = name.split(".")
    for each in path:
        owner = getattr(owner, each, None)
    return (owner, last) if hasattr(owner, last) else None


def _places(module: str, name: str) -> list[tuple[Any, str]]:
    """Everywhere a method's class, or a function's importers, have it."""
    found = _owner(module, name)
    assert found is not None, f"{module}.{name} is gone"
    if "." in name:
        return [found]
    wanted = getattr(*found)
    modules = [each for key, each in sys.modules.items() if key.startswith(f"{_PACKAGE}.")]
    return [(each, name) for each in modules if getattr(each, name, None) is wanted]


@contextmanager
def _replaced(changes: Sequence[Change]) -> Generator[None]:
    before: list[tuple[Any, str, Any]] = []
    try:
        for module, name, new in changes:
            for owner, attribute in _places(module, name):
                before.append((owner, attribute, getattr(owner, attribute)))
                setattr(owner, attribute, new)
        yield
    finally:
        for owner, attribute, old in reversed(before):
            setattr(owner, attribute, old)
