"""The edits that an answer proposes are found however a model has written them."""

from __future__ import annotations

import pytest

from polypilot_prompts.neutral import neutral
from polypilot_prompts.proposals import INSTRUCTIONS, find_blocks, is_path
from polypilot_prompts.proposals_diff import Hunk


def only(answer: str):
    (block,) = find_blocks(answer)
    return block


@pytest.mark.parametrize(
    ("answer", "path", "language"),
    [
        ("```python path=src/a.py\nx\n```", "src/a.py", "python"),
        ("```python path='src/my a.py'\nx\n```", "src/my a.py", "python"),
        ('```ts {file="src/a.ts"}\nx\n```', "src/a.ts", "ts"),
        ("```filename=src/a.ts\nx\n```", "src/a.ts", ""),
        ("```python:src/a.py\nx\n```", "src/a.py", "python"),
        ("```src/a.py\nx\n```", "src/a.py", ""),
        ("```a.py\nx\n```", "a.py", ""),
        ("```python src/a.py\nx\n```", "src/a.py", "python"),
        ("~~~py title=src/a.py\nx\n~~~", "src/a.py", "py"),
        ("src/a.py\n```python\nx\n```", "src/a.py", "python"),
        ("**`src/a.py`**:\n\n```python\nx\n```", "src/a.py", "python"),
        ("### File: src/a.py (new)\n```python\nx\n```", "src/a.py", "python"),
        ("`__init__.py`\n```python\nx\n```", "__init__.py", "python"),
        ("`app/[id]/page.tsx`\n```tsx\nx\n```", "app/[id]/page.tsx", "tsx"),
        ("Dockerfile\n```\nx\n```", "Dockerfile", ""),
        ("src\\a.cs\n```\nx\n```", "src\\a.cs", ""),
        ("```python\n# src/a.py\nx\n```", "src/a.py", "python"),
        ("```js\n// file: a.js\nx\n```", "a.js", "js"),
        ("```html\n<!-- src/a.html -->\nx\n```", "src/a.html", "html"),
        ("```css\n/* src/a.css */\nx\n```", "src/a.css", "css"),
        ("1. Do:\n   ```py path=a.py\n   x\n   ```", "a.py", "py"),
        ("> ```py path=a.py\n> x\n> ```", "a.py", "py"),
    ],
)
def test_files_are_named_in_many_ways(answer: str, path: str, language: str):
    block = only(answer)
    assert (block.path, block.language, block.kind) == (path, language, "whole")
    assert block.code == "x\n"
    assert only(neutral(answer)).path == path


@pytest.mark.parametrize(
    "answer",
    [
        "```python\nx\n```",
        "```\nx\n```",
        "Look at this:\n```python\nx\n```",
        "See https://e.co/a.py\n```python\nx\n```",
        "```12:20:src/a.py\nx\n```",
        "```python\n# A comment. It ends.\nx\n```",
        "```python two words\nx\n```",
        "```python {.numbered}\nx\n```",
        "e.g.\n```\nx\n```",
    ],
)
def test_a_block_that_names_no_file_is_a_snippet(answer: str):
    block = only(answer)
    assert (block.path, block.kind) == ("", "snippet")


def test_where_a_block_is():
    answer = "a\n\n- b\n  ```py\n  x\n  ```\nc ```d```\n"
    block = only(answer)
    assert answer[block.start : block.end] == "  ```py\n  x\n  ```\n"


def test_the_comment_that_names_the_file_is_kept_apart():
    block = only("```python path=a.py\n# a.py\nx\n```")
    assert (block.head, block.code) == ("# a.py", "x\n")
    other = only("```python path=a.py\n# b.py\nx\n```")
    assert (other.path, other.head, other.code) == ("a.py", "", "# b.py\nx\n")


def test_a_block_without_an_end_is_none():
    assert find_blocks("```python path=a.py\nx\n") == ()
    assert find_blocks("````md path=a.md\n```\nx\n```\n") == ()


def test_a_longer_fence_holds_shorter_ones():
    block = only("````md path=a.md\n```\nx\n```\n````\n")
    assert block.code == "```\nx\n```\n"


def test_a_unified_diff():
    block = only(
        "```diff\n--- a/src/a.py\t2026\n+++ b/src/a.py\n@@ -10,99 +3,1 @@ def f():\n a\n-b\n+c\n\n"
        "\\ No newline at end of file\n@@ ... @@\n-d\n@@\n e\n```"
    )
    assert (block.path, block.kind, block.action) == ("src/a.py", "diff", "edit")
    assert block.hunks == (
        Hunk(("a", "b", ""), ("a", "c", ""), 10),
        Hunk(("d",), (), None),
    )


def test_a_diff_of_several_files():
    blocks = find_blocks(
        "```patch\ndiff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n"
        "@@ -1 +1 @@\n"
        "-x\n+y\ndiff --git a/n.py b/n.py\nnew file mode 100644\n--- /dev/null\n"
        "+++ b/n.py\n@@ -0,0 +1 @@\n"
        "+n\n--- a/gone.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-g\ndiff --git a/o.py b/p.py\n"
        "rename from o.py\nrename to p.py\n--- a/q.py\n+++ b/r.py\n@@ -1 +1 @@\n-q\n+r\n```"
    )
    assert [(each.path, each.action) for each in blocks] == [
        ("a.py", "edit"),
        ("n.py", "edit"),
        ("gone.py", "delete"),
        ("", "move"),
        ("r.py", "move"),
    ]
    assert blocks[1].hunks == (Hunk((), ("n",), 0),)


def test_a_diff_that_is_named_outside_and_has_no_hunk_headers():
    block = only("a.py\n```diff\n x\n--- y\n-z\n+w\n\n```")
    assert (block.path, block.kind) == ("a.py", "diff")
    assert block.hunks == (Hunk(("x", "-- y", "z"), ("x", "w")),)


def test_a_diff_is_known_without_its_language():
    assert only("```\n--- a.py\n+++ a.py\n@@ -1 +1 @@\n-x\n+y\n```").kind == "diff"
    assert only("```c path=a.c\n--- x;\n+++ y;\n```").kind == "whole"
    assert only("```diff\n-x\n+y\n```").kind == "snippet"
    assert find_blocks("```diff\nx\n```") == ()


def test_search_and_replace():
    block = only(
        "src/a.py\n```python\n<<<<<<< SEARCH\na\n=======\nb\n\n>>>>>>> REPLACE\nwords\n"
        "<<<<<<< SEARCH\n=======\nc\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nnot whole\n```"
    )
    assert (block.path, block.kind) == ("src/a.py", "replace")
    assert block.hunks == (Hunk(("a",), ("b", "")), Hunk((), ("c",)))


def test_search_and_replace_with_the_name_inside():
    block = only("```\nsrc/a.py\n\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```")
    assert (block.path, block.kind) == ("src/a.py", "replace")
    unnamed = only("```\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```")
    assert (unnamed.path, unnamed.kind) == ("", "snippet")


@pytest.mark.parametrize("text", ["a.py", "a/b", "a/b.c", "Makefile", ".gitignore/x", "a-b_c.d.ts"])
def test_paths(text: str):
    assert is_path(text)


@pytest.mark.parametrize(
    "text", ["a", "a b.py", "https://a.py", "x.1", "a/", "", "f(x)", "/", "yes/", "1.5"]
)
def test_what_is_no_path(text: str):
    assert not is_path(text)


def test_the_instructions_show_what_is_read():
    block = only(INSTRUCTIONS)
    assert (block.path, block.kind) == ("src/example.py", "replace")
    assert block.hunks == (Hunk(("the old lines",), ("the new lines",)),)


@pytest.mark.parametrize("line", ["#x" + " " * 100_000 + "y", "# `a`" + " " * 100_000 + "y"])
def test_a_line_of_blanks_is_read_in_passing(line: str):
    """An expression that tries every way to divide the blanks would take hours."""
    (block,) = find_blocks(f"```\n{line}\ncode\n```\n")
    assert block.path == ""


@pytest.mark.parametrize(
    "head", ["# a/b.py", "  //a/b.py", "/* a/b.py */", "<!-- a/b.py -->", "--  file: a/b.py"]
)
def test_comments_that_name_a_file(head: str):
    (block,) = find_blocks(f"```\n{head}\ncode\n```\n")
    assert (block.path, block.code) == ("a/b.py", "code\n")
