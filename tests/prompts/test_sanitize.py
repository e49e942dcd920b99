import random
import sys

from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.sanitize import Sanitizer, strip_controls

C0 = [n for n in range(0x20) if chr(n) not in "\t\n\r"]
BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
FORBIDDEN = {*C0, *range(0x7F, 0xA0), *BIDI, *range(0xD800, 0xE000), *range(0xE0000, 0xE0080)}


def test_of_all_code_points_exactly_the_forbidden_ones_are_taken_out():
    everything = "".join(f"{chr(n)}." for n in range(sys.maxunicode + 1))
    kept = set(strip_controls(everything))
    assert {chr(n) for n in range(sys.maxunicode + 1)} - kept == {chr(n) for n in FORBIDDEN}


def test_emoji_joiners_and_combining_characters_stay():
    for text in ("👩‍💻", "❤️", "e\u0301", "🏳️‍🌈", "क्‍ष", "a\tb\r\nc", "plain"):
        assert strip_controls(text) == text


def test_a_terminal_escape_is_no_escape_any_more():
    assert strip_controls("a\x1b]0;x\x07b\x1b[31mc\x9b1m") == "a]0;xb[31mc1m"


def test_half_pairs_are_joined_or_taken_out():
    assert strip_controls("\ud83d\ude00") == "😀"
    assert strip_controls("a\ud83db") == "ab"
    sanitizer = Sanitizer()
    assert sanitizer.feed("a\ud83d") + sanitizer.feed("\ude00b") + sanitizer.finish() == "a😀b"


ANY = st.text(st.characters(codec=None) | st.sampled_from("\r\n\x1b\u202e\ud83d\ude00"))


@given(ANY, st.booleans(), st.randoms(use_true_random=False))
def test_however_split_the_same_comes_out(text: str, unix: bool, rng: random.Random):  # noqa: FBT001 - pytest and hypothesis fill it in by name
    whole = Sanitizer(unix=unix)
    expected = whole.feed(text) + whole.finish()
    pieces = Sanitizer(unix=unix)
    out = ""
    at = 0
    while at < len(text):
        size = rng.randint(1, 3)
        out += pieces.feed(text[at : at + size])
        at += size
    out += pieces.finish()
    assert out == expected
    assert not {ord(char) for char in out} & FORBIDDEN
    assert not unix or "\r" not in out


def test_line_breaks_are_kept_or_made_one_kind():
    kept, made = Sanitizer(), Sanitizer(unix=True)
    assert kept.feed("a\r\nb\rc\r") + kept.finish() == "a\r\nb\rc\r"
    assert made.feed("a\r") + made.feed("\nb\rc\r") + made.finish() == "a\nb\nc\n"


def test_a_control_between_the_halves_of_a_line_break_makes_no_second_one():
    made = Sanitizer(unix=True)
    assert made.feed("a\r") + made.feed("\ud83d") + made.feed("\nb") + made.finish() == "a\nb"
    assert made.feed("a\r\x00") + made.feed("\nb\r") + made.finish() == "a\nb\n"
