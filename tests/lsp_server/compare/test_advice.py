"""What is advised, by the stated rules."""

from __future__ import annotations

import dataclasses
import random

from report_support import Target, run, tasks

from polypilot.compare.advice import SIGNIFICANT, Advice, advise
from polypilot.compare.statistics import SURE
from polypilot.compare.summary import summarise
from polypilot.compare.values import Kind, Marks, Reply, Task

GOOD = Target("good/model")


def advised(number: int, *targets: Target, kind: Kind = Kind.BLOCK) -> Advice:
    got = run(tasks(number, kind), *targets)
    [advice] = advise(summarise(got.tasks, got.replies, got.marks))
    return advice


def test_a_lead_is_claimed_where_there_is_one():
    advice = advised(100, Target("bad/model", skill=0.1, dollars="0"), GOOD)
    assert (advice.state, advice.target) == ("leads", "good/model")
    assert advice.headline == "good/model leads for completion."
    assert "points better than bad/model (95% interval +" in advice.reasons[0]
    assert "bad/model is free of charge" in advice.reasons[0]
    assert advice.command == "polypilot use good/model --for completion"


def test_of_equals_the_cheaper_one_is_taken():
    advice = advised(60, GOOD, Target("cheap/model", dollars="0.0003"))
    assert (advice.state, advice.target) == ("as-good", "cheap/model")
    assert "it is 3.3 times cheaper" in advice.headline
    assert "no difference found" in advice.headline
    assert "points better" not in " ".join([advice.headline, *advice.reasons])


def test_of_equals_at_one_price_the_faster_one_is_taken():
    advice = advised(60, GOOD, Target("fast/model", wait=0.1))
    assert advice.target == "fast/model"
    assert "2.0 times faster" in advice.headline


def test_a_cent_a_day_is_no_reason():
    advice = advised(
        60, Target("fast/model", dollars="0.00002"),
        Target("slow/model", dollars="0.000001", wait=2.0),
    )  # fmt: skip
    assert advice.target == "fast/model"


def test_an_unknown_price_is_not_cheap():
    advice = advised(60, GOOD, Target("dark/model", dollars=None, wait=0.01))
    assert advice.target == "good/model"
    assert any("dark/model is as good, but its price is not known" in r for r in advice.reasons)


def test_where_no_price_is_known_that_is_said():
    one, other = (dataclasses.replace(GOOD, name=name, dollars=None) for name in ("a/m", "b/m"))
    advice = advised(60, one, dataclasses.replace(other, wait=0.05))
    assert advice.target == "b/m"
    assert "What it costs is not known: look at the supplier's prices first." in advice.reasons


def test_too_few_tasks_settle_nothing():
    advice = advised(7, Target("a/m", skill=0.5), Target("b/m", skill=0.4, dollars="0"))
    assert advice.state == "unsettled"
    assert advice.headline.startswith("Too few tasks to tell ")


def test_who_fails_often_is_left_out():
    advice = advised(80, Target("a/m", skill=0.3), Target("b/flaky", failing=0.5))
    assert advice.target == "a/m"
    assert any("b/flaky is left out" in reason and "unavailable" in reason
               for reason in advice.reasons)  # fmt: skip


def test_one_alone_leads_nobody():
    advice = advised(10, GOOD)
    assert advice.state == "only"
    assert "nothing to compare it with" in advice.headline


def test_to_be_the_only_one_that_answers_is_no_lead():
    advice = advised(60, GOOD, Target("a/dead", failing=1.0, error="auth"))
    assert advice.state == "only"
    assert advice.headline == (
        "good/model is the only one that can be advised for completion: the others failed."
    )
    assert advice.command


def test_a_known_price_is_a_reason():
    advice = advised(60, Target("a/dark", dollars=None), Target("b/known"))
    assert advice.target == "b/known"
    assert (
        "it is the one whose price is known" in advice.headline
        or "no difference in quality" in (advice.headline)
    )


def test_nothing_answered_is_said_and_sets_nothing():
    advice = advised(10, Target("a/m", failing=1.0, error="auth"))
    assert (advice.state, advice.target, advice.command) == ("none", "", "")
    assert "no target has answered" in advice.headline
    assert advice.reasons == ("a/m is left out: 100% of its 10 tasks failed (auth 10).",)


def test_chat_has_its_own_advice():
    advice = advised(60, GOOD, Target("bad/m", skill=0.1), kind=Kind.FIX)
    assert advice.command == "polypilot use good/model --for chat"
    assert any(reason.startswith("The first words after 100 ms") for reason in advice.reasons)


def test_a_dozen_names_make_no_headline():
    targets = [Target(f"a/m{at}", skill=0.5) for at in range(12)]
    advice = advised(12, *targets)
    assert "others" in advice.headline
    assert len(advice.headline) < 120
    assert len(advice.reasons) < 12


def test_the_command_is_safe_to_paste():
    advice = advised(10, Target("a/m; rm -rf ~"))
    assert advice.command == "polypilot use 'a/m; rm -rf ~' --for completion"


def test_of_two_that_are_alike_no_lead_is_claimed_in_95_of_100_runs():
    """What users read, and not the test below it alone."""
    assert SIGNIFICANT == SURE
    tasks = [Task(f"t{at:03}", Kind.TESTED, "python", "a.py", f"g{at // 6}") for at in range(120)]
    led = 0
    for seed in range(100):
        dice = random.Random(f"{seed} alike")  # noqa: S311 - a sample, no secret
        hard = {task.group: dice.betavariate(2, 2) for task in tasks}
        luck = {(name, group): dice.gauss(0, 0.15) for name in "ab" for group in hard}
        marks = [
            Marks(task.id, name, shown=True,
                  passed=dice.random() < hard[task.group] + luck[name, task.group])
            for name in "ab" for task in tasks
        ]  # fmt: skip
        replies = [Reply(mark.task, mark.target, 1.0, text="x") for mark in marks]
        (advice,) = advise(summarise(tasks, replies, marks))
        led += advice.state == "leads"
    assert led <= 5
