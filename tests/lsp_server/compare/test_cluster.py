"""What a cluster needs before there is one: addresses, trees on their way, versions."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import io
import os
import socket
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from polypilot.compare.cluster import check_versions
from polypilot.compare.cluster_connect import ClusterError, check_address, connect
from polypilot.compare.cluster_tree import TreeError, pack, unpack
from polypilot.compare.cluster_work import Clerk
from polypilot.compare.forms import as_json
from polypilot.compare.values import Kind, Task
from polypilot.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

NO_RAY = importlib.util.find_spec("ray") is None


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "folder").mkdir(parents=True)
    (top / "code.py").write_text("value = 1\n", "utf-8")
    (top / "run.sh").write_text("true\n", "utf-8")
    (top / "run.sh").chmod(0o700)
    (top / "folder" / "text.bin").write_bytes(b"\xff\x00")
    (top / "folder" / "link").symlink_to("../code.py")
    (top / "linked").symlink_to("folder")
    return top


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> tuple[bytes, str]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        for info, data in members:
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return packed.getvalue(), hashlib.sha256(packed.getvalue()).hexdigest()


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info, b""


def special(kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo("special")
    info.type, info.linkname = kind, "code.py"
    return info, b""


def test_a_tree_arrives_as_it_was(tree: Path, tmp_path: Path) -> None:
    made = unpack(*pack(tree), str(tmp_path / "base"))

    assert (made / "code.py").read_text("utf-8") == "value = 1\n"
    assert os.access(made / "run.sh", os.X_OK)
    assert not os.access(made / "code.py", os.X_OK)
    assert (made / "folder" / "text.bin").read_bytes() == b"\xff\x00"
    assert (made / "folder" / "link").read_text("utf-8") == "value = 1\n"
    assert (made / "linked").readlink().name == "folder"
    assert made.stat().st_mode & 0o077 == 0
    assert pack(made) == pack(tree)


def test_a_tree_that_changed_on_its_way_is_refused(tree: Path, tmp_path: Path) -> None:
    packed, digest = pack(tree)

    with pytest.raises(TreeError, match="did not arrive"):
        unpack(packed.replace(b"value = 1", b"value = 2"), digest, str(tmp_path / "base"))
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize(
    "members",
    [
        [(tarfile.TarInfo("../out.py"), b"x")],
        [(tarfile.TarInfo("a/../../out.py"), b"x")],
        [(tarfile.TarInfo(".git/config"), b"x")],
        [link("link", "../../secret")],
        [link("link", "/etc/passwd")],
        [link("a", "b"), link("b", "../../secret")],
        [link("a", ".."), (tarfile.TarInfo("a/out.py"), b"x")],
        [(tarfile.TarInfo("code.py"), b"1"), special(tarfile.LNKTYPE)],
        [special(tarfile.FIFOTYPE)],
        [special(tarfile.CHRTYPE)],
        [(tarfile.TarInfo("twice"), b"1"), (tarfile.TarInfo("twice"), b"2")],
    ],
)
def test_nothing_is_written_outside_of_the_folder(
    members: list[tuple[tarfile.TarInfo, bytes]], tmp_path: Path
) -> None:
    base = tmp_path / "deep" / "base"

    with pytest.raises(TreeError):
        unpack(*archive(*members), str(base))
    written = list(tmp_path.rglob("out.py"))
    assert all(each.parent.parent.parent == base for each in written)


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"

    with pytest.raises(TreeError):
        unpack(*archive((tarfile.TarInfo(str(outside)), b"x")), str(tmp_path / "base"))
    assert not outside.exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    junk = b"no archive" * 100

    with pytest.raises(TreeError, match="no archive"):
        unpack(junk, hashlib.sha256(junk).hexdigest(), str(tmp_path / "base"))


@pytest.mark.parametrize(
    "address", ["auto", "127.0.0.1:6379", "head.example:6379", "local:4", "[::1]:9"]
)
def test_addresses(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize(
    "address", ["", "local:0", "local:", "local:x", "ray://head:1", "host", "a b:1", "auto\n"]
)
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ClusterError, match="no address") as told:
        check_address(address)
    assert "local:4" in told.value.cure


@pytest.mark.skipif(not NO_RAY, reason="Ray is installed here")
async def test_without_the_extra_what_to_install_is_told() -> None:
    with pytest.raises(UserError) as told:
        await connect("local:2")
    assert told.value.code == "needs_extra"
    assert "polypilot[ray]" in told.value.cure


@pytest.fixture
def ray_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package of this name, which is enough: it is not imported before somebody answers."""
    (tmp_path / "ray.py").write_text("raise SystemExit\n", "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


@pytest.mark.usefixtures("ray_named")
async def test_an_address_where_nobody_answers_is_told() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(ClusterError, match="nothing answers") as told:
            await connect(f"127.0.0.1:{port}")
    assert "ray start" in told.value.cure


@pytest.mark.usefixtures("ray_named")
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 9, b"\0\0\0\4\0\0\0\0\1"]
)
async def test_an_address_of_something_else_is_told(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(answer)
        writer.write_eof()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ClusterError, match="is no Ray cluster") as told:
            await connect(f"127.0.0.1:{port}")
    assert "ray start --head" in told.value.cure


def test_the_same_version_is_needed_everywhere() -> None:
    ours = {"polypilot": "1.2.0", "python": "3.11.7"}

    check_versions("node", ours, dict(ours))
    with pytest.raises(ClusterError, match=r"node has Polypilot 1\.1\.0, this one 1\.2\.0") as told:
        check_versions("node", ours, {**ours, "polypilot": "1.1.0"})
    assert "==1.2.0" in told.value.cure
    with pytest.raises(ClusterError, match="no Polypilot"):
        check_versions("node", ours, None)


async def test_a_supplier_is_never_asked_from_a_cluster() -> None:
    target = {"label": "mistral", "provider": "mistral", "model": "", "file": ""}
    clerk = Clerk(target, "bare")

    told = await clerk.ask({}, as_json(Task("t", Kind.LINE, "python", "a.py", "g")))

    assert told["failure"][0] == "target"
    assert "reply" not in told
