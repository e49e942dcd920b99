import pytest

from polypilot_prompts.quoting import Quotes
from polypilot_prompts.remarks import has_code, is_remark, is_sentence, may_announce, refuses

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, I can\u2019t complete this.",
    "I cannot see the rest of the file.",
    "I don't have enough context to complete this code.",
    "Sorry, there is nothing here.",
    "Unfortunately, the file is cut off.",
    "There is nothing to complete.",
    "There's no missing code here.",
    "No completion needed.",
    "Nothing to insert here.",
    "The code is already complete.",
    "The provided code snippet is complete.",
    "The `foo()` function is already complete.",
    "This function already returns.",
    "As an AI model, I write no code.",
]


@pytest.mark.parametrize("line", REFUSALS)
def test_what_says_that_nothing_is_to_be_written(line: str):
    assert refuses(line)
    assert may_announce(line)
    assert not has_code(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "This is fine.",
        "The quick brown fox.",
        "There is a house.",
        "nothing = complete",
        "No",
        "class Unfortunately(Exception):",
        "sorry, there is nothing here.",
        "I = sorry",
    ],
)
def test_what_does_not(line: str):
    assert not refuses(line)


@pytest.mark.parametrize(
    ("line", "remark"),
    [
        ("This code adds two numbers.", True),
        ("Here's how it works in short:", True),
        ("Here is an explanation of the change:", True),
        ("Note that `x` is never null here.", True),
        ("Let me know if you need more!", True),
        ("I've added the missing return for you.", True),
        ("In this function the sum is returned.", True),
        ("This is fine.", False),
        ("The super admin will use the website.", False),
        ("    This code adds two numbers.", False),
        ("Note that x = 1 is set here.", False),
        ("This code adds two numbers", False),
        ("# This code adds two numbers.", False),
    ],
)
def test_what_speaks_about_the_code_above(line: str, remark: bool):  # noqa: FBT001  a parameter
    assert is_remark(line) is remark


def test_sentences():
    assert is_sentence("Sure! Here it is:")
    assert is_sentence("Use `a(b)[c]` here.")
    assert not is_sentence("x = 1")
    assert not is_sentence("Foo(bar);")
    assert not is_sentence("")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("", False),
        ('"""a', True),
        ('"""a"""', False),
        ("'''a\n'''\nx = `", True),
        ("/* a", True),
        ("/* a */", False),
        ("/* a */ /* b", True),
        ("a <!-- b", True),
        ("a */ b", False),
    ],
)
def test_whether_a_text_of_several_lines_is_open(text: str, inside: bool):  # noqa: FBT001  a parameter
    quotes = Quotes(text)
    assert quotes.inside is inside
    bit_by_bit = Quotes("")
    for line in text.splitlines(keepends=True):
        bit_by_bit.note(line)
    assert bit_by_bit.inside is inside
