import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.overlap import (
    cut_at_closer,
    net_brackets,
    overlap,
    trim_overlap,
)

SMALL = st.text(st.sampled_from("ab\n)("), max_size=12)


@given(SMALL, SMALL)
def test_overlap_is_the_longest(text: str, suffix: str):
    longest = max(n for n in range(min(len(text), len(suffix)) + 1) if text.endswith(suffix[:n]))
    assert overlap(text, suffix) == longest


def test_overlap_is_linear():
    text = "a" * 100_000 + "b"
    assert overlap(text, "a" * 100_000 + "c") == 0
    assert overlap("a" * 100_000, "a" * 50_000 + "b") == 50_000


@pytest.mark.parametrize(
    ("text", "line_prefix", "suffix", "trimmed"),
    [
        ("x)", "foo(", ")\n", "x"),
        ("x)", "foo(bar(", ")\n", "x)"),
        ("x))", "foo(bar(", ")\n", "x)"),
        ("'a'", "x = '", "'\n", "'a"),
        ("y)", "    x, ", "),\n", "y"),
        ("foo()\n    return x", "y = ", "\n    return x\n", "foo()"),
        ("bar", "foo(", "r + 1)", "ba"),
        ("a; b", "", "c", "a; b"),
        ("a;", "", ";", "a"),
        ("", "", ")", ""),
        ("x", "", "", "x"),
        ("{ a }", "f(", "})", "{ a }"),
        ("f(a)", "    ", ")\n", "f(a)"),
    ],
)
def test_what_already_stands_after_the_cursor_is_taken_off(
    text: str, line_prefix: str, suffix: str, trimmed: str
):
    assert trim_overlap(text, line_prefix, suffix) == trimmed


@given(SMALL, SMALL, SMALL)
def test_no_words_and_no_lines_are_left_twice(text: str, line_prefix: str, suffix: str):
    trimmed = trim_overlap(text, line_prefix, suffix)
    assert text.startswith(trimmed)
    end = trimmed[len(trimmed) - overlap(trimmed, suffix) :]
    assert not any(char.isalnum() or char == "\n" for char in end)


@pytest.mark.parametrize(
    ("text", "line_prefix", "line_suffix", "cut"),
    [
        ("'HOME']  # the home", "os.environ[", "]", "'HOME'"),
        ("f(x)) + 1", "g(", ")", "f(x)"),
        ("x)) + 1", "g(h(", ")", "x)"),
        ("f(x) + 1", "g(", ")", "f(x) + 1"),
        ("x] + 1", "g(", ")", "x] + 1"),
        ("x) + 1", "g(", "# )", "x) + 1"),
        ("x) + 1", "g(", "", "x) + 1"),
        ('\')\' + "\\")" + x) + 1', "g(", ")", '\')\' + "\\")" + x'),
        ("it's) + 1", "g(", ")", "it's) + 1"),
    ],
)
def test_a_closing_bracket_that_stands_after_the_cursor_ends_the_text(
    text: str, line_prefix: str, line_suffix: str, cut: str
):
    assert cut_at_closer(text, line_prefix, line_suffix) == cut


def test_net_brackets():
    assert [net_brackets(text) for text in ("", "f(", ")]", "({})", "a")] == [0, 1, -2, 0, 0]
