import pytest

from polypilot_prompts.blocks import Block, BlockSpec


def kept(prefix: str, text: str, *, prose: bool = False) -> str:
    """The lines of ``text`` that belong to the block at the end of ``prefix``."""
    block = Block(BlockSpec(prefix, prose, 4))
    lines: list[str] = []
    for line in text.split("\n"):
        whole = block.ends_before(line, whole=True)
        for end in range(len(line)):  # an early answer never changes
            assert not block.ends_before(line[:end], whole=False) or whole
        if whole:
            break
        lines.append(line)
        if block.took(line):
            break
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("prefix", "text", "block"),
    [
        # after a line that opens a block
        ("def f():", "\n    a\n\n    b\nc", "\n    a\n\n    b"),
        ("def f():", "\n    a\n\n\ndef g():\n    b", "\n    a\n\n"),
        ("if (a) {", "\n    b;\n}\nc;", "\n    b;\n}"),
        ("if (a) {", "\n    b;\n} else {\n    c;\n}\nd;", "\n    b;\n} else {\n    c;\n}"),
        (
            "    if a:",
            "\n        b\n    else:\n        c\n    d",
            "\n        b\n    else:\n        c",
        ),
        (
            "try:",
            "\n    a\nexcept E:\n    b\nfinally:\n    c\nd",
            "\n    a\nexcept E:\n    b\nfinally:\n    c",
        ),
        ("if a then", "\n  b\nend\nc", "\n  b\nend"),
        ("x = [", "\n    1,\n    2,\n]\ny = 1", "\n    1,\n    2,\n]"),
        ("\tif a {", "\n\t\tb()\n\t}\n\tc()", "\n\t\tb()\n\t}"),
        ("def f(\n    a,\n) -> int:", "\n    return a\nb", "\n    return a"),
        ("def f(self, a,\n        b):", "\n    return a\nb", "\n    return a"),
        ("f(x,", " y)\nz", " y)\nz"),
        ("))))):", "\n  a\nb", "\n  a"),
        # elsewhere
        ("", "a\nb\n\nc", "a\nb\n"),
        ("", "def f():\n    a\n\n    b\n\n\ndef g():", "def f():\n    a\n\n    b\n\n"),
        ("    ", "a\n    b\nc", "a\n    b"),
        ("def f():\n    ", "a\n    b\n\n    c", "a\n    b\n"),
        ("x\n", "    a\n    b\nc", "    a\n    b"),
        ("", "\na\nb\n\nc", "\na\nb\n"),
        ("x = 1", "\ny = 2\n\nz = 3", "\ny = 2\n"),
        ("if a", ":\n    b\nelse:\n    c\n\nd", ":\n    b\nelse:\n    c\n"),
        # a bracket or word that goes on is no end, whatever the gap
        ("", "if a:\n    b\n\nelse:\n    c", "if a:\n    b\n\nelse:\n    c"),
    ],
)
def test_where_blocks_end(prefix: str, text: str, block: str):
    assert kept(prefix, text) == block


def test_a_paragraph_of_prose_ends_at_a_blank_line():
    assert kept("Dear all:", " hello\n  there\nyou\n\nBye", prose=True) == " hello\n  there\nyou\n"
    assert kept("", "# Title\n\ntext", prose=True) == "# Title\n"


def test_the_first_line_never_ends_a_block():
    assert not Block(BlockSpec("    x:")).ends_before("a", whole=True)


CASE = "switch (a) {\n  case 1:"
GO = "switch a {\ncase 1:"


@pytest.mark.parametrize(
    ("prefix", "text", "block"),
    [
        (CASE, "\n    b\n  case 2:\n    c\n}", "\n    b"),
        (CASE, "\n    b\n\n  default:\n    c\n}", "\n    b\n"),
        (CASE, "\n    b\n}\nc", "\n    b"),
        ("switch (a) {\n  default :", "\n    b\n  case 2:\n    c\n}", "\n    b"),
        (GO, "\n\tb()\ncase 2:\n\tc()\n}\n", "\n\tb()"),
        (GO, "\n\tb()\n}\nc()", "\n\tb()"),
        (GO, "\n}\nc()", ""),
        (GO, " b()\ncase 2:\n\tc()\n}", " b()"),
        ("select {\ncase x := <-y:", "\n\tb()\ndefault:\n}", "\n\tb()"),
        ("match a:\n    case 1:", "\n        b\n    case 2:\n        c\nd", "\n        b"),
        ("match a:\n    case {'b': 1}:", "\n        b\n    case _:\n        c", "\n        b"),
        ("match {\n  case A =>", "\n    b\n  case B =>\n    c\n}", "\n    b"),
        ("select(a)\nwhen 1 then", "\n  b\nelse\n  c\nend", "\n  b"),
        ("case a\nwhen 1 then", "\n  b\nend\nc", "\n  b"),
        # several labels in a row have one block
        (CASE, "\n  case 2:\n  case 3:\n    c\n  case 4:", "\n  case 2:\n  case 3:\n    c"),
        # its own braces are the case's
        ("switch (a) {\n  case 1: {", "\n    b\n  }\n  case 2:", "\n    b\n  }"),
        ("switch a {\ncase 1: {", "\n\tb()\n}\n}", "\n\tb()\n}"),
        # no labels
        ("case $a in", "\n  b) c ;;\nesac", "\n  b) c ;;\nesac"),
        ("when (a) {", "\n  1 -> b\n}\nwhen (c) {", "\n  1 -> b\n}"),
        ("x = {\n  default: [", "\n    1,\n  ],\n  case: 2\n}", "\n    1,\n  ],"),
        ("if a:\n    case = 1\n    if b:", "\n        c\n    else:\n        d\n    e",
         "\n        c\n    else:\n        d"),
    ],
)  # fmt: skip
def test_a_label_s_block_ends_at_the_next_one(prefix: str, text: str, block: str):
    assert kept(prefix, text) == block


@pytest.mark.parametrize(
    ("prefix", "text", "block"),
    [
        ("if (a &&\n    b) {", "\n  c\n}\nd", "\n  c\n}"),
        ("  if (a &&\n      (b || c) &&\n      d) {", "\n    e\n  }\n  f", "\n    e\n  }"),
        ("if (a &&\n    b) {\n  c\n} else if (d &&\n    e) {", "\n  f\n}\ng", "\n  f\n}"),
        ("x = f({\n    b: c(\n      d), e: [", "\n      g\n    ]\n  h", "\n      g\n    ]"),
        ("if a and \\\n        b:", "\n    c\nd", "\n    c"),
        ("  if a and \\\n      b or \\\n      c:", "\n    d\n  e", "\n    d"),
        ("with a as b, \\\n     c(d,\n       e) as f:", "\n    g\nh", "\n    g"),
        ("\\\n  a:", "\n  b\nc", "\n  b"),
        # a bracket in a string or comment closes nothing
        ('f {\n    if (a == ")") {', "\n        b\n    }\n    c\n}", "\n        b\n    }"),
        ("f {\n    if (a == ')') {", "\n        b\n    }\n    c\n}", "\n        b\n    }"),
        ("f(\n    // :)\n    () => {", "\n        b\n    }\n    c", "\n        b\n    }"),
        ("f {\n    if (/\\)/.test(a)) {", "\n        b\n    }\n    c\n}", "\n        b\n    }"),
        # a closing line that opens again stands where its statement does
        ("x = f(a, {\n          b\n        }, {", "\n          c\n        })\nd",
         "\n          c\n        })"),
        ("f(a)\n  .then(() => {\n    b\n  }, () => {", "\n    c\n  })\nd", "\n    c\n  })"),
        # a macro's lines are joined, but stand where they stand
        ("#define A \\\n  do {", "\n    b\n  }\n  c", "\n    b\n  }"),
        ("#define A \\\n  switch (a) { \\\n  case 1:", "\n    b\n  case 2:", "\n    b"),
    ],
)  # fmt: skip
def test_a_statement_of_several_lines_stands_where_it_began(prefix: str, text: str, block: str):
    assert kept(prefix, text) == block


def test_a_statement_that_began_too_far_above_stands_where_its_last_line_does():
    prefix = "f(\n" + "    a,\n" * 90 + "    ) {"
    assert kept(prefix, "\n      b\n    }\n    c") == "\n      b\n    }"
