"""Code in place of other code: what is asked, and how the answer is made to fit."""

from __future__ import annotations

import pytest

from polypilot_prompts import rewriting
from polypilot_prompts.mentions import parse
from polypilot_prompts.rewriting import Problem, code_in, fitted
from polypilot_prompts.templates import builtin

PROBLEM = Problem(3, 'expected ";"\nsee ```', "cc E1")


def test_a_fix_names_lines_and_problems() -> None:
    text = rewriting.rewrite_message("fix", "src/a`.c", (2, 5), problems=[PROBLEM, Problem(4, "x")])
    assert "lines 2 to 5 of `src/a'.c`" in text
    assert '````text\n3: expected ";" see ``` (cc E1)\n4: x\n````' in text
    assert "$" not in text


@pytest.mark.parametrize("task", ["look", "document", "optimise"])
def test_other_tasks_need_nothing_more(task: str) -> None:
    text = rewriting.rewrite_message(task, "a.c", (1, 1))  # pyright: ignore[reportArgumentType]  one of the three
    assert "lines 1 to 1 of `a.c`" in text
    assert "$" not in text


def test_an_instruction_is_given_as_it_is() -> None:
    text = rewriting.rewrite_message("rewrite", "a.c", (1, 2), instruction="cost $5: $path {{x}}")
    assert "cost $5: $path {{x}}" in text


def test_what_tools_report_mentions_nothing() -> None:
    hostile = Problem(1, "no such file #file:secret.py")
    for text in (
        rewriting.rewrite_message("fix", "a.py", (1, 2), problems=[hostile]),
        rewriting.explain_message([hostile]),
        rewriting.review_message([hostile]),
    ):
        assert "#file:secret.py" in text
        assert parse(text) == ()


def test_explaining_and_reviewing_say_what_tools_report_if_they_do() -> None:
    for ask in (rewriting.explain_message, rewriting.review_message):
        assert "Tools report" in ask([PROBLEM])
        assert "Tools report" not in ask()
        assert "{{" not in ask()


def test_templates_can_be_read_ahead() -> None:
    builtin.cache_clear()
    rewriting.load()
    read = builtin.cache_info().misses
    rewriting.rewrite_message("fix", "a", (1, 1))
    rewriting.rewrite_message("look", "a", (1, 1))
    rewriting.rewrite_message("document", "a", (1, 1))
    rewriting.rewrite_message("optimise", "a", (1, 1))
    rewriting.rewrite_message("rewrite", "a", (1, 1))
    rewriting.tests_message("a")
    rewriting.new_tests_message()
    rewriting.review_message()
    rewriting.explain_message()
    assert builtin.cache_info().misses == read


def test_tests_are_asked_for_new_or_to_be_added() -> None:
    assert "`tests/test_a.py`" in rewriting.tests_message("tests/test_a.py")
    assert "complete test file" in " ".join(rewriting.new_tests_message().split())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Here:\n```py\nx = 1\n```\nDone.", "x = 1\n"),
        ("~~~\na\n```\n~~~", "a\n```\n"),
        ("````\n```\na\n```\n````", "```\na\n```\n"),
        ("  ```\n  a\n   b\n c\n  ```", "a\n b\nc\n"),
        ("```\na\n    ```\n```", "a\n    ```\n"),
        ("```a```\n", None),
        ("```\ncut off", None),
        ("no code", None),
        ("", None),
        ("```\na\n```\nand\n```\nlonger\n```", "longer\n"),
        ("```\n```", ""),
    ],
)
def test_the_code_of_an_answer(answer: str, code: str | None) -> None:
    assert code_in(answer) == code


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("x = 1\n", "y = 2\n", "x = 1\n"),
        ("x = 1", "y = 2", "x = 1"),
        ("x = 1\n\n\n", "y = 2", "x = 1"),
        ("\n\nx = 1\n", "y = 2\n", "x = 1\n"),
        ("x\r\ny\rz\n", "a\n", "x\ny\nz\n"),
        ("if x:\n    y\n\nz\n", "    old\n", "    if x:\n        y\n\n    z\n"),
        ("        if x:\n            y\n", "    old\n", "    if x:\n        y\n"),
        ("        a\n    b\n", "    old\n", "        a\n    b\n"),
        ("", "old\n", ""),
        ("  \n", "old\n", ""),
        ("a\u202eb\n", "old\n", "ab\n"),
        ("def f():\n    return 1\n", "def f():\n\treturn 2\n", "def f():\n\treturn 1\n"),
        (
            "def f():\n    if a:\n        return 1\n",
            "\tdef f():\n\t\treturn 2\n",
            "\tdef f():\n\t\tif a:\n\t\t\treturn 1\n",
        ),
        ("\ta\n", "\n", "a\n"),
    ],
)
def test_the_code_is_made_to_fit(code: str, old: str, new: str) -> None:
    assert fitted(code, old) == new


def test_the_document_says_how_lines_are_indented() -> None:
    old = "if (a) { b(); }\n"
    before = "function f() {\n\treturn;\n}\n"
    code = "if (a) {\n  b();\n}\n"
    assert fitted(code, old, before=before) == "if (a) {\n\tb();\n}\n"
    assert fitted(code, old, after=before) == "if (a) {\n\tb();\n}\n"
    tabbed = "if (a) {\n\tb();\n}\n"
    spaced = "function f() {\n  return;\n}\n"
    assert fitted(tabbed, old, before=spaced) == "if (a) {\n  b();\n}\n"


def test_lines_inside_a_text_keep_their_blanks() -> None:
    code = 'x = """\n    four\n"""\nif a:\n    b\n'
    old = "if a:\n\tb\n"
    assert fitted(code, old) == 'x = """\n    four\n"""\nif a:\n\tb\n'
