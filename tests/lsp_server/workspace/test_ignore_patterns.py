"""Patterns of ignore files mean what git says they mean, at a cost that stays linear."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polypilot.workspace.ignore import IgnoreFiles
from polypilot.workspace.ignore_patterns import MAX_LENGTH, MAX_PATTERNS, Rules, translate
from polypilot.workspace.linear import PatternError

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = ("a", "b", "ab", "a.py", "b.py", "foo", "foo.txt", "b-1", "[x", "sp ace")
_FOLDERS = ("a", "b", "foo", "ab/b", "a/foo/b", "foo/a/b")

_piece = st.sampled_from(
    ["a", "b", "foo", "*", "**", "?", "[ab]", "[!a]", "[^b]", "[a-b]*", "*.py", "*.txt", "fo?",
     "ab", "b-[0-9]", "***", "a**", "**b", r"\a", r"\[x", "sp ace", "[[:alpha:]]", "[]b]",
     "[a\\]b]", "*[.]py"]
)  # fmt: skip


@st.composite
def _patterns(draw: st.DrawFn) -> str:
    parts = draw(st.lists(_piece, min_size=1, max_size=3))
    bang, lead, tail, end = (
        draw(st.sampled_from(choices))
        for choices in (["", "", "", "!"], ["", "", "/"], ["", "", "/"], ["", "", " ", "\\ "])
    )
    return bang + lead + "/".join(parts) + tail + end


_lists = st.dictionaries(
    st.sampled_from(["", *_FOLDERS]),
    st.lists(_patterns(), min_size=1, max_size=5),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not installed (apt-get install git)")
    root = tmp_path_factory.mktemp("repository")
    subprocess.run([git, "init", "-q", str(root)], check=True, env=_environment(root))
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("", *_FOLDERS):
        for name in _NAMES:
            if not (root / folder / name).exists():
                (root / folder / name).write_text("x", encoding="utf-8")
    return root


def _environment(root: Path) -> dict[str, str]:
    return os.environ | {
        "HOME": str(root), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(root.parent),
    }  # fmt: skip


def _files(root: Path) -> list[str]:
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts and path.name != ".gitignore"
    )


def _said_by_git(root: Path, files: list[str]) -> set[str]:
    run = subprocess.run(
        ["git", "check-ignore", "-z", "--stdin", "--no-index"],
        input="\0".join(files).encode(), cwd=root, env=_environment(root), capture_output=True,
        check=False,
    )  # fmt: skip
    assert run.returncode in {0, 1}, run.stderr
    return {name for name in run.stdout.decode().split("\0") if name}


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lists=_lists)
def test_agrees_with_git(repository: Path, lists: dict[str, list[str]]):
    files = _files(repository)
    written = [repository / folder / ".gitignore" for folder in lists]
    for path, lines in zip(written, lists.values(), strict=True):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        ignores = IgnoreFiles()
        top = str(repository)
        ours: set[str] = set()
        for name in files:
            path = str(repository / name)
            if ignores.around(path).judge(path, top, use_gitignore=True):
                ours.add(name)
        assert ours == _said_by_git(repository, files)
    finally:
        for path in written:
            path.unlink()


@pytest.mark.parametrize(
    ("pattern", "path", "folder"),
    [
        ("*.ENV", "a/x.env", False),
        ("Secrets/", "secrets", True),
        ("caf\u00e9", "cafe\u0301", False),
        ("[[:upper:]]x", "ax", False),
        ("[A-Z]x", "ax", False),
        ("[!A-Z]x", "qx", False),
        ("[x", "[x", False),
        ("stra\u00dfe", "STRASSE", False),
    ],
)
def test_spelling_does_not_matter_and_doubt_excludes(pattern: str, path: str, folder: bool):  # noqa: FBT001 - pytest and hypothesis fill it in by name
    from polypilot.workspace.roots import fold  # noqa: PLC0415 - only here

    decision = Rules([pattern]).decide([fold(part) for part in path.split("/")], folder=folder)
    assert decision is not None
    assert decision.excluded


@given(st.text(max_size=60))
def test_any_line_can_be_used(line: str):
    Rules([line]).decide(["a", "b"], folder=False)


@given(st.lists(st.text(alphabet="a*?[]!^-\\/:. ", max_size=12), max_size=6))
def test_any_glob_can_be_used(lines: list[str]):
    Rules(lines).decide(["a", "b"], folder=False)


def test_blank_lines_and_comments_say_nothing():
    assert [translate(line) for line in ("", "   ", "# x", "/", "!", "!/")] == [None] * 6


def test_too_many_or_too_long_is_an_error():
    with pytest.raises(PatternError):
        Rules(["x"] * (MAX_PATTERNS + 1))
    with pytest.raises(PatternError):
        Rules(["x" * (MAX_LENGTH + 1)])


def test_complex_patterns_are_still_decided():
    lines = [
        "*" + "".join(f"[{a}{b}]*" for a, b in itertools.pairwise("abcdefghijklmnop" * 8))
    ] * 40
    text = "".join(itertools.islice(itertools.cycle("abcdefghijklmnopq"), 4_000))
    decision = Rules(lines).decide([text], folder=False)
    assert decision is not None
    assert decision.excluded


_HOSTILE = [
    "*a" * 200, "**/" * 200 + "x", "?*" * 300, "[!b]*" * 200, "a*" * 400 + "b", "*/" * 300 + "z",
    "[a-a]" * 300 + "*x", "*" * 1_000 + "q", "**/a" * 150, "*?a*?a" * 100,
]  # fmt: skip


def _cost(rules: Rules, name: str) -> float:
    best = float("inf")
    for number in range(4):
        start = time.thread_time()
        rules.decide([name + str(number)], folder=False)
        best = min(best, time.thread_time() - start)
    return best


@pytest.mark.parametrize("pattern", _HOSTILE, ids=range(len(_HOSTILE)))
def test_a_hostile_pattern_costs_linear_time(pattern: str):
    rules = Rules([pattern])
    short, long = _cost(rules, "a" * 10_000), _cost(rules, "a" * 200_000)
    # Twenty times the text: linear is twenty times the time, quadratic four hundred times.
    assert long < 120 * max(short, 0.0001)
