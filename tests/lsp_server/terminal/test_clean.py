from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.terminal.clean import Cleaner, clean

SEQUENCES = [
    "\x1b[31m",  # colour
    "\x1b[2J\x1b[H",  # clear the screen
    "\x1b]0;pwned\x07",  # window title, ended by BEL
    "\x1b]8;;https://evil.example\x1b\\",  # hyperlink, ended by ST
    "\x1bP+q544e\x1b\\",  # device control: some terminals type the answer
    "\x1b_Ga=T;AAAA\x1b\\",  # application command: images
    "\x1bc",  # reset
    "\x1b(0",  # another character set
    "\x9b1;31m",  # the one-byte form of ESC [
    "\x9d0;pwned\x9c",
]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_a_terminal_sequence_leaves_nothing_behind(sequence: str):
    assert clean(f"a{sequence}b") == "ab"


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_a_sequence_cut_anywhere_leaves_nothing_behind(sequence: str):
    whole = f"a{sequence}b"
    for cut in range(len(whole) + 1):
        cleaner = Cleaner()
        shown = cleaner.feed(whole[:cut]) + cleaner.feed(whole[cut:]) + cleaner.flush()
        assert shown == "ab", cut


def test_tabs_newlines_and_every_script_stay():
    text = "\tdef größe():  # 大小 ✓ 👩‍💻\n\treturn 'שלום'\n"
    assert clean(text) == text


def test_characters_that_reorder_code_are_dropped():
    assert clean("access_level != 'user\u202e \u2066// Check if admin\u2069 \u2066'") == (
        "access_level != 'user // Check if admin '"
    )


def test_an_unfinished_sequence_does_not_hold_back_the_text_for_ever():
    cleaner = Cleaner()
    assert cleaner.feed("a\x1b]0;") == "a"
    shown = "".join(cleaner.feed("words ") for _ in range(1000))
    assert len(shown) > 4000


@given(st.lists(st.text(alphabet=st.characters(), max_size=20)))
def test_whatever_comes_in_pieces_no_control_character_gets_through(pieces: list[str]):
    cleaner = Cleaner()
    shown = "".join(map(cleaner.feed, pieces)) + cleaner.flush()
    assert not [
        character
        for character in shown
        if (ord(character) < 0x20 and character not in "\t\n") or 0x7F <= ord(character) < 0xA0
    ]


@given(st.lists(st.text(alphabet=st.sampled_from("ab\x1b[];\x07\\m31\x9b\x9d\n"), max_size=8)))
def test_hostile_pieces_never_leave_an_escape(pieces: list[str]):
    cleaner = Cleaner()
    shown = "".join(map(cleaner.feed, pieces)) + cleaner.flush()
    assert set(shown).isdisjoint("\x1b\x07\x9b\x9d")
