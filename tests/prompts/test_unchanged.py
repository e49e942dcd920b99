# ruff: noqa: E501, Q003  (a document is best read in one piece)
"""Good text passes unchanged: the over-eager filter is worse than none."""

from __future__ import annotations

import pytest

from polypilot_prompts.context import CursorContext, indentation_of, wants_block
from polypilot_prompts.postprocess import Filter, spec_for

CASES = [
    # language, document (<| |> around what is missing)
    ("python", "self.a = a\nself.b = <|b|>\nself.c = c\n"),
    ("python", "a.x = b.x\na.y = b.y\n<|a.z = b.z|>\n"),
    ("python", "a.x = b.x\n<|a.y = b.y|>\na.z = b.z\n"),
    ("python", "import os\nimport re\n<|import sys|>\nimport json\n"),
    ("python", 'rows = {\n    "a": 1,\n    "b": 2,\n    <|"c": 3,|>\n    "d": 4,\n}\n'),
    ("python", "rows = [\n    (1, 'a'),\n    <|(2, 'a'),|>\n    (3, 'a'),\n]\n"),
    ("python", "m = [\n    [0, 0, 0, 1],\n    <|[0, 0, 0, 0],\n    [0, 0, 0, 0],\n    [0, 0, 0, 0],\n    [0, 0, 0, 0],|>\n]\n"),
    ("python", "x = [<|0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]|>\n"),
    ("python", "sieve = (\n    False, False,\n    <|True, True, False, True, False, True, False, False, False, False,|>\n)\n"),
    ("python", "# Part one\n# <|--------------------------------------------------------------|>\n"),
    ("python", "print(<|'=' * 40)|>\nprint('title')\n"),
    ("python", "print('<|================================================')|>\nprint('title')\n"),
    ("python", "def f(a):\n    if a:\n        return None\n    <|return None|>\n"),
    ("python", "f.readline()\n<|f.readline()|>\n"),
    ("python", "node = node.next\n<|node = node.next|>\n"),
    ("python", 'def f():\n    """<|This function returns the sum of all values."""|>\n'),
    ("python", 'def f():\n    """\n    <|This function returns the sum.\n    The code is already complete.\n    """|>\n'),
    ("python", 'msg = "<|I\'m sorry, I can\'t do that."|>\n'),
    ("python", "# <|There is nothing to complete here.|>\nx = 1\n"),
    ("python", "def f(x):<|\n    for y in x:\n        if y:\n            yield y\n\n    return x|>\n\n\ndef g():\n    pass\n"),
    ("python", "foo(\n    a,\n    <|b,|>\n)\n"),
    ("python", "foo(bar(<|x)|>\n    )\n"),
    ("python", "try:\n    a()\nexcept E:<|\n    b()\nfinally:\n    c()|>\n\nd()\n"),
    ("python", "data = [(<|'a', ('b',)),|>\n    ('c', ('d',)),\n    ]\n"),
    ("python", "x = '🙂 <|héllo wörld e\u0301 👨‍👩‍👧 नमस्ते'|>\n"),
    ("javascript", "function f(a) {<|\n  if (a) {\n    return 1;\n  }\n  return 2;\n}|>\n\ng();\n"),
    ("javascript", "it('a', () => {\n  <|expect(a).toBe(1);\n  expect(b).toBe(1);\n  expect(c).toBe(1);|>\n});\n"),
    ("javascript", "if (a) {\n  b();\n}<| else {\n  c();\n}|>\nd();\n"),
    ("javascript", "const a = {\n  b: 1,\n  <|c: { d: [1, 2, 3] },|>\n};\n"),
    ("javascript", "x.map((y) => <|y.z).filter(Boolean);|>\n"),
    ("javascript", "const re = <|/[(]+\\)/g;|>\nf();\n"),
    ("javascript", "a.forEach((b) => <|{|>\n  c(b);\n});\n"),
    ("javascript", "switch (a) {\n  case 1:\n    b();\n    break;\n  <|case 2:\n    c();\n    break;|>\n  default:\n    d();\n}\n"),
    ("typescript", "interface A {\n  a: string;\n  <|b: string;|>\n  c: string;\n}\n"),
    ("typescript", "const f = async (): Promise<|<void> => {|>\n  await g();\n};\n"),
    ("typescriptreact", "return (\n  <ul>\n    <li>a</li>\n    <|<li>b</li>|>\n    <li>c</li>\n  </ul>\n);\n"),
    ("go", "func f() error {\n\tif err := g(); err != nil {<|\n\t\treturn err\n\t}|>\n\treturn nil\n}\n"),
    ("go", "type A struct {\n\tA string\n\t<|B string|>\n\tC string\n}\n"),
    ("go", "import (\n\t\"fmt\"\n\t<|\"os\"|>\n)\n"),
    ("go", "\tq := `<|\n    SELECT a\n    FROM b`|>\n\tx()\n"),
    ("rust", "fn f<'a>(x: &'a str) -> &'a str {<|\n    let y = x.trim();\n    y\n}|>\n"),
    ("rust", "match a {\n    A::B => 1,\n    <|A::C => 2,|>\n    A::D => 3,\n}\n"),
    ("rust", "let v = vec![<|1, 2, 3];|>\nlet w = vec![4, 5, 6];\n"),
    ("rust", "#[derive(Debug)]\nstruct A {\n    a: Option<|<Vec<u8>>,|>\n}\n"),
    ("c", "static const int t[] = {\n    0x00, 0x00, 0x00, 0x00,\n    <|0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,|>\n    0x01\n};\n"),
    ("c", "#define A 1\n#define B 2\n<|#define C 3|>\n#define D 4\n"),
    ("c", "int f(int a) {\n    switch (a) {\n    case 1:\n        return 1;\n    <|case 2:\n        return 2;|>\n    }\n    return 0;\n}\n"),
    ("c", "int f(void)\n{<|\n    return 0;\n}|>\n"),
    ("c", "/* <|------------------------------------------------ */|>\nint a;\n"),
    ("c", "\tif (a) {\n\t\tb();\n\t\t<|c(d,\n\t\t  e);|>\n\t}\n"),
    ("html", "<ul>\n  <li>one</li>\n  <|<li>two</li>|>\n  <li>three</li>\n</ul>\n"),
    ("html", "<table>\n  <tr>\n    <td></td>\n    <|<td></td>\n    <td></td>|>\n  </tr>\n</table>\n"),
    ("html", "<p>\n<|The super admin is the only person who can add users.|>\n</p>\n"),
    ("html", "<div class=\"<|a b c\">|>\n</div>\n"),
    ("css", ".a {<|\n  color: red;\n  margin: 0;\n}|>\n\n.b {\n  color: red;\n}\n"),
    ("markdown", "# Title\n\n- one\n- two\n<|- three|>\n- four\n"),
    ("markdown", "Text\n\n<|```python\nx = 1\n```|>\n\nmore\n"),
    ("markdown", "| a | b |\n|---|---|\n| 1 | 2 |\n<|| 1 | 3 ||>\n| 1 | 4 |\n"),
    ("markdown", "<|This code is complete as it is. Note that it works.|>\n\nmore\n"),
    ("markdown", "1. one\n<|2. one|>\n3. one\n"),
    ("markdown", "Title\n<|=====================================================|>\n\ntext\n"),
    ("yaml", "a:\n  b: 1\n  <|c: 1|>\n  d: 1\n"),
    ("yaml", "steps:\n  - run: a\n    name: x\n  <|- run: b\n    name: x|>\n  - run: c\n    name: x\n"),
    ("yaml", "on: [push, <|pull_request]|>\njobs: {}\n"),
    ("sql", "INSERT INTO t VALUES\n  (1, 'a', NULL),\n  <|(2, 'a', NULL),|>\n  (3, 'a', NULL);\n"),
    ("sql", "SELECT a.x,\n       a.y,\n       <|a.z|>\nFROM a;\n"),
    ("sql", "CREATE TABLE a (\n  id int,\n  <|b numeric(10, 2),|>\n  c numeric(10, 2)\n);\n"),
    ("sql", "-- <|This function is called by the trigger.|>\nSELECT 1;\n"),
    ("shellscript", "if [ -f a ]; then<|\n  b\nfi|>\nc\n"),
    ("shellscript", "echo a\n<|echo|>\necho b\n"),
    ("shellscript", "case $a in\n  b) c ;;\n  <|d) e ;;|>\n  f) g ;;\nesac\n"),
    ("shellscript", "for a in b; do<|\n  c \"$a\"\ndone|>\n\nd\n"),
    ("shellscript", "x=$(<|date +%s)|>\necho \"$x\"\n"),
    ("makefile", "SRC = a.c \\\n      b.c\nall:<|\n\tcc $(SRC)|>\n\nclean:\n"),
    ("lua", "local t = {\n  a = 1,\n  <|b = 2,|>\n}\n"),
    ("json", '{\n  "a": {"x": 0, "y": 0},\n  <|"b": {"x": 0, "y": 0},|>\n  "c": {"x": 0, "y": 0}\n}\n'),
]  # fmt: skip


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
@pytest.mark.parametrize(("language", "document"), CASES)
def test_good_text_passes_unchanged(language: str, document: str, eol: str, *, chat: bool):
    prefix, _, rest = document.partition("<|")
    missing, _, suffix = rest.partition("|>")
    spaces, size = indentation_of(prefix + suffix)
    context = CursorContext(
        prefix.replace("\n", eol),
        suffix.replace("\n", eol),
        language=language,
        eol=eol,  # type: ignore[arg-type]
        tab_size=size,
        insert_spaces=spaces,
    )
    block = wants_block(context) or "\n" in missing
    tag = "<MISSING>" if chat else ""
    for streak in (0, 3):
        spec = spec_for(context, block=block, chat=chat, open_tag=tag, streak=streak)
        for ending in ("", suffix) if suffix.strip() else ("",):
            for size in (1, 1000):
                machine = Filter(spec)
                text = missing + ending
                for at in range(0, len(text), size):
                    if machine.feed(text[at : at + size]):
                        break
                assert machine.finish().text == missing.replace("\n", eol)


def test_there_are_many_cases_in_many_languages():
    assert len(CASES) >= 60
    assert len({language for language, _ in CASES}) >= 10
