"""The simulation of a team's server computes what can be computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Load = "Callable[[str], Any]"


@pytest.fixture
def model(bench_module: Callable[[str], Any]) -> Any:
    return bench_module("team_model")


@pytest.fixture
def typing_model(bench_module: Callable[[str], Any]) -> Any:
    return bench_module("team_typing_model")


def speed(model: Any, **more: Any) -> Any:
    return model.Speed(**({"slots": 1, "read": 100.0, "written": {1: 10.0}, "batch": 50} | more))


def finished(model: Any, how: Any, jobs: list[tuple[float, int, int]], until: float) -> Any:
    """Of jobs (when, tokens to read, to write): when each had its first text and its end."""
    clock = model.Clock()
    server = model.Server(clock, how)
    first: dict[int, float] = {}
    ends: dict[int, float] = {}
    for number, (when, read, write) in enumerate(jobs):
        job = model.Job(
            read,
            write,
            first=lambda number=number: first.update({number: clock.now}),
            end=lambda number=number: ends.update({number: clock.now}),
        )
        clock.at(when, lambda job=job: server.ask(job))
    clock.run(until)
    return first, ends, server


def test_one_user_of_an_idle_server_waits_for_the_prompt_alone(model: Any):
    first, ends, _ = finished(model, speed(model), [(1.0, 250, 11)], 60)
    assert first == {0: pytest.approx(1 + 250 / 100)}
    assert ends == {0: pytest.approx(1 + 250 / 100 + 10 / 10)}


def test_the_second_of_one_slot_waits_for_the_first(model: Any):
    first, ends, _ = finished(model, speed(model), [(0.0, 100, 11), (0.5, 100, 11)], 60)
    assert ends[0] == pytest.approx(2.0)
    assert first[1] == pytest.approx(3.0)


def test_two_slots_share_the_rate(model: Any):
    how = speed(model, slots=2, written={1: 10.0, 2: 16.0})
    first, ends, _ = finished(model, how, [(0.0, 1, 17), (0.0, 1, 17)], 60)
    # The second one's prompt is read in a step in which the first writes one token, alone.
    assert first == {0: pytest.approx(0.01), 1: pytest.approx(0.01 + 0.1 + 0.01)}
    assert ends[0] == pytest.approx(0.12 + 15 * 2 / 16)
    assert ends[1] == pytest.approx(0.12 + 15 * 2 / 16 + 0.1)


def test_between_known_rates_is_a_line_and_beyond_them_the_last(model: Any):
    how = speed(model, written={2: 20.0, 4: 40.0})
    assert [how.rate(many) for many in (1, 2, 3, 4, 9)] == [20, 20, 30, 40, 40]


def test_more_work_than_it_can_do_grows_without_bound(model: Any):
    """A second of work every half second: after each further minute 60 more wait."""
    jobs = [(0.5 * number, 50, 6) for number in range(480)]
    waiting = [len(finished(model, speed(model), jobs, end)[2].waiting) for end in (60, 120, 180)]
    assert waiting[1] - waiting[0] == pytest.approx(60, abs=2)
    assert waiting[2] - waiting[1] == pytest.approx(60, abs=2)


def test_less_than_it_can_do_leaves_nobody_waiting(model: Any):
    jobs = [(2.0 * number, 50, 6) for number in range(60)]
    first, _, server = finished(model, speed(model), jobs, 200)
    assert not server.waiting
    assert {round(first[number] - 2.0 * number, 6) for number in first} == {0.5}


def test_who_hangs_up_leaves_the_slot_after_the_step(model: Any):
    clock = model.Clock()
    server = model.Server(clock, speed(model))
    ended: list[float] = []
    long = model.Job(1, 1000)
    clock.at(0, lambda: server.ask(long))
    clock.at(0.5, lambda: server.ask(model.Job(1, 1, end=lambda: ended.append(clock.now))))
    clock.at(1.0, lambda: server.leave(long))
    clock.run(10)
    (end,) = ended
    assert 1.0 < end <= 1.0 + 0.1 + 0.02  # a step writes for 0.1 s


def test_who_hangs_up_while_waiting_is_never_served(model: Any):
    clock = model.Clock()
    server = model.Server(clock, speed(model))
    texts: list[str] = []
    waits = model.Job(1, 1, first=lambda: texts.append("served"))
    clock.at(0, lambda: server.ask(model.Job(1, 20)))
    clock.at(0.1, lambda: server.ask(waits))
    clock.at(0.2, lambda: server.leave(waits))
    clock.run(10)
    assert texts == []


def test_the_same_seed_is_the_same_day(model: Any, typing_model: Any):
    demand = typing_model.Demand(asks=0.2, cold=200, read=10, written=20)

    def day(seed: int) -> Any:
        return typing_model.simulate(
            speed(model, slots=2, written={1: 40.0}), 3, demand, seconds=30, warm=5, seed=seed
        )

    assert day(1) == day(1)
    assert day(1).first != day(2).first


def test_more_typists_wait_longer_and_capacity_is_where_the_limit_is_met(
    model: Any, typing_model: Any
):
    demand = typing_model.Demand(asks=0.2, cold=200, read=10, written=20)
    how = speed(model, slots=4, read=1000.0, written={1: 100.0, 4: 200.0})
    some = [
        typing_model.simulate(how, users, demand, seconds=40, warm=10).p95 for users in (1, 5, 40)
    ]
    assert some == sorted(some)
    most = typing_model.most_users(how, demand, 0.5, seconds=40, warm=10)
    assert 1 <= most < 40
    assert typing_model.simulate(how, most, demand, seconds=40, warm=10).p95 <= 0.5


def test_fairness(bench_module: Callable[[str], Any]):
    jain = bench_module("team_figures").jain
    assert jain([0.5, 0.5, 0.5]) == pytest.approx(1)
    assert jain([1, 0, 0, 0]) == pytest.approx(0.25)
    assert jain([]) == jain([0, 0]) == 1


def test_who_is_answered_with_nothing_had_no_text_however_soon(bench_module: Callable[[str], Any]):
    """Of two looks one had its text after 0.4 s; the other's request was turned down at once."""
    figures, tap = bench_module("team_figures"), bench_module("team_tap")
    typist, editor = bench_module("team_typist"), bench_module("typing_editor")
    asked = [
        tap.Asked(1.0, text=1.4, end=1.9, status=200),
        tap.Asked(5.0, end=5.01, status=429),
    ]
    rests = [
        typist.Rest(editor.Key(1.0, "a", "", text="b"), pause=0.5, until=2.0),
        typist.Rest(editor.Key(5.0, "c", ""), pause=0.5, until=5.5),
    ]
    one = typist.Typist(0, tap.Tap(1, asked=asked), None, rests=rests)
    found = figures.count(figures.Figures(1, 1, "model", "auto"), [one], 0.0)
    assert found.first == [pytest.approx(0.4), typist.LOOKING]
    assert (found.looks, found.unanswered, found.failed, found.in_time) == (2, 1, 1, 1)
    assert found.p95 == typist.LOOKING


def test_the_picture_is_whole_and_follows_the_theme(bench_module: Callable[[str], Any]):
    plot = bench_module("team_plot")
    lines = [plot.Line("a <b>", [(1, 0.1), (500, 99.0)])]
    text = plot.draw(lines, [plot.Point(5, 0.4)], "measured")
    assert "prefers-color-scheme: dark" in text
    assert "a &lt;b&gt;" in text
    assert text.count("<circle") == 2
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
