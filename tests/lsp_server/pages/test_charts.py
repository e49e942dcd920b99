"""Plots: whatever the values, something sound is drawn."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot.pages import style
from polypilot.pages.charts.bars import Bar, Group, Layer, grouped, stacked
from polypilot.pages.charts.frame import WIDTHS, Chart, figure, fitted, width_of
from polypilot.pages.charts.lines import Line, lines, strips
from polypilot.pages.charts.marks import SHAPES, marker
from polypilot.pages.charts.scales import Axis, scale
from polypilot.pages.charts.scatter import Dot, scatter
from polypilot.pages.charts.spread import Sample, spread
from polypilot.pages.numbers import dollars, percent, seconds

ANY = st.floats() | st.none() | st.sampled_from([0.0, 1e-300, 1e300, -1e300, 5e-324])
NAMES = st.text(max_size=30) | st.just("a/" + "long" * 40)
SPANS = st.tuples(st.floats(), st.floats()) | st.none()
AXES = st.builds(
    Axis,
    st.sampled_from(["time", "a very long name of an axis " * 5]),
    st.sampled_from([dollars, percent, seconds]),
    st.booleans(),
    st.none() | st.just(0.0),
    st.none() | st.just(1.0),
)
STYLES = st.integers(0, 30)
TIMES = st.lists(st.sampled_from(["12:00", "Nov 23 12:00", ""]), max_size=30)


def sound(chart: Chart) -> list[ET.Element]:
    """The drawings, parsed; no number in them is none, and nothing is left of or above them."""
    text = figure(chart)
    drawn: list[ET.Element] = []
    for svg in re.findall(r'<svg class="plot".*?</svg>', text, re.DOTALL):
        tree = ET.fromstring(svg)  # noqa: S314  (our own text)
        drawn.append(tree)
        for element in tree.iter():
            for name, value in element.attrib.items():
                if name in {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"}:
                    assert math.isfinite(float(value)), (element.tag, element.attrib)
                    assert float(value) >= -1, (element.tag, element.attrib)
                if name == "points":
                    assert "nan" not in value
    assert len(drawn) == len(WIDTHS)
    return drawn


@settings(max_examples=30, deadline=None)
@given(st.lists(st.builds(Dot, NAMES, STYLES, ANY, ANY, SPANS, SPANS), max_size=14), AXES, AXES)
def test_scatter_never_fails(dots: list[Dot], x: Axis, y: Axis):
    sound(scatter("t", "d", dots, x, y))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.builds(Sample, NAMES, STYLES, st.lists(st.floats(), max_size=21), STYLES),
             max_size=13),
    AXES,
)  # fmt: skip
def test_spread_never_fails(samples: list[Sample], axis: Axis):
    sound(spread("t", "d", samples, axis))


@settings(max_examples=30, deadline=None)
@given(
    TIMES, st.lists(st.builds(Line, NAMES, STYLES, st.lists(ANY, max_size=30)), max_size=9), AXES
)
def test_lines_and_strips_never_fail(times: list[str], series: list[Line], axis: Axis):
    sound(lines("t", "d", times, series, axis))
    sound(strips("t", "d", times, series, axis))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.builds(Group, NAMES, st.lists(st.builds(Bar, STYLES, ANY, ANY, ANY), max_size=13)),
        max_size=7,
    ),
    st.lists(NAMES, max_size=13),
    AXES,
)
def test_grouped_bars_never_fail(groups: list[Group], names: list[str], axis: Axis):
    sound(grouped("t", "d", names, groups, axis))


@settings(max_examples=30, deadline=None)
@given(
    TIMES, st.lists(st.builds(Layer, NAMES, STYLES, st.lists(ANY, max_size=30)), max_size=9), AXES
)
def test_stacked_bars_never_fail(days: list[str], layers: list[Layer], axis: Axis):
    sound(stacked("t", "d", days, layers, axis))


# --- what they say


def test_a_plot_says_what_it_is_and_has_its_data_as_a_table():
    dots = [Dot("one", 0, 1.0, 0.5, None, (0.4, 0.6)), Dot("two", 1, None, 0.7, missing="no price")]
    chart = scatter("Quality", "Up is better.", dots, Axis("cost", dollars), Axis("score", percent))
    text = figure(chart)
    assert 'role="img"' in text
    assert re.search(r"<title id=\"[^\"]+\">Quality</title>", text)
    assert ">Up is better.</desc>" in text
    assert '<th scope="row" class="word">one</th>' in text
    assert "50% (40% to 60%)" in text
    assert "Not drawn: two (no price)." in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_labels_of_a_crowd_do_not_cover_each_other():
    dots = [Dot(f"name-of-{at}", at, 1 + at / 50, 0.5 + at / 80) for at in range(12)]
    chart = scatter("t", "d", dots, Axis("x"), Axis("y"))
    for svg in sound(chart):
        boxes = [
            (float(each.attrib["x"]), float(each.attrib["y"]), width_of(each.text or ""))
            for each in svg.iter("text")
            if each.attrib["class"] == "label"
        ]
        for (x, y, wide), (other, level, _) in itertools.permutations(boxes, 2):
            assert not (x <= other < x + wide and abs(y - level) < 12)


def test_a_bar_is_as_long_as_its_value():
    groups = [Group("go", [Bar(0, 0.25), Bar(1, 0.5)])]
    for svg in sound(grouped("t", "d", ["a", "b"], groups, Axis("score", percent))):
        short, long = (float(each.attrib["width"]) for each in svg.iter("rect"))
        assert long == pytest.approx(2 * short, abs=0.2)


def test_layers_stand_on_each_other():
    layers = [Layer("a", 0, [3.0]), Layer("b", 2, [1.0])]
    for svg in sound(stacked("t", "d", ["Mon"], layers, Axis("cost", dollars))):
        below, above = svg.iter("rect")
        height = float(above.attrib["height"])
        assert float(below.attrib["height"]) == pytest.approx(3 * height, abs=0.3)
        assert float(above.attrib["y"]) + height == pytest.approx(float(below.attrib["y"]), abs=0.2)


@pytest.mark.parametrize(
    ("values", "log", "ticks"),
    [
        ([0.0, 1.0], False, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        ([3.0, 97.0], False, (0, 20, 40, 60, 80, 100)),
        ([0.02, 3.0], True, (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)),
        ([1.0, 9.0], True, (0, 2, 4, 6, 8, 10)),
    ],
)
def test_ticks_are_round(values: list[float], log: bool, ticks: tuple[float, ...]):  # noqa: FBT001  (a row of the table)
    made = scale(Axis("x", log=log, least=0.0), values, 0, 480)
    assert made.ticks == pytest.approx(ticks)


def test_nothing_has_a_place_of_its_own_on_a_logarithmic_axis():
    made = scale(Axis("cost", log=True), [0.0, 0.5, 50.0], 100, 600)
    assert made.log
    assert made.ticks[0] == 0.0
    assert made.at(0.0) == 100
    assert made.at(0.5) > 150
    assert made.at(50.0) == pytest.approx(600)
    assert not scale(Axis("cost", log=True), [0.0, 0.0], 100, 600).log
    assert not scale(Axis("cost", log=True), [-1.0, 50.0, 0.5], 100, 600).log


def test_a_label_is_nearest_to_its_own_sign():
    dots = [Dot("right", 0, 1.0, 0.5), Dot("beside-it", 1, 1.01, 0.505), Dot("far", 2, 9.0, 0.1)]
    for svg in sound(scatter("t", "d", dots, Axis("x"), Axis("y"))):
        names = [each.text for each in svg.iter("text") if each.attrib["class"] == "label"]
        assert names == ["far"]


@given(st.text(max_size=60), st.floats(10, 300))
def test_a_fitted_text_fits(text: str, room: float):
    assert fitted(text, room) == "…" or width_of(fitted(text, room)) <= room


# --- who sees them


def test_signs_differ_without_colours():
    drawn = {re.sub(r'class="[^"]*"', "", marker(at, 10, 10)) for at in range(SHAPES)}
    assert len(drawn) == SHAPES


# Machado, Oliveira and Fernandes (2009): what is left of linear light.
SIGHTS = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}  # fmt: skip


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def seen(colour: str, sight: str) -> tuple[float, float, float]:
    """In OKLab, where distances are as people see them."""
    light = linear(colour)
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True))))
        for row in SIGHTS[sight]
    )
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def contrast(one: str, other: str) -> float:
    """As WCAG has it."""
    weights = (0.2126, 0.7152, 0.0722)
    light = [
        sum(w * c for w, c in zip(weights, linear(each), strict=True)) for each in (one, other)
    ]
    return (max(light) + 0.05) / (min(light) + 0.05)


THEMES = [(style.LIGHT, style.SERIES_LIGHT), (style.DARK, style.SERIES_DARK)]


@pytest.mark.parametrize(("theme", "series"), THEMES, ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_for_everybody(theme: dict[str, str], series: tuple[str, ...], sight: str):
    for one, other in itertools.combinations(series, 2):
        assert math.dist(seen(one, sight), seen(other, sight)) > 0.065, (one, other)
    assert all(contrast(each, theme["ground"]) > 3 for each in series)


@pytest.mark.parametrize(("theme", "series"), THEMES, ids=["light", "dark"])
def test_text_can_be_read(theme: dict[str, str], series: tuple[str, ...]):
    assert series
    for name in ("text", "quiet", "link"):
        assert contrast(theme[name], theme["ground"]) > 4.5, name
        assert contrast(theme[name], theme["raised"]) > 4.5, name
    for name in ("good", "warn", "gone", "came"):
        assert contrast(theme[name], theme[f"{name}-ground"]) > 4.5, name
        assert contrast(theme["text"], theme[f"{name}-ground"]) > 4.5, name
