"""Text that has passed the gate, as a type.

`Outgoing` can be made by the gate alone: its constructor wants a token that only this
module and `gate` know. Whoever holds one may cut it and join it, but can't put other text
into it, so what a prompt is made of shows in its types.
"""

from __future__ import annotations

import re
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, NoReturn, final

from polypilot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEAL = object()


class ExcludedError(UserError):
    """The text must not leave; the message says which file and why, never what is in it."""

    code = "excluded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a document may be sent."""

    allowed: bool
    reason: str = ""
    """One line for the user if it may not."""
    rule: str = ""
    """The pattern, ignore file or check that decided."""
    policy: str = ""
    """`Gate.policy_hash` of the document at that moment: part of every cache's key."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """A secret that was hidden: its kind and where it stood in the text given in."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Released:
    """A text without its secrets; it has as many lines as before."""

    text: str
    redactions: tuple[Redaction, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Outgoing:
    """A piece of text that may leave. Lengths and positions are code points."""

    text: str
    part: str
    """What it is in the prompt: prefix, suffix, context, selection, message ..."""
    sources: tuple[str, ...] = ()
    """URIs of the documents that it is from; empty for what the user typed."""
    redactions: int = 0
    """Secrets hidden in it, or in the piece it was cut from."""
    policy: str = ""
    """`Gate.policy_hash` when it passed."""
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the gate makes Outgoing text")

    def __reduce__(self) -> NoReturn:
        raise TypeError("Outgoing text is never serialised")

    def __repr__(self) -> str:
        return f"Outgoing({self.part!r}, {len(self.text)} characters)"

    def __len__(self) -> int:
        return len(self.text)

    def __bool__(self) -> bool:
        return bool(self.text)

    def slice(self, start: int | None = None, end: int | None = None) -> Outgoing:
        """The piece ``text[start:end]``."""
        return self._with(self.text[start:end])

    def lines(self, first: int, last: int) -> Outgoing:
        """Lines ``first`` to ``last``, the latter excluded, counted from 0.

        They have the numbers that they have in the document: hiding secrets keeps lines.
        """
        return self._with("".join(_split_lines(self.text)[first:last]))

    def named(self, part: str) -> Outgoing:
        """The same text in another place of the prompt."""
        return make(self.text, part, self.sources, self.redactions, self.policy)

    def _with(self, text: str) -> Outgoing:
        return make(text, self.part, self.sources, self.redactions, self.policy)


@final
@dataclass(frozen=True, slots=True)
class OutgoingMedia:
    """A picture or a PDF that may leave. What can be read in it is not scanned for secrets."""

    media_type: str
    data: bytes = field(repr=False)
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only the gate makes OutgoingMedia")

    def __reduce__(self) -> NoReturn:
        raise TypeError("OutgoingMedia is never serialised")


@dataclass(frozen=True, slots=True)
class Windows:
    """The text around a cursor, ready to leave."""

    prefix: Outgoing
    suffix: Outgoing
    in_secret: bool
    """Whether the cursor stands in a secret: nothing should be completed there."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A whole document or file, ready to leave; `Outgoing.lines` cuts it."""

    uri: str
    path: str | None
    root: str | None
    """Path of the workspace root that it is below."""
    relative: str
    """Its name for a prompt: below the root with forward slashes, else the last component."""
    text: Outgoing
    """Empty beside ``media``."""
    media: OutgoingMedia | None = None
    """What it is, if it is a picture or a PDF."""


def passed(verdict: Verdict) -> Verdict:
    """The verdict, if it is favourable.

    Raises:
        ExcludedError: it is not.
    """
    if not verdict.allowed:
        raise ExcludedError(verdict.reason, cure="see privacy.exclude in the settings")
    return verdict


def assemble(parts: Iterable[Outgoing], *, part: str = "", newline: bool = False) -> Outgoing:
    """The pieces joined, with a line break between them if ``newline``.

    Raises:
        TypeError: a piece has not passed the gate.
    """
    pieces = list(parts)
    for piece in pieces:
        if type(piece) is not Outgoing:
            raise TypeError("only Outgoing text can be joined")
    policies = dict.fromkeys(piece.policy for piece in pieces if piece.policy)
    return make(
        ("\n" if newline else "").join(piece.text for piece in pieces),
        part or (pieces[0].part if pieces else ""),
        tuple(dict.fromkeys(source for piece in pieces for source in piece.sources)),
        sum(piece.redactions for piece in pieces),
        "+".join(policies),
    )


def make(text: str, part: str, sources: tuple[str, ...], redactions: int, policy: str) -> Outgoing:
    """For the gate only."""
    return Outgoing(text, part, sources, redactions, policy, _SEAL)


def make_media(media_type: str, data: bytes) -> OutgoingMedia:
    """For the gate only."""
    return OutgoingMedia(media_type, data, _SEAL)


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


def _split_lines(text: str) -> list[str]:
    """Lines with their breaks, as LSP counts them: only CR, LF and CRLF end one."""
    return _LINE.findall(text)
