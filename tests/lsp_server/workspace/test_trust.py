"""A workspace is trusted only as long as it is what the user approved."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polypilot.workspace.roots import uri_of
from polypilot.workspace.trust import Trust, TrustError, TrustStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
_CONFIG = ".polypilot.toml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    (made / _CONFIG).write_text('[privacy]\nexclude = ["*.sql"]\n', encoding="utf-8")
    return made


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "data" / "trust.json")


def _trust(store: TrustStore, root: Path) -> None:
    digest = store.digest(str(root))
    assert digest is not None
    store.trust(str(root), digest)


def test_untrusted_until_the_user_says_otherwise(store: TrustStore, root: Path):
    assert store.state(str(root)) is Trust.UNTRUSTED
    assert not store.file.exists()
    _trust(store, root)
    assert store.state(str(root)) is Trust.TRUSTED
    assert store.state(uri_of(str(root))) is Trust.TRUSTED
    assert TrustStore(store.file).trusted(str(root))
    assert store.state(str(root.parent)) is Trust.UNTRUSTED
    store.distrust(str(root))
    assert store.state(str(root)) is Trust.UNTRUSTED


def test_every_changed_byte_ends_it(store: TrustStore, root: Path):
    path = root / _CONFIG
    raw = path.read_bytes()
    _trust(store, root)
    for at in range(len(raw)):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert store.state(str(root)) is Trust.CHANGED
    for other in (raw + b"\n", raw[:-1], b""):
        path.write_bytes(other)
        assert not store.trusted(str(root))
    path.unlink()
    assert not store.trusted(str(root))
    path.write_bytes(raw)
    assert store.trusted(str(root))
    path.write_bytes(raw + b"#")
    _trust(store, root)
    assert store.trusted(str(root))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(first=st.binary(max_size=40), second=st.binary(max_size=40))
def test_content_and_digest_correspond(store: TrustStore, root: Path, first: bytes, second: bytes):
    (root / _CONFIG).write_bytes(first)
    before = store.digest(str(root))
    (root / _CONFIG).write_bytes(second)
    assert (store.digest(str(root)) == before) is (first == second)


def test_a_file_that_comes_later_ends_it(store: TrustStore, root: Path):
    (root / _CONFIG).unlink()
    _trust(store, root)
    assert store.trusted(str(root))
    (root / _CONFIG).write_text("", encoding="utf-8")
    assert store.state(str(root)) is Trust.CHANGED


def test_what_is_approved_is_what_was_seen(store: TrustStore, root: Path):
    seen = store.digest(str(root))
    assert seen is not None
    (root / _CONFIG).write_text("swapped while the user was reading", encoding="utf-8")
    store.trust(str(root), seen)
    assert store.state(str(root)) is Trust.CHANGED


def test_more_files_can_count(tmp_path: Path, root: Path):
    store = TrustStore(tmp_path / "data" / "trust.json", content=(_CONFIG, "AGENTS.md"))
    _trust(store, root)
    assert store.contents(str(root)) == (_CONFIG,)
    (root / "AGENTS.md").write_text("be nice", encoding="utf-8")
    assert not store.trusted(str(root))
    assert store.contents(str(root)) == (_CONFIG, "AGENTS.md")


@pytest.mark.parametrize(
    "name", ["trust.json", ".polypilot/trust.json", "polypilot/trust.json", _CONFIG]
)
def test_what_a_repository_claims_changes_nothing(store: TrustStore, root: Path, name: str):
    claim = {
        "version": 1,
        "roots": {str(root): {"digest": store.digest(str(root))}},
        "trusted": True,
    }
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(json.dumps(claim), encoding="utf-8")
    assert store.state(str(root)) is Trust.UNTRUSTED


def test_a_store_inside_the_workspace_is_no_store(root: Path):
    store = TrustStore(root / "data" / "trust.json")
    digest = store.digest(str(root))
    assert digest is not None
    with pytest.raises(TrustError, match="own data"):
        store.trust(str(root), digest)
    store.file.parent.mkdir(mode=0o700)
    store.file.write_text(
        json.dumps({"version": 1, "roots": {str(root): {"digest": digest}}}), encoding="utf-8"
    )
    store.file.chmod(0o600)
    assert store.state(str(root)) is Trust.UNTRUSTED


@posix
def test_links_are_resolved(store: TrustStore, root: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(root)
    _trust(store, link)
    assert store.trusted(str(root))
    assert store.trusted(str(link))
    other = tmp_path / "other"
    other.mkdir()
    (other / _CONFIG).write_bytes((root / _CONFIG).read_bytes())
    link.unlink()
    link.symlink_to(other)
    assert not store.trusted(str(link))


_SPOILT: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path),
    "huge": lambda path: path.write_bytes(b"x" * 1_000_001),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@posix
@pytest.mark.parametrize("spoil", _SPOILT)
def test_content_that_can_not_be_read_is_never_trusted(store: TrustStore, root: Path, spoil: str):
    _trust(store, root)
    (root / _CONFIG).unlink()
    _SPOILT[spoil](root / _CONFIG)
    assert not store.trusted(str(root))
    assert store.digest(str(root)) is None
    with pytest.raises(TrustError):
        store.trust(str(root), "")


@pytest.mark.parametrize(
    "place", ["untitled:x", "file://host/x", "file:///a%00", "/does/not/exist", ""]
)
def test_what_is_no_folder_is_never_trusted(store: TrustStore, place: str):
    assert store.state(place) is Trust.UNTRUSTED
    assert store.contents(place) == ()
    store.distrust(place)
    with pytest.raises(TrustError):
        store.trust(place, "x")


_DAMAGE = (
    b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"version": 2, "roots": {}}',
    b'{"version": 1, "roots": []}', b'{"version": 1, "roots": {"x": 3}}',
    b"[" * 100_000, b'{"version": 1}',
)  # fmt: skip


@pytest.mark.parametrize("damage", _DAMAGE, ids=range(len(_DAMAGE)))
def test_a_damaged_store_is_an_empty_one(store: TrustStore, root: Path, damage: bytes):
    _trust(store, root)
    store.file.write_bytes(damage)
    assert store.state(str(root)) is Trust.UNTRUSTED
    _trust(store, root)
    assert store.trusted(str(root))


def test_a_damaged_store_is_kept_aside(store: TrustStore, root: Path):
    _trust(store, root)
    store.file.write_bytes(b"{damaged")
    _trust(store, root)
    assert store.file.with_name("trust.json.damaged").read_bytes() == b"{damaged"


@pytest.mark.parametrize("spoil", ["digest", "entry"])
def test_odd_entries_are_not_trusted(store: TrustStore, root: Path, spoil: str):
    _trust(store, root)
    tree = json.loads(store.file.read_text(encoding="utf-8"))
    key = os.path.realpath(root)
    tree["roots"][key] = {"digest": ["x"]} if spoil == "digest" else "yes"
    store.file.write_text(json.dumps(tree), encoding="utf-8")
    assert not store.trusted(str(root))


@posix
@pytest.mark.parametrize("mode", [0o666, 0o622, 0o602])
def test_a_store_that_others_may_write_to_is_not_believed(store: TrustStore, root: Path, mode: int):
    _trust(store, root)
    store.file.chmod(mode)
    assert store.state(str(root)) is Trust.UNTRUSTED


@posix
def test_a_planted_link_is_neither_believed_nor_followed(
    store: TrustStore, root: Path, tmp_path: Path
):
    _trust(store, root)
    planted = tmp_path / "planted.json"
    planted.write_bytes(store.file.read_bytes())
    planted.chmod(0o600)
    before = planted.read_bytes()
    store.file.unlink()
    store.file.symlink_to(planted)
    assert store.state(str(root)) is Trust.UNTRUSTED
    other = tmp_path / "other"
    other.mkdir()
    _trust(store, other)
    assert planted.read_bytes() == before
    assert not store.file.is_symlink()
    assert store.trusted(str(other))


@posix
def test_modes_do_not_depend_on_the_umask(store: TrustStore, root: Path):
    before = os.umask(0)
    try:
        _trust(store, root)
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.file.parent.stat().st_mode) == 0o700
    others = [
        path for path in store.file.parent.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert others == []


def test_a_decision_that_can_not_be_kept_is_an_error_with_a_cure(tmp_path: Path, root: Path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    store = TrustStore(tmp_path / "file" / "trust.json")
    digest = store.digest(str(root))
    assert digest is not None
    with pytest.raises(TrustError) as caught:
        store.trust(str(root), digest)
    assert caught.value.code == "trust"
    assert caught.value.cure
    assert store.state(str(root)) is Trust.UNTRUSTED


def test_the_default_place_is_outside_of_any_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("POLYPILOT_DATA_DIR", str(tmp_path / "profile"))
    assert TrustStore().file == tmp_path / "profile" / "trust.json"


def test_many_writers_lose_nothing(store: TrustStore, tmp_path: Path):
    roots = [tmp_path / f"root{number}" for number in range(12)]
    for each in roots:
        each.mkdir()
    code = (
        "import sys; from pathlib import Path; from polypilot.workspace.trust import TrustStore\n"
        f"store = TrustStore(Path({str(store.file)!r}))\n"
        "for root in sys.argv[1:]: store.trust(root, store.digest(root))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, *map(str, roots[at : at + 3])])
        for at in range(0, 12, 3)
    ]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert all(store.trusted(str(each)) for each in roots)


def test_readers_never_see_a_part(store: TrustStore, root: Path):
    _trust(store, root)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            _trust(store, root)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        states = {store.state(str(root)) for _ in range(300)}
    finally:
        stop.set()
        thread.join()
    assert states == {Trust.TRUSTED}


@posix
def test_odd_paths(store: TrustStore, tmp_path: Path):
    for name in ("sp ace", "caf\u00e9", os.fsdecode(b"\xff\xfe"), "a\nb"):
        root = tmp_path / name
        root.mkdir()
        _trust(store, root)
        assert store.trusted(str(root))
        assert store.trusted(uri_of(str(root)))
