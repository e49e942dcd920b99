"""Holes: what is before, in and behind one is the text again, and it is code."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polypilot.compare import eligible
from polypilot.compare.cutting import Cut, cut
from polypilot.compare.cutting_lines import code_lines, spans
from polypilot.compare.mutating import broken
from polypilot.compare.sources import ATTACHED, source_of
from polypilot.compare.values import Kind
from polypilot_prompts.syntax_grammars import GRAMMARS, parser_for

PYTHON = '''"""A module
of words = 1 that are no code.
"""

# value = remark(1)
import os


def outer(first: int, second: str = "x") -> str:
    """What it does: total = first + 1."""
    total = first + 1  # and so on
    if total > 10:
        total = total - 10
        second = second + "y"
    text = """kept = as is
    more = text
    """
    return second * total + text


class Box:
    @property
    def width(
        self,
    ) -> int:
        # nothing = here
        @staticmethod
        def inner(value):
            return value + os.getpid() + 12345

        return inner(self.size) + len("things")

    def stub(self):
        raise NotImplementedError("this is left to others to do")

    def short(self): return 1
'''
SCRIPT = """// let remark = 1;
/* let block = remark(2);
let inside = 3; */
function add(first, second) {
  const total = first + second;
  if (total > 10) {
    log("too much", total);
    return total - 10;
  }
  return total;
}

class Box {
  width(scale) {
    const wide = this.size * scale;
    return wide + this.border;
  }
}
const twice = (value) => {
  const result = value * 2;
  return result + 0;
};
"""
GO = """package box

// Wide tells width.
func Wide(size int, scale int) (int, error) {
\tif size < 0 {
\t\treturn 0, errors.New("negative size")
\t}
\treturn size * scale, nil
}
"""
LUA = """-- local remark = 1
local function add(first, second)
  local total = first + second
  print("total is", total)
  return total
end
"""
BREAKS = ("\n", "\r\n", "\r")


def checked(text: str, language: str, suffix: str) -> Cut:
    found = cut(text, language, suffix, "seed")
    lines = [text[start:end] for start, end in spans(text)]
    for hole in found.holes:
        before, truth, after = text[: hole.start], text[hole.start : hole.end], text[hole.end :]
        assert before + truth + after == text
        assert truth.strip() == truth
        assert len(truth) >= 4
        assert hole.start == 0 or not before or before[-1] != "\r" or truth[0] != "\n"
        count = len(spans(truth))
        at = len(spans(before)) - 1
        if hole.kind in {Kind.LINE, Kind.REST}:
            assert count == 1
            assert not after[:1].strip()
        if hole.kind is Kind.LINE:
            assert lines[at].strip() == truth
        if hole.kind is Kind.BLOCK:
            assert 2 <= count <= 8
        if hole.kind is Kind.FUNCTION:
            assert count <= 40
    return found


def truths(text: str, found: Cut, kind: Kind) -> list[str]:
    return [text[hole.start : hole.end] for hole in found.holes if hole.kind is kind]


@pytest.mark.parametrize("eol", BREAKS)
def test_python_is_cut_by_what_its_syntax_says(eol: str) -> None:
    text = PYTHON.replace("\n", eol)
    found = checked(text, "python", ".py")
    bodies = {hole.name: text[hole.start : hole.end] for hole in found.holes if hole.name}
    assert set(bodies) == {"outer", "width"} | ({"inner"} & set(bodies))
    assert bodies["outer"].startswith("total = first + 1  # and so on")
    assert bodies["outer"].endswith("return second * total + text")
    assert bodies["width"].startswith("@staticmethod")
    assert bodies["width"].endswith('len("things")')
    lines = truths(text, found, Kind.LINE)
    assert "total = total - 10" in lines
    for no_code in ("remark", "kept = as is", "of words = 1", "What it does", "nothing = here"):
        assert not any(no_code in line for line in lines)
    blocks = truths(text, found, Kind.BLOCK)
    assert any(block.startswith("total = total - 10") and "second" in block for block in blocks)


def test_a_method_knows_its_class_and_a_closure_is_known_as_one() -> None:
    text = PYTHON.replace(
        "return value + os.getpid() + 12345", "return value + os.getpid() + 1234567"
    )
    found = cut(text, "python", ".py", "seed").functions
    assert {(each.name, each.owner, each.inner) for each in found} == {
        ("outer", "", False),
        ("width", "Box", False),
        ("inner", "", True),
    }


@pytest.mark.parametrize("eol", BREAKS)
@pytest.mark.parametrize(
    ("text", "language", "suffix", "names"),
    [
        (SCRIPT, "javascript", ".js", {"add", "width", ""}),
        (GO, "go", ".go", {"Wide"}),
        (LUA, "lua", ".lua", {"add"}),
    ],
)
def test_other_languages_are_cut_too(
    eol: str, text: str, language: str, suffix: str, names: set[str]
) -> None:
    text = text.replace("\n", eol)
    found = checked(text, language, suffix)
    assert {hole.name for hole in found.holes if hole.kind is Kind.FUNCTION} == names
    for truth in truths(text, found, Kind.FUNCTION):
        assert not truth.endswith("}") or truth.count("{") == truth.count("}")
    assert not any(
        "remark" in truth or "inside" in truth for truth in truths(text, found, Kind.LINE)
    )


def test_only_bodies_with_lines_of_their_own_are_cut() -> None:
    text = """const one = (value) => value * 2 + somethingElse(value, 1000, 2000);
const two = (value) =>
  value * 2 + somethingElse(value, 1000, 2000);
function three(value) { return value * 2 + somethingElse(value, 1000); }
function four(value) { return value * 2 +
  somethingElse(value, 1000, 2000, 3000); }
function five(value)
{

  // first of all
  return value * 2 + somethingElse(value, 1000);

}
function six(value) {
}
"""
    found = checked(text, "javascript", ".js")
    assert truths(text, found, Kind.FUNCTION) == [
        "value * 2 + somethingElse(value, 1000, 2000);",
        "// first of all\n  return value * 2 + somethingElse(value, 1000);",
    ]


def test_python_that_is_none_has_no_holes() -> None:
    assert cut("def f(:\n    total = 1 +\n", "python", ".py", "1").functions == ()
    assert cut('text = """never closed\n', "python", ".py", "1").holes == ()
    assert broken("total = 1 + 2\n)", 0, 13, "python", "1") == []


def test_without_a_grammar_indentation_tells_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRAMMARS, "go", ("no_such_package", "language"))
    assert parser_for("go") is None
    found = checked(GO, "go", ".go")
    (body,) = truths(GO, found, Kind.FUNCTION)
    assert body.startswith("if size < 0 {")
    assert body.endswith("return size * scale, nil")


def test_form_feeds_tabs_and_odd_separators_end_no_line() -> None:
    text = (
        "\fimport os\n\n\ndef run(value):\n\t\x0cfirst = os.getcwd() + value\n"
        "\tsecond = 'a\x1cb\u2028c' + first\n\treturn first + second  \t\n"
    )
    found = checked(text, "python", ".py")
    assert "second = 'a\x1cb\u2028c' + first" in truths(text, found, Kind.LINE)
    assert "return first + second" in truths(text, found, Kind.LINE)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_text_is_a_hole_leaves_it_whole(data: st.DataObject) -> None:
    line = st.one_of(
        st.sampled_from([*PYTHON.split("\n"), *SCRIPT.split("\n"), *GO.split("\n")]),
        st.text(max_size=40),
    )
    lines = data.draw(st.lists(line, max_size=30))
    text = "".join(each + data.draw(st.sampled_from(BREAKS)) for each in lines)
    text += data.draw(st.text(max_size=5))
    language, suffix = data.draw(
        st.sampled_from(
            [
                ("python", ".py"),
                ("javascript", ".js"),
                ("go", ".go"),
                ("lua", ".lua"),
                ("rust", ".rs"),
                ("java", ".java"),
                ("sql", ".sql"),
            ]
        )
    )
    checked(text, language, suffix)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(BREAKS))
def test_no_hole_begins_in_a_comment_or_a_long_string(number: int, eol: str) -> None:
    pieces = ["x_%d = call(%d)", "# secret_%d = %d", '"""\nsecret_%d = %d\n"""', "y_%d = [%d, 2]"]
    dice = random.Random(number)  # noqa: S311 - made-up code
    text = "\n".join(dice.choice(pieces) % (at, at) for at in range(20)).replace("\n", eol)
    found = checked(text, "python", ".py")
    assert found.holes or "call" not in text
    assert not any("secret" in text[hole.start : hole.end] for hole in found.holes)


def test_this_project_is_cut_so_that_python_bodies_are_whole_statements() -> None:
    folder = Path(__file__).parents[3] / "lsp_server/polypilot/compare"
    for file in sorted(folder.glob("*.py")):
        text = file.read_text("utf-8")
        found = checked(text, "python", ".py")
        for function in found.functions:
            hollow = text[: function.start] + "pass" + text[function.end :]
            assert hollow.count("\n") <= text.count("\n")
            ast.parse(hollow)


def test_code_lines_leave_out_what_is_blank_or_a_remark() -> None:
    assert code_lines("a = 1\n\n# b\nc = 2\n", "python") == {0, 3}
    assert code_lines("a\n\n// b\n* c\nd", "go") == {0, 4}


# -- which files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("src/box.py", ""),
        ("README.md", "not code"),
        ("a/node_modules/b/c.js", "others' or generated code"),
        ("vendor/x.go", "others' or generated code"),
        ("web/app.min.js", "others' or generated code"),
        ("api/box_pb2.py", "others' or generated code"),
        ("tests/fixtures/x.py", "data of tests"),
        ("a/line\nbreak.py", "a name with unusual characters"),
        ("a/\udcff.py", "a name with unusual characters"),
    ],
)
def test_files_are_left_out_by_name(path: str, why: str) -> None:
    assert eligible.unfit_name(path, 5_000) == why


def test_files_are_left_out_by_size_and_content() -> None:
    assert eligible.unfit_name("a.py", 10) == "too small"
    assert eligible.unfit_name("a.py", 10_000_000) == "too big"
    assert eligible.unfit_text("x=1;" * 2_000) == "minified, or data"
    assert eligible.unfit_text("# Generated by a tool. DO NOT EDIT.\n" + PYTHON)
    assert not eligible.unfit_text(PYTHON)
    assert not eligible.unfit_text('"""What is generated by others."""\n' + PYTHON)


def test_only_utf_8_is_taken_and_a_mark_is_no_text() -> None:
    assert eligible.decoded(b"\xef\xbb\xbfa = 1\r\n") == "a = 1\r\n"
    assert eligible.decoded("é".encode("latin-1")) is None
    assert eligible.decoded("a = 1".encode("utf-16")) is None
    assert eligible.decoded(b"a\0b") is None


# -- sources and broken code -----------------------------------------------------------------


def test_a_task_is_as_new_as_its_newest_line() -> None:
    text = "a = 100\nb = 200\r\nc = 300\n"
    source = source_of("a.py", text, "1", date=9.0, lines=(1.0, 5.0, 3.0))
    assert source.changed(0, 7) == 1.0
    assert source.changed(8, 15) == 5.0
    assert source.changed(0, len(text) - 1) == 5.0
    assert source_of("a.py", text, "1", date=9.0).changed(0, 3) == 9.0
    task = source.task(Kind.LINE, 8, 15)
    assert (task.truth, task.changed, task.group) == ("b = 200", 5.0, "a.py")
    assert task.id == source_of("a.py", text, "2").task(Kind.LINE, 8, 15).id
    assert task.id != source_of("a.py", text + " ", "1").task(Kind.LINE, 8, 15).id


def test_what_is_attached_of_a_big_file_is_bounded_and_holds_the_place() -> None:
    text = "".join(f"value_{at} = {at}\n" for at in range(10_000))
    source = source_of("a.py", text, "1")
    at = text.index("value_5000 ")
    shown = source.excerpt(at, at + 20)
    assert "value_5000 = 5000" in shown
    assert len(shown) <= ATTACHED + 100
    assert shown.startswith("value_")


@pytest.mark.parametrize("eol", BREAKS)
def test_broken_python_parses_and_differs_in_one_place_of_the_range(eol: str) -> None:
    text = PYTHON.replace("\n", eol)
    start, end = text.index("total = first"), text.index("return second")
    found = broken(text, start, end, "python", "1")
    assert found == broken(text, start, end, "python", "1")
    assert {each.kind for each in found} >= {"operator", "constant"}
    for each in found:
        ast.parse(each.text)
        assert start <= each.start < end
        assert each.text != text
        assert each.text[: each.start] == text[: each.start]
        assert "kept = as is" in each.text
    assert not any("and so or" in each.text or "and so on" not in each.text for each in found)


def test_other_languages_are_broken_outside_of_literals() -> None:
    found = broken(
        SCRIPT, SCRIPT.index("const total"), SCRIPT.index("class Box"), "javascript", "1"
    )
    assert {each.kind for each in found} == {"operator", "constant"}
    assert all('"too much"' in each.text for each in found)
