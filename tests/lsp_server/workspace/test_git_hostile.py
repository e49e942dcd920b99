"""A repository that wants programs run, or files shown that are not its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from git_support import Repository

from polypilot.workspace.git import Git, GitError
from polypilot.workspace.roots import Roots

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")
_SECRET = "the user's other project"


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
    for name in ("a.py", "b.txt", "c.dat", "d.bin"):
        made.write(name, "one\n")
    made.commit()
    return made


@pytest.fixture
def canaries(tmp_path: Path) -> Path:
    folder = tmp_path / "canaries"
    folder.mkdir()
    return folder


@pytest.fixture(params=["with processes", "with commands"])
def hostile(repository: Repository, canaries: Path, request: pytest.FixtureRequest) -> Repository:
    """Whatever can name a program names one that leaves a file."""

    def program(name: str) -> str:
        path = repository.write(f".git/evil-{name}", f"#!/bin/sh\ntouch {canaries}/{name}\ncat\n")
        path.chmod(0o755)
        return str(path)

    processes = request.param == "with processes"
    for name in ("smudge", "clean", *(["process"] if processes else [])):
        for driver in ("one", "two.three", "FOUR x"):
            repository.config(f"filter.{driver}.{name}", program(f"{name}-{driver[:3]}"))
            repository.config(f"filter.{driver}.required", "true" if processes else "false")
    for key in (
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.sshCommand",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "credential.helper",
        "diff.external",
        "diff.conv.textconv",
        "diff.conv.command",
        "diff.text.textconv",
        "merge.conv.driver",
        "pager.diff",
        "pager.status",
        "pager.log",
        "pager.show",
        "gpg.program",
        "gpg.ssh.program",
        "gpg.x509.program",
        "interactive.diffFilter",
        "diff.tool",
        "uploadpack.packObjectsHook",
        "sequence.editor",
    ):
        repository.config(key, program(key))
    for alias in ("diff", "status", "show", "log", "rev-parse", "config", "version"):
        repository.config(f"alias.{alias}", f"!{program(f'alias-{alias}')}")
    repository.config("log.showSignature", "true")
    hooks = repository.root / ".git" / "evil-hooks"
    hooks.mkdir()
    for place in (hooks, repository.root / ".git" / "hooks"):
        place.mkdir(exist_ok=True)
        for hook in ("post-index-change", "fsmonitor-watchman", "query-watchman", "post-checkout"):
            path = place / hook
            path.write_text(f"#!/bin/sh\ntouch {canaries}/hook-{hook}\n", encoding="utf-8")
            path.chmod(0o755)
    repository.config("core.hooksPath", str(hooks))
    attributes = 'a.py filter=one diff=conv\nb.txt filter=two.three\n"c.dat" diff=conv\n'
    (repository.root / ".gitattributes").write_text(attributes, encoding="utf-8")
    info = "d.bin filter=four diff=conv\n*.dat filter=two.three\ne.txt diff=text\n"
    repository.write(".git/info/attributes", info)
    repository.write(".git/evil-attributes", "* filter=one diff=conv\n")
    repository.config("core.attributesFile", str(repository.root / ".git" / "evil-attributes"))
    # Included, so that reading the one file would not be enough.
    more = repository.write(".git/more", f'[filter "four"]\nclean = {program("included")}\n')
    repository.config("include.path", str(more))
    for name in ("a.py", "b.txt", "c.dat", "d.bin"):
        repository.write(name, "two\n")
    return repository


async def _everything(git: Git, root: str) -> str:
    texts = [(await git.diff(root, staged=staged)).text for staged in (None, True, False)]
    texts += [(await git.show(root, "HEAD")).text, repr(await git.status(root))]
    return "\n".join([*texts, *(await git.recent_subjects(root))])


async def test_no_program_of_a_repository_is_run(hostile: Repository, canaries: Path):
    text = await _everything(hostile.git, str(hostile.root))
    assert os.listdir(canaries) == []  # noqa: PTH208 - names
    for name in ("a.py", "b.txt", "c.dat", "d.bin"):
        assert f"+++ b/{name}" in text
    # As a check of the trap: plain git falls into it.
    for command in (["diff"], ["status"], ["show", "HEAD"], ["show", "--ext-diff", "HEAD"]):
        hostile.run(*command, check=False)
    caught = {each.split("-")[0] for each in os.listdir(canaries)}  # noqa: PTH208 - names
    assert {"core.fsmonitor", "process"} <= caught or {"clean", "diff.conv.command"} <= caught


_ASK = """
import asyncio, sys
from polypilot.workspace.git import Git
from polypilot.workspace.roots import Roots

async def main(root):
    git = Git(Roots([root]))
    for staged in (None, True, False):
        await git.diff(root, staged=staged)
    await git.show(root, "HEAD")
    await git.status(root)
    await git.recent_subjects(root)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_system_sees_no_other_program(hostile: Repository, tmp_path: Path):
    """Every program that is started, of all processes, is the git of the PATH."""
    trace = tmp_path / "trace"
    options = ["-f", "-qq", "-e", "trace=execve", "-o", str(trace)]
    root = str(hostile.root)
    subprocess.run(["strace", *options, sys.executable, "-c", _ASK, root], check=True)
    started = re.findall(r'execve\("([^"]*)"', trace.read_text("utf-8"))
    assert started[0] == sys.executable
    assert set(started[1:]) == {shutil.which("git")}


async def test_signatures_are_not_checked(repository: Repository, canaries: Path):
    """A commit that looks signed has git ask the program that the configuration names."""
    evil = repository.write(".git/evil", f"#!/bin/sh\ntouch {canaries}/gpg\n")
    evil.chmod(0o755)
    repository.config("gpg.program", str(evil))
    repository.config("log.showSignature", "true")
    raw = repository.run("cat-file", "commit", "HEAD")
    head, _, message = raw.partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    text = f"{head}\n{signature}\n\n{message}"
    signed = repository.run("hash-object", "-t", "commit", "-w", "--stdin", typed=text)
    repository.run("reset", "-q", "--hard", signed.strip())
    await _everything(repository.git, str(repository.root))
    assert not (canaries / "gpg").exists()
    repository.run("show", "HEAD")
    assert (canaries / "gpg").exists()


async def test_what_is_missing_is_not_fetched(
    repository: Repository, canaries: Path, tmp_path: Path
):
    """Of a partial clone, git would ask the server, through a program of the configuration's."""
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {canaries}/fetch\n", encoding="utf-8")
    evil.chmod(0o755)
    repository.config("core.repositoryFormatVersion", "1")
    repository.config("extensions.partialClone", "origin")
    repository.config("remote.origin.promisor", "true")
    repository.config("remote.origin.uploadpack", str(evil))
    blob = repository.run("rev-parse", "HEAD:a.py").strip()
    missing = repository.root / ".git" / "objects" / blob[:2] / blob[2:]
    missing.unlink()
    repository.write("a.py", "two\n")
    for url in (str(tmp_path), f"file://{tmp_path}", f"ext::{evil}", "ssh://x/y", "evil::x"):
        repository.config("remote.origin.url", url)
        repository.config("core.sshCommand", str(evil))
        repository.config("protocol.ext.allow", "always")
        repository.config("protocol.file.allow", "always")
        repository.config("protocol.ssh.allow", "always")
        with pytest.raises(GitError):
            await repository.git.diff(str(repository.root))
        assert not (canaries / "fetch").exists()
        with pytest.raises(subprocess.CalledProcessError):
            repository.run("diff")
        if url in {str(tmp_path), "ssh://x/y"}:
            assert (canaries / "fetch").exists()
            (canaries / "fetch").unlink()
        (canaries / "fetch").unlink(missing_ok=True)


@pytest.fixture
def private(tmp_path: Path, home: Path) -> Repository:
    """A project of the user's outside of the workspace."""
    made = Repository(tmp_path / "private", home)
    made.write("plans.txt", f"{_SECRET}\n")
    made.commit(_SECRET)
    return made


async def _refused(git: Git, root: str) -> None:
    for call in (git.diff(root), git.show(root, "HEAD"), git.recent_subjects(root)):
        with pytest.raises(GitError) as caught:
            await call
        assert caught.value.code == "git_unsafe"


async def test_another_work_tree_is_not_shown(repository: Repository, private: Repository):
    repository.write("plans.txt", "mine\n")
    repository.commit()
    repository.config("core.worktree", str(private.root))
    assert _SECRET in repository.run("diff")
    text = await _everything(repository.git, str(repository.root))
    assert _SECRET not in text


async def test_another_repository_is_not_shown(repository: Repository, private: Repository):
    git = repository.root / ".git"
    git.rename(repository.root / "kept")
    git.write_text(f"gitdir: {private.root}/.git\n", encoding="utf-8")
    assert _SECRET in repository.run("log")
    await _refused(repository.git, str(repository.root))
    git.unlink()
    git.symlink_to(private.root / ".git")
    await _refused(repository.git, str(repository.root))


@pytest.mark.parametrize("part", ["objects", "refs", "HEAD", "index", "packed-refs", "config"])
async def test_no_part_is_another_repositorys(
    repository: Repository, private: Repository, part: str
):
    path = repository.root / ".git" / part
    private.run("pack-refs")
    if path.exists():
        path.rename(repository.root / "kept")
    path.symlink_to(private.root / ".git" / part)
    await _refused(repository.git, str(repository.root))


async def test_no_shared_part_is_another_repositorys(repository: Repository, private: Repository):
    """A linked work tree that the workspace made up, with a private repository in common."""
    inner = repository.root / "inner"
    inner.mkdir()
    (inner / ".git").write_text("gitdir: ../made-up\n", encoding="utf-8")
    repository.write("made-up/gitdir", f"{inner}/.git\n")
    repository.write("made-up/commondir", f"{private.root}/.git\n")
    repository.write("made-up/HEAD", "ref: refs/heads/main\n")
    await _refused(repository.git, str(inner))


async def test_linked_work_trees_and_submodules_work(repository: Repository, tmp_path: Path):
    linked = tmp_path / "linked"
    repository.run("worktree", "add", "-q", str(linked), "-b", "other")
    (linked / "a.py").write_text("linked\n", encoding="utf-8")
    assert "+linked\n" in (await Git(Roots()).diff(str(linked))).text
    repository.run(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository.root), "sub"
    )
    sub = repository.root / "sub"
    (sub / "a.py").write_text("submodule\n", encoding="utf-8")
    for git in (repository.git, Git(Roots())):
        assert "+submodule\n" in (await git.diff(str(sub))).text
    assert "+submodule\n" not in (await repository.git.diff(str(repository.root))).text


async def test_a_bare_repository_among_the_files_is_none(repository: Repository, canaries: Path):
    """Files of a repository can look like another one, with a configuration of its own."""
    evil = repository.write("evil", f"#!/bin/sh\ntouch {canaries}/bare\n")
    evil.chmod(0o755)
    repository.run("init", "-q", "--bare", "docs")
    config = f"[core]\nrepositoryformatversion = 0\nworktree = ..\nfsmonitor = {evil}\n"
    (repository.root / "docs" / "config").write_text(config, encoding="utf-8")
    with pytest.raises(GitError):
        await repository.git.status(str(repository.root / "docs"))
    assert not (canaries / "bare").exists()


async def test_a_link_among_the_files_is_not_followed(repository: Repository, private: Repository):
    repository.write("d/plans.txt", "mine\n")
    repository.commit()
    (repository.root / "d" / "plans.txt").unlink()
    (repository.root / "d").rmdir()
    (repository.root / "d").symlink_to(private.root)
    (repository.root / "a.py").unlink()
    (repository.root / "a.py").symlink_to(private.root / "plans.txt")
    assert _SECRET not in await _everything(repository.git, str(repository.root))
