"""Where links lead: only http and https, and the reader sees to which host."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

LIMIT = 1_000
"""Characters that may be held until it is known what they are."""

# What may follow the host. Brackets, quotes, backslashes and what ends a URL in one renderer but
# not in another are left out, so that all read the same URL.
_SAFE = r"A-Za-z0-9\-._~:/?#@$&'*+,;=%\u00a1-\u1fff\u2c00-\ud7ff\uf900-\ufdff"
_HOST = r"[A-Za-z0-9_\-.\u00a1-\u1fff\u2c00-\ud7ff]{1,253}"
_AUTHORITY = rf"https?://(?P<host>{_HOST})(?P<port>:[0-9]{{1,5}})?"
_AUTOLINK = re.compile(rf"<{_AUTHORITY}(?:[/?#][{_SAFE}()!]*)?>", re.IGNORECASE)
_PATH = rf"(?:[/?#](?:[{_SAFE}!]|\((?:[{_SAFE}!]|\([{_SAFE}!]*+\))*+\))*+)?"
_TITLE = r"""(?:[ \t]+(?:"[^"\\<>`&()]*"|'[^'\\<>`&()]*'))?"""
_INLINE = re.compile(
    rf"\((?P<lead>[ \t]*<?)(?P<url>{_AUTHORITY}{_PATH})(?P<trail>>?{_TITLE}[ \t]*)\)", re.IGNORECASE
)
_BEGUN = re.compile(r"\([ \t]*<?(?P<url>[^ \t]*)(?P<more>[ \t]?)")
_AUTOLINK_BEGUN = re.compile(rf"https?://[{_SAFE}()!]*", re.IGNORECASE)
_WEB = ("http://", "https://")
_HOSTLIKE = re.compile(r"[\w-]+(?:\.[\w-]+)+")
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?")
_DEVIATES = re.compile("[\u00df\u03c2\u200c\u200d]")
"""Characters that browsers and IDNA 2003 take for different names."""

_SCHEME_NAMES = """
    about blob callto cid command data facetime file filesystem intent jar javascript livescript
    magnet mailto mhtml mocha sip sips sms tel urn vbscript view-source
"""
_SCHEMES = frozenset(_SCHEME_NAMES.split())
"""Schemes that are something to a program without two slashes behind them; with them, all but
those of the web are escaped."""
_FAMILIES = ("vscode", "ms-", "chrome", "moz-", "jetbrains", "web+", "x-apple", "x-man")


@dataclass(frozen=True, slots=True)
class Target:
    """A link's destination that may stay."""

    end: int
    """Behind its closing bracket."""
    raw: str
    """As it is written out, brackets included."""
    url: str
    host: str
    """In the form that goes over the wire."""


def destination(text: str, at: int) -> Target | Literal["more", "no"]:
    """What stands in the round brackets that open at ``at``.

    ``more``: that can't be said before more of the line is known.
    """
    found = _INLINE.match(text, at)
    if found is not None and found.end() - at <= LIMIT:
        host = _wire_name(found["host"])
        if host is None or ("<" in found["lead"]) != (">" in found["trail"]):
            return "no"
        url = found["url"]
        if host != found["host"].lower():
            begin = found.start("host") - found.start("url")
            url = url[:begin] + host + url[begin + len(found["host"]) :]
        raw = f"({found['lead']}{url}{found['trail']})"
        return Target(found.end(), raw, url, host)
    if found is not None or len(text) - at > LIMIT:
        return "no"
    return "more" if _may_become(text[at:]) else "no"


def _may_become(begun: str) -> bool:
    """Whether more text could make a destination of this; a quick no for most that can't be."""
    found = _BEGUN.match(begun)
    assert found is not None  # noqa: S101 - it begins with the bracket
    url = found["url"].lower()
    if not url.startswith(_WEB):
        return not found["more"] and any(scheme.startswith(url) for scheme in _WEB)
    return begun.count(")") < begun.count("(")


def autolink(text: str, at: int) -> Target | Literal["more", "no"]:
    """``<https://host/…>`` at ``at``."""
    found = _AUTOLINK.match(text, at)
    if found is not None and found.end() - at <= LIMIT:
        host = found["host"].lower()
        if _wire_name(host) != host:
            return "no"
        return Target(found.end(), found[0], found[0][1:-1], host)
    begun = text[at + 1 :]
    if found is not None or len(begun) >= LIMIT:
        return "no"
    short = begun.lower()
    if any(scheme.startswith(short) for scheme in _WEB) or _AUTOLINK_BEGUN.fullmatch(begun):
        return "more"
    return "no"


def _wire_name(host: str) -> str | None:
    """The host as it is asked for in the name system; None: that is not certain."""
    if not host.isascii():
        if _DEVIATES.search(host):
            return None
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    host = host.lower()
    return host if _NAME.fullmatch(host) else None


def shows(text: str, target: Target) -> bool:
    """Whether a link's text already says where it leads, and names no other place."""
    if text == target.url:
        return True
    plain = html.unescape(text.replace("\\", "")).lower()
    return set(_HOSTLIKE.findall(plain)) == {target.host}


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*\Z")


def is_foreign(before: str, after: str) -> bool:
    """Whether the colon between ``before`` and ``after`` ends the scheme of a link elsewhere.

    ``after``: the next two characters of the line, as far as there are any.
    """
    found = _SCHEME.search(before)
    if found is None or not after or after[0] in " \t":
        return False
    scheme = found[0].lower()
    if after == "//":
        return scheme not in {"http", "https"}
    last = re.split("[+.]", scheme)[-1]
    return not _SCHEMES.isdisjoint((scheme, last)) or scheme.startswith(_FAMILIES)
