"""What git writes is read as it is meant, and whatever else comes is read as nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.workspace.git_diff import read_status, split, unquoted


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        ("noise before\n", []),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", [("x",)]),
        ("diff --git a/x b/y b/x b/y\nnew file mode 100644\nindex 0..e69de29\n", [("x b/y",)]),
        ('diff --git "a/\\303\\251" "b/\\303\\251"\nold mode 100644\n', [("é",)]),
        ('diff --git a/e "b/\\303\\251"\nold mode 100644\n', [("é", "e")]),
        ('diff --git "a/\\303\\251" b/e e\nold mode 100644\n', [("e e", "é")]),
        ("diff --git a/x b/y\nold mode 100644\n", []),
        ("diff --git nonsense\n", []),
        ("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n", [("y", "x")]),
        ("diff --git a/x b/y\ncopy from x\ncopy to y\n", [("y", "x")]),
        ("diff --git a/x b/x\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", [("x",)]),
        ("diff --git a/x b/x\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n", [("x",)]),
        ("diff --git a/x y b/x y\n--- a/x y\t\n+++ b/x y\t\n@@ -1 +1 @@\n", [("x y",)]),
        ("diff --git a/x b/x\n--- /dev/null\n+++ /dev/null\n", []),
        ("diff --cc x y\nindex 1,2..3\n--- a/x y\n+++ b/x y\n@@@ -1 -1 +1 @@@\n", [("x y",)]),
        ('diff --combined "x\\ty"\n', [("x\ty",)]),
        ("* Unmerged path x y\ndiff --git a/z b/z\nold mode 1\n", [("x y",), ("z",)]),
        (
            (
                "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n--- a/evil\n+++ b/evil\n"
                "+diff --git a/y b/y\n diff --git a/y b/y\n\\ No newline at end of file\n"
            ),
            [("x",)],
        ),
    ],
)
def test_whose_part_it_is(text: str, paths: list[tuple[str, ...]]):
    files = split(text)
    assert [each.paths for each in files] == paths
    if paths:
        assert "".join(each.text for each in files) == text


def test_a_diff_that_was_cut_ends_with_a_line():
    (file,) = split("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n+on\n+tw", truncated=True)
    assert file.text.endswith("+on\n")
    (file,) = split("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n+on\n+tw")
    assert file.text.endswith("+tw\n")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("plain name", "plain name"),
        ('"', '"'),
        ('""', ""),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ('"\\a\\b\\t\\n\\v\\f\\r"', "\a\b\t\n\v\f\r"),
        ('"na\\377me"', "na\udcffme"),
        ('"\\777"', "\udcff"),
        ('"\\q"', "q"),
        ('"é\\303\\251"', "éé"),
    ],
)
def test_names_as_git_writes_them(written: str, name: str):
    assert unquoted(written) == name


def test_a_status():
    raw = (
        b"# branch.oid abc\0# branch.head main\0# stash 1\0"
        b"1 .M N... 100644 100644 100644 a b x y\0"
        b"2 R. N... 100644 100644 100644 a b R100 new\0old name\0"
        b"u UU N... 1 1 1 1 a b c both\0? what\0! ignored\0odd\0"
    )
    status = read_status(raw)
    assert status.branch == "main"
    assert status.staged
    assert [(each.path, each.index, each.worktree, each.old_path) for each in status.entries] == [
        ("x y", ".", "M", ""),
        ("new", "R", ".", "old name"),
        ("both", "U", "U", ""),
        ("what", "?", "?", ""),
    ]
    assert read_status(b"# branch.head (detached)\0").branch == ""
    assert len(read_status(b"? one\0? tw", truncated=True).entries) == 1
    assert read_status(b"1 .M short\0") == read_status(b"")


_PIECES = [
    *(
        "diff --git ",
        "diff --cc ",
        "* Unmerged path ",
        "rename from ",
        "rename to ",
        "Binary files ",
    ),
    *("a/x", "b/x", " ", "\n", "\t", '"', "\\", "--- ", "+++ ", "@@", "303", "é"),
]


@given(st.lists(st.sampled_from(_PIECES), max_size=30))
def test_any_text_is_read(pieces: list[str]):
    text = "".join(pieces)
    for file in split(text, truncated=bool(len(text) % 2)):
        assert file.path
        assert all(file.paths)
        assert file.text.endswith("\n")


@given(st.binary(max_size=60), st.sampled_from([b"", b"1 ", b"2 R. ", b"u UU ", b"? "]))
def test_any_status_is_read(raw: bytes, start: bytes):
    read_status(start + raw.replace(b"q", b"\0"))
