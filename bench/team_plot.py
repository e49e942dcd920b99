"""A picture of first text by users: one SVG file that follows the reader's light or dark theme."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 100, 52
_X = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_Y = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
    'aria-label="First text, 95th percentile, by developers typing at once">'
)
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: 600; }
.grid { stroke: #d0d7de; stroke-width: 1; }
.s0 { stroke: #0550ae; fill: #0550ae; } .s1 { stroke: #bc4c00; fill: #bc4c00; }
.s2 { stroke: #1a7f37; fill: #1a7f37; } .s3 { stroke: #8250df; fill: #8250df; }
polyline { fill: none !important; stroke-width: 2.5; stroke-dasharray: 6 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .grid { stroke: #3d444d; }
  .s0 { stroke: #79c0ff; fill: #79c0ff; } .s1 { stroke: #ffa657; fill: #ffa657; }
  .s2 { stroke: #7ee787; fill: #7ee787; } .s3 { stroke: #d2a8ff; fill: #d2a8ff; }
}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What was simulated: users and seconds."""

    name: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured; it has the colour of the first line."""

    users: int
    seconds: float


def draw(lines: Sequence[Line], points: Sequence[Point], name: str) -> str:
    """The file's text."""
    parts = [
        _HEAD,
        f"<style>{_STYLE}</style>",
        _text(_LEFT, 22, "First text (p95) by developers who type at once", kind="title"),
        *_grid(),
        *_legend([f"simulated: {line.name}" for line in lines], name),
    ]
    for number, line in enumerate(lines):
        at = " ".join(f"{_x(users):.1f},{_y(seconds):.1f}" for users, seconds in line.points)
        parts.append(f'<polyline class="s{number}" points="{at}"/>')
    parts += [
        f'<circle class="s0" cx="{_x(each.users):.1f}" cy="{_y(each.seconds):.1f}" r="5"/>'
        for each in points
    ]
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: Sequence[str], measured: str) -> Iterable[str]:
    yield f'<circle class="s0" cx="{_LEFT + 14}" cy="38" r="5"/>'
    yield _text(_LEFT + 36, 42, measured)
    for number, name in enumerate(names):
        height = 54 + 15 * number
        ends = f"{_LEFT},{height} {_LEFT + 28},{height}"
        yield f'<polyline class="s{number}" points="{ends}"/>'
        yield _text(_LEFT + 36, height + 4, name)


def _grid() -> Iterable[str]:
    right, low = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for users in _X:
        at = _x(users)
        yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{low}"/>'
        yield _text(at, low + 18, str(users), anchor="middle")
    for seconds in _Y:
        at = _y(seconds)
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield _text(_LEFT - 8, at + 4, f"{seconds:g} s", anchor="end")
    yield _text((_LEFT + right) / 2, _HEIGHT - 10, "developers typing at once", anchor="middle")


def _x(users: float) -> float:
    return _between(users, _X[0], _X[-1], _LEFT, _WIDTH - _RIGHT)


def _y(seconds: float) -> float:
    return _between(seconds, _Y[0], _Y[-1], _HEIGHT - _BOTTOM, _TOP)


def _between(value: float, low: float, high: float, start: float, end: float) -> float:
    """Where a value lies on a logarithmic axis; at its ends what is beyond them."""
    value = min(max(value, low), high)
    return start + (end - start) * math.log(value / low) / math.log(high / low)


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{name}>{escape(text)}</text>'
