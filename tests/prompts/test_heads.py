import pytest

from polypilot_prompts.heads import Head, HeadSpec

TAG = "<MISSING>"


def taken(
    text: str,
    prefix: str = "x = ",
    *,
    tag: str = TAG,
    prose: bool = False,
    one_line: bool = False,
) -> str:
    results: set[str] = set()
    for size in (1, 2, 3, 7, 1000):
        head = Head(HeadSpec(prefix, tag, prose, one_line=one_line))
        out = "".join(head.feed(text[at : at + size]) for at in range(0, len(text), size))
        results.add(out + head.finish())
    assert len(results) == 1, results
    return results.pop()


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        ("1", "1"),
        ("1 + 1\ny", "1 + 1\ny"),
        ("  1", "  1"),
        ("<b>", "<b>"),
        ("<MISS", "<MISS"),
        # tags
        ("<MISSING>1", "1"),
        (" \n<MISSING> 1", " 1"),
        ("<MISSING>", ""),
        ("<MISSING>\n1", "\n1"),
        ("<MISSING>```python\n1\n```", "1\n```"),
        # thinking
        ("<think>hm\n\n</think>\n\n1", "1"),
        ("<thinking>a < b</thinking>1", "1"),
        ("<think>\n</think><MISSING>1", "1"),
        ("<think>never ends", ""),
        ("<thi", "<thi"),
        # a mark behind one word of talk, which arrives in pieces
        ("this</think>1", "1"),
        ("a</think>1", "1"),
        ("a<MISSING>1", "1"),
        ("a<b", "a<b"),
        ("a</thi", "a</thi"),
        # fences
        ("```python\n1\n```", "1\n```"),
        ("```\n1", "1"),
        ("```c++\n1", "1"),
        ("```python\n<MISSING>1", "1"),
        ("```python 1", "```python 1"),
        ("``", "``"),
        ("```", "```"),
        ("`a`", "`a`"),
        # announcements
        ("Sure!\n```python\n1", "1"),
        ("Here is the missing code:\n\n```\n1", "1"),
        ("Here's the completion:\n<MISSING>1", "1"),
        ("Sure! Here it is:\n\n\n<MISSING>1", "1"),
        ("Here is the missing code:\n1", "Here is the missing code:\n1"),
        ("Sure", "Sure"),
        ("Sure\n", "Sure\n"),
        ("this.x = 1\nfoo", "this.x = 1\nfoo"),
        ("The end", "The end"),
        ("Sure " + "x" * 400, "Sure " + "x" * 400),
        ("i + 1\n", "i + 1\n"),
        ("i", "i"),
    ],
)
def test_what_is_taken_off_within_a_line(text: str, rest: str):
    assert taken(text) == rest


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        # at the start of a line an announcement alone is enough, and a line break is layout
        ("Here is the missing code:\n\n1", "a\n", "1"),
        ("Here are the values:\n1", "a\n", "Here are the values:\n1"),
        ("<MISSING>\n    1", "a\n", "    1"),
        ("<MISSING>\n    1", "if x:\n    ", "1"),
        ("<MISSING>\n    1", "x = 1\n    ", "1"),
        # the lines before the cursor, said again
        ("value = 1", "value = ", "1"),
        ("    value = 1", "    value = ", "1"),
        ("value = 1", "    value = ", "1"),
        ("def f(a):\n    value = 1", "def f(a):\n    value = ", "1"),
        ("value = 1", "x\nother_value = ", "value = 1"),
        ("x = x = ", "x", "x = x = "),
        ("----", "-----", "----"),
        ("    return", "    ", "return"),
        ("    return", "def f():\n    ", "return"),
        ("        return", "    if x:\n    ", "        return"),
        ("val", "value", "val"),
        # the end of the line, said again
        ("os.environ['HOME']", "    return os.environ[", "'HOME']"),
        ("(n) => n * n", "const a = [1].map((n) => ", "n * n"),
        ("int)", "f(int, ", "int)"),
        ("int, int)", "f(int, ", "int, int)"),
    ],
)
def test_what_is_taken_off_depends_on_the_text_before(text: str, prefix: str, rest: str):
    assert taken(text, prefix) == rest


def test_prose_keeps_what_looks_like_an_announcement_or_a_fence():
    assert taken("Here is the code:\nfoo", "a\n", prose=True) == "Here is the code:\nfoo"
    assert taken("```python\nx", "a\n", prose=True) == "```python\nx"
    assert taken("```markdown\nx", "a\n", prose=True) == "x"


def test_a_line_break_before_the_rest_of_a_line_is_layout():
    for text in ("<MISSING>\n1 + 1", "<MISSING>\n    1 + 1", "\n  1 + 1", "<MISSING>\n\n1 + 1"):
        assert taken(text, one_line=True) == "1 + 1"
    assert taken("<MISSING>  1", one_line=True) == "  1"
    assert taken("\n  ", one_line=True) == ""
    assert taken("<MISSING>\n    return os.environ[0]", "return os.environ[", one_line=True) == "0]"


def test_without_a_tag():
    assert taken("Sure:\n```\n1", tag="") == "1"
    assert taken("1", tag="") == "1"


def test_text_goes_straight_through_once_it_has_begun():
    head = Head(HeadSpec("x = "))
    assert head.feed("12345") == "12345"
    assert head.feed("<MISSING>") == "<MISSING>"
    assert head.finish() == ""
