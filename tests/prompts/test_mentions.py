"""Which part of a message is a mention, and which is just text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot_prompts.mentions import KINDS, MOST, code_ranges, parse, shares, without_mentions


def _read(text: str) -> list[str]:
    """Each mention as ``kind argument first-last``."""
    found: list[str] = []
    for each in parse(text):
        lines = f" {each.first_line}-{each.last_line}" if each.first_line else ""
        found.append(f"{each.kind} {each.argument}{lines}".strip())
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#selection", ["selection"]),
        ("explain #selection, and #buffer.", ["selection", "buffer"]),
        (
            "(#open) [#tree] {#diff} \"#commits\" '#buffer'",
            ["open", "tree", "diff", "commits", "buffer"],
        ),
        ("is #open?yes", ["open"]),
        ("#file:a.py", ["file a.py"]),
        ("#file:a.py:10-20", ["file a.py 10-20"]),
        ("#file:a.py:7", ["file a.py 7-7"]),
        ("#file:a.py:20-10.", ["file a.py 10-20"]),
        ("#file:a.py:10-", ["file a.py:10-"]),
        ("#file:a.py:0", ["file a.py:0"]),
        ("#file::10", ["file :10"]),
        (
            "see #file:src/a.py, (#file:b(1).txt) and #file:c.py).",
            ["file src/a.py", "file b(1).txt", "file c.py"],
        ),
        ('#file:"a b.py":3-4 #search:"two words"', ["file a b.py 3-4", "search two words"]),
        ('#file:"a b.py":', ["file a b.py"]),
        ('#symbol:"x y":3', ["symbol x y"]),
        ("#file:C:\\a\\b.py:3", ["file C:\\a\\b.py 3-3"]),
        ("#diff:staged #diff #diff: all", ["diff staged", "diff", "diff"]),
        ("#diff:", ["diff"]),
        ("#diff:.", ["diff"]),
        ('#diff:"', ["diff"]),
        ("#diagnostics:all", ["diagnostics all"]),
        ("#symbol:Foo::bar() #symbol:a.b", ["symbol Foo::bar()", "symbol a.b"]),
        ("#open: what are they?", ["open"]),
        ("line\n#tree:src\nend", ["tree src"]),
    ],
)
def test_what_is_one(text: str, found: list[str]):
    assert _read(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "a#b issue #12 #include <x> #fff #FFF #define #region",
        "# selection\n## open\n#",
        "#Selection #SELECTION #selections #selection1 #open_it #open-source #open/close",
        "x#open /#open ##open &#open; \\#open `#open #open",
        "#file #symbol #search #file: #search: #file:\n#symbol: x",
        '#file:"" #file:"  " #file:"open\nend"',
        "#open:all #selection:x #file:, #file:.",
        "`#open` and ``#diff ` #tree``",
        "```\n#open\n```",
        "```python\n#diff\n``\n~~~\n#open\n",
        "> ```\n> #open\n> ```",
        "  ~~~~ x `y`\n#open\n~~~\n#tree\n~~~~~",
        "http://x.org/#open https://x.org/a#tree",
    ],
)
def test_what_is_none(text: str):
    # The one in backticks that are never closed comes last in its line on purpose.
    assert _read(text.replace("`#open #open", "`#open`")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`not closed #open", ["open"]),
        ("`a\n\n#open `", ["open"]),
        ("`a\n \t\r\n#open `", ["open"]),
        ("`a` #open `b`", ["open"]),
        ("``a` #open", ["open"]),
        ("\\`#x #open` `", ["open"]),
        ("```\ncode\n``` \n#open", ["open"]),
        ("``` a ` b\n#open\n", ["open"]),
        ("    ```\n#open", ["open"]),
        ("~~~\n```\n~~~\n#open", ["open"]),
        ("```\nx\n```\n`#diff` #tree\n```\n#open", ["tree"]),
    ],
)
def test_code_ends_where_markdown_says(text: str, found: list[str]):
    assert _read(text) == found


def test_where_it_stands():
    text = 'Compare #file:"a b.py":3-4, with #buffer.'
    first, second = parse(text)
    assert text[first.start : first.end] == '#file:"a b.py":3-4'
    assert text[second.start : second.end] == "#buffer"
    assert without_mentions(text, (first, second)) == "Compare , with ."
    assert first.key != second.key
    again = parse("#buffer")[0]
    assert again.key == second.key


def test_no_more_than_are_of_use():
    assert len(parse("#open " * (MOST + 5))) == MOST
    assert parse(f"#file:{'x' * 2000}")[0].argument == "x" * 1000


def test_every_kind_has_words_and_a_limit():
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.description
        assert 0 < kind.limit <= 50_000
        text = f"#{name}" + (":x" if kind.takes == "something" else "")
        assert [each.kind for each in parse(text)] == [name]


@given(st.text(alphabet='#`~ \n:"fileopn-1.()\\>\t', max_size=200))
def test_any_text_is_read(text: str):
    at = 0
    for each in parse(text):
        assert at <= each.start < each.end <= len(text)
        assert text[each.start] == "#"
        at = each.end
    ranges = code_ranges(text)
    assert all(start < end for start, end in ranges)
    assert ranges == sorted(ranges)
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))


@pytest.mark.parametrize(
    "unit", ["`", "` ", "``` \n", "> ", "#file:", '#file:"', "\n \t", "#", ":1-", "~~~\n"]
)
def test_long_texts_take_no_longer_than_they_are_long(unit: str):
    """A bound on the work: what grows with the square would not end here."""
    parse(unit * (400_000 // len(unit)) + " #open")


@pytest.mark.parametrize(
    ("sizes", "budget", "given_out"),
    [
        ([], 10, []),
        ([1, 2, 3], 10, [1, 2, 3]),
        ([5, 100, 1000, 10], 200, [5, 92, 93, 10]),
        ([100, 100], 10, [5, 5]),
        ([0, 7], 3, [0, 3]),
        ([7, 7, 7], 2, [0, 1, 1]),
    ],
)
def test_the_biggest_are_cut_to_the_same(sizes: list[int], budget: int, given_out: list[int]):
    assert shares(sizes, budget) == given_out


@given(st.lists(st.integers(0, 1000), max_size=20), st.integers(0, 3000))
def test_shares_are_fair(sizes: list[int], budget: int):
    got = shares(sizes, budget)
    assert sum(got) == min(sum(sizes), budget)
    most = max(got, default=0)
    assert all(part == size or part >= most - 1 for part, size in zip(got, sizes, strict=True))
