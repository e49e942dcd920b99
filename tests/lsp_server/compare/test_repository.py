"""A repository read at a commit, and written into a folder; the real git on real repositories."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from git_support import Repository as Git
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polypilot.compare import checkout
from polypilot.compare.folder import Folder
from polypilot.compare.origin import below, opened
from polypilot.compare.repository import Repository
from polypilot.compare.repository_parts import (
    Entry,
    read_blobs,
    read_commits,
    read_dates,
    read_lines,
)
from polypilot.errors import UserError
from polypilot.workspace.git import GitError
from polypilot.workspace.roots import Roots

ODD = "odd\nname \t\x01ü.py"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    made = Git(tmp_path / "project", tmp_path / "home")
    made.write("one.py", "first = 1\n")
    made.write("deep/two.py", b"\xef\xbb\xbfa = 1\r\n\xff\0")
    made.commit("The first")
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Git:
    return Git(tmp_path / "bare", tmp_path / "home")


async def opened_at(git: Git, revision: str = "HEAD") -> Repository:
    found = await opened(git.root, git.roots, revision)
    assert isinstance(found, Repository)
    return found


async def test_files_are_listed_with_sizes_and_read_as_they_are(git: Git) -> None:
    git.write(ODD, "x = 1\n")
    git.commit()
    repository = await opened_at(git)
    entries = await repository.files()
    assert {each.path: each.size for each in entries} == {"one.py": 10, "deep/two.py": 12, ODD: 6}
    contents = await repository.contents(entries)
    assert contents["deep/two.py"] == b"\xef\xbb\xbfa = 1\r\n\xff\0"
    assert contents[ODD] == b"x = 1\n"


async def test_what_was_changed_since_the_commit_plays_no_part(git: Git) -> None:
    git.write("one.py", "first = 2\n")
    git.write("new.py", "new = 2\n")
    first = await opened_at(git)
    assert {each.path for each in await first.files()} == {"one.py", "deep/two.py"}
    assert (await first.contents(await first.files()))["one.py"] == b"first = 1\n"
    git.commit("The second")
    second = await opened_at(git)
    assert second.commit != first.commit
    assert (await opened_at(git, "HEAD~1")).commit == first.commit
    assert len(await first.files()) == 2


async def test_dates_are_those_of_the_last_change(bare: Git) -> None:
    git = bare
    for when, name, text in (
        (1_000_000_000, "a.py", "a = 1\nb = 2\n"),
        (1_100_000_000, "b.py", "b = 1\n"),
        (1_200_000_000, "a.py", "a = 1\nb = 3\n"),
        (1_300_000_000, ODD, "c = 1\n"),
    ):
        git.write(name, text)
        git.run("add", "-A")
        _committed(git, when)
    repository = await opened_at(git)
    assert repository.when == 1_300_000_000.0
    assert await repository.dates() == {"a.py": 1.2e9, "b.py": 1.1e9, ODD: 1.3e9}
    assert await repository.line_dates("a.py") == (1e9, 1.2e9)
    assert await repository.line_dates(ODD) == (1.3e9,)
    assert await repository.line_dates("none.py") == ()
    earlier = await opened_at(git, "HEAD~2")
    assert await earlier.dates() == {"a.py": 1.1e9 - 1e8, "b.py": 1.1e9}


def _committed(git: Git, when: int) -> None:
    tree = git.run("write-tree").strip()
    head = git.run("rev-parse", "--verify", "-q", "HEAD", check=False).strip()
    parent = f"parent {head}\n" if head else ""
    person = f"A <a@example.org> {when} +0000"
    text = f"tree {tree}\n{parent}author {person}\ncommitter {person}\n\nAt {when}\n"
    name = git.run("hash-object", "-t", "commit", "-w", "--stdin", typed=text).strip()
    git.run("update-ref", "HEAD", name)


async def test_commits_are_those_with_one_parent(git: Git) -> None:
    git.run("checkout", "-q", "-b", "side")
    git.write("side.py", "side = 1\n")
    git.commit("On the side\n\nWith a body.\n")
    git.run("checkout", "-q", "main")
    git.write("main.py", "main = 1\n")
    git.commit("On main")
    git.run("merge", "-q", "--no-ff", "-m", "A merge", "side")
    repository = await opened_at(git)
    commits = await repository.commits()
    assert {each.message for each in commits} == {"On the side\n\nWith a body.", "On main"}
    side = next(each for each in commits if each.message.startswith("On the side"))
    change = await repository.change(side.name, 10_000)
    assert [each.path for each in change.files] == ["side.py"]
    assert "+side = 1" in change.text
    assert (await repository.change(side.name, 40)).truncated


async def test_a_repository_without_commits_says_what_to_do(bare: Git) -> None:
    with pytest.raises(UserError) as raised:
        await opened(bare.root, bare.roots)
    assert raised.value.code == "no_commits"
    assert "git commit" in raised.value.cure


@pytest.mark.parametrize("revision", ["no-such", "--output=x", "HEAD:one.py", "a b", ""])
async def test_what_names_no_commit_is_refused(git: Git, revision: str) -> None:
    with pytest.raises(UserError) as raised:
        await opened(git.root, git.roots, revision)
    assert raised.value.code == "no_such_commit"


async def test_paths_below_a_subfolder_are_known(git: Git) -> None:
    found = await opened(
        git.root / "deep", await asyncio.to_thread(Roots, [str(git.root / "deep")])
    )
    assert await asyncio.to_thread(below, found.top, git.root) == ""
    assert await asyncio.to_thread(below, found.top, git.root / "deep") == "deep/"


# -- a folder without git ------------------------------------------------------------------------


async def test_a_folder_without_git_is_read_from_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"a = 1\n")
    (tmp_path / "run.sh").write_bytes(b"exit\n")
    (tmp_path / "run.sh").chmod(0o755)
    for name in ("node_modules", ".hidden", "deep"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.py").write_bytes(b"b = 1\n")
    (tmp_path / "link.py").symlink_to("a.py")
    roots = await asyncio.to_thread(Roots, [str(tmp_path)])
    found = await opened(tmp_path, roots)
    assert isinstance(found, Folder)
    entries = await found.files()
    assert [each.path for each in entries] == ["a.py", "deep/b.py", "run.sh"]
    assert await found.contents(entries) == {
        "a.py": b"a = 1\n", "deep/b.py": b"b = 1\n", "run.sh": b"exit\n"
    }  # fmt: skip
    assert (await found.dates(), await found.commits(), found.commit) == ({}, (), "")
    written = await found.checkout(tmp_path.parent / f"{tmp_path.name}-copy")
    assert written.files == 3
    assert os.access(written.folder / "run.sh", os.X_OK)
    with pytest.raises(GitError):
        await opened(tmp_path, roots, "main")


# -- written into a folder -----------------------------------------------------------------------


def assert_inside(copy: Path, left_out: list[str]) -> None:
    for name in left_out:
        assert not os.path.lexists(copy / name)
    for each in copy.rglob("*"):
        assert Path(os.path.realpath(each)).is_relative_to(copy.resolve())


def listed(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if not each.is_dir()}


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are POSIX's")
async def test_a_checkout_has_the_bytes_modes_and_inner_links(git: Git, tmp_path: Path) -> None:
    git.write("run.sh", "#!/bin/sh\nexit 3\n").chmod(0o755)
    git.write(ODD, "x = 1\n")
    git.write("deep/folder/x.py", "x = 1\n")
    for name, target in {
        "in.py": "one.py", "deep/up.py": "../one.py", "folder": "deep/folder", "none": "missing",
        "out": "/etc/passwd", "up": "../secret", "deep/far": "../../secret", "self": "self",
        "here": ".", "here-up": "here/../secret", "chain": "up",
    }.items():  # fmt: skip
        (git.root / name).symlink_to(target)
    git.commit()
    written = await (await opened_at(git)).checkout(tmp_path / "copy")
    copy = tmp_path / "copy"
    assert (copy / "deep/two.py").read_bytes() == b"\xef\xbb\xbfa = 1\r\n\xff\0"
    assert (copy / ODD).read_bytes() == b"x = 1\n"
    assert os.access(copy / "run.sh", os.X_OK)
    assert not os.access(copy / "one.py", os.X_OK)
    assert (copy / "deep/up.py").read_bytes() == b"first = 1\n"
    assert (copy / "folder/x.py").read_bytes() == b"x = 1\n"
    assert set(written.left_out) >= {"out", "up", "deep/far", "here-up", "chain"}
    await asyncio.to_thread(assert_inside, copy, written.left_out)


async def test_a_folder_that_is_not_empty_is_not_written_into(git: Git, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/mine").write_text("mine")
    with pytest.raises(UserError) as raised:
        await (await opened_at(git)).checkout(tmp_path / "copy")
    assert raised.value.code == "not_empty"
    assert listed(tmp_path / "copy") == {"mine"}


NAMES = st.sampled_from(["a", "b", "..", ".", ".git", ".GIT", "", "c\nd", ".git ", "x.py"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TARGETS = st.one_of(PATHS, PATHS.map(lambda path: f"/{path}"), st.just("a/../../x"))


@pytest.mark.skipif(sys.platform == "win32", reason="links are POSIX's")
@settings(max_examples=200, deadline=None)
@example(files=[], links=[("a", ".."), ("a/b", "x.py")])
@given(files=st.lists(PATHS, max_size=5), links=st.lists(st.tuples(PATHS, TARGETS), max_size=6))
def test_whatever_a_tree_is_called_nothing_is_written_outside(
    tmp_path_factory: pytest.TempPathFactory, files: list[str], links: list[tuple[str, str]]
) -> None:
    outer = tmp_path_factory.mktemp("outer")
    inner = outer / "deep/inner"
    written = checkout.begin(inner)
    checkout.add(written, [Entry(path, "100644", "1", 1) for path in files], {"1": b"x"})
    for at, (path, target) in enumerate(links):
        blob = {f"l{at}": os.fsencode(target)}
        checkout.add(written, [Entry(path, "120000", f"l{at}", 1)], blob)
    checkout.end(written)
    assert [each.name for each in outer.iterdir()] == ["deep"]
    assert [each.name for each in (outer / "deep").iterdir()] == ["inner"]
    assert not os.path.lexists(inner / ".git")
    for folder, folders, names in os.walk(inner):
        for name in (*folders, *names):
            assert Path(os.path.realpath(Path(folder, name))).is_relative_to(inner)


# -- repositories that mean harm -----------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
async def test_no_program_that_a_repository_names_is_run(git: Git, tmp_path: Path) -> None:
    canaries = tmp_path / "canaries"
    canaries.mkdir()
    git.write("data.bin", "one\n")
    git.write(
        ".gitattributes",
        "* diff=evil filter=evil export-subst\none.py export-ignore text eol=crlf\n",
    )
    git.commit("With attributes that convert what is read")
    git.write("one.py", "first = 1\nsecond = 2\n")
    git.commit("Change what is there already")
    for key in (
        "diff.evil.textconv", "diff.evil.command", "filter.evil.smudge", "filter.evil.process",
        "core.fsmonitor", "core.pager", "pager.log", "pager.blame", "gpg.program", "diff.external",
        "core.sshCommand"
    ):  # fmt: skip
        program = git.write(f".git/{key}", f"#!/bin/sh\ntouch {canaries}/{key}\ncat\n")
        program.chmod(0o755)
        git.config(key, str(program))
    git.config("log.showSignature", "true")
    hook = git.write(".git/hooks/post-checkout", f"#!/bin/sh\ntouch {canaries}/hook\n")
    hook.chmod(0o755)
    git.config("log.showRoot", "false")
    repository = await opened_at(git)
    entries = await repository.files()
    assert (await repository.contents(entries))["one.py"] == b"first = 1\nsecond = 2\n"
    assert len(await repository.line_dates("one.py")) == 2
    assert "one.py" in await repository.dates()
    commits = await repository.commits()
    assert "+second = 2" in (await repository.change(commits[0].name, 10_000)).text
    await repository.checkout(tmp_path / "copy")
    assert (tmp_path / "copy/one.py").read_bytes() == b"first = 1\nsecond = 2\n"
    assert list(canaries.iterdir()) == []


async def test_lines_of_unknown_date_are_no_failure(git: Git) -> None:
    git.config("blame.ignoreRevsFile", str(git.write("revs", "no list of commits\n")))
    assert await (await opened_at(git)).line_dates("one.py") == ()


async def test_a_submodule_is_no_file_and_a_missing_blob_is_left_out(
    git: Git, bare: Git, tmp_path: Path
) -> None:
    bare.write("x.py", "x = 1\n")
    bare.commit()
    head = bare.run("rev-parse", "HEAD").strip()
    git.run("update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    git.run("commit", "-q", "-m", "With a submodule")
    blob = git.run("rev-parse", "HEAD:one.py").strip()
    (git.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    repository = await opened_at(git)
    assert {each.path for each in await repository.files()} == {"deep/two.py"}
    git.run("hash-object", "-w", "one.py")
    entries = await repository.files()
    assert {each.path for each in entries} == {"one.py", "deep/two.py"}
    lost = Entry("lost.py", "100644", "0" * 40, 1)
    assert set(await repository.contents([*entries, lost])) == {"one.py", "deep/two.py"}
    written = await repository.checkout(tmp_path / "copy")
    assert written.files == 2


# -- what git writes -----------------------------------------------------------------------------


@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [
                    b"a" * 40,
                    b" 1",
                    b" 1 1 1",
                    b" -",
                    b"\n",
                    b"\0",
                    b"committer-time ",
                    b"\t",
                    b"blob ",
                    "\u00b2".encode(),
                    b"12",
                ]
            )
        ).map(b"".join),
    )
)
def test_whatever_git_writes_is_read_without_failing(raw: bytes) -> None:
    read_dates(raw)
    read_lines(raw)
    read_commits(raw)
    list(read_blobs(raw))


def test_contents_are_told_apart_by_their_sizes() -> None:
    name = "a" * 40
    raw = f"{name} blob 6\nab\ncd\n\n{'b' * 40} missing\n{'c' * 40} blob 0\n\n".encode()
    assert dict(read_blobs(raw)) == {name: b"ab\ncd\n", "c" * 40: b""}
    assert dict(read_blobs(raw[:45])) == {}
