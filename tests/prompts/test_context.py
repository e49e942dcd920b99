import pytest

from polypilot_prompts.context import (
    CursorContext,
    first_line,
    indent_width,
    indentation_of,
    last_line,
    next_line_with_text,
    opens_block,
    unix,
    wants_block,
)


def at(before: str, after: str = "", language: str = "python") -> CursorContext:
    return CursorContext(before, after, language=language)


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_line_parts_end_at_any_line_break(eol: str):
    context = at(f"a{eol}  b", f"c{eol}d")
    assert (context.line_prefix, context.line_suffix) == ("  b", "c")
    assert unix(f"a{eol}b") == "a\nb"


def test_texts_without_a_line_break_are_one_line():
    assert (first_line("ab"), last_line("ab")) == ("ab", "ab")
    assert unix("a\fb\u2028c") == "a\fb\u2028c"


@pytest.mark.parametrize(
    ("line", "tab", "width"),
    [("", 4, 0), ("  x", 4, 2), ("\tx", 4, 4), ("  \tx", 4, 4), ("    \t", 8, 8), ("\t x", 8, 9)],
)
def test_indentation_in_columns(line: str, tab: int, width: int):
    assert indent_width(line, tab) == width


@pytest.mark.parametrize(
    "line", ["def f():", "if (a) {", "x = [", "do", "loop do", "() =>", "begin  ", "f(", "|x|"]
)
def test_lines_that_open_a_block(line: str):
    assert opens_block(line)


@pytest.mark.parametrize("line", ["", "   ", "x = 1", "return", "undo", "a)"])
def test_lines_that_open_none(line: str):
    assert not opens_block(line)


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("\n \n", ""), ("\n\n  a \nb", "  a"), ("a", "a"), (" \nb", "b")]
)
def test_next_line_with_text(text: str, line: str):
    assert next_line_with_text(text) == line


@pytest.mark.parametrize(
    ("before", "after", "invoked", "block"),
    [
        ("x = ", "", False, False),
        ("x = ", "", True, True),
        ("x = ", " + 1\n", True, False),
        ("    ", "", False, True),
        ("    ", "foo", False, False),
        ("if x:", "\n", False, True),
        ("f() {", "}\n", False, True),
        ("f(", ")\n", False, False),
    ],
)
def test_one_line_or_several(before: str, after: str, *, invoked: bool, block: bool):
    assert wants_block(at(before, after), invoked=invoked) is block


@pytest.mark.parametrize(("language", "prose"), [("markdown", True), ("", True), ("python", False)])
def test_prose_is_known_by_its_language(language: str, *, prose: bool):
    assert at("", language=language).prose is prose


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (True, 4)),
        ("a\nb\n", (True, 4)),
        ("a:\n  b\n  c:\n    d\n", (True, 2)),
        ("a:\r\n    b\r\n\r\n    c\r\n", (True, 4)),
        ("a {\n\tb\n\tc\n}\n", (False, 4)),
        ("a\n b\n", (True, 4)),
        ("a\n  b\nc\n        d\n", (True, 2)),
    ],
)
def test_indentation_is_taken_from_the_text(text: str, found: tuple[bool, int]):
    assert indentation_of(text) == found
