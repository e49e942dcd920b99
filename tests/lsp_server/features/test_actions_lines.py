"""Which lines an action is about."""

from __future__ import annotations

import pytest
from lsprotocol import types

from polypilot.lsp.features.action_lines import Lines, instruction, instruction_in, lines_of
from polypilot.lsp.features.action_tests import candidates
from polypilot.workspace.documents import DocumentStore

PYTHON = """\
import os


@cache
def first(a):
    if a:
        return 1

    return 2


class Second:
    def method(self):
        return [
            1,
        ]

x = 1
y = 2
"""
BRACES = """\
export async function first(a) {
  if (a) {
    return 1;
  }
}

const second = (a) => {
  return a;
};

int third(int a)
{
  return a;
}
call(a);
"""


def span(first: tuple[int, int], last: tuple[int, int]) -> types.Range:
    return types.Range(types.Position(*first), types.Position(*last))


def found(text: str, first: tuple[int, int], last: tuple[int, int] | None = None) -> object:
    document = DocumentStore().open("file:///a", "", 1, text)
    lines = lines_of(document, span(first, last or first))
    return lines and (lines.first, lines.last)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (0, (0, 0)),
        (1, None),
        (3, (3, 4)),  # a paragraph: a decorator is in no definition
        (4, (3, 8)),
        (6, (3, 8)),
        (8, (3, 8)),
        (11, (11, 15)),
        (12, (12, 15)),
        (15, (12, 15)),
        (17, (17, 18)),
        (18, (17, 18)),
    ],
)
def test_a_cursor_means_the_definition_around_it(
    row: int, expected: tuple[int, int] | None
) -> None:
    if row == 3:
        expected = (3, 6)
    assert found(PYTHON, (row, 2)) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (0, (0, 4)),
        (2, (0, 4)),
        (4, (0, 4)),
        (7, (6, 8)),
        (8, (6, 8)),
        (12, (10, 14)),  # the brace stands alone: its paragraph
        (14, (10, 14)),
    ],
)
def test_braces_make_definitions_too(row: int, expected: tuple[int, int]) -> None:
    assert found(BRACES, (row, 0)) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ((4, 3), (5, 1), (4, 5)),
        ((4, 0), (6, 0), (4, 5)),
        ((1, 0), (5, 0), (3, 4)),
        ((1, 0), (2, 0), None),
        ((8, 0), (11, 0), (8, 8)),
        ((17, 0), (99, 0), (17, 18)),
        ((4, 2), (4, 5), (4, 4)),
        ((4, 2), (4, 3), (3, 8)),  # of one character, as an editor's block cursor
    ],
)
def test_a_selection_means_its_lines(
    first: tuple[int, int], last: tuple[int, int], expected: tuple[int, int] | None
) -> None:
    assert found(PYTHON, first, last) == expected


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("# AI: make it faster", "make it faster"),
        ("    // AI: use a map  ", "use a map"),
        ("/* AI: short */", "short"),
        ("<!-- AI: use a table -->", "use a table"),
        ("-- AI: one query", "one query"),
        ("(* AI: tail recursion *)", "tail recursion"),
        (" * AI: as a loop", "as a loop"),
        ("# AI:", ""),
        ("# MAIN: no", ""),
        ("AI: no comment", ""),
        ("x = 1  # AI: behind code", ""),
    ],
)
def test_a_comment_is_an_instruction(line: str, text: str) -> None:
    assert instruction(line) == text


def test_the_instruction_is_in_the_lines_or_right_above() -> None:
    store = DocumentStore()
    document = store.open("file:///a", "", 1, "a\n# AI: b\nc\nd\n")
    assert instruction_in(document, Lines(2, 3, selected=True)) == ("b", 1)
    assert instruction_in(document, Lines(1, 3, selected=True)) == ("b", 1)
    assert instruction_in(document, Lines(0, 3, selected=True)) == ("b", 1)
    assert instruction_in(document, Lines(3, 3, selected=True)) is None


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("src/a/b.py", "tests/a/test_b.py"),
        ("src/b.py", "src/test_b.py"),
        ("b.py", "tests/test_b.py"),
        ("lib/b.go", "lib/b_test.go"),
        ("src/b.ts", "src/__tests__/b.test.ts"),
        ("src/b.tsx", "src/b.spec.tsx"),
        ("lib/b.rb", "spec/b_spec.rb"),
        ("lib/b.rb", "test/b_test.rb"),
        ("src/main/java/x/B.java", "src/test/java/x/BTest.java"),
    ],
)
def test_tests_are_where_they_usually_are(source: str, test: str) -> None:
    assert test in list(candidates(source))


@pytest.mark.parametrize(
    "source",
    ["test_a.py", "a_test.py", "a_test.go", "a.test.ts", "a.spec.js", "a_spec.rb", "ATest.java"],
)
def test_a_test_has_no_tests(source: str) -> None:
    assert list(candidates(source)) == []
    assert list(candidates("a.txt")) == []
