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
