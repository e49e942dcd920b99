"""Numbers as people read them. None, and what is no finite number, is a dash."""

from __future__ import annotations

import math
from typing import Final

NOTHING: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"

_MANY: Final = 1e9
"""Times a hundred percent: no share."""


def finite(value: float | None) -> float | None:
    """The number, or None if it is none."""
    return value if value is not None and math.isfinite(value) else None


def count(value: float | None) -> str:
    """``1,234``."""
    return NOTHING if finite(value) is None else f"{value:,.0f}"


def percent(value: float | None, digits: int = 0) -> str:
    """Of a share from 0 to 1: ``42%``. What is not quite nothing, or all, is not called so."""
    if (share := finite(value)) is None or abs(share) > _MANY:
        return NOTHING
    if 0 < share < 0.5 / 10 ** (digits + 2):
        return f"<{10**-digits:g}%"
    if 1 - 0.5 / 10 ** (digits + 2) < share < 1:
        return f">{100 - 10**-digits:g}%"
    return f"{share * 100:.{digits}f}%"


def plain(value: float | None, digits: int = 3) -> str:
    """To so many significant digits, without an exponent where that is readable."""
    if (number := finite(value)) is None:
        return NOTHING
    if number == 0:
        return "0"
    size = math.floor(math.log10(abs(number)))
    if not -6 <= size <= 12:  # noqa: PLR2004  (as many zeros as one can still count)
        return f"{number:.{digits - 1}e}"
    text = f"{round(number, digits - 1 - size):,.{max(0, digits - 1 - size)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(value: float | None) -> str:
    """``85 ms``, ``1.2 s``, ``3 min 5 s``."""
    if (number := finite(value)) is None:
        return NOTHING
    if abs(number) < 0.9995:  # noqa: PLR2004  (what rounds to a second is one)
        return f"{plain(number * 1000, 3 if abs(number) >= 0.1 else 2)} ms"  # noqa: PLR2004
    if abs(number) < 100:  # noqa: PLR2004
        return f"{plain(number)} s"
    whole = round(number)
    return f"{whole // 60} min {whole % 60} s"


def dollars(value: float | None) -> str:
    """``$1,234``, ``$0.85``, ``$0.0012``; nothing is ``$0``."""
    if (number := finite(value)) is None:
        return NOTHING
    if number == 0:
        return "$0"
    sign, size = (MINUS if number < 0 else ""), abs(number)
    if size >= 1000:  # noqa: PLR2004
        return f"{sign}${size:,.0f}"
    return f"{sign}${size:.2f}" if size >= 0.095 else f"{sign}${plain(size, 2)}"  # noqa: PLR2004


def shortened(text: str, most: int) -> str:
    """At most so many characters, the middle left out, as names differ at both ends."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"
