from __future__ import annotations

import ast
import inspect
import random
import textwrap
from statistics import fmean

import pytest

from polypilot.compare.mutants import mutants

SOURCE = '''\
def first_above(values: list[int], limit: int = 10) -> int | None:
    """The first value above 10, if any."""
    for at, value in enumerate(values):
        if value > limit and not value % 2 == 1:
            return at + 1
    return -1 if True else f"{limit + 1}"
'''


def changed(source: str) -> set[str]:
    """The words in which the variants differ from the source, as ``old>new``."""
    found: set[str] = set()
    for text in mutants(source, 1, 1000):
        before, after = source.split(), text.split()
        if len(before) == len(after):
            found |= {f"{a}>{b}" for a, b in zip(before, after, strict=True) if a != b}
    return found


def test_each_variant_is_valid_and_another_one():
    found = mutants(SOURCE, 1, 1000)
    assert len(found) >= 10
    assert len({ast.dump(ast.parse(text)) for text in [SOURCE, *found]}) == len(found) + 1


@pytest.mark.parametrize(
    "change",
    [">><=", "and>or", "==>!=", "%>+", "+>-", "10)>11)", "1>2", "True>False"],
)
def test_every_kind_of_fault_is_put_in(change: str):
    assert change in changed(SOURCE)


@pytest.mark.parametrize(
    "line",
    [
        "if (not (value > limit and not value % 2 == 1)):",
        "return None",
        "limit and value % 2 == 1:",
    ],
)
def test_conditions_are_negated_and_nothing_is_returned(line: str):
    assert any(line in text for text in mutants(SOURCE, 1, 1000))


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("def f(a, b):\n    return a not in b\n", "return a in b"),
        ("def f(a, b):\n    return a is not b\n", "return a is b"),
        ("def f(a, b):\n    return (a) ** (b)\n", "return (a) * (b)"),
        ('def f(a):\n    return "ä" + a + "→" if a < 3 else a\n', '"→" if a >= 3 else a'),
    ],
)
def test_an_operator_is_found_between_what_it_joins(source: str, fault: str):
    assert any(fault in text for text in mutants(source, 1, 1000))


def test_a_method_keeps_its_indentation():
    source = textwrap.indent("@property\n" + SOURCE, "    ")
    found = mutants(source, 3, 1000)
    assert len(found) >= 10
    for text in found:
        assert text.startswith("    @property\n    def first_above(")
        ast.parse("class A:\n" + text)


def test_strings_comments_and_names_stay():
    source = 'def f(a):\n    """1 + 1 == True"""\n    return f"{a + 1} and {a == 2}"  # 1 < 2\n'
    assert mutants(source, 1, 100) == [
        source.replace('return f"{a + 1} and {a == 2}"', "return None")
    ]


def test_the_seed_decides_and_most_is_kept():
    assert mutants(SOURCE, 5, 4) == mutants(SOURCE, 5, 4)
    assert mutants(SOURCE, 5, 4) == mutants(SOURCE, 5, 1000)[:4]
    assert len({tuple(mutants(SOURCE, seed, 2)) for seed in range(20)}) > 5
    assert mutants(SOURCE, 5, 0) == []


@pytest.mark.parametrize("source", ["def f(:\n", "", "\0", "def f():\n    pass\n", "(" * 5000])
def test_what_can_not_be_broken_has_no_variants(source: str):
    assert mutants(source, 1, 5) == []


@pytest.mark.parametrize("given", [random.Random.choices, inspect.getdoc, textwrap.dedent, fmean])
def test_functions_of_the_standard_library(given: object):
    source = inspect.getsource(given)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  (all have one)
    found = mutants(source, 1, 20)
    assert len(found) > 3
    for text in found:
        ast.parse(textwrap.dedent(text) if text[0] == " " else text)
