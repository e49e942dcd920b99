from __future__ import annotations

import random
from itertools import product
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.compare.statistics import (
    Difference,
    Figure,
    difference,
    differences,
    holm,
    mean,
    quantile,
    share,
)

Marks = dict[str, float]


def simulated(
    seed: int, tasks: int, per: int, effect: float, kind: str
) -> tuple[Marks, Marks, dict[str, str]]:
    """Two targets' marks of tasks in groups of ``per``; the second is worse by ``effect``.

    A group is hard or easy for both, and by chance a little better for one: so its tasks are
    not independent. ``kind``: verdicts (0 or 1), or similarities.
    """
    # Another stream than that of the seed itself, with which the test is made.
    dice = random.Random(f"{seed} {tasks} {per} {effect} {kind}")  # noqa: S311  (no secret)
    groups = {str(task): str(task // per) for task in range(tasks)}
    level = {group: dice.betavariate(2, 2) for group in sorted(set(groups.values()))}
    made: list[Marks] = []
    for worse in (0.0, effect):
        luck = {group: dice.gauss(0, 0.15) for group in level}
        marks: Marks = {}
        for task, group in groups.items():
            expected = min(1.0, max(0.0, level[group] + luck[group] - worse))
            if kind == "verdicts":
                marks[task] = float(dice.random() < expected)
            else:
                marks[task] = min(1.0, max(0.0, expected + dice.gauss(0, 0.1)))
        made.append(marks)
    return made[0], made[1], groups


def found(seed: int, tasks: int, per: int, effect: float, kind: str) -> Difference:
    result = difference(*simulated(seed, tasks, per, effect, kind), seed=seed)
    assert result is not None
    return result


# --- honest


SIZES = [(300, 1), (300, 6), (300, 30), (60, 3), (20, 4)]


@pytest.mark.parametrize("kind", ["verdicts", "similarities"])
@pytest.mark.parametrize(("tasks", "per"), SIZES)
def test_identical_targets_are_not_told_apart_in_95_of_100_runs(tasks: int, per: int, kind: str):
    verdicts = [found(seed, tasks, per, 0.0, kind).verdict for seed in range(100)]
    assert verdicts.count("not known") >= 95


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["verdicts", "similarities"])
@pytest.mark.parametrize(("tasks", "per"), SIZES)
def test_probabilities_are_what_they_say(tasks: int, per: int, kind: str):
    all_p = [found(seed, tasks, per, 0.0, kind).p for seed in range(1000)]
    for level in (0.02, 0.05, 0.2):
        most = NormalDist(1000 * level, (1000 * level * (1 - level)) ** 0.5).inv_cdf(0.9999)
        assert sum(p <= level for p in all_p) <= most


@pytest.mark.parametrize("kind", ["verdicts", "similarities"])
def test_several_identical_targets_are_not_told_apart(kind: str):
    wrong = 0
    for seed in range(50):
        one, two, groups = simulated(seed, 60, 2, 0.0, kind)
        three, four, _ = simulated(seed + 1000, 60, 2, 0.0, kind)
        targets = {"one": one, "two": two, "three": three, "four": four}
        pairs = differences(targets, groups, seed=seed)
        wrong += any(each.verdict != "not known" for each in pairs.values())
    assert wrong <= 3  # 1 is to be expected at most, as for one pair


@pytest.mark.parametrize(
    ("per", "effect", "kind"),
    [(1, 0.2, "verdicts"), (6, 0.25, "verdicts"), (1, 0.1, "similarities")],
)
def test_a_target_made_worse_is_found_worse_with_300_tasks(per: int, effect: float, kind: str):
    verdicts = [found(seed, 300, per, effect, kind).verdict for seed in range(100)]
    assert verdicts.count("better") >= 95
    assert "worse" not in verdicts


def test_the_direction_is_that_of_the_first():
    one, other, groups = simulated(1, 300, 1, 0.25, "verdicts")
    better, worse = difference(one, other, groups), difference(other, one, groups)
    assert better is not None
    assert worse is not None
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert better.value == pytest.approx(-worse.value)
    assert better.low is not None
    assert better.low > 0


@pytest.mark.parametrize("tasks", range(1, 6))
def test_of_a_handful_nothing_is_known(tasks: int):
    groups = {str(task): str(task) for task in range(tasks)}
    result = difference(dict.fromkeys(groups, 1.0), dict.fromkeys(groups, 0.0), groups)
    assert result is not None
    assert result.value == 1.0
    assert (result.low, result.high, result.verdict) == (None, None, "not known")


def test_many_tasks_of_one_file_are_still_one_file():
    groups = {str(task): "file" for task in range(1000)}
    result = difference(dict.fromkeys(groups, 1.0), dict.fromkeys(groups, 0.0), groups)
    assert result is not None
    assert (result.p, result.verdict) == (1.0, "not known")


def test_the_very_same_marks_do_not_differ():
    one, _, groups = simulated(1, 300, 6, 0.0, "similarities")
    result = difference(one, one, groups)
    assert result == Difference(0.0, 0.0, 0.0, 1.0, 1.0, 300, 50)


# --- the paired test


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_few_groups_are_counted_out(parts: list[int]):
    groups = {str(at): str(at) for at in range(len(parts))}
    one = {str(at): part / 4 for at, part in enumerate(parts)}
    result = difference(one, dict.fromkeys(one, 0.0), groups)
    signs = list(product((1, -1), repeat=len(parts)))
    sums = [abs(sum(s * p for s, p in zip(each, parts, strict=True))) for each in signs]
    assert result is not None
    assert result.p == pytest.approx(sum(each >= abs(sum(parts)) for each in sums) / len(signs))


def test_sampled_exchanges_agree_with_counted_ones():
    # The same parts, of which one more is too many to count all ways.
    dice = random.Random(5)  # noqa: S311  (no secret)
    parts = [dice.gauss(0.3, 0.6) for _ in range(13)]
    result: list[float] = []
    for more in ([], [1e-6]):
        one = {str(at): part for at, part in enumerate([*parts, *more])}
        found = difference(one, dict.fromkeys(one, 0.0), {name: name for name in one})
        assert found is not None
        result.append(found.p)
    assert result[0] == pytest.approx(result[1], abs=0.01)


def test_only_tasks_that_both_have_are_compared():
    groups = {name: name for name in "abcd"}
    result = difference({"a": 1.0, "b": 0.5, "c": 1.0}, {"b": 0.25, "c": 0.5, "d": 0.0}, groups)
    assert result is not None
    assert (result.value, result.tasks, result.groups) == (0.375, 2, 2)
    assert difference({"a": 1.0}, {"d": 1.0}, groups) is None


def test_the_same_seed_gives_the_same_figures():
    given = simulated(4, 60, 3, 0.1, "similarities")
    assert difference(*given, seed=7) == difference(*given, seed=7)
    assert difference(*given, seed=7) != difference(*given, seed=8)


def test_holm_corrects_for_several_pairs():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_every_two_targets_are_compared_with_the_correction():
    one, other, groups = simulated(2, 300, 1, 0.3, "verdicts")
    pairs = differences({"a": one, "b": other, "c": one, "d": {}}, groups)
    assert list(pairs) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [each.verdict for each in pairs.values()] == ["better", "not known", "worse"]
    assert all(each.adjusted >= each.p for each in pairs.values())
    assert pairs["a", "b"].adjusted > pairs["a", "b"].p


# --- one target


def test_a_mean_and_its_interval():
    values = [(str(at), at / 100) for at in range(101)]
    figure = mean(values)
    assert figure is not None
    assert (figure.value, figure.tasks, figure.groups) == (pytest.approx(0.5), 101, 101)
    assert figure.method == "bootstrap"
    assert figure.low == pytest.approx(0.443, abs=0.01)
    assert figure.high == pytest.approx(0.557, abs=0.01)
    assert mean([]) is None


@pytest.mark.parametrize("groups", [150, 250])
def test_both_ways_to_resample_spread_alike(groups: int):
    dice = random.Random(3)  # noqa: S311  (no secret)
    values = [(str(at % groups), dice.random() + (at % groups) / groups) for at in range(1000)]
    figure = mean(values)
    assert figure is not None
    assert figure.low is not None
    assert figure.high is not None
    # Groups differ by their number (variance 1/12), of which 1000 / groups share one.
    expected = (1 / 12 / groups + 1 / 12 / 1000) ** 0.5 * 1.96
    assert (figure.high - figure.low) / 2 == pytest.approx(expected, rel=0.15)


def test_clusters_widen_an_interval():
    values = [(str(at), float(at % 2)) for at in range(200)]
    alone = mean(values)
    together = mean([(str(int(group) // 20 * 2 + int(value)), value) for group, value in values])
    assert alone is not None
    assert together is not None
    assert None not in {alone.low, alone.high, together.low, together.high}
    assert (together.high or 0) - (together.low or 0) > 2 * ((alone.high or 0) - (alone.low or 0))


def test_few_groups_have_no_interval():
    assert mean([("a", 1.0), ("a", 0.0), ("b", 0.5)]) == Figure(0.5, None, None, 3, 2, "none")


@pytest.mark.parametrize("per", [1, 5])
def test_intervals_hold_the_truth_about_as_often_as_they_say(per: int):
    held = 0
    for seed in range(200):
        dice = random.Random(seed)  # noqa: S311  (no secret)
        levels = [dice.uniform(0.2, 0.8) for _ in range(30)]
        values = [(str(at), dice.random() < level) for at, level in enumerate(levels * per)]
        figure = share([(str(int(name) % 30), verdict) for name, verdict in values], seed=seed)
        assert figure is not None
        assert figure.low is not None
        assert figure.high is not None
        held += figure.low <= 0.5 <= figure.high
    assert held >= 180


def test_a_share_of_independent_tasks_has_wilsons_interval():
    figure = share([(str(at), at < 15) for at in range(20)])
    assert figure is not None
    assert figure.method == "wilson"
    assert [figure.low, figure.high] == pytest.approx([0.5313, 0.8881], abs=5e-5)


def test_a_share_of_tasks_in_groups_is_resampled():
    figure = share([(str(at // 2), at % 3 == 0) for at in range(60)])
    assert figure is not None
    assert figure.method == "bootstrap"


@pytest.mark.parametrize("verdict", [True, False])
def test_all_alike_is_not_all_sure(verdict: bool):  # noqa: FBT001  (a case)
    figure = share([(str(at // 10), verdict) for at in range(100)])
    assert figure is not None
    assert figure.method == "wilson over groups"
    expected = [0.7225, 1.0] if verdict else [0.0, 0.2775]
    assert [figure.low, figure.high] == pytest.approx(expected, abs=5e-4)
    assert share([]) is None


# --- quantiles


def test_quantiles_are_values_that_were_measured():
    values = [float(value) for value in random.Random(1).sample(range(1, 101), 100)]  # noqa: S311  (no secret)
    assert [quantile(values, each) for each in (0.5, 0.95, 0.99)] == [50.0, 95.0, 99.0]
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0


@pytest.mark.parametrize(
    ("count", "known"),
    [
        (0, []),
        (1, []),
        (2, [0.5]),
        (19, [0.5]),
        (20, [0.5, 0.95]),
        (99, [0.5, 0.95]),
        (100, [0.5, 0.95, 0.99]),
    ],
)
def test_of_too_few_there_is_no_quantile(count: int, known: list[float]):
    values = [float(at) for at in range(count)]
    assert [each for each in (0.5, 0.95, 0.99) if quantile(values, each) is not None] == known
