"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.pages import numbers


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (numbers.count, 1234567, "1,234,567"),
        (numbers.count, None, numbers.NOTHING),
        (numbers.percent, 0.424, "42%"),
        (numbers.percent, 0.0001, "<1%"),
        (numbers.percent, 0.9999, ">99%"),
        (numbers.percent, 1.0, "100%"),
        (numbers.percent, 0.0, "0%"),
        (numbers.seconds, 0.0853, "85 ms"),
        (numbers.seconds, 0.9999, "1 s"),
        (numbers.seconds, 1.234, "1.23 s"),
        (numbers.seconds, 185.2, "3 min 5 s"),
        (numbers.dollars, 0, "$0"),
        (numbers.dollars, 0.00123, "$0.0012"),
        (numbers.dollars, 0.85, "$0.85"),
        (numbers.dollars, 1234.4, "$1,234"),
        (numbers.dollars, -2.5, f"{numbers.MINUS}$2.50"),
        (numbers.dollars, math.nan, numbers.NOTHING),
        (numbers.plain, 1e-9, "1.00e-09"),
        (numbers.plain, 12345, "12,300"),
    ],
)
def test_a_number_is_readable(function: object, value: float | None, text: str):
    assert callable(function)
    assert function(value) == text


@given(st.floats() | st.none())
def test_every_number_has_a_text(value: float | None):
    functions = (
        numbers.count, numbers.percent, numbers.plain, numbers.seconds, numbers.dollars,
    )  # fmt: skip
    for function in functions:
        text = function(value)
        assert text
        assert "nan" not in text
        assert "inf" not in text


def test_a_long_name_keeps_both_ends():
    assert numbers.shortened("abcdefghij", 5) == "ab…ij"
    assert numbers.shortened("abc", 5) == "abc"
