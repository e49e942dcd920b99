"""What a token command prints: a token, and when it ends.

The shapes are those of the programs' documentation: ``az account get-access-token`` (Azure
CLI), ``gcloud auth print-access-token`` and ``gcloud config config-helper`` (Google Cloud CLI),
a token endpoint's answer (RFC 6749, 5.1), ``ExecCredential`` (Kubernetes, client.authentication
.k8s.io/v1; ``aws eks get-token`` prints one), and the claims of a JSON Web Token (RFC 7519).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_JWT = re.compile(r"[\w-]{1,4096}\.([\w-]{1,16384})\.[\w-]{0,4096}", re.ASCII)
_TOKENS = ("accessToken", "access_token", "token")
_INSIDE = ("status", "credential")
_DATES = ("expiresOn", "expirationTimestamp", "token_expiry", "expires_at", "expiry")
_MILLISECONDS = 1e11
"""From here on a time is one in milliseconds: as seconds it would be the year 5138."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A token, and for how long it is good."""

    token: str = field(repr=False)
    left: float | None
    """Seconds, not above 0 if it has ended; None if nobody says."""


def read(text: str, now: float) -> Printed:
    """What ``text`` says. ``now`` is the time by this machine's clock (Unix, seconds).

    Raises:
        ValueError: it has no token. The message quotes nothing of it.
    """
    text = text.strip()
    known: list[float] = []
    if text[:1] in {'"', "{", "["}:
        value = _parse(text)
        if isinstance(value, dict):
            text, around = _token(cast("dict[str, object]", value))
            known += _ends(around, now)
        else:  # a text in quotes is what --query and jq print unless told otherwise
            text = value if isinstance(value, str) else ""
    # A token travels in a header: one line of visible ASCII.
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("no token")
    known += _claims(text, now)
    return Printed(text, min(known, default=None))


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return None  # not raised from here: its error holds the whole text


def _token(tree: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """The token, and the object that it stands in."""
    inner = (cast("dict[str, object]", tree[name]) for name in _INSIDE if _is_object(tree, name))
    for around in (tree, *inner):
        for name in _TOKENS:
            token = around.get(name)
            if isinstance(token, str):
                return token.strip(), around
    raise ValueError("no token")


def _is_object(tree: Mapping[str, object], name: str) -> bool:
    return isinstance(tree.get(name), dict)


def _ends(around: Mapping[str, object], now: float) -> Iterator[float]:
    """Seconds that are left, as each field says that does."""
    left = _number(around.get("expires_in"))
    if left is not None:
        yield left
    moment = _number(around.get("expires_on"))
    if moment is not None:
        yield _seconds(moment) - now
        return  # the Azure CLI's other field is the same time without its zone
    for name in _DATES:
        moment = _number(around.get(name)) or _date(around.get(name))
        if moment is not None:
            yield _seconds(moment) - now


def _claims(token: str, now: float) -> Iterator[float]:
    """What a JSON Web Token says of its own end. Not verified: that is its supplier's business."""
    found = _JWT.fullmatch(token)
    if found is None:
        return
    try:
        payload = base64.urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4))
        claims = json.loads(payload)
    except (binascii.Error, ValueError, RecursionError):
        return
    if not isinstance(claims, dict):
        return
    tree = cast("dict[str, object]", claims)
    end, start = _number(tree.get("exp")), _number(tree.get("iat"))
    if end is None:
        return
    yield end - now
    if start is not None and end > start:
        yield end - start  # holds whatever this machine's clock says


def _number(value: object) -> float | None:
    """A number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _seconds(moment: float) -> float:
    return moment / 1000 if moment >= _MILLISECONDS else moment


def _date(value: object) -> float | None:
    """A date's moment; without a zone it is this machine's, as the Azure CLI means it."""
    if not isinstance(value, str) or len(value) > 40:  # noqa: PLR2004 - longer is no date
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
