"""The blanks before the cursor: left out of the prompt, taken off the answer."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.lead import Lead, split_lead

BLANKS = st.text(" \t", max_size=9)


def taken_off(lead: str, text: str, *, indents: bool = True, tab_size: int = 4) -> str:
    machine = Lead(lead, indents=indents, tab_size=tab_size)
    return machine.feed(text) + machine.finish()


@pytest.mark.parametrize(
    ("lead", "text", "rest"),
    [
        # As many as there are, more, fewer, none.
        ("    ", "    a\n    b", "a\n    b"),
        ("    ", "        a", "    a"),
        ("    ", "   a", "a"),
        ("    ", " a", "a"),
        ("    ", "a", "a"),
        ("    ", "\n    a", "\n    a"),
        ("", "  a", "  a"),
        # One more than a whole indentation is a slip; beyond half of one it is the other half.
        ("    ", "     a", "a"),
        ("        ", "         a", "a"),
        ("    ", "      a", "  a"),
        ("    ", "    \ta", "\ta"),
        (" ", "    a", "   a"),
        (" ", "  a", " a"),
        # Tabs for spaces and spaces for tabs.
        ("\t", "\ta", "a"),
        ("\t", "\t\ta", "\ta"),
        ("\t", "    a", "a"),
        ("\t\t", "        a", "a"),
        ("    ", "\ta", "a"),
        ("    ", "\t\ta", "\ta"),
        ("  ", "\ta", "a"),
        # Nothing but blanks.
        ("    ", "  ", ""),
        ("    ", "      ", "  "),
        ("    ", "", ""),
    ],
)
def test_indentation(lead: str, text: str, rest: str):
    assert taken_off(lead, text) == rest


@pytest.mark.parametrize(
    ("lead", "text", "rest"),
    [(" ", " 1", "1"), (" ", "1", "1"), (" ", "  1", " 1"), ("    ", "     # x", " # x")],
)
def test_blanks_behind_text_are_no_indentation(lead: str, text: str, rest: str):
    assert taken_off(lead, text, indents=False) == rest


def test_an_indentation_of_one_column_has_no_half():
    assert taken_off(" ", "  a", tab_size=1) == " a"
    assert taken_off(" ", "  a", tab_size=0) == " a"


@given(BLANKS, BLANKS, st.text("ab \t\n", max_size=9), st.data())
def test_however_the_answer_is_split_the_rest_is_the_same(
    lead: str, blanks: str, body: str, data: st.DataObject
):
    text = blanks + body
    indents, tab_size = data.draw(st.booleans()), data.draw(st.sampled_from([1, 2, 4, 8]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    machine = Lead(lead, indents=indents, tab_size=tab_size)
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    rest = "".join([machine.feed(piece) for piece in pieces]) + machine.finish()
    assert rest == taken_off(lead, text, indents=indents, tab_size=tab_size)
    assert machine.finish() == ""


@given(BLANKS, BLANKS, st.sampled_from(["", "a", "\n", "a b\n    c"]), st.booleans())
def test_nothing_but_blanks_is_ever_taken(lead: str, blanks: str, body: str, indents: bool):  # noqa: FBT001  drawn
    rest = taken_off(lead, blanks + body, indents=indents)
    assert (blanks + body).endswith(rest)
    assert rest.endswith(body)


@given(BLANKS.filter(bool), st.sampled_from(["a", "a b\n    c", "\n", ""]), st.booleans())
def test_an_answer_that_repeats_the_blanks_or_has_none_is_right_at_the_cursor(
    lead: str,
    body: str,
    indents: bool,  # noqa: FBT001  drawn
):
    assert taken_off(lead, lead + body, indents=indents) == body
    assert taken_off(lead, body, indents=indents) == body


def test_endless_blanks_are_not_kept():
    machine = Lead("    ", indents=True, tab_size=4)
    assert machine.feed("      ") == "  "
    assert machine.feed("    ") == "    "


@given(st.text("ab \t\n", max_size=12))
def test_the_prompt_ends_before_the_blanks_of_the_cursors_line(prefix: str):
    bare, lead = split_lead(prefix)
    assert bare + lead == prefix
    assert not bare.endswith((" ", "\t"))
    assert not lead.strip(" \t")


@given(st.text("ab \t", max_size=8), st.text(" \t", max_size=4), st.text("ab", min_size=1))
def test_typing_only_appends_to_what_is_sent(line: str, blanks: str, word: str):
    """The cache of a runtime holds the prompt's beginning, which must not change."""
    sent = [split_lead(text)[0] for text in (line, line + blanks, line + blanks + word)]
    assert sent[1].startswith(sent[0])
    assert sent[2].startswith(sent[1])
