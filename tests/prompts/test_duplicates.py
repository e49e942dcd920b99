import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.duplicates import Restated, distance, near, said_below

SMALL = st.text(st.sampled_from("ab "), max_size=9)


@given(SMALL, SMALL, st.integers(0, 9))
def test_the_distance_is_levenshtein_s(one: str, other: str, most: int):
    table = {(0, n): n for n in range(len(other) + 1)} | {(n, 0): n for n in range(len(one) + 1)}
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b)
            )
    assert distance(one, other, most) == min(table[len(one), len(other)], most + 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("    self.name = name", "    self.name = name", True),
        ("    self.name = name;", "    self.name = name", True),
        ("    self.name =name", "    self.name = name", True),
        ("    self.name = name", "        self.name = name", False),
        ("    self.name = name", "    self.name = names", False),
        ("    self.x1 = table[1]", "    self.x1 = table[2]", False),
        ("    total = left + right", "    total = left - right", False),
        ("x = 1;", "x = 1", False),
        ("-------------", "-------------;", False),
        ("    f(a,b,c)   ;", "    f(a, b, c)", False),
        ("    0, 0, 0, 0, 0,", "    0, 0, 0, 0, 0", False),
        ("    name = 'word'", '    name = "word"', False),
        ("name = 'name'", "name = name", False),
    ],
)
def test_what_says_the_same(one: str, other: str, same: bool):  # noqa: FBT001  a parameter
    assert near(one, other) is same
    assert near(other, one) is same


def test_up_to_three_lines_are_compared_as_one():
    lines = [
        "    f(a,b,c)",
        "    result = compute_all(of, them)",
        "    return result.value(of, them)",
    ]
    below = ["    f(a, b, c)", *lines[1:]]

    assert said_below(["    y = 1", *lines], below) == 3
    assert said_below(lines[:1], below) == 0
    assert said_below(lines, []) == 0
    assert said_below(lines, ["    other(of)", *below]) == 0
    assert said_below(["    result = compute_all(of, them);"], lines[1:]) == 1


@pytest.mark.parametrize(
    ("prefix", "lines", "said"),
    [
        ("import os\n", ["import os"], True),
        ("import os\n", ["import re"], False),
        ("import os\n\n", ["", "import os"], True),
        ("def f(x):\n", ["def f(x):"], True),
        ("    if a:\n    ", ["if a:"], True),
        ("    if a:\n    ", ["    if a:"], False),
        ("x = next(it)\n", ["x = next(it)"], False),
        ("    },\n", ["    },"], False),
        ("{\n", ["{"], False),
        ("x = 1", ["x = 1"], False),
        ("", ["x = 1"], False),
        ("import os\n", [""], False),
        (
            "first = compute(1)\nsecond = compute(2)\nthird = compute(3)\n",
            ["first = compute(1)", "second = compute(2)", "third = compute(3)"],
            True,
        ),
        (
            "first = compute(1)\nsecond = compute(2)\nthird = compute(3)\n",
            ["first = compute(1)", "second = compute(2)", "third = compute(4)"],
            False,
        ),
        ("<li>\n  <b>a</b>\n</li>\n", ["<li>", "  <b>a</b>", "</li>"], False),
        (
            "<td class='empty'></td>\n" * 3,
            ["<td class='empty'></td>"] * 3,
            False,
        ),
    ],
)
def test_what_stands_before_the_cursor_said_again(prefix: str, lines: list[str], said: bool):  # noqa: FBT001  a parameter
    assert Restated(prefix).by(lines) is said


def test_what_may_become_the_lines_before_the_cursor():
    restated = Restated("first = 1\nsecond = 2\nthird = 3\n")
    assert not restated.may([])
    assert restated.may(["first = 1"])
    assert restated.may(["first = 1", "second = 2"])
    assert not restated.may(["first = 1", "second = 3"])
    assert not restated.may(["first = 1", "second = 2", "third = 3"])
