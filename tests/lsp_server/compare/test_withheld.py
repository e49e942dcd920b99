"""What the gate keeps back in the user's folder is kept back in the copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from compare_support import gate_of
from git_support import Repository as Git
from hypothesis import given
from hypothesis import strategies as st

from polypilot.compare.origin import opened
from polypilot.compare.withheld import admitted, copied, patterns
from polypilot.errors import UserError
from polypilot.workspace.ignore_state import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.allow_blocking("files are made here")

NAMES = (
    "app.py",
    "a/kept.py",
    "a/gone.py",
    "a/sp ace.py",
    "a/br[a]cket*.py",
    "a/new\nline.py",
    "a/ünï.py",
    "b/one.py",
    "b/c/two.py",
    "sub/in.py",
    "sub/secret.py",
)


async def allowed_in_copy(folder: Path, root: Path, **privacy: object) -> tuple[set[str], set[str]]:
    """What may leave of the user's files, and what of the copy's."""
    gate = gate_of(root, **privacy)
    origin = await opened(root, gate.roots)
    tree = folder / "tree"
    written = await copied(origin, gate, tree)
    assert written.left_out == []
    names = [each.path for each in await origin.files()]
    here = await admitted(gate, origin.top, names)
    return here, await admitted(gate_of(tree), str(tree), names)


@pytest.fixture
def git(tmp_path: Path) -> Git:
    repository = Git(tmp_path / "project", tmp_path / "home")
    for name in NAMES:
        repository.write(name, "x = 1\n")
    repository.commit("Add files")
    return repository


async def test_an_ignore_file_that_is_not_committed_counts_in_the_copy(tmp_path: Path, git: Git):
    (git.root / ".cursorignore").write_text(
        "gone.py\nsp ace.py\nbr*\nnew*\nünï.py\nb/\n", encoding="utf-8"
    )
    here, there = await allowed_in_copy(tmp_path, git.root)
    assert here == there == {"app.py", "a/kept.py", "sub/in.py", "sub/secret.py"}


async def test_patterns_count_from_the_folder_that_is_open(tmp_path: Path, git: Git):
    here, there = await allowed_in_copy(tmp_path, git.root / "sub", exclude=["/secret.py"])
    assert here == there == {"sub/in.py"}


async def test_a_committed_ignore_file_says_what_it_said(tmp_path: Path, git: Git):
    git.write(".aiignore", "a/gone.py")
    git.commit("Ignore a file")
    (git.root / "b" / ".noai").write_text("", "utf-8")
    here, there = await allowed_in_copy(tmp_path, git.root)
    assert here == there == {name for name in (*NAMES, ".aiignore")
                             if name != "a/gone.py" and not name.startswith("b/")}  # fmt: skip


async def test_an_ignore_file_that_is_a_link_is_left_alone(tmp_path: Path, git: Git):
    (git.root / ".aiignore").symlink_to("app.py")
    git.commit("Link")
    (git.root / ".aiignore").unlink()
    (git.root / ".cursorignore").write_text("app.py", "utf-8")
    gate = gate_of(git.root)
    await copied(await opened(git.root, gate.roots), gate, tmp_path / "tree")
    assert (tmp_path / "tree" / "app.py").read_text("utf-8") == "x = 1\n"
    assert "/app.py" in (tmp_path / "tree" / ".aiexclude").read_text("utf-8")


async def test_more_than_can_be_named_is_not_copied_and_sent(tmp_path: Path):
    repository = Git(tmp_path / "project", tmp_path / "home")
    repository.write("kept.py", "x = 1\n")
    for number in range(MAX_BYTES // 200 + 10):
        repository.write(f"gone_{number:05}_{'x' * 200}.py", "")
    repository.commit("Add files")
    (repository.root / ".aiignore").write_text("gone_*", "utf-8")
    gate = gate_of(repository.root)
    origin = await opened(repository.root, gate.roots)
    with pytest.raises(UserError, match="too many files"):
        await copied(origin, gate, tmp_path / "tree")


def test_a_folder_of_which_nothing_is_allowed_is_one_pattern():
    names = [f"big/{number}/x.py" for number in range(1000)]
    assert patterns([*names, "app.py"], {"app.py"}) == ["/big"]
    assert patterns(names, set()) == ["/*"]
    assert patterns(["app.py"], {"app.py"}) == []


@given(st.sets(st.sampled_from(NAMES)))
def test_each_name_that_is_not_allowed_is_below_a_pattern(allowed: set[str]):
    made = patterns(NAMES, allowed)
    plain = [each for each in NAMES if each.isascii() and each.isprintable() and "[" not in each]
    for name in plain:
        path = "/" + name.replace(" ", "\\ ")
        refused = made == ["/*"] or any(
            path == each or path.startswith(f"{each}/") for each in made
        )
        assert refused == (name not in allowed)
