import pytest

from polypilot_prompts.repetition import (
    goes_round,
    repeated_lines,
    repeated_tokens,
    repeated_unit,
)


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([], 0),
        (["a"] * 3, 0),
        (["a"] * 4, 3),
        (["x", "a", "a", "a", "a"], 3),
        (["a", "b"] * 2, 0),
        (["a", "b"] * 3, 4),
        (["a", "b", "c"] * 3, 6),
        (["a", "b", "c", "d"] * 3, 8),
        (["}"] * 9, 0),
        ([""] * 9, 0),
        (["a", "", "a", "", "a", ""], 4),
        # data may go on longer
        (["    [0, 0, 0],"] * 9, 0),
        (["    [0, 0, 0],"] * 20, 19),
        (["    None,"] * 9, 0),
        (["    [x, 0, 0],"] * 4, 3),
    ],
)
def test_lines_said_again_and_again(lines: list[str], count: int):
    assert repeated_lines(lines) == count


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("", ""),
        ("x = foo foo foo foo foo foo ", "x = foo "),
        ("x = abcabcabcabcabc", "x = abcabcabcabcabc"),
        ("x = abcabcabcabcabcabc", "x = abc"),
        (
            "x = value.next().value.next().value.next()",
            "x = value.next().value.next().value.next()",
        ),
        ("x = " + "value.next()." * 4, "x = value.next()."),
        ("# " + "-=" * 40, "# " + "-=" * 40),
        ("# " + "-=" * 400, "# -=-="),
        ("0" * 60, "0" * 60),
        ("=" * 500, "=" * 5),
        ("[0, 0, 0, 0, 0]", "[0, 0, 0, 0, 0]"),
        ("0, 0, 0, 0, 0, 0, 0, 0, 0,", "0, 0, 0, 0, 0, 0, 0, 0, 0,"),
        ("0x00, " * 16, "0x00, " * 16),
        ("[" + "0, " * 200, "[0, "),
        ("False, " * 12, "False, " * 12),
        ("abcdefgh" * 20, "abcdefgh"),
    ],
)
def test_a_unit_said_often_is_kept_once(line: str, kept: str):
    extra = repeated_unit(line)
    assert line[: len(line) - extra] == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("x = foo" + " foo" * 8, "x = foo" + " foo" * 8),
        ("x = foo" + " foo" * 9, "x = foo"),
        ("x = (" + "a, " * 14, "x = (" + "a, " * 14),
        ("x = (" + "a, " * 15, "x = (a,"),
        ("x\n" + "f(a, b);\n" * 5, "x\nf(a, b);"),
        ("x\n" + "f(a, b);\n" * 3, "x\n" + "f(a, b);\n" * 3),
        ("f(a, 1);\nf(a, 2);\nf(a, 3);\nf(a, 4);\nf(a, 5);\n" * 1, None),
        ("if (a < b) { return c + d * e; }\n" * 3, "if (a < b) { return c + d * e; }"),
        ("-" * 80, "-" * 80),
        ("0, " * 40, "0, " * 40),
        ("(" * 40, "(" * 40),
    ],
)
def test_tokens_in_a_circle_are_kept_once(text: str, kept: str | None):
    extra = repeated_tokens(text)
    assert text[: len(text) - extra] == (text if kept is None else kept)


def test_thirty_tokens_said_twice():
    statement = " ".join(f"word{number}" for number in range(30))
    assert repeated_tokens(f"{statement} {statement}") == len(statement) + 1
    other = statement.replace("word7 ", "word77 ")
    assert repeated_tokens(f"{other} {statement}") == 0


def test_a_line_goes_round_in_either_way():
    assert goes_round("abc" * 6)
    assert goes_round("x " + "foo  foo " * 5)
    assert not goes_round("abc def")
