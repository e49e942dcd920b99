"""The oracle completes exactly what the file has, and the baseline shows what it says."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

FILE = '''\
import math


class Circle:
    """Round."""

    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2

    def length(self):
        return 2 * math.pi * self.radius


def main():
    circle = Circle(3)
    print(circle.area(), circle.length())
'''
BODY = FILE.index("    def area")
END = FILE.index("\n    def length")


@pytest.fixture
def oracle_module(bench_module: Callable[[str], Any]) -> Any:
    return bench_module("typing_oracle")


@pytest.fixture
def naive_module(bench_module: Callable[[str], Any]) -> Any:
    return bench_module("typing_naive")


@pytest.fixture
async def oracle(oracle_module: Any) -> AsyncGenerator[Any]:
    async with oracle_module.Oracle(ttft=0.0, token=0.0) as oracle:
        oracle.know(FILE)
        yield oracle


@pytest.mark.parametrize("at", range(BODY, END))
def test_what_is_missing_in_the_middle_is_found_at_every_place(oracle_module: Any, at: int):
    assert oracle_module.missing(FILE, FILE[:at], FILE[END:]) == FILE[at:END]


@pytest.mark.parametrize("at", range(20, len(FILE), 7))
def test_what_is_missing_at_the_end_goes_to_the_end(oracle_module: Any, at: int):
    found = oracle_module.missing(FILE, FILE[:at], "")
    assert found == FILE[at:]


def test_windows_of_the_file_suffice(oracle_module: Any):
    at = BODY + 30
    found = oracle_module.missing(FILE, FILE[at - 60 : at], FILE[END : END + 40])
    assert found == FILE[at:END]


def test_among_lines_that_are_all_the_same_no_more_than_the_gap_is_missing(oracle_module: Any):
    same = "\n    value = compute(argument)" * 50
    truth = f"{same}\nresult = found{same}"
    place = truth.index(" found")
    assert oracle_module.missing(truth, truth[:place], same[:1000]) == " found"


def test_a_prompt_without_its_last_blanks_gets_them_back(oracle_module: Any):
    found = oracle_module.missing(FILE, FILE[: BODY + 4].rstrip(" "), FILE[END:])
    assert found == FILE[BODY:END]


def test_of_a_text_it_does_not_know_it_makes_something(oracle_module: Any):
    assert oracle_module.missing(FILE, "zzz qqq www vvv", "") == "pass"


def test_its_tokens_are_the_whole_text(oracle_module: Any):
    assert "".join(oracle_module.tokens(FILE)) == FILE


def test_an_error_is_in_the_first_line_and_is_one(oracle_module: Any):
    text = FILE[BODY + 8 : END]
    for seed in range(50):
        wrong = oracle_module.other(text, ["radius", "math"], random.Random(seed))  # noqa: S311 - a draw that can be repeated
        assert wrong != text
        assert wrong.partition("\n")[2] == text.partition("\n")[2]


async def test_an_answer_ends_at_a_stop_and_at_its_length(oracle: Any):
    asked = {"prompt": FILE[: BODY + 8], "suffix": FILE[END:]}
    _, whole = oracle.begin(asked)
    _, line = oracle.begin({**asked, "stop": ["\n"]})
    _, short = oracle.begin({**asked, "max_tokens": 2})
    assert whole == [FILE[BODY + 8 : END]]
    assert line == ["area(self):"]
    assert short == ["area("]


async def test_the_baseline_shows_the_rest_of_the_line(oracle: Any, naive_module: Any):
    naive = naive_module.Naive(naive_module.Provider(oracle.port))
    await naive.begin(FILE[: BODY + 8], FILE[END:])
    key = naive.type("a")
    await naive.settle()
    assert key.text == "rea(self):"
    (served,) = oracle.served
    assert served.sent == len("rea(self):") > served.generated > 0
    assert served.start <= served.first <= served.end <= key.answered
    assert not served.aborted


async def test_a_key_gives_up_the_request_before(
    oracle: Any, naive_module: Any, bench_module: Callable[[str], Any]
):
    until = bench_module("typing_replay").until
    oracle.ttft = 60.0
    naive = naive_module.Naive(naive_module.Provider(oracle.port))
    await naive.begin(FILE[: BODY + 8], FILE[END:])
    first = naive.type("a")
    await until(lambda: oracle.running, 30)
    oracle.ttft = 0.0
    second = naive.type("r")
    await naive.settle()
    await until(lambda: not oracle.running, 30)
    assert [served.aborted for served in oracle.served] == [True, False]
    assert (first.text, second.text) == ("", "ea(self):")
