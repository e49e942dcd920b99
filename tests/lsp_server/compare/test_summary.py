"""From replies and marks to figures."""

from __future__ import annotations

from decimal import Decimal

import pytest
from report_support import START, Target, run, tasks

from polypilot.compare.answered import answers
from polypilot.compare.summary import money, summarise
from polypilot.compare.values import Kind, Marks, Reply, Task

ONE = Target("a/one")


def of(made: list[Task], *targets: Target, use: int = 400):
    got = run(made, *targets)
    uses = {"completion": use, "chat": 30}
    return summarise(got.tasks, got.replies, got.marks, use=uses)  # pyright: ignore[reportArgumentType]  # a literal's keys


def test_quality_is_the_mean_of_the_tasks():
    row = of(tasks(30), Target("a/one", skill=0.0)).rows[0]
    assert row.quality.similar.value == 0.5
    assert row.quality.exact.value == 0.0
    assert row.quality.score.value == 0.5
    assert row.quality.score.n == 30
    assert row.quality.passed.value is None
    assert row.quality.parses.value == 1.0
    assert (row.quality.kept.value, row.quality.wrong.value) == (4.0, 6.0)
    assert row.quality.shown == 30


def test_tests_judge_where_there_are_any():
    row = of(tasks(20, Kind.TESTED), Target("a/one", skill=0.0)).rows[0]
    assert row.quality.score.value == row.quality.passed.value == 0.0
    assert row.quality.similar.value == 0.5


def test_a_failure_counts_as_nothing_shown():
    made = tasks(4)
    got = run(made, ONE)
    failed = Reply(made[0].id, "a/one", START + 9, error="timeout", retries=2, limited=3)
    got.replies.append(failed)
    got.marks = [mark for mark in got.marks if mark.task != made[0].id]
    got.marks.append(Marks(made[0].id, "b/two", shown=True, exact=True, similar=1.0))
    row = summarise(made, got.replies, got.marks).rows[0]
    assert row.quality.score.value == 0.75
    assert row.quality.score.n == 4
    assert row.reliability.errors == {"timeout": 1}
    assert (row.reliability.timeouts, row.reliability.retries, row.reliability.limited) == (1, 2, 3)
    assert row.speed.seconds.n == 3


def test_who_never_answers_has_no_quality_rather_than_none():
    rows = of(tasks(9), ONE, Target("b/dead", failing=1.0, error="auth")).rows
    dead = rows[1]
    assert not dead.answered
    assert dead.quality.score.value is None
    assert dead.speed.first_text.p50 is None
    assert dead.money.per_1000 is None
    assert dead.reliability.errors == {"auth": 9}


def test_who_never_answers_is_in_no_pair():
    assert of(tasks(9), ONE, Target("b/dead", failing=1.0)).pairs == ()


def test_times_are_quantiles():
    made = tasks(101)
    replies = [Reply(task.id, "a", START, "x", seconds=at / 100, first_text=at / 1000)
               for at, task in enumerate(made)]  # fmt: skip
    speed = summarise(made, replies, []).rows[0].speed
    assert (speed.seconds.p50, speed.seconds.p95, speed.seconds.p99) == pytest.approx(
        (0.5, 0.95, 0.99)
    )
    assert speed.first_text.p50 == pytest.approx(0.05)
    assert speed.first_line.quantiles == ()
    assert len(speed.seconds.quantiles) == 21


def test_money_is_told_for_a_thousand_and_for_a_day():
    row = of(tasks(10), Target("a/one", dollars="0.002"), use=300).rows[0]
    assert row.money.dollars == pytest.approx(0.02)
    assert row.money.per_1000 == pytest.approx(2.0)
    assert row.money.per_day == pytest.approx(0.6)
    assert (row.tokens.input, row.tokens.cached, row.tokens.output) == (1000, 500, 100)


def priced(*prices: str | None):
    made = tasks(len(prices))
    replies = [
        Reply(task.id, "a", START, "x", dollars=None if price is None else Decimal(price))
        for task, price in zip(made, prices, strict=True)
    ]
    return money(answers(made, replies, [])["a"], 100)


def test_an_unknown_price_is_never_nothing():
    assert priced(None, None).per_1000 is None
    assert priced(None, None).unpriced == 2
    assert priced("0.001", None, None).per_1000 is None
    assert priced("0.001", "0.003", None).per_1000 == pytest.approx(2.0)
    assert priced("0", "0").per_1000 == 0.0


def test_parts_have_their_own_scores():
    row = of([*tasks(9), *tasks(6, Kind.TESTED)], Target("a/one", skill=0.0)).rows[0]
    assert {part.name: (part.score.value, part.score.n) for part in row.kinds} == {
        "block": (0.5, 9),
        "tested": (0.0, 6),
    }
    assert [part.name for part in row.languages] == ["go", "python", "rust"]


def test_purposes_are_apart():
    summary = of([*tasks(6), *tasks(4, Kind.FIX)], ONE, Target("b/two"))
    assert [(row.target, row.purpose) for row in summary.rows] == [
        ("a/one", "completion"), ("b/two", "completion"), ("a/one", "chat"), ("b/two", "chat"),
    ]  # fmt: skip
    assert [pair.difference.n for pair in summary.pairs] == [6, 4]
    assert summary.tasks == {"block": 6, "fix": 4}


def test_steps_of_time_hold_every_request():
    rows = of(tasks(100), ONE, Target("b/two", failing=0.3)).rows
    for row in rows:
        assert sum(bucket.asked for bucket in row.over_time) == 100
        assert sum(bucket.failed for bucket in row.over_time) == row.reliability.failed
    starts = [[bucket.start for bucket in row.over_time] for row in rows]
    assert starts[0] == starts[1] == sorted(starts[0])


def test_a_difference_is_found_and_its_sign_is_right():
    summary = of(tasks(80), Target("a/one"), Target("b/two", skill=0.2))
    [pair] = summary.pairs
    assert (pair.first, pair.second) == ("a/one", "b/two")
    assert pair.difference.value is not None
    assert pair.difference.value > 0.2
    assert pair.corrected is not None
    assert pair.corrected < 0.01


def test_the_latest_reply_counts_and_strangers_are_left_out():
    made = tasks(1)
    replies = [Reply(made[0].id, "a", 1.0, error="timeout"), Reply(made[0].id, "a", 2.0, "x"),
               Reply("elsewhere", "a", 3.0, "x")]  # fmt: skip
    row = summarise(made, replies, []).rows[0]
    assert (row.reliability.asked, row.reliability.failed) == (1, 0)


def test_examples_are_few_and_bounded():
    made = [
        Task(f"t{at}", Kind.BLOCK, "go", "a.go", "g", prefix="head\n  ", truth="x\n" * 500)
        for at in range(9)
    ]
    replies = [Reply(task.id, "a", START, "y" * 9000) for task in made]
    marks = [Marks(task.id, "a", shown=True, similar=at / 10) for at, task in enumerate(made)]
    found = summarise(made, replies, marks).examples
    assert [(each.task, each.best) for each in found] == [
        ("t0", False), ("t1", False), ("t8", True), ("t7", True),
    ]  # fmt: skip
    assert all(len(text) < 3100 for each in found for text in (each.truth, each.text))
    assert found[0].truth.count("\n") == 40
    assert found[0].truth.startswith("  x\nx\n")
    assert found[0].text.endswith("characters more]")
    assert found[0].before == "head"


def test_nothing_at_all_is_a_summary_too():
    summary = summarise([], [], [])
    assert summary.rows == ()
    assert summary.targets == []
