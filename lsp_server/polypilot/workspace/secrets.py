"""Finds and hides secrets in text that is about to leave.

`scan` runs once over the text: one alternation of all rules on a linear-time engine, then
a second look at the few candidates that need it. Time is linear in the text, whatever is in
it. Positions are code points. What has no fixed form (passwords, entropy) is not guessed at.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace import secrets_pem as pem
from polypilot.workspace.linear import Finder, PatternSet
from polypilot.workspace.secrets_rules import CHECKED, PEM, PEM_MARK, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MARGIN = 8192
"""Characters to scan on each side of a window, so that what the window's edge cuts is seen
whole: longer than an 8192-bit RSA key in PEM form."""

_UNKNOWN = "secret"
_NEAR = 300
_NEAR_PATTERN = r"(?:^|[^A-Za-z0-9/+=_.\-])([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=_.\-])"
_PLACEHOLDER_WORDS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "pw", "xxx", "key"}
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A secret at ``[start, end)`` of the scanned text."""

    start: int
    end: int
    kind: str


class _Compiled:
    """All rules, compiled at the first scan (about 30 ms), shared by all threads."""

    def __init__(self) -> None:
        certain = [rule for rule in RULES if rule.kind not in CHECKED]
        self.all = Finder(_alternation([PEM_MARK, *(rule.pattern for rule in RULES)]))
        self.certain = Finder(_alternation([rule.pattern for rule in certain]))
        self.which = PatternSet([rf"\A(?:{rule.pattern})\z" for rule in RULES], case_sensitive=True)
        self.values = [Finder(rule.value, captures=True) if rule.value else None for rule in RULES]
        self.near = Finder(_NEAR_PATTERN)

    def classify(self, data: bytes) -> tuple[str, tuple[int, int]] | None:
        """Kind and secret part of a match of the alternation; None if not one after all."""
        found = self.which.matching(data)
        if not found:
            return (_UNKNOWN, (0, len(data))) if found is None else None
        number = min(found)
        kind, value = RULES[number].kind, self.values[number]
        part = (value.group(data) if value else None) or (_edge(data), len(data))
        if kind in CHECKED and not _CHECKS[kind](data[part[0] : part[1]]):
            return None
        return kind, part


def _alternation(patterns: Sequence[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


@functools.cache
def _compiled() -> _Compiled:
    return _Compiled()


def scan(text: str) -> list[Finding]:
    """The secrets in ``text``, in order, without overlaps."""
    # One byte per code point: offsets need no translation, and everything a secret
    # consists of is ASCII.
    data = text.encode("ascii", "replace")
    compiled = _compiled()
    found: list[Finding] = []
    marks: list[tuple[int, int]] = []
    for start, end in compiled.all.spans(data):
        piece = data[start:end]
        if piece.startswith(b"-----"):
            marks.append((start, end))
            continue
        hit = compiled.classify(piece)
        if hit is not None:
            kind, (first, last) = hit
            found.append(Finding(start + first, start + last, kind))
        else:
            found.extend(_inside(compiled, data, start, end))
    if any(finding.kind == "aws_access_key" for finding in found):
        found.extend(_near_aws(compiled, data, found))
    if marks:
        found.extend(Finding(start, end, PEM) for start, end in pem.blocks(data, marks))
    return _merged(found)


def _inside(compiled: _Compiled, data: bytes, start: int, end: int) -> Iterator[Finding]:
    """Secrets inside a candidate that was none: its run may have swallowed a real one."""
    piece = data[start:end]
    for first, last in compiled.certain.spans(piece):
        hit = compiled.classify(piece[first:last])
        if hit is not None:
            kind, part = hit
            yield Finding(start + first + part[0], start + first + part[1], kind)


def _near_aws(compiled: _Compiled, data: bytes, found: Sequence[Finding]) -> Iterator[Finding]:
    """40-character tokens close to an AWS key id: most likely its secret half."""
    regions: list[list[int]] = []
    for finding in found:
        if finding.kind != "aws_access_key":
            continue
        low, high = max(0, finding.start - _NEAR), finding.end + _NEAR
        if regions and low <= regions[-1][1]:
            regions[-1][1] = high
        else:
            regions.append([low, high])
    for low, high in regions:
        region = data[low:high]
        for start, end in compiled.near.spans(region):
            first, last = _core(region, start, end)
            if _mixed(region[first:last]):
                yield Finding(low + first, low + last, "aws_secret_key")


def _core(region: bytes, start: int, end: int) -> tuple[int, int]:
    """The 40 characters without the delimiter the pattern may have taken on either side."""
    if end - start > 40 and not _is_token(region[start]):  # noqa: PLR2004 - the key's length
        start += 1
    return start, start + 40


def _is_token(byte: int) -> bool:
    return chr(byte).isalnum() or byte in b"/+"


def _merged(found: list[Finding]) -> list[Finding]:
    if len(found) < 2:  # noqa: PLR2004 - nothing to merge
        return found
    found.sort()
    merged = found[:1]
    for finding in found[1:]:
        last = merged[-1]
        if finding.start >= last.end:
            merged.append(finding)
        elif finding.end > last.end:
            merged[-1] = Finding(last.start, finding.end, last.kind)
    return merged


def _edge(data: bytes) -> int:
    """Length of an escape (a line break's, a percent sign's) that the left edge took."""
    return 2 if data[:1] == b"\\" else 3 if data[:1] == b"%" else 0


def _is_jwt(data: bytes) -> bool:
    parts = data.split(b".")
    if len(parts) < 2 or not parts[1]:  # noqa: PLR2004 - header and payload
        return False
    signed = parts[1].startswith(b"eyJ") and len(parts[1]) > 8  # noqa: PLR2004 - shortest JSON
    return signed or (len(parts) == 5 and min(map(len, parts[2:])) >= 8)  # noqa: PLR2004 - JWE


def _mixed(data: bytes) -> bool:
    """Upper case, lower case and digits: a random token rather than a path or a digest."""
    return (
        any(65 <= byte <= 90 for byte in data)  # noqa: PLR2004 - A to Z
        and any(97 <= byte <= 122 for byte in data)  # noqa: PLR2004 - a to z
        and any(48 <= byte <= 57 for byte in data)  # noqa: PLR2004 - 0 to 9
    )


def _is_named_key(data: bytes) -> bool:
    """Not an identifier that happens to be long: random text has many digits and letters."""
    digits = sum(48 <= byte <= 57 for byte in data)  # noqa: PLR2004 - 0 to 9
    letters = sum(chr(byte).isalpha() for byte in data)
    return digits >= 4 and letters >= 2  # noqa: PLR2004 - of 32 characters


def _is_password(data: bytes) -> bool:
    """Not a variable, a placeholder or an example's word for one."""
    text = data.decode("latin-1")
    if text[0] in "$%{[(<*?." or text.lower() in _PLACEHOLDER_WORDS:
        return False
    return len(set(text.lower())) > 1


_CHECKS = {"jwt": _is_jwt, "named_key": _is_named_key, "url_password": _is_password}


def placeholder(kind: str) -> str:
    """What stands in place of a secret: reads as one identifier wherever it is put."""
    return f"REDACTED_{kind.upper()}"


def redact(text: str, findings: Sequence[Finding] | None = None) -> str:
    """``text`` with each secret replaced by `placeholder`, line by line."""
    return redact_between(text, 0, len(text), scan(text) if findings is None else findings)


def redact_between(text: str, start: int, end: int, findings: Sequence[Finding]) -> str:
    """``text[start:end]`` with the secrets of ``findings`` (positions in ``text``) replaced.

    A secret that begins before ``start`` leaves nothing behind on its first line here: its
    placeholder belongs to the text before. The number of lines stays as it was.
    """
    out: list[str] = []
    at = start
    for finding in findings:
        first, last = max(finding.start, at), min(finding.end, end)
        if first >= last:
            continue
        out.append(text[at:first])
        mark = placeholder(finding.kind)
        piece = text[first:last]
        # A key that runs into a block's end is one finding, of the key's kind, over lines.
        if finding.kind == PEM or "\n" in piece or "\r" in piece:
            out.append(pem.masked(piece, mark, continued=finding.start < first))
        elif finding.start >= first:
            out.append(mark)
        at = last
    out.append(text[at:end])
    return "".join(out)
