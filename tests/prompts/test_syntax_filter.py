"""The whole filter with a grammar: what it adds, and what must stay as without."""

from __future__ import annotations

import importlib
import random  # noqa: TC003  (hypothesis reads the annotation)
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from filter_support import arrives_alike
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polypilot_prompts import syntax_grammars
from polypilot_prompts.context import CursorContext
from polypilot_prompts.postprocess import End, Filter, Filtered, FilterSpec, spec_for

if TYPE_CHECKING:
    from pathlib import Path


def fed(text: str, spec: FilterSpec) -> Filter:
    machine = Filter(spec)
    for size in (1, 3, 1000):
        machine = Filter(spec)
        for at in range(0, len(text), size):
            if machine.feed(text[at : at + size]):
                break
        machine.finish()
    return machine


def test_the_document_s_language_is_what_the_filter_asks_the_grammar_of():
    spec = spec_for(CursorContext("f(", ")\n", language="typescript"), block=True)
    assert spec.language == "typescript"


OBJECTIONS = [
    # language, before, answer, with the grammar, without
    (
        "python",
        "def f():",
        '\n    a = """\nb\n"""\n    return a\n\n\ndef g():\n',
        '\n    a = """\nb\n"""\n    return a',
        '\n    a = """',
    ),
    (
        "javascript",
        "function f() {",
        "\n  a = `\n}\n`\n  return a\n}\n\ng()\n",
        "\n  a = `\n}\n`\n  return a\n}",
        "\n  a = `\n}",
    ),
    (
        "go",
        "func f() {",
        "\n\ta := `\nSELECT b\n`\n\treturn a\n}\n\nfunc g() {\n",
        "\n\ta := `\nSELECT b\n`\n\treturn a\n}",
        "\n\ta := `",
    ),
]


@pytest.mark.parametrize(("language", "prefix", "text", "known", "guessed"), OBJECTIONS)
def test_a_line_of_a_string_at_the_margin_does_not_end_the_block(
    language: str, prefix: str, text: str, known: str, guessed: str
):
    spec = FilterSpec(prefix, "\n", language=language)
    assert fed(text, spec).finish() == Filtered(known, End.BLOCK)
    assert fed(text, replace(spec, language="")).finish() == Filtered(guessed, End.BLOCK)


def test_the_stream_goes_on_behind_a_block_that_the_grammar_has_lengthened():
    spec = FilterSpec("def f():", "\n", language="python", streak=3)
    machine = fed('\n    a = """\nb\n"""\n    return a\nc\nd\n', spec)
    assert machine.parts() == ('\n    a = """\nb\n"""\n    return a', "\nc", "\nd")


def test_what_is_in_doubt_is_not_shown_before_it_is_certain():
    machine = Filter(FilterSpec("def f():", "\n", language="python"))
    machine.feed("\n    a = g(\nb")
    assert (machine.preview(), machine.partial()) == ("\n    a = g(", "\n    a = g(")
    machine.feed(" +\nc")
    assert (machine.preview(), machine.partial()) == ("\n    a = g(", "\n    a = g(")
    machine.feed(")\n")
    assert machine.preview() == "\n    a = g(\nb +\nc)"


@pytest.mark.parametrize("streak", [0, 3])
def test_what_stays_in_doubt_is_cut_where_indentation_says(streak: int):
    spec = FilterSpec("def f():", "\n", language="python", streak=streak)
    for text in ("\n    a(\nb\nc", "\n    a(\nb\n" + "".join(f"c{n}\n" for n in range(40))):
        machine = fed(text, spec)
        assert machine.finish() == Filtered("\n    a(", End.BLOCK)
        assert machine.parts() == ("\n    a(",)


def test_reading_on_in_doubt_has_an_end():
    machine = Filter(FilterSpec("def f():", "\n", language="python"))
    lines = 0
    while not machine.feed(f"\n    a(\nb{lines}\n" if not lines else f"c{lines}\n"):
        lines += 1
    assert lines == 12


def test_a_closing_line_that_the_document_lacks_does_not_undo_the_cut():
    spec = FilterSpec("x = [{\n    b\n  }, {", language="javascript")
    text = "\n    c = `\nd\n" + "".join(f"e{n}\n" for n in range(11)) + "}\n"
    assert fed(text, spec).finish().text == "\n    c = `"


def test_a_statement_goes_on_behind_a_closing_line_that_the_document_lacks():
    spec = FilterSpec("f {\n  if (a) {\n    b\n    c", "\n", language="javascript")
    assert fed("()\n  } else {\n    d\n  }\n", spec).finish().text == "()\n  } else {\n    d\n  }"


PIECES = st.sampled_from(
    [
        "a", " ", "\n", "\n    ", "\n  ", "\t", "(", ")", "{", "}", "[", "]", '"', "'", "`", '"""',
        ":", ";", "\\\n", "x = ", "return x", "else", "if (a) {\n", "def g():\n", "case 1:\n",
        "default:", "`\nb\n`", '"""\nc\n"""\n', "# d\n", "// e\n", "}\n", "\n\n", "😀", "é\u0301",
        "\r\n", "${", "=> {", "f(\n", ")\n", "func h() {\n", "\ud83d", "// (\n",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join)
SPECS = st.builds(
    FilterSpec,
    prefix=st.sampled_from(
        [
            "",
            "x = ",
            "def f():",
            "if (a) {",
            "if (a &&\n    b) {",
            "if a and \\\n    b:",
            "    ",
            "f(",
            "x = `",
            '"""',
            "switch (a) {\n  case 1:",
            "switch a {\ncase 1: {",
            "class A:\n    def f(self):",
        ]
    ),
    suffix=st.sampled_from(["", "\n", ")\n", "\n    return x\n", "\n}\n", "`\n", "\n  }\n}\n"]),
    eol=st.sampled_from(["\n", "\r\n"]),
    language=st.sampled_from(["python", "javascript", "typescript", "go", "rust"]),
    chat=st.booleans(),
    insert_spaces=st.sampled_from([None, True]),
    max_lines=st.sampled_from([3, 60]),
    streak=st.sampled_from([0, 3]),
)


@settings(deadline=None, max_examples=300)
@given(TEXTS, SPECS, st.randoms(use_true_random=False))
def test_however_the_stream_is_split_the_parts_are_the_same(
    text: str, spec: FilterSpec, rng: random.Random
):
    arrives_alike(text, spec, rng)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As on a machine without the runtime."""
    (tmp_path / "tree_sitter.py").write_text("raise ImportError", "utf-8")
    for name in [name for name in sys.modules if name.startswith("tree_sitter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    syntax_grammars.forget()
    yield
    syntax_grammars.forget()


def outcome(text: str, spec: FilterSpec) -> tuple[Filtered, tuple[str, ...], str]:
    machine = Filter(spec)
    machine.feed(text)
    return machine.finish(), machine.parts(), machine.text


@pytest.mark.usefixtures("bare")
@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TEXTS, SPECS)
def test_without_grammars_the_language_changes_nothing(text: str, spec: FilterSpec):
    assert syntax_grammars.installed() == ()
    assert outcome(text, spec) == outcome(text, replace(spec, language=""))
