"""What is announced when: once, in order, and never before the start is over."""

from __future__ import annotations

import pytest

from polypilot.backend.status import MAX_UNTOLD, Choice, Status, StatusBoard
from polypilot.errors import Problem

BAD_KEY = Problem("auth", "the key was refused", "store another")
NO_MODEL = Problem("needs_model", "no file", "pull it")
BROKEN = Problem("stream_broken", "it broke off")


@pytest.fixture
def board() -> StatusBoard:
    """A board whose start is not over."""
    return StatusBoard(Choice("a", "m"), Choice("b", "n"))


@pytest.fixture
def said(board: StatusBoard) -> list[Status]:
    """Everything that is announced."""
    heard: list[Status] = []
    board.listen(heard.append)
    return heard


def test_the_start_is_one_announcement_with_what_was_to_say(
    board: StatusBoard, said: list[Status]
) -> None:
    assert board.current.state == "starting"
    board.notice("first")
    board.update(trusted=True)
    assert board.current.state == "starting"
    board.notice("second")
    assert said == []
    board.settle()
    assert [(each.state, each.notices, each.trusted) for each in said] == [
        ("ready", ("first", "second"), True)
    ]
    board.settle()
    assert len(said) == 1
    assert board.current.notices == ()


def test_a_problem_of_the_start_is_told_on_request_and_announced_at_its_end(
    board: StatusBoard, said: list[Status]
) -> None:
    board.problem(NO_MODEL)
    assert board.current.state == "needsModel"
    board.settle()
    assert [(each.state, each.error) for each in said] == [("needsModel", NO_MODEL)]


def test_without_an_end_of_the_start_notices_do_not_pile_up(
    board: StatusBoard, said: list[Status]
) -> None:
    board.notice(*(str(number) for number in range(3 * MAX_UNTOLD)))
    board.settle()
    assert said[0].notices[-1] == str(3 * MAX_UNTOLD - 1)
    assert len(said[0].notices) == MAX_UNTOLD


def test_a_notice_is_part_of_one_announcement_only(board: StatusBoard, said: list[Status]) -> None:
    board.settle()
    board.notice()
    board.notice("x answers instead of y")
    board.began()
    assert [each.notices for each in said[1:]] == [("x answers instead of y",), ()]


def test_busy_lasts_until_the_last_request_has_ended(
    board: StatusBoard, said: list[Status]
) -> None:
    board.settle()
    board.began()
    board.began()
    board.ended(answered=True)
    assert board.current.state == "busy"
    board.ended()
    assert [each.state for each in said] == ["ready", "busy", "ready"]


def test_an_error_stays_until_something_succeeds(board: StatusBoard, said: list[Status]) -> None:
    board.settle()
    board.began()
    board.ended(BAD_KEY)
    assert board.current.state == "needsKey"
    board.began()
    board.ended()  # cancelled
    assert board.current.error == BAD_KEY
    board.outcome(BAD_KEY)
    board.update(redactions=1)
    assert board.current.error == BAD_KEY
    board.began()
    board.ended(answered=True)
    assert board.current.error is None
    assert said[-1].state == "ready"


def test_a_failure_before_any_request_does_not_end_another_ones(
    board: StatusBoard, said: list[Status]
) -> None:
    board.settle()
    board.began()
    board.outcome(NO_MODEL)
    assert said[-1].state == "busy"
    board.ended()
    assert said[-1].state == "needsModel"


def test_another_choice_takes_the_old_ones_error_away(
    board: StatusBoard, said: list[Status]
) -> None:
    board.settle()
    board.problem(BROKEN)
    assert said[-1].state == "error"
    board.update(completion=Choice("a", "m"))
    assert board.current.error == BROKEN
    board.update(chat=Choice("c", "o"))
    assert (said[-1].error, said[-1].chat) == (None, Choice("c", "o"))


def test_only_the_problem_that_is_solved_goes(board: StatusBoard, said: list[Status]) -> None:
    board.settle()
    board.solved("settings")
    board.problem(BROKEN)
    board.solved("settings")
    assert board.current.error == BROKEN
    board.problem(Problem("settings", "a typing error"))
    board.solved("settings")
    assert said[-1].error is None


def test_what_does_not_change_is_not_announced(board: StatusBoard, said: list[Status]) -> None:
    board.settle()
    board.update(paused=True, keyring="gnome-keyring")
    board.update(paused=True, keyring=None, redactions=0, trusted=False)
    assert [(each.state, each.keyring) for each in said[1:]] == [("paused", "gnome-keyring")]
    board.update(paused=False)
    assert said[-1].state == "ready"
