"""A seeded sample: its numbers, its languages, its dates, and that it is the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.compare.sampling import SHARES, Candidate, Sample, apportioned, plan, shuffled
from polypilot.compare.sources import source_of
from polypilot.compare.values import Kind

TEXT = "".join(f"value_{at} = call({at})\n" for at in range(40))


def candidates(files: int, suffix: str = ".py", *, since: float = 0.0) -> list[Candidate]:
    made: list[Candidate] = []
    for number in range(files):
        source = source_of(f"f{number}{suffix}", TEXT, "1", date=since + number)
        made += [
            Candidate(source, hole.kind, hole.start, hole.end)
            for hole in source.cut.holes
            if hole.kind is Kind.LINE
        ]
    return made


def sample(seed: str = "1", *, per_file: int = 6, cutoff: float | None = None) -> Sample:
    return Sample(seed, per_file, cutoff, 0.75, {"python": 3.0, "go": 1.0})


def places(chosen: list[Candidate]) -> list[tuple[str, int]]:
    return [(each.source.path, each.start) for each in chosen]


@given(st.integers(0, 2_000), st.sets(st.sampled_from(list(Kind)), min_size=1))
def test_a_plan_adds_up(total: int, kinds: set[Kind]) -> None:
    made = plan(total, kinds)
    assert sum(made.values()) == total
    assert set(made) == kinds
    assert all(number >= 0 for number in made.values())


def test_the_default_plan_has_all_kinds_but_the_standard_sets() -> None:
    made = plan(300, SHARES)
    assert set(Kind) - set(made) == {Kind.HUMANEVAL, Kind.INFILL}
    assert made[Kind.LINE] == 72
    assert made[Kind.TESTED] == 24


@given(st.integers(0, 500), st.dictionaries(st.text(max_size=3), st.floats(0.1, 1e6), min_size=1))
def test_what_is_apportioned_is_all_of_it(total: int, shares: dict[str, float]) -> None:
    made = apportioned(total, shares)
    whole = sum(shares.values())
    assert sum(made.values()) == total
    assert all(abs(made[key] - total * shares[key] / whole) <= 1 for key in shares)


def test_nothing_is_apportioned_to_nobody() -> None:
    assert apportioned(5, {}) == {}


def test_languages_are_spread_and_stand_in_for_each_other() -> None:
    every = [*candidates(20), *candidates(20, ".go")]
    chosen = sample().choose(every, 40)
    assert Counter(each.source.language for each in chosen) == {"python": 30, "go": 10}
    few = [*candidates(20), *candidates(1, ".go")]
    chosen = sample().choose(few, 40)
    assert Counter(each.source.language for each in chosen) == {"python": 34, "go": 6}


def test_a_file_gives_no_more_than_its_share_and_no_place_twice() -> None:
    one = sample(per_file=4)
    chosen = one.choose(candidates(5), 100) + one.choose(candidates(5), 100)
    assert len(chosen) == 20
    assert len(set(places(chosen))) == 20
    first = chosen[0]
    assert not one.is_free(first)
    assert not one.take(first)


def test_ranges_that_overlap_are_not_both_taken() -> None:
    one = sample()
    source = source_of("f.py", TEXT, "1")
    assert one.take(Candidate(source, Kind.BLOCK, 10, 60))
    assert not one.take(Candidate(source, Kind.LINE, 59, 70))
    assert one.take(Candidate(source, Kind.LINE, 60, 70))
    assert one.take(Candidate(source, Kind.EXPLAIN, 20, 50))


def test_most_is_newer_than_the_cut_off_date_where_there_is_so_much() -> None:
    every = candidates(100)
    chosen = sample(cutoff=69.0).choose(every, 80)
    assert Counter(each.changed is not None and each.changed > 69 for each in chosen)[True] == 60
    scarce = sample(cutoff=97.0).choose(every, 80)
    assert sum((each.changed or 0) > 97 for each in scarce) == 12
    assert len(scarce) == 80
    ordered = sample(cutoff=69.0).by_age(every)
    assert len(ordered) == len(every)
    for count in (4, 20, 100):
        newer = sum((each.changed or 0) > 69 for each in ordered[:count])
        assert abs(newer - 0.75 * count) <= 1


def test_what_is_newer_comes_earlier_on_the_whole() -> None:
    ordered = shuffled(list(range(1000)), float, "1")
    assert sorted(ordered) == list(range(1000))
    assert sum(ordered[:200]) / 200 > 550
    assert shuffled(list(range(1000)), float, "1") == ordered
    assert shuffled(list(range(1000)), float, "2") != ordered
    assert len(shuffled([1, 2], lambda _: None, "1")) == 2


def test_the_seed_decides_and_the_order_of_what_is_given_does_not() -> None:
    every = [*candidates(20), *candidates(20, ".go")]
    chosen = places(sample("a", cutoff=9.0).choose(every, 50))
    assert places(sample("a", cutoff=9.0).choose(every[::-1], 50)) == chosen
    assert places(sample("b", cutoff=9.0).choose(every, 50)) != chosen


@pytest.mark.parametrize("hashes", ["0", "1", "77"])
def test_another_process_chooses_the_same(hashes: str) -> None:
    code = (
        "from polypilot.compare.sampling import shuffled, plan\n"
        "from polypilot.compare.sources import source_of\n"
        "from polypilot.compare.values import Kind\n"
        "task = source_of('a.py', 'a = call(1)', '1').task(Kind.LINE, 0, 11)\n"
        "print(task.id, shuffled(range(50), float, 's'), plan(77, set(Kind)))\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hashes}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    task = source_of("a.py", "a = call(1)", "1").task(Kind.LINE, 0, 11)
    expected = f"{task.id} {shuffled(range(50), float, 's')} {plan(77, set(Kind))}\n"
    assert done.stdout == expected
    assert task.id == "ee1640d74689213effcd"
