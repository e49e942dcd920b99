"""A place in a document is found again, however the editor tells of its edits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.lsp.features.action_region import Region, plain, position_at
from polypilot.workspace.documents import DocumentStore, Position

TEXT = "one\ntwo\nthree\nfour\n"


def test_it_moves_with_what_is_edited_before_it() -> None:
    region = Region(TEXT, 4, 8)
    assert not region.observe("zero\n" + TEXT)
    assert region.content == "two\n"
    assert not region.lost


def test_it_stays_when_what_follows_is_edited() -> None:
    region = Region(TEXT, 4, 8)
    region.observe("one\ntwo\nthree!\n")
    assert (region.start, region.content, region.lost) == (4, "two\n", False)


def test_edits_on_both_sides_at_once_do_not_lose_it() -> None:
    region = Region(TEXT, 4, 8)
    region.observe("ONE\ntwo\nTHREE\nfour\n")
    assert (region.start, region.content, region.lost) == (4, "two\n", False)


def test_edits_on_both_sides_lose_it_where_it_stands_twice() -> None:
    region = Region("a\nx\nb\n", 2, 4)
    region.observe("A\nx\nx\nB\n")
    assert region.lost


def test_an_edit_inside_loses_it_for_good() -> None:
    region = Region(TEXT, 4, 8)
    region.observe("one\ntWo\nthree\nfour\n")
    assert region.lost
    assert not region.observe(TEXT)
    assert region.lost


def test_our_edit_is_known_when_it_comes_with_the_users_own() -> None:
    region = Region(TEXT, 4, 4)
    region.want("new\n")
    assert region.observe("zero\none\nnew\ntwo\nthree\nfour\n")
    assert (region.content, region.wanted) == ("new\n", None)
    assert region.start == 9


def test_what_is_told_before_our_edit_was_made_does_not_count_as_it() -> None:
    region = Region(TEXT, 4, 4)
    region.want("new\n")
    assert not region.observe("zero\n" + TEXT)
    assert (region.start, region.wanted, region.lost) == (9, "new\n", False)
    assert region.observe("zero\none\nnew\ntwo\nthree\nfour\n")


def test_an_edit_in_what_was_just_written_is_not_taken_for_one_that_was_not_made() -> None:
    region = Region(TEXT, 4, 4)
    region.want("new\n")
    assert not region.observe("one\nnEw\ntwo\nthree\nfour\n")
    assert region.lost


def test_an_edit_that_was_given_up_is_not_expected() -> None:
    region = Region(TEXT, 4, 8)
    region.want("2\n")
    region.give_up()
    assert not region.observe(TEXT + "five\n")
    assert region.content == "two\n"


def test_an_edit_that_is_assumed_may_be_told_later() -> None:
    region = Region(TEXT, 4, 4)
    region.want("a\n")
    region.assume()
    region.want("a\nb\n")
    region.assume()
    assert region.content == "a\nb\n"
    region.observe("zero\none\na\nb\ntwo\nthree\nfour\n")
    assert (region.content, region.start, region.lost) == ("a\nb\n", 9, False)
    region.assume()  # nothing is under way
    assert region.content == "a\nb\n"


def test_an_empty_place_at_the_end_of_the_file() -> None:
    region = Region("a\n", 2, 2)
    region.want("b\n")
    assert region.observe("a\nb\nc\n")
    assert region.content == "b\n"


def test_an_empty_place_with_edits_on_both_sides_is_found_by_what_is_before_it() -> None:
    region = Region("a\nquestion\n\nend\n", 11, 11)
    region.observe("A\nquestion\n\nEND\n")
    assert region.lost  # nothing tells where
    region = Region("a\nb\nquestion\n\nend\n", 13, 13, wanted=None)
    region.observe("a\nb\nquestion\n\nEND\n")
    assert (region.start, region.lost) == (13, False)


@given(
    st.text("ab\n", max_size=12),
    st.text("xy\n", min_size=1, max_size=6),
    st.text("ab\n", max_size=12),
    st.data(),
)
def test_one_edit_outside_never_changes_what_it_holds(
    before: str, inside: str, after: str, data: st.DataObject
) -> None:
    region = Region(before + inside + after, len(before), len(before) + len(inside))
    new = data.draw(st.text("ab\n", max_size=4))
    side = before if data.draw(st.booleans()) else after
    start = data.draw(st.integers(0, len(side)))
    end = data.draw(st.integers(start, len(side)))
    edited = side[:start] + new + side[end:]
    text = edited + inside + after if side is before else before + inside + edited
    if side is before and before == after:
        text = edited + inside + after
    region.observe(text)
    assert not region.lost
    assert region.content == inside


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@given(text=st.text("aé😀\n\r", max_size=20), cut=st.integers(0, 20))
def test_positions_are_those_of_the_document(encoding: str, text: str, cut: int) -> None:
    store = DocumentStore(encoding)  # pyright: ignore[reportArgumentType]  one of the three
    document = store.open("file:///a", "", 1, text)
    normal = plain(text)
    at = position_at(normal, min(cut, len(normal)), store.encoding)
    # The document has the same lines, and nothing but breaks differs.
    offset = document.offset(Position(at.line, at.character))
    assert plain(document.text[:offset]) == normal[: min(cut, len(normal))]
