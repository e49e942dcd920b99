"""What of a text is still in a document."""

from __future__ import annotations

import random

import pytest

from polypilot.usage.closeness import distance, stay
from polypilot.usage.values import Stay

TEXT = "    total = sum(each.price for each in basket)\n    return round(total, 2)\n"
BEFORE = "def price_of(basket):\n"
AFTER = "\n\nprint(price_of([]))\n"


def slow(pattern: str, text: str) -> int:
    """The same by the book: a row of the table for each character of the pattern."""
    row = [0] * (len(text) + 1)
    for i, wanted in enumerate(pattern, 1):
        last, row[0] = row[0], i
        for j, there in enumerate(text, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (wanted != there))
    return min(row)


def test_the_distance_is_that_of_the_nearest_passage() -> None:
    dice = random.Random(7)  # noqa: S311 - no secrets
    for _ in range(400):
        pattern = "".join(dice.choices("abc\n", k=dice.randint(0, 80)))
        text = "".join(dice.choices("abc\n", k=dice.randint(0, 120)))
        assert distance(pattern, text) == slow(pattern, text)


@pytest.mark.parametrize("header", ["", "import math\n" * 300, "# \xe4\U0001f600\n"])
def test_a_text_that_was_not_touched_is_the_same_wherever_it_moved(header: str) -> None:
    document = header + BEFORE + TEXT + AFTER
    assert stay(TEXT, BEFORE, len(BEFORE), document) == (Stay.SAME, 1.0)


def test_a_text_that_was_corrected_is_changed_by_that_share() -> None:
    document = "# new\n" + BEFORE + TEXT.replace("basket", "order").replace(", 2", "") + AFTER
    left, share = stay(TEXT, BEFORE, len(BEFORE), document)
    assert left is Stay.CHANGED
    assert share == pytest.approx(1 - 9 / len(TEXT), abs=0.03)


@pytest.mark.parametrize("document", ["", BEFORE + AFTER, BEFORE + "    raise NotFound\n" + AFTER])
def test_a_text_that_was_removed_or_replaced_is_gone(document: str) -> None:
    left, share = stay(TEXT, BEFORE, len(BEFORE), document)
    assert left is Stay.GONE
    assert share < 2 / 3


def test_a_few_characters_elsewhere_are_not_taken_for_it() -> None:
    document = "f(x)\n" * 50
    assert stay("(x)", "call", 4, document)[0] is Stay.GONE
    assert stay("(x)", "call", 4, document + "call(x)")[0] is Stay.SAME
    assert stay("(xyz)", "a new call", 99, document + "a new call(xz)")[0] is Stay.CHANGED


def test_a_long_text_is_found_though_what_was_before_it_changed() -> None:
    text = TEXT.replace("round(total, 2)", "total")
    assert stay(TEXT, BEFORE, len(BEFORE), "class A:\n" + text)[0] is Stay.CHANGED
    assert stay(TEXT, BEFORE, len(BEFORE), "class A:\n" + TEXT)[0] is Stay.SAME


def test_of_a_huge_text_its_beginning_is_looked_for() -> None:
    text = "".join(f"line {number}\n" for number in range(5_000))
    document = text[:30_000].replace("line 7\n", "line seven\n", 1)
    left, share = stay(text, "", 0, document)
    assert left is Stay.CHANGED
    assert share > 0.99
