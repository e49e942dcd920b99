"""The engine's parts by themselves."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.completion.cache import Entry, Key, SuggestionCache, key_for
from polypilot.completion.pacing import AdaptivePace, Moment, RateCap
from polypilot.completion.staleness import still_agrees
from polypilot.workspace.documents import Change, DocumentStore, Position

KEY = Key("file:///a", "policy", "m", "", "next")


def entry(anchor: str, text: str, name: str = "s1", key: Key = KEY) -> Entry:
    return Entry(name, key, anchor, text, "p", "m")


# --- cache


def test_one_entry_serves_every_text_that_types_it():
    cache = SuggestionCache()
    cache.add(entry("x = ", "foo()"))
    for typed in range(5):
        found = cache.find(KEY, "x = " + "foo()"[:typed])
        assert found is not None
        assert found[1] == "foo()"[typed:]
    assert cache.find(KEY, "x = foo()") is None
    assert cache.find(KEY, "x = fooo") is None
    assert cache.find(KEY, "y = foo") is None
    assert cache.find(KEY, "") is None


@pytest.mark.parametrize("field", ["uri", "policy", "model", "rest", "next_line"])
def test_nothing_is_found_under_another_key(field: str):
    cache = SuggestionCache()
    cache.add(entry("x = ", "foo()"))
    values = {name: getattr(KEY, name) for name in Key.__dataclass_fields__}
    other = Key(**(values | {field: "other"}))
    assert cache.find(other, "x = ") is None
    assert cache.find(KEY, "x = ") is not None


def test_the_nearest_anchor_wins_and_the_newest_replaces():
    cache = SuggestionCache()
    cache.add(entry("x = ", "foo(1)", "far"))
    cache.add(entry("x = fo", "o(2)", "near"))
    found = cache.find(KEY, "x = foo")
    assert found is not None
    assert (found[0].id, found[1]) == ("near", "(2)")
    cache.add(entry("x = fo", "o(3)", "newest"))
    found = cache.find(KEY, "x = foo")
    assert found is not None
    assert found[0].id == "newest"
    assert len(cache) == 2


def test_equal_ends_of_different_texts_are_told_apart():
    cache = SuggestionCache()
    tail = "t" * 60
    cache.add(entry("one" + tail, "1", "one"))
    cache.add(entry("two" + tail, "2", "two"))
    found = cache.find(KEY, "one" + tail)
    assert found is not None
    assert found[1] == "1"
    cache.add(entry("two" + tail, "3", "three"))
    assert len(cache) == 2
    assert cache.find(KEY, "six" + tail) is None


def test_that_there_is_nothing_holds_for_the_very_place_only():
    cache = SuggestionCache()
    cache.add(entry("x = ", ""))
    found = cache.find(KEY, "x = ")
    assert found is not None
    assert found[1] == ""
    assert cache.find(KEY, "x = f") is None


def test_the_least_recently_used_go_first():
    cache = SuggestionCache(entries=3)
    for name in "abc":
        cache.add(entry(f"{name} = ", "1"))
    assert cache.find(KEY, "a = ") is not None
    cache.add(entry("d = ", "1"))
    assert [bool(cache.find(KEY, f"{name} = ")) for name in "abcd"] == [True, False, True, True]


@given(st.lists(st.tuples(st.text("ab", max_size=30), st.text("ab", max_size=30)), max_size=60))
def test_the_cache_stays_within_its_bounds(entries: list[tuple[str, str]]):
    cache = SuggestionCache(entries=10, chars=120)
    for number, (anchor, text) in enumerate(entries):
        cache.add(entry(anchor, text, str(number)))
        assert len(cache) <= 10
        assert cache.chars <= 120
        assert cache.find(KEY, anchor) is not None  # the newest is never the one to go
    cache.forget("file:///other")
    size = len(cache)
    cache.forget("file:///a")
    assert (len(cache), cache.chars) == (0, 0)
    assert size <= 10


def test_forgetting_and_clearing():
    cache = SuggestionCache()
    cache.add(entry("x", "1"))
    cache.add(entry("x", "1", key=Key("file:///b", "", "", "", "")))
    cache.forget("file:///a")
    assert len(cache) == 1
    cache.clear()
    assert (len(cache), cache.chars) == (0, 0)


@given(st.text("ab\n", max_size=40), st.text("ab\n", min_size=1, max_size=12), st.integers(0, 12))
def test_what_is_found_always_goes_on_where_the_text_stands(prefix: str, text: str, typed: int):
    cache = SuggestionCache()
    cache.add(entry(prefix, text))
    now = prefix + text[:typed]
    found = cache.find(KEY, now)
    if typed < len(text):
        assert found is not None
    if found is not None:
        whole = found[0].anchor + found[0].text
        assert (now + found[1]).endswith(whole)


def test_the_key_of_a_place():
    store = DocumentStore("utf-32")
    store.open("file:///a", "python", 1, "x = f(1)  \r\n\r\n  y\r\n")
    snapshot = store.snapshot("file:///a", Position(0, 6), 100, 100)
    assert snapshot is not None
    assert key_for(snapshot, "p", "m") == Key("file:///a", "p", "m", "1)", "  y")


# --- pace


def moment(**changes: bool) -> Moment:
    values = {"invoked": False, "line_start": False, "after_trigger": False, "embedded": False}
    return Moment(**(values | changes))


def test_people_who_look_up_do_not_wait():
    pace = AdaptivePace()
    for name in ("invoked", "line_start", "after_trigger"):
        assert pace.delay(moment(**{name: True})) == 0


def typed(pace: AdaptivePace, *gaps: float) -> AdaptivePace:
    """After keys with these gaps."""
    now = 0.0
    pace.key(now)
    for gap in gaps:
        now += gap
        pace.key(now)
    return pace


def test_the_first_key_and_one_after_a_pause_do_not_wait():
    assert AdaptivePace().delay(moment()) == 0
    assert typed(AdaptivePace()).delay(moment()) == 0
    assert typed(AdaptivePace(), 0.05, 0.31).delay(moment()) == 0
    assert typed(AdaptivePace(), 0.31, 0.05).delay(moment()) == 0.075


def test_the_wait_catches_the_next_key_or_is_not_made():
    fast = typed(AdaptivePace(), *[0.05] * 6)
    assert fast.delay(moment()) == pytest.approx(0.06)
    assert typed(AdaptivePace(), *[0.05] * 6, 0.0).delay(moment()) == pytest.approx(0.06)
    # Of fingers of unequal speed, most keys are to be caught.
    assert typed(AdaptivePace(), 0.03, 0.05, 0.03, 0.05, 0.05).delay(moment()) == 0.06
    slow = typed(AdaptivePace(), *[0.1] * 6)
    assert slow.delay(moment()) == 0
    assert slow.delay(moment(embedded=True)) == pytest.approx(0.12)
    assert typed(AdaptivePace(), *[0.2] * 6).delay(moment(embedded=True)) == 0
    # The typist has just sped up.
    assert typed(AdaptivePace(), *[0.2] * 20, *[0.04] * 6).delay(moment()) == pytest.approx(0.048)


def test_before_the_typist_is_known_the_wait_is_the_cap():
    assert typed(AdaptivePace(), 0.1).delay(moment()) == 0.075
    assert typed(AdaptivePace(), 0.1).delay(moment(embedded=True)) == 0.125
    assert typed(AdaptivePace(lambda: 0.3), 0.1).delay(moment()) == 0.3
    assert typed(AdaptivePace(lambda: 0.0), *[0.01] * 6).delay(moment()) == 0


def test_a_slow_model_shortens_the_wait():
    pace = typed(AdaptivePace(), *[0.05] * 6)
    for _ in range(5):
        pace.first_text(0.22)
    assert pace.delay(moment()) == pytest.approx(0.04)
    pace.first_text(30)
    assert pace.delay(moment()) == 0
    assert pace.delay(moment(embedded=True)) == pytest.approx(0.06)


def test_when_asking_is_in_vain_every_key_waits():
    pace = typed(AdaptivePace(), *[0.1] * 6)
    pace.outcome(useful=False)
    assert pace.delay(moment()) == 0
    pace.outcome(useful=False)
    assert pace.delay(moment()) == 0.075
    pace.outcome(useful=True)
    assert pace.delay(moment()) == 0


def test_what_is_asked_ahead_leaves_half_of_the_requests():
    cap = RateCap(4, 60)
    assert [cap.take(0, spare=True) for _ in range(3)] == [True, True, False]
    assert [cap.take(0) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 5), st.floats(0.5, 10))
def test_never_more_than_the_cap_in_any_window(gaps: list[float], requests: int, seconds: float):
    cap = RateCap(requests, seconds)
    now, sent = 100.0, list[float]()
    for gap in gaps:
        now += gap
        if cap.take(now):
            sent.append(now)
    for start in sent:
        assert sum(start <= at < start + seconds for at in sent) <= requests


# --- staleness


def test_text_typed_at_the_end_that_looks_like_what_follows_is_noticed():
    store = DocumentStore("utf-32")
    agrees = still_agrees(store)
    store.open("a", "python", 1, "def f(a):\n")
    snapshot = store.snapshot("a", Position(0, 9), 100, 100)
    assert snapshot is not None
    assert agrees(snapshot)
    store.change("a", 2, [Change("\n", Position(0, 9), Position(0, 9))])
    assert not agrees(snapshot)
    store.change("a", 3, [Change("", Position(0, 9), Position(1, 0))])
    assert agrees(snapshot)
    store.close("a")
    assert not agrees(snapshot)


def test_an_edit_far_behind_of_the_same_length_does_not_matter():
    store = DocumentStore("utf-32")
    agrees = still_agrees(store)
    store.open("a", "python", 1, "x = \n" + "y" * 500)
    snapshot = store.snapshot("a", Position(0, 4), 100, 100)
    assert snapshot is not None
    store.change("a", 2, [Change("z", Position(1, 400), Position(1, 401))])
    assert agrees(snapshot)
    store.change("a", 3, [Change("z", Position(1, 4), Position(1, 5))])
    assert not agrees(snapshot)


def test_random_edits_never_agree_with_another_text():
    rng = random.Random(5)  # noqa: S311  (a seeded test)
    store = DocumentStore("utf-32")
    agrees = still_agrees(store)
    for case in range(300):
        text = "".join(rng.choice("a\n") for _ in range(rng.randrange(8)))
        uri = str(case)
        store.open(uri, "x", 1, text)
        document = store.get(uri)
        assert document is not None
        position = document.position(rng.randrange(len(text) + 1))
        snapshot = store.snapshot(uri, position, 100, 100)
        assert snapshot is not None
        at = document.position(rng.randrange(len(text) + 1))
        store.change(uri, 2, [Change(rng.choice("a\n"), at, at)])
        assert not agrees(snapshot)
