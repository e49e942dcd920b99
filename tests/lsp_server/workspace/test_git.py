"""What git says of a workspace, asked of a real git."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from git_support import Repository

from polypilot.errors import describe
from polypilot.workspace import git_run
from polypilot.workspace.git import Git, GitError
from polypilot.workspace.roots import Roots

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


@pytest.fixture
def repository(tmp_path: Path, home: Path) -> Repository:
    made = Repository(tmp_path / "w", home)
    made.write("a.py", "one = 1\n")
    made.write("b.txt", "b\n")
    made.commit("First things")
    return made


@pytest.fixture(params=["sha1", "sha256"])
def fresh(tmp_path: Path, home: Path, request: pytest.FixtureRequest) -> Repository:
    return Repository(tmp_path / "fresh", home, str(request.param))


async def test_what_has_changed_staged_and_not(repository: Repository):
    repository.write("a.py", "one = 2\n")
    repository.run("add", "a.py")
    repository.write("b.txt", "c\n")
    repository.write("new.txt", "not known\n")
    root = str(repository.root)
    staged = await repository.git.staged_diff(root)
    assert [each.path for each in staged.files] == ["a.py"]
    assert "-one = 1\n+one = 2\n" in staged.text
    assert staged.top == root
    assert await repository.names(staged=False) == ["b.txt"]
    assert await repository.names() == ["a.py", "b.txt"]
    status = await repository.git.status(root)
    assert status.branch == "main"
    assert status.staged
    assert [(each.path, each.index, each.worktree) for each in status.entries] == [
        ("a.py", "M", "."),
        ("b.txt", ".", "M"),
        ("new.txt", "?", "?"),
    ]


async def test_a_commit_its_subjects_and_the_folder(repository: Repository):
    repository.write("sub/c.py", "c = 1\n")
    repository.commit("Second\n\nwith a body")
    root = str(repository.root)
    shown = await repository.git.show(root, "HEAD")
    assert [each.path for each in shown.files] == ["sub/c.py"]
    assert "with a body" not in shown.text
    first = await repository.git.show(root, repository.run("rev-parse", "HEAD~1").strip())
    assert [each.path for each in first.files] == ["a.py", "b.txt"]
    assert await repository.git.recent_subjects(root, 5) == ("Second", "First things")
    assert await repository.git.recent_subjects(root, 1) == ("Second",)
    assert await repository.git.root_of(str(repository.root / "sub" / "c.py")) == root
    # Of a folder inside, only what is below it.
    repository.write("a.py", "two\n")
    repository.write("sub/c.py", "c = 2\n")
    inside = await repository.git.diff(str(repository.root / "sub"))
    assert [each.path for each in inside.files] == ["sub/c.py"]


@pytest.mark.parametrize("name", ["--output=x", "-p", "nothing", "HEAD; touch x", "HEAD:a.py", ""])
async def test_no_other_argument_gets_through_a_commits_name(repository: Repository, name: str):
    with pytest.raises(GitError):
        await repository.git.show(str(repository.root), name)
    assert sorted(each.name for each in repository.root.iterdir()) == [".git", "a.py", "b.txt"]


async def test_before_the_first_commit(fresh: Repository):
    fresh.write("a.py", "one\n")
    fresh.run("add", "a.py")
    fresh.write("a.py", "two\n")
    assert "+one\n" in (await fresh.git.staged_diff(str(fresh.root))).text
    assert "+two\n" in (await fresh.git.diff(str(fresh.root))).text
    assert await fresh.git.recent_subjects(str(fresh.root)) == ()


async def test_moved_deleted_binary_and_strange_files(repository: Repository):
    repository.write("long.py", "".join(f"line {n}\n" for n in range(30)))
    repository.write("gone.txt", "gone\n")
    repository.write("mode.sh", "true\n")
    repository.write("with blank b/x.txt", "x\n")
    (repository.root / os.fsdecode(b"na\xffme.txt")).write_bytes(b"n\n")
    repository.write('quo"te\n.txt', "q\n")
    repository.write("é.txt", "e\n")
    repository.write("latin.txt", b"caf\xe9\n")
    repository.commit()
    repository.run("mv", "long.py", "moved.py")
    (repository.root / "gone.txt").unlink()
    (repository.root / "mode.sh").chmod(0o755)
    repository.write("with blank b/x.txt", b"\0\1")
    (repository.root / os.fsdecode(b"na\xffme.txt")).write_bytes(b"m\n")
    repository.write('quo"te\n.txt', "r\n")
    repository.write("é.txt", "f\n")
    repository.write("latin.txt", b"caf\xe8\n")
    repository.run("mv", "b.txt", "b b.txt")
    diff = await repository.git.diff(str(repository.root))
    found = {each.path: each for each in diff.files}
    assert set(found) == {
        "moved.py",
        "gone.txt",
        "mode.sh",
        "with blank b/x.txt",
        "na\udcffme.txt",
        'quo"te\n.txt',
        "é.txt",
        "latin.txt",
        "b b.txt",
    }
    assert found["moved.py"].paths == ("moved.py", "long.py")
    assert found["b b.txt"].old_path == "b.txt"
    assert found["with blank b/x.txt"].binary
    assert not found["gone.txt"].binary
    assert "new mode 100755" in found["mode.sh"].text
    assert "\ufffd" in found["latin.txt"].text
    status = await repository.git.status(str(repository.root))
    moved = next(each for each in status.entries if each.path == "moved.py")
    assert (moved.index, moved.old_path) == ("R", "long.py")
    assert os.fsdecode(b"na\xffme.txt") in {each.path for each in status.entries}


async def test_a_conflict_is_a_part_like_any_other(repository: Repository):
    repository.run("checkout", "-q", "-b", "other")
    repository.write("a.py", "one = 'theirs'\n")
    repository.commit()
    repository.run("checkout", "-q", "main")
    repository.write("a.py", "one = 'ours'\n")
    repository.commit()
    with pytest.raises(subprocess.CalledProcessError):
        repository.run("merge", "-q", "other")
    assert await repository.names(staged=False) == ["a.py"]
    assert await repository.names(staged=True) == ["a.py"]
    assert await repository.names() == ["a.py"]
    status = await repository.git.status(str(repository.root))
    assert [each.index for each in status.entries] == ["U"]
    assert not status.staged
    repository.run("checkout", "-q", "--theirs", "a.py")
    repository.commit("Merge")
    assert [each.path for each in (await repository.git.show(str(repository.root), "HEAD")).files]


async def test_a_line_that_looks_like_a_header_is_text(repository: Repository):
    repository.write("a.py", "diff --git a/b.txt b/b.txt\n--- a/.env\n+++ b/.env\n")
    diff = await repository.git.diff(str(repository.root))
    assert [each.paths for each in diff.files] == [("a.py",)]


async def test_the_users_taste_does_not_change_the_form(repository: Repository):
    for key, value in {
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "core.quotePath": "false",
        "color.ui": "always",
        "color.diff": "always",
        "diff.context": "0",
        "diff.renames": "false",
        "diff.wordRegex": ".",
        "diff.colorMoved": "zebra",
        "log.showSignature": "true",
        "format.pretty": "fuller",
        "diff.relative": "true",
        "diff.orderFile": "/dev/null",
        "status.short": "true",
        "log.date": "relative",
    }.items():
        repository.config(key, value)
    repository.write("a.py", "one = 2\n")
    diff = await repository.git.diff(str(repository.root))
    assert diff.text.startswith("diff --git a/a.py b/a.py\n")
    assert "\x1b" not in diff.text
    assert await repository.git.recent_subjects(str(repository.root)) == ("First things",)


async def test_an_enormous_diff_is_cut_and_says_so(repository: Repository):
    for n in range(40):
        repository.write(f"big{n:02}.txt", "x" * 99 + "\n")
    repository.commit()
    for n in range(40):
        repository.write(f"big{n:02}.txt", ("y" * 99 + "\n") * 1000)
    git = Git(repository.roots, limit=500_000)
    diff = await git.diff(str(repository.root))
    assert diff.truncated
    assert 400_000 < len(diff.text) <= 500_000
    assert diff.text.endswith("y\n")
    assert 1 < len(diff.files) < 10
    status = await Git(repository.roots, limit=1000).status(str(repository.root))
    assert status.truncated
    assert all(each.path.startswith("big") for each in status.entries)


async def test_no_git_no_repository(repository: Repository, tmp_path: Path):
    with pytest.raises(GitError) as caught:
        await repository.git.diff(str(tmp_path))
    assert caught.value.code == "no_repository"
    for path in ("", str(tmp_path), ".", f":{tmp_path}"):
        with pytest.raises(GitError) as caught:
            await Git(repository.roots, path=path).diff(str(repository.root))
        assert caught.value.code == "git_absent"
        assert "git" in caught.value.cure
    # A file .git that leads nowhere.
    (tmp_path / "n").mkdir()
    (tmp_path / "n" / ".git").write_text("nothing", encoding="utf-8")
    with pytest.raises(GitError) as caught:
        await repository.git.diff(str(tmp_path / "n"))
    assert caught.value.code == "no_repository"


async def test_a_git_of_the_workspace_is_not_run(repository: Repository, tmp_path: Path):
    canary = tmp_path / "canary"
    evil = repository.write("bin/git", f"#!/bin/sh\ntouch {canary}\n")
    evil.chmod(0o755)
    links = tmp_path / "links"
    links.mkdir()
    (links / "git").symlink_to(evil)
    hostile = f"{evil.parent}{os.pathsep}{links}{os.pathsep}bin{os.pathsep}{os.pathsep}."
    with pytest.raises(GitError):
        await Git(repository.roots, path=hostile).diff(str(repository.root))
    with pytest.raises(GitError):  # no workspace root, but the repository's own
        await Git(Roots(), path=hostile).diff(str(repository.root))
    path = f"{hostile}{os.pathsep}{os.environ['PATH']}"
    await Git(repository.roots, path=path).diff(str(repository.root))
    assert not canary.exists()


async def test_too_old_broken_and_slow_programs(repository: Repository, tmp_path: Path):
    numbers = itertools.count()

    async def with_git(script: str, within: float = 5.0) -> GitError:
        folder = tmp_path / f"bin{next(numbers)}"
        folder.mkdir()
        (folder / "git").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / "git").chmod(0o755)
        with pytest.raises(GitError) as caught:
            await Git(repository.roots, path=str(folder), within=within).diff(str(repository.root))
        return caught.value

    assert "too old" in (await with_git("echo git version 2.25.1")).message
    assert "too old" in (await with_git("echo hello")).message
    broken = await with_git("echo fatal: secret-of-mine >&2; exit 128")
    assert "secret-of-mine" not in f"{broken.message}{broken.cure}"
    assert describe(broken).code == "git_failed"
    (tmp_path / "pid").unlink(missing_ok=True)
    # Its children die with it, though they hold its pipes.
    sleeping = f"PATH=/usr/bin:/bin; sleep 600 & echo $! > {tmp_path}/pid; wait"
    assert (await with_git(sleeping, within=0.7)).code == "git_timeout"
    _gone(int((tmp_path / "pid").read_text()))


def _gone(pid: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        state = _state(pid)
        if state in {"", "Z"}:
            return
        os.sched_yield()
    raise AssertionError("it still runs")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def test_cancelling_kills_it(repository: Repository, tmp_path: Path):
    folder = tmp_path / "bin"
    folder.mkdir()
    os.mkfifo(tmp_path / "begun")
    script = f"#!/bin/sh\necho $$ > {tmp_path}/begun\nPATH=/usr/bin:/bin\nexec sleep 600\n"
    (folder / "git").write_text(script, encoding="utf-8")
    (folder / "git").chmod(0o755)
    task = asyncio.ensure_future(
        Git(repository.roots, path=str(folder), within=60).status(str(repository.root))
    )
    pid = int(await asyncio.to_thread((tmp_path / "begun").read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(_gone, pid)


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can give a folder away"
)
async def test_a_repository_of_another_user_is_not_read(repository: Repository):
    for folder, _, files in os.walk(repository.root):
        os.chown(folder, 12345, 12345)
        for file in files:
            os.chown(Path(folder, file), 12345, 12345)
    with pytest.raises(GitError) as caught:
        await repository.git.diff(str(repository.root))
    assert caught.value.code == "git_unsafe"
    assert "safe.directory" in caught.value.cure
    repository.run("config", "--global", "--add", "safe.directory", str(repository.root))
    assert await repository.names() == []


async def test_it_says_when_the_configuration_is_broken(repository: Repository):
    with (repository.root / ".git" / "config").open("a") as file:
        file.write("[core\nsecret-of-mine")
    with pytest.raises(GitError, match="configuration has an error"):
        await repository.git.diff(str(repository.root))


def test_the_environment_is_made_anew(monkeypatch: pytest.MonkeyPatch):
    for name in ("GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_TRACE", "LD_PRELOAD", "PAGER", "OPENAI_KEY"):
        monkeypatch.setenv(name, "/nowhere")
    env = git_run.environment("/usr/bin/git", "/w", [("filter.x.clean", "")])
    assert not {"GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_TRACE", "LD_PRELOAD", "PAGER"} & set(env)
    assert "/nowhere" not in env.values()
    count = int(env["GIT_CONFIG_COUNT"])
    pairs = {env[f"GIT_CONFIG_KEY_{n}"]: env[f"GIT_CONFIG_VALUE_{n}"] for n in range(count)}
    assert pairs["filter.x.clean"] == ""
    assert pairs["core.fsmonitor"] == "false"
