"""The suffix stays as it was sent while what changed of it does not matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.context import first_line, next_line_with_text
from polypilot_prompts.freeze import freeze

LINES = "".join(f"    value_{n} = compute({n})\n" for n in range(40))
SENT = f")\n\n{LINES}"


@pytest.mark.parametrize(
    "fresh",
    [
        SENT,
        SENT.replace("compute(3)", "compute(33)"),  # one token of the first fifty
        SENT.replace("compute(30)", "something else entirely(30)"),  # behind them
        SENT + "more\n",
        SENT[:-20],
        SENT.replace("compute(3)", "compute(33)").replace("compute(4)", "compute(44)"),
    ],
)
def test_a_small_change_leaves_it_as_it_was(fresh: str):
    assert freeze(SENT, fresh) == SENT


@pytest.mark.parametrize(
    "fresh",
    [
        "",
        SENT[1:],  # a bracket was taken away at the cursor
        f"){SENT}",
        f" {SENT}",
        SENT.replace("value_0", "value_9"),  # the next line with text
        SENT.replace("    value_0 = compute(0)\n", ""),
        SENT.replace("value_", "other_"),
        SENT.replace("value_2 = compute(2)", "x"),  # five of fifty
        "def quite_another():\n    place\n",
    ],
)
def test_anything_more_is_taken_as_it_is(fresh: str):
    assert freeze(SENT, fresh) == fresh


def test_there_is_nothing_to_keep_at_first():
    assert freeze("", SENT) == SENT


def test_less_than_a_tenth_means_less():
    """Of ten tokens one is a tenth."""
    ten = "a\nb\nc\nd\ne\n"
    assert freeze(ten, "a\nb\nc\nx\ne\n") == "a\nb\nc\nx\ne\n"
    nine = ten[:-1]
    assert freeze(nine, ten) == ten
    twelve = f"{ten}f\n"
    assert freeze(twelve, "a\nb\nc\nx\ne\nf\n") == twelve


def test_the_first_token_is_the_same_even_where_lines_are_blank():
    sent = f"\n\n{LINES}"
    fresh = f"\n\n\n{LINES}"
    assert freeze(sent, fresh) == fresh
    assert freeze(f"\r\n{LINES}", f"\n{LINES}") == f"\n{LINES}"


TEXT = st.text(st.sampled_from("ab() \n"), max_size=60)


@given(TEXT, TEXT)
def test_what_stands_at_the_cursor_is_never_old(sent: str, fresh: str):
    kept = freeze(sent, fresh)
    assert kept in (sent, fresh)
    assert first_line(kept) == first_line(fresh)
    rest = len(first_line(fresh))
    assert next_line_with_text(kept[rest:]) == next_line_with_text(fresh[rest:])


@given(TEXT, TEXT)
def test_it_is_steady(sent: str, fresh: str):
    kept = freeze(sent, fresh)
    assert freeze(kept, fresh) == kept
