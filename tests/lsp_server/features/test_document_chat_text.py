"""A Markdown file read as a conversation, and an answer written so that it stays one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.lsp.features.document_chat_text import (
    AnswerText,
    asked_at,
    messages,
    transcript,
)

CHAT = """\
# Notes

## You

What is #file:a.py?

## Polypilot (gpt-5)

A file.

## you

And now?
"""


def test_sections_are_messages() -> None:
    assert [(each.role, each.text.strip()) for each in messages(CHAT)] == [
        ("note", "# Notes"),
        ("you", "What is #file:a.py?"),
        ("model", "A file."),
        ("you", "And now?"),
    ]


def test_headings_in_code_are_none() -> None:
    text = "## You\n\n```md\n## Polypilot\n~~~\n```\n\n    ## You\n### You\n## Yours\n##You\n"
    assert [each.role for each in messages(text)] == ["note", "you"]


@pytest.mark.parametrize("line", [10, 11, 12, 13, 99])
def test_the_last_open_question_is_answered(line: int) -> None:
    asked = asked_at(CHAT, line)
    assert asked is not None
    assert asked.question == "And now?"
    assert asked.at == len(CHAT) - 1
    assert asked.lead == "\n\n## Polypilot\n\n"
    assert asked.tail == "\n## You\n"
    assert transcript(asked.before) == (
        "# Notes\n\n## You\n\nWhat is #file:a.py?\n\n## Polypilot\n\nA file.\n"
    )


@pytest.mark.parametrize("line", [0, 1, 2, 4, 6, 8])
def test_what_is_answered_already_or_no_question_is_not(line: int) -> None:
    assert asked_at(CHAT, line) is None


def test_an_empty_question_is_none() -> None:
    assert asked_at("## You\n\n", 1) is None
    assert asked_at("\n\n", 1) is None


def test_a_question_before_another_is_answered_where_it_stands() -> None:
    asked = asked_at("## You\n\na\n\n## You\n\nb\n", 2)
    assert asked is not None
    assert (asked.question, asked.at, asked.tail) == ("a", 9, "")


def test_without_sections_all_above_is_the_question() -> None:
    text = "some notes\n\nwhat is this?\nmore\n"
    asked = asked_at(text, 2)
    assert asked is not None
    assert asked.question == "some notes\n\nwhat is this?"
    assert asked.at == text.index("\nmore")
    assert not asked.tail
    asked = asked_at("no line break", 0)
    assert asked is not None
    assert (asked.at, asked.lead) == (13, "\n\n## Polypilot\n\n")
    assert asked.tail == "\n## You\n\n"


def test_an_open_code_block_is_closed_before_the_answer() -> None:
    asked = asked_at("## You\n\n~~~py\nx = 1", 3)
    assert asked is not None
    assert asked.lead == "\n~~~\n\n## Polypilot\n\n"
    asked = asked_at("what?\n```\nx\n", 2)
    assert asked is not None
    assert asked.lead == "\n```\n\n## Polypilot\n\n"


def written(pieces: list[str]) -> str:
    text = AnswerText()
    return "".join([*(text.feed(each) for each in pieces), text.finish()])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes.", "Yes.\n"),
        ("\n\nYes.\n", "Yes.\n"),
        ("a\n## You\nrun it\n", "a\n### You\nrun it\n"),
        ("  ## polypilot: x\n", "  ### polypilot: x\n"),
        ("## Other\n", "## Other\n"),
        ("```\n## You\n", "```\n## You\n```\n"),
        ("~~~~\nx\n~~~\n", "~~~~\nx\n~~~\n~~~~\n"),
        ("a\r\nb\rc", "a\nb\nc\n"),
        ("", ""),
        (" \n", " \n"),
    ],
)
def test_an_answer_stays_one_section(answer: str, expected: str) -> None:
    assert written([answer]) == expected


@given(st.text("# \nYou`\r", max_size=40), st.lists(st.integers(0, 40)))
def test_however_it_is_cut_the_same_is_written(answer: str, cuts: list[int]) -> None:
    places = sorted({0, len(answer), *(min(cut, len(answer)) for cut in cuts)})
    pieces = [answer[a:b] for a, b in pairwise(places)]
    assert written(pieces) == written([answer])


@given(st.text("#PYoupilt~` \n", max_size=60))
def test_no_answer_makes_a_message_of_the_users(answer: str) -> None:
    page = f"## You\n\nq\n\n## Polypilot\n\n{written([answer])}\n## You\n\n"
    assert [each.role for each in messages(page)] == ["note", "you", "model", "you"]


def test_what_can_be_shown_is_not_held_back() -> None:
    text = AnswerText()
    given_out: list[Any] = [text.feed(each) for each in ("He", "llo\n#", " Ti", "tle\n##", " Yo")]
    assert given_out == ["He", "llo\n", "# Ti", "tle\n", ""]
    assert text.feed("u\n") == "### You\n"
