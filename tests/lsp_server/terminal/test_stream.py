from __future__ import annotations

import io

import pytest
from rich.console import Console

from polypilot.terminal.stream import AnswerStyle, AnswerView, split_blocks

ANSWER = """\
Use `sum`:

```python
def total(items):

    return sum(items)
```

1. It is short.

   And clear.

2. It is fast.
"""


def shown(style: AnswerStyle, pieces: list[str], *, height: int = 25) -> str:
    file = io.StringIO()
    console = Console(
        file=file, width=60, height=height, force_terminal=style == "live", color_system=None
    )
    with AnswerView(console, style) as view:
        for piece in pieces:
            view.text(piece)
    return file.getvalue()


def test_to_a_pipe_the_text_goes_out_unchanged():
    assert shown("plain", list(ANSWER)) == ANSWER


def test_to_a_pipe_a_missing_last_newline_is_added():
    assert shown("plain", ["yes"]) == "yes\n"


def test_nothing_is_written_for_an_empty_answer():
    assert shown("plain", []) == ""
    assert shown("blocks", []) == ""


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_come_out_once_and_in_order_however_the_text_was_cut(size: int):
    pieces = [ANSWER[start : start + size] for start in range(0, len(ANSWER), size)]
    text = shown("blocks", pieces)
    words = ["Use sum:", "def total(items):", "return sum(items)", "It is short.", "And clear."]
    positions = [text.index(word) for word in words]
    assert positions == sorted(positions)
    assert [text.count(word) for word in words] == [1] * len(words)
    assert text == shown("blocks", [ANSWER])


def test_a_link_shows_where_it_goes():
    assert "https://evil.example" in shown("blocks", ["see [the docs](https://evil.example)\n"])


def test_a_block_taller_than_the_screen_ends_up_whole():
    lines = [f"line {number}" for number in range(100)]
    text = shown("live", [f"```\n{chr(10).join(lines)}\n```\n"], height=10)
    assert all(f"{line} " in text for line in lines)


def test_a_model_cannot_clear_the_screen():
    assert "\x1b[2J" not in shown("live", ["a\x1b[2", "Jb\n"])


@pytest.mark.parametrize(
    "blocks",
    [
        [""],
        ["one\n\n"],
        ["one\n\n", "two\n\n", "three"],
        ["one\n\n  indented"],
        ["```\na\n\nb\n"],
        ["```\na\n\nb\n```\n\n", "c"],
        ["~~~\n```\n\nb\n~~~\n\n", "c"],
        ["```\n```python\n\nx"],
    ],
)
def test_a_block_ends_only_where_nothing_can_be_added_to_it(blocks: list[str]):
    assert split_blocks("".join(blocks)) == blocks
