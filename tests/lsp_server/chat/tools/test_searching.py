"""Finding files, text, definitions, problems and changes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from tools_support import KEY, Shop

from polypilot.chat.tools.ground import Ground
from polypilot.chat.values import PlanEntry
from polypilot.errors import UserError
from polypilot.workspace.diagnostics import WARNING, Diagnostic
from polypilot.workspace.git import Git
from polypilot.workspace.index.values import Found, Hit, SearchError, Symbol
from polypilot_prompts.budget import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from polypilot.workspace.roots import Roots


async def test_a_folder_is_listed_by_name_folders_with_a_slash(shop: Shop):
    for name in ("src/b.py", "src/a.py", "src/deep/c.py", "README.md"):
        shop.write(name)
    assert await shop.text("list_directory") == "README.md\nsrc/\n"
    assert await shop.text("list_directory", path="src") == "a.py\nb.py\ndeep/\n"
    assert await shop.text("list_directory", path=str(shop.root / "src")) == "a.py\nb.py\ndeep/\n"
    with pytest.raises(UserError, match="is a file"):
        await shop.call("list_directory", path="README.md")
    with pytest.raises(UserError, match="no such folder"):
        await shop.call("list_directory", path="absent")


async def test_an_empty_folder_is_said_to_be_empty(shop: Shop):
    assert await shop.text("list_directory") == "(the folder is empty)\n"


async def test_a_big_folder_is_cut(tmp_path: Path, roots: Roots):
    shop = Shop(tmp_path / "w", roots, max_tokens=300)
    for n in range(500):
        shop.write(f"file{n:04}.py")
    text = await shop.text("list_directory")
    assert estimate(text) < 400
    shown = text.count(".py\n")
    assert f"… {500 - shown} more entries, ask with find_files" in text
    text = await shop.text("find_files", pattern="*.py")
    assert f"… {500 - text.count('.py' + chr(10))} more files, ask with a narrower" in text
    await shop.box.aclose()


async def test_names_that_could_pass_for_something_else_are_escaped(shop: Shop):
    shop.write("a\nb\x1b[31m.py")
    assert await shop.text("list_directory") == "a\\nb\\x1b[31m.py\n"


GLOBS: list[tuple[str, list[str]]] = [
    ("*.py", ["a.py", "src/b.py", "src/deep/c.py"]),
    ("**/*.py", ["a.py", "src/b.py", "src/deep/c.py"]),
    ("src/*.py", ["src/b.py"]),
    ("./src/**/*.py", ["src/b.py", "src/deep/c.py"]),
    ("src/**", ["src/b.py", "src/deep/c.py", "src/d.ts", "src/e.tsx"]),
    ("*.{ts,tsx}", ["src/d.ts", "src/e.tsx"]),
    ("{src,lib}/{b,c}.{py,ts}", ["src/b.py"]),
    ("?.py", ["a.py", "src/b.py", "src/deep/c.py"]),
    ("c.py", ["src/deep/c.py"]),
    ("[ab].py", ["a.py", "src/b.py"]),
    ("A.PY", ["a.py"]),
    ("!a.py", []),
    ("*.rs", []),
]


@pytest.mark.parametrize(("pattern", "expected"), GLOBS)
async def test_files_are_found_by_glob(shop: Shop, pattern: str, expected: list[str]):
    for name in ("a.py", "src/b.py", "src/deep/c.py", "src/d.ts", "src/e.tsx", ".git/HEAD.py"):
        shop.write(name)
    text = await shop.text("find_files", pattern=pattern)
    if expected:
        assert sorted(text.splitlines()) == sorted(expected)
    else:
        assert text == "Nothing was found.\n"


async def test_files_are_found_below_a_folder(shop: Shop):
    for name in ("a.py", "src/a.py", "src/deep/a.py"):
        shop.write(name)
    assert await shop.text("find_files", pattern="*.py", path="src") == "src/a.py\nsrc/deep/a.py\n"


async def test_a_pattern_that_lets_some_files_in_again_is_obeyed(shop: Shop):
    shop.write(".gitignore", "*\n!*/\n!*.py\n")
    for name in ("src/a.py", "src/a.txt", "src/deep/b.py"):
        shop.write(name)
    assert await shop.text("find_files", pattern="**") == "src/a.py\nsrc/deep/b.py\n"


async def test_grep_finds_lines(shop: Shop):
    shop.write("a.py", "import os\n\ndef main():\n    return os.name\n")
    shop.write("src/b.py", "def Main(): pass\n")
    assert await shop.text("grep", pattern=r"^def \w+") == (
        "a.py\n  3: def main():\n\nsrc/b.py\n  1: def Main(): pass\n\n"
    )
    assert await shop.text("grep", pattern="MAIN", ignore_case=True, path="src") == (
        "src/b.py\n  1: def Main(): pass\n\n"
    )
    assert await shop.text("grep", pattern="main", path="a.py", around=1) == (
        "a.py\n  2  \n  3: def main():\n  4      return os.name\n\n"
    )
    assert await shop.text("grep", pattern="main|Main", include="src/*.py") == (
        "src/b.py\n  1: def Main(): pass\n\n"
    )
    assert await shop.text("grep", pattern="absent") == "Nothing was found.\n"


async def test_grep_finds_what_is_not_ascii(shop: Shop):
    shop.write("a.txt", "größe\nGRÖSSE\nЖ\n")
    assert "1: größe" in await shop.text("grep", pattern="gr[öä]ße")
    assert "2: GRÖSSE" in await shop.text("grep", pattern="grösse", ignore_case=True)
    assert "3: Ж" in await shop.text("grep", pattern=r"\p{Cyrillic}+$")


async def test_grep_sees_unsaved_text(shop: Shop):
    shop.write("a.py", "old words\n")
    shop.open("a.py", "first\nnew words\n")
    assert "2: new words" in await shop.text("grep", pattern="new")
    assert "Nothing" in await shop.text("grep", pattern="old")


async def test_grep_can_t_feel_its_way_along_a_hidden_secret(shop: Shop):
    shop.write("a.py", f'key = "{KEY}"\n')
    for length in (8, 12, 20, 40):
        assert "Nothing" in await shop.text("grep", pattern=KEY[:length])
    assert "Nothing" in await shop.text("grep", pattern="Zx9Zx9")
    assert KEY[8:20] not in await shop.text("grep", pattern="key =")


async def test_a_pattern_takes_linear_time(shop: Shop):
    shop.write("a.txt", "a" * 200_000 + "b\n")
    assert "Nothing" in await shop.text("grep", pattern="(a+)+$")
    assert "1:" in await shop.text("grep", pattern="(a*)*")


async def test_hits_are_bounded(tmp_path: Path, roots: Roots):
    shop = Shop(tmp_path / "w", roots, max_tokens=400)
    shop.write("many.txt", "hit\n" * 1000)
    text = await shop.text("grep", pattern="hit")
    assert text.count(": hit") == 20
    assert "… 980 more lines in this file" in text
    for n in range(200):
        shop.write(f"f{n:03}.txt", "hit\n")
    text = await shop.text("grep", pattern="hit")
    assert estimate(text) < 500
    assert "… there is more, ask with a narrower pattern" in text
    await shop.box.aclose()


async def test_big_files_are_not_searched_and_that_is_said(shop: Shop):
    shop.write("big.txt", "hit\n" * 300_000)
    assert await shop.text("grep", pattern="hit") == (
        "Nothing was found.\n(1 file over 1,000,000 bytes not searched)\n"
    )


async def test_a_search_without_an_index_looks_at_the_files(shop: Shop):
    shop.write("src/a.py", "a\nb\nc\ndef open_door(): ...\nd\ne\nf\ng\n")
    shop.write("src/b.py", "nothing\n")
    assert await shop.text("search", words="DOOR window") == (
        "src/a.py\n  1  a\n  2  b\n  3  c\n  4: def open_door(): ...\n  5  d\n  6  e\n  7  f\n\n"
    )
    assert shop.lines, "the user sees how far it is"


@dataclass
class Known:
    """An index that knows what it is told."""

    hits: list[Hit] = field(default_factory=list[Hit])
    defined: list[Symbol] = field(default_factory=list[Symbol])
    complete: bool = True
    fails: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def search(self, words: str, *, root: str, limit: int) -> Found:
        self.asked.append((words, root))
        if self.fails:
            raise SearchError("no")
        return Found(tuple(self.hits[:limit]), self.complete)

    async def symbols(self, name: str, *, root: str, limit: int) -> Sequence[Symbol]:
        self.asked.append((name, root))
        if self.fails:
            raise SearchError("no")
        return [each for each in self.defined if each.name == name][:limit]


@pytest.fixture
def known(tmp_path: Path, roots: Roots) -> tuple[Shop, Known]:
    index = Known()
    return Shop(tmp_path / "w", roots, index=index), index


async def test_a_search_goes_to_the_index(known: tuple[Shop, Known]):
    shop, index = known
    one = shop.write("z.py", "".join(f"line {n}\n" for n in range(1, 30)))
    two = shop.write("a.py", "a door\n")
    secret = shop.write(".env", "door\n")
    index.hits = [
        Hit(str(one), 10, 12, 3.0),
        Hit(str(secret), 1, 1, 2.5),
        Hit(str(two), 1, 5, 2.0),
        Hit(str(shop.root / "gone.py"), 1, 1, 1.0),
    ]
    text = await shop.text("search", words="door")
    assert index.asked == [("door", str(shop.root))]
    assert text.startswith("z.py\n  7  line 7\n")
    assert "  10: line 10\n" in text
    assert text.endswith("a.py\n  1: a door\n\n")
    assert ".env" not in text
    index.complete = False
    partly = "not everything was searched, there may be more: the time did not suffice"
    assert partly in await shop.text("search", words="door")
    await shop.box.aclose()


@pytest.mark.parametrize("how", ["fails", "unfinished"])
async def test_an_index_that_can_t_say_is_replaced_by_a_look(known: tuple[Shop, Known], how: str):
    shop, index = known
    shop.write("a.py", "def door(): ...\n")
    index.fails = how == "fails"
    index.complete = False
    assert "1: def door" in await shop.text("search", words="door")
    assert "1: def door" in await shop.text("symbols", name="door")
    await shop.box.aclose()


async def test_definitions_of_a_file(shop: Shop):
    shop.write("a.py", "class A:\n    def b(self):\n        pass\n\n\ndef c():\n    pass\n")
    assert await shop.text("symbols", path="a.py") == (
        "1-3\tclass A:\n2-3\t    def b(self):\n6-7\tdef c():\n"
    )
    shop.write("b.py", "1\n")
    assert await shop.text("symbols", path="b.py") == "No definitions were found.\n"


async def test_where_a_name_is_defined(known: tuple[Shop, Known]):
    shop, index = known
    path = shop.write("a.py", "x = door()\n\ndef door():\n    pass\n")
    assert await shop.text("symbols", name="door") == "a.py\n  3: def door():\n\n"
    index.defined = [Symbol("door", "function", str(path), 3, 4)]
    assert await shop.text("symbols", name="door") == "a.py\n  3: def door():\n\n"
    assert "Nothing" in await shop.text("symbols", name="window")
    await shop.box.aclose()


async def test_the_editor_s_problems(shop: Shop, tmp_path: Path):
    one, two = shop.open("a.py", "x\ny\n"), shop.open(".env", "x\n")
    outside = (tmp_path / "o.py").as_uri()
    shop.documents.open(outside, "python", 1, "x")
    shop.diagnostics.set(
        one,
        [
            Diagnostic(1, f"y is not\ndefined {KEY}", source="pyright", code="E1"),
            Diagnostic(0, "unused", WARNING),
        ],
    )
    for uri in (two, outside):
        shop.diagnostics.set(uri, [Diagnostic(0, "hidden")])
    text = await shop.text("diagnostics")
    lines = text.splitlines()
    assert lines[:2] == ["a.py:", "  line 1: warning: unused"]
    assert lines[2].startswith("  line 2: error: y is not defined ")
    assert lines[2].endswith("(pyright E1)")
    assert KEY not in text
    assert "hidden" not in text
    assert await shop.text("diagnostics", path="a.py") == text
    assert await shop.text("diagnostics", path="b.py") == "The editor shows no problems.\n"


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path, roots: Roots) -> Shop:
    shop = Shop(tmp_path / "w", roots, git=Git(roots))
    shop.write("src/a.py", "one\ntwo\n")
    shop.write("b.py", "b\n")
    shop.write(".env", "canary\n")
    _git(shop.root, "init", "-q")
    _git(shop.root, "add", "-f", ".")
    _git(shop.root, "commit", "-qm", "first")
    return shop


async def test_changes_since_the_last_commit(repository: Shop):
    shop = repository
    assert await shop.text("git_diff") == "Nothing has changed.\n"
    shop.write("src/a.py", f"one\nthree\n{KEY}\n")
    shop.write(".env", "canary changed\n")
    shop.write("b.py", "staged\n")
    _git(shop.root, "add", "b.py")
    text = await shop.text("git_diff")
    assert "-two\n+three\n" in text
    assert "+staged" in text
    assert KEY not in text
    assert "canary" not in text
    assert ".env" not in text
    assert text.endswith("(1 changed file left out: excluded)\n")
    assert "+staged" not in await shop.text("git_diff", staged=False)
    assert "three" not in await shop.text("git_diff", staged=True)
    assert "+staged" not in await shop.text("git_diff", path="src")
    assert "+three" in await shop.text("git_diff", path="src/a.py")
    await shop.box.aclose()


async def test_a_long_diff_is_cut(tmp_path: Path, repository: Shop):
    shop = Shop(tmp_path / "w", repository.roots, git=Git(repository.roots), max_tokens=300)
    shop.write("b.py", "".join(f"line {n}\n" for n in range(1000)))
    text = await shop.text("git_diff")
    assert estimate(text) < 400
    assert "… 1 file not shown whole, ask with path\n" in text
    await shop.box.aclose()


async def test_without_a_repository_it_is_said(tmp_path: Path, roots: Roots):
    shop = Shop(tmp_path / "w", roots, git=Git(roots))
    with pytest.raises(UserError, match="repository"):
        await shop.call("git_diff")
    await shop.box.aclose()


async def test_a_plan_is_handed_on(shop: Shop):
    result = await shop.call(
        "update_plan",
        steps=[
            {"content": "read\x1b it", "status": "completed"},
            {"content": "mend it", "status": "in_progress", "priority": "high"},
            {"content": "test it"},
        ],
    )
    assert result.plan == (
        PlanEntry("read\\x1b it", "completed"),
        PlanEntry("mend it", "in_progress", "high"),
        PlanEntry("test it"),
    )
    assert (await shop.call("update_plan", steps=[])).plan == ()


async def test_the_tools_leave_nothing_running(shop: Shop):
    shop.write("a.py")
    await shop.call("grep", pattern="x")
    assert isinstance(shop.ground, Ground)
    assert len(shop.ground.tasks) == 0
