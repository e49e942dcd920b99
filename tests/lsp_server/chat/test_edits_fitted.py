"""Code that was not said to be a file, fitted in where its first line stands."""

from __future__ import annotations

import pytest

from polypilot.chat.edits_values import EditError
from polypilot.chat.edits_whole import fitted

BRACES = """\
int one(int a)
{
    if (a) {
        return 1;
    }

    return 0;
}

int two(void) {
    return 2;
}
"""
RUBY = "class A\n  def one\n    1\n  end\n\n  def two\n    2\n  end\nend\n"


def made(old: str, new: str, language: str) -> str:
    return "\n".join(fitted(old.split("\n"), new.split("\n"), language))


def test_a_block_ends_with_the_bracket_that_stands_as_its_first_line_does() -> None:
    new = "int two(void) {\n    return 3;\n}  // three"
    assert made(BRACES, new, "c") == BRACES.replace("return 2;\n}", "return 3;\n}  // three")


def test_a_bracket_below_the_first_line_begins_the_block() -> None:
    new = "int one(int a)\n{\n    return a ? 1 : 0;\n} // one"
    before, _, after = BRACES.partition("int one")
    assert made(BRACES, new, "c") == before + new + "\n\nint two" + after.partition("int two")[2]


def test_a_block_that_ends_by_a_word() -> None:
    new = "  def one\n    11\n  end # one"
    assert made(RUBY, new, "ruby") == RUBY.replace("    1\n  end", "    11\n  end # one")


@pytest.mark.parametrize(
    "new",
    [
        "    return 1;\n    return 5;",  # A line that opens nothing has no extent.
        "int three(void) {\n}",
        "}\n// what follows",
    ],
)
def test_what_has_no_clear_place_is_refused(new: str) -> None:
    with pytest.raises(EditError) as refused:
        made(BRACES, new, "c")
    assert refused.value.code == "edit_unmatched"
