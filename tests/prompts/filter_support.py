"""Answers and filters at random, and what must hold of any of them however they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from polypilot_prompts.postprocess import Filter, FilterSpec

if TYPE_CHECKING:
    import random

PIECES = st.sampled_from(
    [
        "a", "b", " ", "\n", "\r", "\r\n", "    ", "\t", "(", ")", "{", "}", "x = ", "return x",
        "else", ":", "```", "```python\n", "`", "<MISSING>", "</MISSING>", "<MIS", "<think>",
        "</think>", "Sure!\n", "Here is the missing code:\n", "<|endoftext|>", "<|end", "🙂",
        "e\u0301", "\ud83d", "\ude42", "\x1b[0m", "\u202e", "\ufffd", "foo bar ", "\n\n",
        "def g():", "I'm sorry, I can't.\n", "This code adds two numbers.\n", "\n    b", "\nc",
        "\tb\n", "foo(bar, baz)\n", "foo(bar,baz)\n", "}\n", "import os\n", "\n        c",
        "if (a) {",
    ]
)  # fmt: skip
"""What answers are made of: code, prose, markup, whole and broken characters, controls."""
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def specs(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[FilterSpec]:
    """Filters at many kinds of places; ``more`` fields, or others in place of these."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "prefix": st.sampled_from(
            [
                "",
                "x = ",
                "def f():",
                "if (a) {",
                "    ",
                "a\n    ",
                "f(",
                "a\n",
                "import os\n",
                "class A:\n    def f(self):\n        x\n    ",
                "f {\n\tif {\n\t\ta;\n\t",
            ]
        ),
        "suffix": st.sampled_from(
            [
                "",
                "\n",
                ")\n",
                "\n    return x\n",
                "\n}\n",
                "  \nb",
                "x = \n",
                "\nfoo(bar, baz)\nb\n",
                "\n\t}\n}\n",
            ]
        ),
        "eol": st.sampled_from(["\n", "\r\n", "\r"]),
        "block": st.booleans(),
        "stops": st.sampled_from([(), ("<|endoftext|>", "</MISSING>"), ("ab", "b\n")]),
        "lead": st.sampled_from(["", " ", "    ", "\t"]),
        "chat": st.booleans(),
        "open_tag": st.sampled_from(["", "<MISSING>"]),
        "prose": st.booleans(),
        "insert_spaces": st.sampled_from([None, True, False]),
        "max_lines": st.sampled_from([2, 60]),
        "max_chars": st.sampled_from([9, 8000]),
    }
    return st.builds(FilterSpec, **(fields | more))


def arrives_alike(text: str, spec: FilterSpec, rng: random.Random) -> str:
    """Asserts that pieces of a text give what the whole gives, and what is shown early stays.

    Parts that were named stay, and what is shown before the end is at most cut, never another
    text. Returns the most that was shown early.
    """
    whole = Filter(spec)
    whole.feed(text)
    expected = (whole.finish(), whole.parts(), whole.text)
    pieces = Filter(spec)
    at = 0
    certain: tuple[str, ...] = ()
    early = ""
    while at < len(text) and not pieces.done:
        size = rng.choice((1, 1, 2, 5))
        pieces.feed(text[at : at + size])
        at += size
        assert pieces.parts()[: len(certain)] == certain
        certain = pieces.parts()
        for shown in (pieces.partial(), pieces.preview()):
            assert not shown or early.startswith(shown) or shown.startswith(early)
            early = max(early, shown, key=len)
    assert (pieces.finish(), pieces.parts(), pieces.text) == expected
    assert pieces.parts()[0] == expected[0].text
    assert early.startswith(expected[0].text) or expected[0].text.startswith(early)
    return early
