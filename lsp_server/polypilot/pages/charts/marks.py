"""How series are told apart: by colour, and without colours by marker, dash and hatching.

The colours are classes (``s0`` to ``s7``) whose values for light, dark and paper are in the
page's style. They differ for each kind of colour vision, which a test checks.
"""

from __future__ import annotations

import math
from typing import Final

from polypilot.pages.markup import Markup, join, tag

COLOURS: Final = 8
DASHES: Final = ("", "7 3", "2 3", "9 3 2 3", "4 2", "12 3", "1 2", "6 2 1 2 1 2")
_SIDES = {1: (4, 45), 2: (3, -90), 3: (4, 0), 4: (3, 90), 5: (6, 0), 6: (5, -90), 7: (3, 0)}
"""Corners, and the angle of the first."""
_STARS = {8: 4, 9: 5, 10: 6, 11: 3}
"""Points."""
SHAPES: Final = 12


def classed(style: int, name: str = "") -> str:
    """The class of a series' colour, with one of a part's."""
    return f"s{style % COLOURS} {name}".strip()


def marker(style: int, x: float, y: float, size: float = 5.0) -> Markup:
    """A series' sign, centred there."""
    shape = style % SHAPES
    if shape == 0:
        return tag("circle", cx=x, cy=y, r=size, class_=classed(style, "mark"))
    corners, first = _SIDES.get(shape) or (2 * _STARS[shape], -90)
    points = " ".join(
        f"{x + _reach(shape, at) * size * math.cos(angle):.1f},"
        f"{y + _reach(shape, at) * size * math.sin(angle):.1f}"
        for at in range(corners)
        for angle in [math.radians(first + 360 * at / corners)]
    )
    return tag("polygon", points=points, class_=classed(style, "mark"))


def _reach(shape: int, corner: int) -> float:
    """From the centre to a corner, so that all signs look equally large."""
    if shape in _STARS:
        return 1.5 if corner % 2 == 0 else 0.55
    return 1.35 if _SIDES[shape][0] == 3 else 1.2  # noqa: PLR2004  (a triangle)


def dash(style: int) -> str | None:
    """How a series' line is broken."""
    return DASHES[style % len(DASHES)] or None


def sign(style: int) -> Markup:
    """A series' marker on a piece of its line, for legends and tables. Decoration only."""
    line = tag(
        "line", x1=0, x2=22, y1=8, y2=8, class_=classed(style, "line"), stroke_dasharray=dash(style)
    )
    inside = join(line, marker(style, 11, 8, 4.5))
    return tag(
        "svg", inside, class_="sign", viewBox="0 0 22 16", width=22, height=16, aria_hidden="true"
    )


def hatching(prefix: str, style: int) -> Markup:
    """A pattern with the id ``PREFIX-STYLE``, laid over a series' areas."""
    turn = (45, -45, 0, 90)[style % 4]
    return tag(
        "pattern",
        tag("line", x1=0, y1=0, x2=0, y2=7, class_="hatch"),
        id=f"{prefix}-{style}", width=7 - style % 3, height=7, patternUnits="userSpaceOnUse",
        patternTransform=f"rotate({turn})",
    )  # fmt: skip
