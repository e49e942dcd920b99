from __future__ import annotations

import pytest

from polypilot_prompts.context import CursorContext
from polypilot_prompts.filter_spec import FilterSpec, spec_for
from polypilot_prompts.postprocess import Filter

SPACED = "def a():\n    pass\n\ndef f():"
TABBED = "func a() {\n\tb()\n}\n\nfunc f() {"


def written(
    text: str, prefix: str, suffix: str = "\n", *, spaces: bool | None, tab_size: int = 4
) -> str:
    results: set[str] = set()
    for size in (1, 3, 1000):
        machine = Filter(
            FilterSpec(prefix, suffix, insert_spaces=spaces, tab_size=tab_size, block=True)
        )
        for at in range(0, len(text), size):
            machine.feed(text[at : at + size])
        results.add(machine.finish().text)
    assert len(results) == 1, results
    return results.pop()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("\n\tif x:\n\t\ty", "\n    if x:\n        y"),
        ("\n    if x:\n        y", "\n    if x:\n        y"),
        ("\n  if x:\n    y", "\n  if x:\n    y"),
        ("\n\tx = 1\ty", "\n    x = 1\ty"),
        ('\n\tx = """\n\ta\n\t"""\n\ty', '\n    x = """\n\ta\n\t"""\n    y'),
        ("\n\t    x", "\n\t    x"),
    ],
)
def test_tabs_in_a_document_with_spaces(text: str, result: str):
    assert written(text, SPACED, spaces=True) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("\n    if x {\n        y\n    }\n}", "\n\tif x {\n\t\ty\n\t}\n}"),
        ("\n  if x {\n    y\n  }\n}", "\n\tif x {\n\t\ty\n\t}\n}"),
        ("\n        if x {\n                y", "\n\tif x {\n\t\ty"),
        ("\n\tif x {\n\t\ty\n\t}\n}", "\n\tif x {\n\t\ty\n\t}\n}"),
        ("\n\ta(b,\n\t  c)", "\n\ta(b,\n\t  c)"),
        ("\n    a(b,\n      c)", "\n\ta(b,\n\t  c)"),
        ("\n     a", "\n\t a"),
        ("\n    a = `\n    b`\n    c", "\n\ta = `\n    b`\n\tc"),
        ("\n    // a\n", "\n\t// a"),
    ],
)
def test_spaces_in_a_document_with_tabs(text: str, result: str):
    assert written(text, TABBED, spaces=False) == result


def test_the_first_line_of_an_answer_is_indented_too():
    assert written("\tx", "def a():\n    pass\n", spaces=True) == "    x"
    assert written("\tx", "def a():\n  pass\n  ", spaces=True, tab_size=2) == "  x"
    assert written("\tx", "def a():\n    y = ", spaces=True) == "\tx"
    assert written("    x\n    y", "func a() {\n\tb()\n", spaces=False) == "\tx\n\ty"
    assert written("    x", "func a() {\n\tb()\n\t", spaces=False) == "    x"
    assert written("b;\n * c", "\ta;\n/**\n * ", spaces=False) == "b;\n * c"


@pytest.mark.parametrize(
    ("prefix", "suffix", "spaces"),
    [
        ("def f():", "\n", True),  # nothing is indented yet
        ("a:\n\tb\nc:\n    d\ndef f():", "\n", True),
        ("a:\n\tb\ndef f():", "\n", True),
        (SPACED, "\n", None),
        (SPACED, "\n", False),
        (SPACED, "\n\tz\n", True),
        ('def a():\n    """\n', "\n", True),
    ],
)
def test_a_document_that_is_not_plain_leaves_the_answer_as_it_is(
    prefix: str,
    suffix: str,
    spaces: bool | None,  # noqa: FBT001  a parameter
):
    assert written("\n\tx\n\ty", prefix, suffix, spaces=spaces) == "\n\tx\n\ty"


def test_where_tabs_have_a_meaning_they_stay():
    for language, kept in (("makefile", None), ("python", True), ("go", True)):
        context = CursorContext("", "", language=language, insert_spaces=True)
        assert spec_for(context, block=True).insert_spaces is kept
    prose = FilterSpec("a\n    b\n", "", prose=True, insert_spaces=True)
    machine = Filter(prose)
    machine.feed("\tx")
    assert machine.finish().text == "\tx"
