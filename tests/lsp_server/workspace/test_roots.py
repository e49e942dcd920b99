"""What URIs stand for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polypilot.workspace.roots import Roots, fold, is_short_name, locate, resolve, uri_of

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX paths")


@posix
@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c.py", "/a/b c.py"),
        ("file://localhost/a/b.py", "/a/b.py"),
        ("FILE:///a/b.py", "/a/b.py"),
        ("file:///a/../b//c/./d.py", "/b/c/d.py"),
        ("file:////a/b.py", "/a/b.py"),
        ("file:///a/%c3%a9.py", "/a/\u00e9.py"),
        ("file:///a/%ff.py", "/a/\udcff.py"),
        ("file:/a/b.py", "/a/b.py"),
        ("/a/b.py", "/a/b.py"),
        ("//a/b.py", "/a/b.py"),
        ("file:///a/b%23c%3Fd.py", "/a/b#c?d.py"),
        ("vscode-notebook-cell:/a/n.ipynb#W1s", "/a/n.ipynb"),
        ("untitled:/a/new.py", "/a/new.py"),
        ("untitled:Untitled-1", None),
        ("file://server/share/x.py", None),
        ("vscode-notebook-cell://ssh-remote+host/a/n.ipynb#W1s", None),
        ("relative.py", None),
        ("", None),
    ],
)
def test_paths_of_uris(uri: str, path: str | None):
    assert locate(uri).path == path


@posix
def test_only_files_may_be_looked_at():
    assert locate("file:///a").readable
    assert locate("/a").readable
    assert not locate("untitled:/a").readable
    assert not locate("vscode-notebook-cell:/a").readable
    assert not locate("http://host/a").readable


@pytest.mark.parametrize(
    "uri",
    [
        "file:///p/.ENV", "file:///p/%2eenv", "file:///p/%252eenv", "file:///p/.env.", "file:///p/.env%20",
        "file:///p/.env::$DATA", "file:///p/x/../.env", "file:///p//.env", "file:///C:/p/.env",
        r"\\?\C:\p\.env", r"C:\p\.env", "file:///c%3A/p/.env", "file:///p%5C.env",
        "file:///p/.env?x#y", "file:///p/.env#.txt",
        "untitled:.env", "untitled:/p/.env", "vscode-notebook-cell:/p/.env#W0",
        "git:/p/.env?%7B%22ref%22%7D", "file:///p/.e\u200bnv", "file:///p/.e%E2%80%8Bnv", "/p/.env",
    ],
)  # fmt: skip
def test_every_spelling_is_read_as_the_name_it_can_stand_for(uri: str):
    assert any(names[-1] == ".env" for names in locate(uri).readings)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///a%00b",
        "file:///a\0b",
        "file:///a%2500b",
        "file:///dev/zero",
        "file:///" + "a" * 40_000,
    ],
    ids=range(5),
)
def test_names_that_can_be_nothing_good(uri: str):
    assert locate(uri).fault


@posix
def test_memory_disks_are_no_devices():
    assert not locate("file:///dev/shm/project/a.py").fault


def test_short_names():
    assert all(map(is_short_name, ["ENV~1", "ID_RSA~1.PEM", "secret~12.jso", "A~1"]))
    assert not any(map(is_short_name, ["a.py", "~1", "backup~", "toolongname~1.py", "a~1.long"]))


@posix
@given(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
    )
)
def test_a_path_survives_the_way_through_a_uri(parts: list[str]):
    path = "/" + "/".join(part for part in parts if part not in {".", ".."})
    assert locate(uri_of(path)).path == path


@given(st.text())
def test_any_text_can_be_located(text: str):
    locate(text)
    fold(text)


@given(st.text())
def test_folding_is_idempotent(text: str):
    assert fold(fold(text)) == fold(text)


@posix
def test_roots(tmp_path: Path):
    real = tmp_path / "real"
    (real / "inner").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(real)
    roots = Roots([uri_of(str(link)), "untitled:x", "file://host/x", "file:///a%00"])
    assert [root.path for root in roots] == [str(link)]
    for path in (link / "a.py", real / "a.py"):
        root = roots.of(str(path))
        assert root is not None
        assert root.relative(str(path)) == "a.py"
    assert roots.of(str(tmp_path / "linked/a.py")) is None
    assert roots.of(str(tmp_path / "a.py")) is None
    inner = roots.add(str(link / "inner"))
    assert roots.of(str(link / "inner/a.py")) == inner
    assert len(roots) == 2
    roots.remove(uri_of(str(link / "inner")))
    roots.remove("untitled:x")
    assert len(roots) == 1
    roots.replace(resolve([uri_of(str(real))]))
    assert [root.path for root in roots] == [str(real)]


@posix
def test_the_file_systems_root_can_be_a_root():
    root = Roots(["file:///"]).of("/etc/x")
    assert root is not None
    assert root.relative("/etc/x") == "etc/x"
