import importlib
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot_prompts import syntax_grammars
from polypilot_prompts.blocks import Block, BlockSpec
from polypilot_prompts.syntax import unfinished
from polypilot_prompts.syntax_block import SyntaxBlock
from polypilot_prompts.syntax_grammars import installed, parser_for

LANGUAGES = ("python", "javascript", "typescript", "go", "rust")

PIECES = [*"abx01 \n\t(){}[]\"'`:;=<>/*#.,\\\r", "é", "😀", "if ", "case 1:", "def f():\n", '"""']
CODE = st.lists(st.sampled_from(PIECES), max_size=100).map("".join)


def taken(language: str, prefix: str, text: str, suffix: str = "") -> str:
    """What a filter that takes whole lines would keep of ``text``."""
    block = SyntaxBlock(language, BlockSpec(prefix), suffix)
    lines: list[str] = []
    for line in text.split("\n"):
        early = [block.ends_before(line[:end], whole=False) for end in range(len(line))]
        whole = block.ends_before(line, whole=True)
        assert whole or not any(early), "an early answer never changes"
        assert early == sorted(early)
        if whole:
            break
        lines.append(line)
        if block.took(line):
            break
    return "\n".join(lines[: block.doubted])


# --- which grammars are there -------------------------------------------------


def test_the_installed_grammars_are_named_by_their_language_ids():
    assert {*LANGUAGES, "javascriptreact", "typescriptreact"} <= set(installed())


def test_language_ids_are_found_in_any_case_and_by_their_other_names():
    assert parser_for("Python") is parser_for("python") is not None
    assert syntax_grammars.grammar_name("sh") == syntax_grammars.grammar_name("Bash")


def test_an_unknown_language_has_no_parser():
    assert parser_for("klingon") is None
    assert parser_for("") is None
    assert parser_for("os") is None


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder before all others on the import path, nothing of tree-sitter imported yet."""
    for name in [name for name in sys.modules if name.startswith("tree_sitter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    syntax_grammars.forget()
    yield tmp_path
    syntax_grammars.forget()


BROKEN = {
    "it raises": "raise RuntimeError('broken')",
    "it is not there": "raise ModuleNotFoundError(__name__)",
    "it has no such function": "",
    "its function fails": "def language(): raise OSError('no library')",
    "it gives no grammar": "def language(): return 3.5",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_a_grammar_that_does_not_load_is_as_if_it_were_not_there(packages: Path, code: str):
    (packages / "tree_sitter_python.py").write_text(code, "utf-8")
    assert parser_for("python") is None
    assert "python" not in installed()
    assert "go" in installed()
    assert not unfinished("python", "f(", "\n")
    assert taken("python", "f(", "\n    a\nb") == "\n    a"


def test_without_the_runtime_there_is_no_grammar(packages: Path):
    (packages / "tree_sitter.py").write_text("raise ImportError", "utf-8")
    assert installed() == ()


# --- what is open ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "prefix", "text", "suffix", "expected"),
    [
        ("python", "f(", "a,\nb", "", True),
        ("python", "f(", "a,\nb)", "", False),
        ("python", "f(", "a,\nb", ")", False),  # closed behind the cursor
        ("python", "f(", "\n    a", "\n)", False),  # closed on the next line
        ("python", "f(", "\n    a", "\n  )", True),  # that one closes something else
        ("python", "f(", "'a)'", "", True),
        ("python", "f(\n", "    a", "", False),  # opened further up
        ("python", "def f():", '\n    a = """\nb', "", True),
        ("python", "def f():", '\n    a = """\nb"""', "", False),
        ("python", "a = ", '"""\nb', '"""', False),
        ("python", "# (", "\na", "", False),
        ("javascript", "      b) {", "\n  c", "", True),
        ("javascript", "} else {", "\n  c\n}", "", False),
        ("javascript", "f(`${", "a", "", True),
        ("go", "if a {", "\n\tb := []int{", "", True),
        ("python", "\t.'\t@]$", "\\=0", "", True),  # a character that is in no node
        ("klingon", "f(", "a", "", False),
    ],
)
def test_what_the_text_leaves_open_is_told(
    language: str, prefix: str, text: str, suffix: str, *, expected: bool
):
    assert unfinished(language, prefix, text, suffix) is expected


@pytest.mark.parametrize("eol", ["\r\n", "\r"])
def test_other_line_breaks_shift_nothing(eol: str):
    prefix, text = f"a{eol}# ({eol}f(", f"{eol}    a"
    assert unfinished("python", prefix, text)
    assert not unfinished("python", prefix, text + ")")


@pytest.mark.parametrize("word", ["é", "名前", "😀", "e\u0301", "\ud83d", "👩\u200d👩\u200d👧"])
def test_offsets_are_code_points_not_bytes(word: str):
    prefix = f"# {word}\nf('{word}',"
    assert unfinished("python", prefix, f"\n    '{word}(',")
    assert not unfinished("python", prefix, f"\n    '{word}(',\n)")


@pytest.mark.parametrize(
    ("language", "prefix", "text"),
    [
        ("python", "", ""),
        ("go", "f(`{\n  b (", "\nc` + g("),
        ("python", ";\\", "\n"),  # nothing but a line's continuation behind the cursor
        ("javascript", "@\r1\u00a0", "😀/é"),  # a blank to the grammar alone
        ("markdown", "f(", "\n    a"),
    ],
)
def test_nothing_is_said_where_nothing_is_sure(language: str, prefix: str, text: str):
    assert not unfinished(language, prefix, text)


def test_a_line_of_a_string_at_the_margin_is_not_where_the_window_begins():
    prefix = 'def f():\n    a = """\nThe margin of a string\n"""\n    if a:'
    text = '\n        b = """\nc'
    assert unfinished("python", "x = 1\n" * 1000 + prefix, text)
    assert not unfinished("python", "x = 1\n" * 1000 + prefix, text + '"""')


@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=40)
@given(text=CODE)
def test_what_stands_far_above_changes_nothing(language: str, text: str):
    prefix = "a = 1\n" * 1000 + "f(a, ["
    assert unfinished(language, prefix, text) is unfinished(language, '"""' + prefix, text)


def test_long_noise_is_judged_without_an_error():
    source = random.Random(3)  # noqa: S311  made-up text
    noise = "".join(source.choices("(){}[]'\"`:;=<>/*\\ \nabc1😀\r", k=20_000))
    for language in installed():
        assert unfinished(language, noise, noise, noise) in {True, False}


# --- lines as they come ------------------------------------------------------------


ENDS = [
    ("python", "def f():", "\n    a\n\n    b\nc\n", "\n    a\n\n    b"),
    ("python", "if a:", "\n    b\nelse:\n    c\nd\n", "\n    b\nelse:\n    c"),
    ("python", "if a:\n    b\nelif c:", "\n    d\nelse:\n    e\nf\n", "\n    d\nelse:\n    e"),
    ("python", "try:\n    a\nexcept E:", "\n    b\nelse:\n    c\nd\n", "\n    b\nelse:\n    c"),
    ("python", "def f():", '\n    a = """\nb\n"""\n    c\nd\n', '\n    a = """\nb\n"""\n    c'),
    ("python", "def f(\n    a,\n):", "\n    b\nc\n", "\n    b"),
    ("python", "@d\ndef f():", "\n    a\nb\n", "\n    a"),
    ("python", "if a and \\\n        b:", "\n    c\nd\n", "\n    c"),
    ("python", "a = f(", "\n    b,\n)\nc\n", "\n    b,\n)"),
    ("python", "class A:\n    def f(a):", "\n        b\n\n    def g(a): pass\n", "\n        b\n"),
    ("python", "match a:\n    case 1:", "\n        b\n    case 2:\n        c\n", "\n        b"),
    ("javascript", "if (a) {", "\n  b\n}\nc\n", "\n  b\n}"),
    ("javascript", "if (a) {", "\n  b\n} // c\nd\n", "\n  b\n} // c"),
    ("javascript", "const a = `", "\nb\n`;\n\nc\n", "\nb\n`;\n"),
    ("python", '"""About:', '\n    a\n"""\nb\n', '\n    a\n"""'),
    ("javascript", "f(\n  () => {", "\n    a\n  },\n  b)\n", "\n    a\n  },"),
    ("javascript", "f(a)\n  .then(() => {", "\n    b\n  })\nc\n", "\n    b\n  })"),
    ("typescript", "function f<T>(a: T): T {", "\n  return a;\n}\nb;\n", "\n  return a;\n}"),
    ("go", "switch a {\ncase 1:", "\n\tb()\ncase 2:\n\tc()\n}\n", "\n\tb()"),
    ("go", "func f() {", "\n\ta := `\nb\n`\n}\n\nfunc g() {}\n", "\n\ta := `\nb\n`\n}"),
    ("rust", "match a {", "\n    1 => b,\n}\nc\n", "\n    1 => b,\n}"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "prefix", "text", "block"), ENDS)
def test_lines_are_taken_up_to_the_end_of_the_block(
    language: str, prefix: str, text: str, block: str
):
    assert taken(language, prefix, text) == block


def test_what_is_never_closed_is_cut_where_indentation_says():
    text = "\n    a(\nb\n" + "c\n" * 40
    block = SyntaxBlock("python", BlockSpec("def f():"))
    lines = 0
    for line in text.split("\n"):
        if block.ends_before(line, whole=True):
            break
        block.took(line)
        lines += 1
    assert lines == 14
    assert taken("python", "def f():", text) == "\n    a("
    # the stream ends while it is open
    assert taken("python", "def f():", "\n    a(\nb") == "\n    a("


def test_in_a_string_that_began_above_indentation_decides_alone():
    """An apostrophe there opens nothing."""
    text = "\n    b: don't\nc\nd: it's\n"
    assert taken("python", '"""About.\n\nArgs:', text) == "\n    b: don't"
    assert taken("javascript", "x = `\na {", "\n  '(\nb\n)'") == "\n  '("


def test_in_a_window_that_may_begin_in_a_string_backticks_are_left_to_the_grammar():
    prefix = "of a string`,\n" + "\ta := 1\n" * 500 + "\tb := {"
    text = "\n\t\tc: `\nd\n`,\n\t}\n\te\n"
    assert taken("go", prefix, text) == "\n\t\tc: `\nd\n`,\n\t}"


def test_a_closing_line_inside_a_string_closes_nothing():
    text = "\n  a = `\n}\n`\n  b\n}\nc"
    assert taken("javascript", "function f() {", text) == "\n  a = `\n}\n`\n  b\n}"


@pytest.mark.parametrize("language", [*LANGUAGES, "plaintext"])
@settings(deadline=None, max_examples=40)
@given(prefix=CODE, text=CODE, suffix=CODE)
def test_where_the_grammar_has_no_doubt_the_lines_are_those_of_indentation(
    language: str, prefix: str, text: str, suffix: str
):
    kept = taken(language, prefix, text, suffix)
    assert text.startswith(kept)
    if parser_for(language) is None:
        block = Block(BlockSpec(prefix))
        lines: list[str] = []
        for line in text.split("\n"):
            if block.ends_before(line, whole=True):
                break
            lines.append(line)
            if block.took(line):
                break
        assert kept == "\n".join(lines)
