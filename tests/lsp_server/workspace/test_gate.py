"""Nothing leaves but what the gate let through."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.workspace import gate_outgoing
from polypilot.workspace.documents import Position
from polypilot.workspace.gate import (
    MARGIN,
    ExcludedError,
    Outgoing,
    Windows,
    assemble,
)
from polypilot.workspace.gate_outgoing import OutgoingMedia
from polypilot.workspace.gate_read import MAX_MEDIA_BYTES
from polypilot.workspace.roots import uri_of
from polypilot_providers.types import (
    ChatRequest,
    CompletionRequest,
    ContextFile,
    Message,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "canary-7f3a91c2-must-stay"
_START, _END = Position(0, 0), Position(9, 0)

SECRET_NAMES = [
    ".env",
    ".env.local",
    ".env.production",
    "prod.env",
    "a.env.b",
    ".envrc",
    ".dev.vars",
    "server.key",
    "cert.pem",
    "key.p8",
    "store.p12",
    "store.pfx",
    "ca.crt",
    "ca.cer",
    "ca.der",
    "app.jks",
    "app.keystore",
    "app.truststore",
    "app.db",
    "app.sqlite",
    "app.sqlite3",
    "old.mdb",
    "a.accdb",
    "api.secret",
    "app.secrets",
    "auth.json",
    "access.token",
    "a.bak",
    "a.backup",
    "a.old",
    "a.orig",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "key.ppk",
    "x.gpg",
    ".netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    "prod.tfvars",
    "a.tfstate",
    "kubeconfig",
    "vault.kdbx",
    ".htpasswd",
    "credentials",
    "credentials.json",
    "service-account.json",
    "client_secret_1.json",
    "secrets.yml",
    "appsettings.json",
    "docker-compose.override.yml",
    ".aws/config",
    ".ssh/config",
    ".kube/config",
    "secrets/main.py",
    ".docker/config.json",
    ".git/config",
    ".config/gcloud/x.json",
    ".vault-token",
]


def _sources(bench: Any, uri: str) -> Iterator[tuple[str, Callable[[], Outgoing | Windows]]]:
    """Every way in which a document's text can leave; open documents have more."""
    gate = bench.gate
    yield "attached by URI", lambda: gate.read_file(uri).text
    yield "text handed over", lambda: gate.outgoing(uri, CANARY, "context")
    if uri.startswith("file://"):
        yield "attached by path", lambda: gate.read_file(uri.removeprefix("file://")).text
    snapshot = bench.documents.snapshot(uri, _START, 1_000, 1_000)
    if snapshot is not None:
        yield "window", lambda: gate.windows(snapshot, 500, 500)
        yield "selection", lambda: gate.excerpt(uri, _START, _END)


def _left(bench: Any, uri: str) -> list[str]:
    """Sources through which the canary left."""
    out: list[str] = []
    refusals: list[ExcludedError] = []
    for name, send in _sources(bench, uri):
        try:
            sent = send()
        except ExcludedError as error:
            refusals.append(error)
            continue
        pieces = (sent.prefix, sent.suffix) if isinstance(sent, Windows) else (sent,)
        if any(CANARY in piece.text for piece in pieces):
            out.append(name)
    assert all(error.code == "excluded" for error in refusals)
    assert CANARY not in "".join(f"{error} {error.message} {error.cure}" for error in refusals)
    return out


def test_there_are_sixty_names():
    assert len(set(SECRET_NAMES)) >= 60


@pytest.mark.parametrize("opened", [False, True], ids=["on disk", "open"])
@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_files_leave_by_no_source(bench: Any, name: str, opened: bool):  # noqa: FBT001 - pytest and hypothesis fill it in by name
    uri = bench.file(name, CANARY)
    if opened:
        bench.open(uri, CANARY)
    assert _left(bench, uri) == []


@pytest.mark.parametrize("opened", [False, True], ids=["on disk", "open"])
def test_an_ordinary_file_leaves_by_all_of_them(bench: Any, opened: bool):  # noqa: FBT001 - pytest and hypothesis fill it in by name
    uri = bench.file("main.py", CANARY)
    if opened:
        bench.open(uri, CANARY)
    assert _left(bench, uri) == [name for name, _ in _sources(bench, uri)]


# -- other names of the same file --------------------------------------------------------

_TARGETS = ("id_rsa", ".env", "a.pem", "secrets/x.py", ".aws/config", ".npmrc", "app.db",
            "a.tfvars", ".ssh/known", "credentials.json")  # fmt: skip


def _symlink(bench: Any, target: Path) -> str:
    link = bench.root / "notes.txt"
    link.symlink_to(target)
    return uri_of(str(link))


def _folder_link(bench: Any, target: Path) -> str:
    link = bench.root / "docs"
    link.symlink_to(target.parent, target_is_directory=True)
    return uri_of(str(link / target.name))


def _chain(bench: Any, target: Path) -> str:
    (bench.root / "one").symlink_to(target)
    (bench.root / "two").symlink_to("one")
    return uri_of(str(bench.root / "two"))


def _hardlink(bench: Any, target: Path) -> str:
    link = bench.root / "notes.txt"
    link.hardlink_to(target)
    return uri_of(str(link))


def _dotted(bench: Any, target: Path) -> str:
    inside = target.relative_to(bench.root)
    return f"file://{bench.root}/src/../{inside.parent}/./x/../{inside.name}"


def _encoded(_bench: Any, target: Path) -> str:
    return "file://" + "".join(
        f"%{byte:02x}" if byte != 47 else "/" for byte in os.fsencode(target)
    )


def _doubly_encoded(bench: Any, target: Path) -> str:
    inside = str(target.relative_to(bench.root))
    return f"file://{bench.root}/" + "".join(
        f"%25{ord(char):02x}" if char != "/" else "/" for char in inside
    )


def _upper(bench: Any, target: Path) -> str:
    return uri_of(f"{bench.root}/{str(target.relative_to(bench.root)).upper()}")


def _decomposed(bench: Any, _target: Path) -> str:
    # An ignore file names it composed; the URI spells it decomposed.
    bench.file(".aiignore", "caf\u00e9*\n")
    name = unicodedata.normalize("NFD", "caf\u00e9-notes.txt")
    return bench.file(name, CANARY)


def _short(bench: Any, target: Path) -> str:
    stem = target.name.lstrip(".").split(".")[0][:6].upper()
    return uri_of(str(bench.root / f"{stem}~1"))


def _cell(_bench: Any, target: Path) -> str:
    return f"vscode-notebook-cell:{target}#W0sZmlsZQ%3D%3D"


def _untitled(_bench: Any, target: Path) -> str:
    return f"untitled:{target}"


def _ends_in_dot(_bench: Any, target: Path) -> str:
    return uri_of(f"{target}.")


def _stream(_bench: Any, target: Path) -> str:
    return uri_of(f"{target}::$DATA")


def _double_slash(_bench: Any, target: Path) -> str:
    return f"file:///{str(target).replace('/', '//')}"


def _prefixed(_bench: Any, target: Path) -> str:
    windows = str(target).replace("/", "\\")
    return f"\\\\?\\C:{windows}"


_ALIASES = (
    _symlink, _folder_link, _chain, _hardlink, _dotted, _encoded, _doubly_encoded, _upper,
    _decomposed, _short, _cell, _untitled, _ends_in_dot, _stream, _double_slash, _prefixed,
)  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are POSIX paths")
@pytest.mark.parametrize("target", _TARGETS)
@pytest.mark.parametrize("alias", _ALIASES)
def test_no_other_name_helps(bench: Any, alias: Callable[[Any, Path], str], target: str):
    bench.file(target, CANARY)
    if alias is _folder_link and "/" not in target:
        # The folder is the root itself then; the file keeps its name.
        assert _left(bench, uri_of(str(bench.root / target))) == []
        return
    uri = alias(bench, bench.root / target)
    assert _left(bench, uri) == []
    bench.open(uri, CANARY)
    assert _left(bench, uri) == []


def test_a_cell_of_an_excluded_notebook(bench: Any):
    notebook = bench.file("secrets/n.ipynb", "{}")
    cell = "custom-cell:whatever-1"
    bench.documents.open_notebook(notebook, [cell])
    bench.documents.open(cell, "python", 1, CANARY, notebook=notebook)
    assert _left(bench, cell) == []


def test_a_hard_link_to_what_an_ignore_file_excludes(bench: Any):
    bench.file("inner/plan.py", CANARY)
    bench.file(".aiignore", "inner/\n")
    link = bench.root / "open.py"
    link.hardlink_to(bench.root / "inner/plan.py")
    assert _left(bench, uri_of(str(link))) == []


def test_a_hard_link_between_ordinary_files_is_no_reason(bench: Any):
    bench.file("a.py")
    (bench.root / "b.py").hardlink_to(bench.root / "a.py")
    assert bench.allowed("a.py")
    assert bench.allowed("b.py")


def test_a_link_that_leads_out_is_not_read(bench: Any, tmp_path: Path):
    outside = tmp_path / "outside.py"
    outside.write_text(CANARY, encoding="utf-8")
    (bench.root / "in.py").symlink_to(outside)
    (bench.root / "folder").symlink_to(tmp_path)
    for name in ("in.py", "folder/outside.py"):
        verdict = bench.gate.admit_document(uri_of(str(bench.root / name)))
        assert not verdict.allowed
        assert "out of the workspace" in verdict.reason


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bind mounts are Linux's")
@pytest.mark.parametrize("store", ["secrets", ".ssh", "../elsewhere/.aws"])
def test_a_bind_mount_keeps_the_name_it_comes_from(tmp_path: Path, store: str):
    root = tmp_path / "project"
    (root / "docs").mkdir(parents=True)
    (root / store).mkdir(parents=True)
    (root / store / "notes.txt").write_text(CANARY, encoding="utf-8")
    code = (
        "import sys\n"
        "from types import SimpleNamespace as N\n"
        "from polypilot.workspace.documents import DocumentStore\n"
        "from polypilot.workspace.gate import Gate\n"
        "from polypilot.workspace.roots import Roots\n"
        f"privacy = N(exclude=(), use_gitignore=True, redact_secrets=True)\n"
        f"gate = Gate(Roots([{str(root)!r}]), privacy, DocumentStore())\n"
        f"verdict = gate.admit_document({str(root / 'docs/notes.txt')!r})\n"
        "sys.stdout.write(f'{verdict.allowed} {verdict.reason}')\n"
    )
    script = f'mount --bind "{root / store}" "{root / "docs"}" && exec "{sys.executable}" -c "$0"'
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare is not installed (apt-get install util-linux)")
    run = subprocess.run(
        [unshare, "-Urm", "sh", "-c", script, code],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )
    if run.returncode != 0 and "unshare" in run.stderr:
        pytest.skip(f"no namespaces here: {run.stderr.strip()}")
    assert run.stdout.startswith("False"), run.stdout + run.stderr


# -- what may be looked at ---------------------------------------------------------------

_OUTSIDE = (
    "file:///etc/passwd", "file:///etc/shadow", "file://localhost/etc/hosts", "/etc/hostname",
    "file:///proc/self/environ", "file:///proc/self/mem", "file:///dev/zero", "file:///dev/tty", "file://{root}/../outside.txt",
    "file://{root}/%2e%2e/outside.txt", "file://{root}/..%2foutside.txt", "file://{root}2/near.txt",
    "file:////etc/group", "file://server/share/x", "file:///etc/passwd#{root}",
    "file:///etc/passwd?{root}",
    "untitled:/etc/passwd", "vscode-notebook-cell:/etc/passwd#1",
    "http://localhost/etc/passwd",
    "../../etc/passwd", "\\\\server\\share\\x", "file:///etc%00/passwd", "", "C:\\Windows\\win.ini",
    "data:text/plain,x",
)  # fmt: skip

_PROBE = """
import sys
from types import SimpleNamespace as N
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate, ExcludedError
from polypilot.workspace.roots import Roots
root = sys.argv[1]
gate = Gate(Roots([root]), N(exclude=(), use_gitignore=True, redact_secrets=True), DocumentStore())
gate.warm()
gate.read_file(root + "/inside.txt")
opened = []
WATCHED = {"open", "os.listdir", "os.scandir", "socket.connect", "subprocess.Popen"}
def watch(event, args):
    if event in WATCHED:
        opened.append((event, repr(args[0])))
sys.addaudithook(watch)
reasons = []
for uri in sys.argv[2:]:
    verdict = gate.admit_document(uri)
    reasons.append(verdict.reason if not verdict.allowed else "")
    try:
        gate.read_file(uri)
        reasons.append("")
    except ExcludedError as error:
        reasons.append(error.message)
sys.stdout.write(repr((opened, reasons)))
"""


def _outside(tmp_path: Path) -> tuple[Path, list[str]]:
    root = tmp_path / "project"
    for folder in (root, tmp_path / "project2"):
        folder.mkdir()
    (root / "inside.txt").write_text("x", encoding="utf-8")
    (tmp_path / "outside.txt").write_text(CANARY, encoding="utf-8")
    (tmp_path / "project2/near.txt").write_text(CANARY, encoding="utf-8")
    uris = [uri.replace("{root}", str(root)) for uri in _OUTSIDE]
    # An argument of a program can hold no NUL and is never empty here.
    return root, [uri for uri in uris if uri]


def test_what_is_outside_is_refused_without_opening_anything(tmp_path: Path):
    root, uris = _outside(tmp_path)
    assert len(uris) >= 20
    run = subprocess.run(
        [sys.executable, "-c", _PROBE, str(root), *uris],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    opened, reasons = ast.literal_eval(run.stdout)
    assert opened == []
    assert all(reasons)


def test_the_system_is_not_asked_to_open_it_either(tmp_path: Path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed (apt-get install strace)")
    root, uris = _outside(tmp_path)
    log = tmp_path / "log"
    subprocess.run(
        [strace, "-f", "-o", str(log), "-e", "trace=open,openat,openat2,connect,execve",
         "-s", "300", sys.executable, "-c", _PROBE, str(root), *uris],
        capture_output=True, check=True,
        # Coverage, which follows into child processes, writes files of its own at the end.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
    )  # fmt: skip
    calls = log.read_text(encoding="utf-8", errors="replace").split("inside.txt")[-1]
    assert "open" not in calls, calls
    assert "connect(" not in calls
    assert "execve(" not in calls


def test_an_open_document_may_be_anywhere(bench: Any, tmp_path: Path):
    uri = bench.open(uri_of(str(tmp_path / "elsewhere.py")), CANARY)
    assert _left(bench, uri) == [name for name, _ in _sources(bench, uri)]
    assert bench.gate.admit_document(bench.open("untitled:Untitled-1")).allowed


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_pipes_devices_folders_and_sockets_are_not_opened(bench: Any):
    os.mkfifo(bench.root / "pipe")
    (bench.root / "folder").mkdir()
    (bench.root / "null").symlink_to("/dev/null")
    for name in ("pipe", "folder", "null", "missing"):
        with pytest.raises(ExcludedError):
            bench.gate.read_file(str(bench.root / name))


@pytest.mark.parametrize(
    "raw",
    [b"\x7fELF\x00\x01", b"text\x00more", b"\xff\xd8\xfe\xe0" * 20, bytes(range(256)) * 4],
)
def test_what_is_no_text_is_refused(bench: Any, raw: bytes):
    (bench.root / "x.txt").write_bytes(raw)
    with pytest.raises(ExcludedError, match="not text"):
        bench.gate.read_file(str(bench.root / "x.txt"))


MEDIA = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0",
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "image/gif": b"GIF89a\1\0\1\0",
    "image/webp": b"RIFF\x1a\0\0\0WEBPVP8L",
    "application/pdf": b"%PDF-1.7\n%\xe2\xe3",
}


@pytest.mark.parametrize("media_type", list(MEDIA))
def test_pictures_and_documents_are_known_by_how_they_begin(bench: Any, media_type: str):
    file = bench.root / "x.txt"
    file.write_bytes(MEDIA[media_type])
    admitted = bench.gate.read_any(str(file))
    assert (admitted.media.media_type, admitted.media.data) == (media_type, MEDIA[media_type])
    assert admitted.text.text == ""
    assert admitted.text.sources == (str(file),)
    assert "PNG" not in repr(admitted.media)
    with pytest.raises(ExcludedError, match="not text"):
        bench.gate.read_file(str(file))
    with pytest.raises(TypeError):
        OutgoingMedia(media_type, b"")
    with pytest.raises(TypeError):
        pickle.dumps(admitted.media)


def test_a_picture_may_be_bigger_than_a_text_but_not_huge(bench: Any):
    file = bench.root / "x.png"
    file.write_bytes(MEDIA["image/png"] + bytes(MAX_MEDIA_BYTES - 10))
    assert len(bench.gate.read_any(str(file)).media.data) == MAX_MEDIA_BYTES
    for size in (MAX_MEDIA_BYTES - 9, MAX_MEDIA_BYTES * 2):
        file.write_bytes(MEDIA["image/png"] + bytes(size))
        with pytest.raises(ExcludedError, match="bigger than 5,000,000"):
            bench.gate.read_any(str(file))
    file.write_bytes(b"x" * (MAX_MEDIA_BYTES - 9))
    with pytest.raises(ExcludedError, match="bigger than 2,000,000"):
        bench.gate.read_any(str(file))


def test_an_excluded_picture_is_not_read(bench: Any):
    (bench.root / ".env").mkdir()
    for name in ("key.pem", ".env/x.png"):
        file = bench.root / name
        file.write_bytes(MEDIA["image/png"])
        with pytest.raises(ExcludedError):
            bench.gate.read_any(str(file))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_texts_are_decoded(bench: Any, encoding: str):
    (bench.root / "x.txt").write_bytes("h\u00e9llo\r\n\U0001f600".encode(encoding))
    assert bench.gate.read_file(str(bench.root / "x.txt")).text.text == "h\u00e9llo\r\n\U0001f600"


def test_what_is_too_big_is_refused(bench: Any):
    bench.file("big.txt", "x" * 2_000_001)
    bench.file("fits.txt", "x" * 2_000_000)
    with pytest.raises(ExcludedError, match="bigger"):
        bench.gate.read_file(str(bench.root / "big.txt"))
    assert len(bench.gate.read_file(str(bench.root / "fits.txt")).text) == 2_000_000
    with pytest.raises(ExcludedError, match="bigger"):
        bench.gate.read_file(bench.open(uri_of(str(bench.root / "big.txt")), "x" * 2_000_001))


_SWAP = """
import ctypes, os, random, sys
exchange = ctypes.CDLL(None, use_errno=True).renameat2
place, other = map(os.fsencode, sys.argv[1:])
print("ready", flush=True)
while True:
    if exchange(-100, place, -100, other, 2):
        sys.exit(f"renameat2: {ctypes.get_errno()}")
    for _ in range(random.randrange(20_000)):
        pass
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="renameat2 is Linux's")
@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_a_file_swapped_while_it_is_read_never_shows_the_other(
    bench: Any, tmp_path: Path, swapped: str
):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a.txt").write_text(CANARY, encoding="utf-8")
    bench.file("folder/a.txt", "harmless")
    place = bench.root / ("folder/a.txt" if swapped == "file" else "folder")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / ("store/a.txt" if swapped == "file" else "store"))
    with subprocess.Popen(
        [sys.executable, "-c", _SWAP, str(place), str(link)], stdout=subprocess.PIPE
    ) as swapper:
        assert swapper.stdout is not None
        swapper.stdout.readline()
        shown: dict[str, int] = {}
        try:
            for _ in range(1_000):
                try:
                    text = bench.gate.read_file(str(bench.root / "folder/a.txt")).text.text
                except ExcludedError:
                    text = "refused"
                shown[text] = shown.get(text, 0) + 1
        finally:
            swapper.kill()
    assert set(shown) <= {"harmless", "refused"}


_TURN = """
import os, sys
from types import SimpleNamespace as N
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import ExcludedError, Gate
from polypilot.workspace.roots import Roots
root, store = sys.argv[1:]
gate = Gate(Roots([root]), N(exclude=(), use_gitignore=True, redact_secrets=True), DocumentStore())
gate.warm()
def hook(frame, event, arg):
    # Right after the links were resolved for the last time.
    names = frame.f_code.co_name, frame.f_back and frame.f_back.f_code.co_name
    if event == "return" and names == ("_resolved", "file_of"):
        sys.setprofile(None)
        os.rename(root + "/folder", root + "/aside")
        os.symlink(store, root + "/folder")
sys.setprofile(hook)
try:
    sys.stdout.write(gate.read_file(root + "/folder/a.txt").text.text)
except ExcludedError as error:
    sys.stdout.write("refused: " + error.message)
assert os.path.islink(root + "/folder")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX links")
def test_a_folder_turned_into_a_link_after_links_were_resolved_is_not_followed(
    bench: Any, tmp_path: Path
):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/a.txt").write_text(CANARY, encoding="utf-8")
    bench.file("folder/a.txt", "harmless")
    run = subprocess.run(
        [sys.executable, "-c", _TURN, str(bench.root), str(tmp_path / "store")],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert run.stdout.startswith("refused: ")


_REPLACE = """
import os, sys
from types import SimpleNamespace as N
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import ExcludedError, Gate
from polypilot.workspace.roots import Roots
root, other = sys.argv[1:]
gate = Gate(Roots([root]), N(exclude=(), use_gitignore=True, redact_secrets=True), DocumentStore())
armed = []
def hook(event, args):
    # The last moment before the file itself is opened.
    if armed and event == "open" and str(args[0]).endswith("a.txt"):
        armed.clear()
        os.replace(other, root + "/a.txt")
sys.addaudithook(hook)
gate.warm()
armed.append(True)
try:
    sys.stdout.write(gate.read_file(root + "/a.txt").text.text)
except ExcludedError as error:
    sys.stdout.write("refused: " + error.message)
assert not armed
"""


def test_a_file_replaced_after_it_was_judged_is_not_read(bench: Any, tmp_path: Path):
    bench.file("a.txt", "harmless")
    (tmp_path / "other").write_text(CANARY, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-c", _REPLACE, str(bench.root), str(tmp_path / "other")],
        capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    assert run.stdout == "refused: it changed while it was read"


def test_the_editors_text_goes_before_the_files(bench: Any):
    uri = bench.open(bench.file("a.py", "on disk"), "in the editor")
    assert bench.gate.read_file(uri).text.text == "in the editor"
    assert bench.gate.read_file(str(bench.root / "a.py")).text.text == "in the editor"
    assert bench.gate.read_file(uri).relative == "a.py"


def test_a_document_out_of_sync_does_not_leave(bench: Any):
    uri = bench.open(bench.file("a.py", CANARY), CANARY)
    bench.documents.lost(uri)
    with pytest.raises(ExcludedError, match="not known"):
        bench.gate.read_file(uri)
    with pytest.raises(ExcludedError, match="not known"):
        bench.gate.excerpt(uri, _START, _END)


# -- secrets -----------------------------------------------------------------------------


def _token(number: int = 0) -> str:
    return "ghp" + "_" + f"{number:02d}" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7"


@pytest.mark.parametrize("at", range(0, 60, 3))
def test_a_secret_at_the_windows_edge_or_cursor_does_not_leave(bench: Any, at: int):
    text = "x" * 50 + " = 1\n" + "y" * (at + 1) + ' = "' + _token() + '"\n' + "z = 2\n" * 20
    uri = bench.open(bench.file("a.py"), text)
    begin = text.index(_token())
    for cursor in range(begin - 3, begin + len(_token()) + 3, 2):
        position = bench.documents.get(uri).position(cursor)
        snapshot = bench.documents.snapshot(uri, position, 30 + MARGIN, 30 + MARGIN)
        assert snapshot is not None
        windows = bench.gate.windows(snapshot, 30, 30)
        both = windows.prefix.text + "|" + windows.suffix.text
        assert not [n for n in range(len(_token()) - 7) if _token()[n : n + 8] in both]
        assert windows.in_secret is (begin < cursor < begin + len(_token()))
        assert windows.prefix.redactions + windows.suffix.redactions >= 1


def test_a_window_without_secrets_is_what_it_was(bench: Any):
    text = "".join(f"line {number}\n" for number in range(2_000))
    uri = bench.open(bench.file("a.py"), text)
    snapshot = bench.documents.snapshot(uri, Position(1_000, 3), 500 + MARGIN, 200 + MARGIN)
    assert snapshot is not None
    windows = bench.gate.windows(snapshot, 500, 200)
    cursor = text.index("line 1000") + 3
    assert windows.prefix.text == text[cursor - 500 : cursor]
    assert windows.suffix.text == text[cursor : cursor + 200]
    assert (windows.prefix.part, windows.suffix.part) == ("prefix", "suffix")


@pytest.mark.parametrize("marker", ["BEGIN", "END"])
def test_a_selection_inside_a_key_block_shows_nothing_of_it(bench: Any, marker: str):
    lines = [f"{number:02d}" + "Ab3/" * 15 + "xY" for number in range(30)]
    line = f"-----{marker} RSA PRIVATE" + " KEY-----"
    block = [line, *lines, "z"] if marker == "BEGIN" else ["a", *lines, line]
    uri = bench.open(bench.file("a.py"), "\n".join(block))
    cut = bench.gate.excerpt(uri, Position(10, 5), Position(12, 20))
    assert not any(line[:10] in cut.text or line[20:30] in cut.text for line in lines)
    assert cut.redactions == 1
    assert cut.text.count("\n") == 2


def test_hidden_secrets_are_counted_once(bench: Any):
    uri = bench.open(bench.file("a.py"), f"{_token(1)}\n{_token(2)}\n{_token(1)}\n")
    for _ in range(3):
        assert bench.gate.read_file(uri).text.redactions == 3
    assert bench.gate.redactions == 2
    bench.gate.typed(f"my key is {_token(3)}")
    assert bench.gate.redactions == 3


def test_the_user_can_switch_it_off(bench: Any):
    bench.set(redact_secrets=False)
    assert _token() in bench.gate.typed(_token()).text


def test_release_says_what_it_hid(bench: Any):
    released = bench.gate.release(f"a {_token()} b")
    assert released.text == "a REDACTED_GITHUB_TOKEN b"
    assert [(mark.kind, mark.start, mark.end) for mark in released.redactions] == [
        ("github_token", 2, 2 + len(_token()))
    ]


def test_a_request_is_looked_at_once_more(bench: Any):
    token = _token()
    request = CompletionRequest(
        "m", f"a = '{token[:9]}", f"{token[9:]}'\n", (ContextFile("a.py", token),)
    )
    checked = bench.gate.last_check(request)
    assert token[9:20] not in checked.prefix + checked.suffix + checked.extra[0].text
    parts = (
        TextPart(token),
        ToolCallPart("1", "f", f'{{"a": "{token}"}}'),
        ToolResultPart("1", token),
    )
    chat = bench.gate.last_check(ChatRequest("m", (Message("user", parts),), system=token))
    assert token not in repr(chat)
    clean = CompletionRequest("m", "a", "b")
    assert bench.gate.last_check(clean) == clean


# -- the type ----------------------------------------------------------------------------


def test_only_the_gate_makes_outgoing_text(bench: Any):
    with pytest.raises(TypeError):
        Outgoing("text", "prefix")
    with pytest.raises(TypeError):
        Outgoing("text", "prefix", (), 0, "", object())
    piece = bench.gate.typed("text")
    with pytest.raises(AttributeError):
        piece.text = "other"
    with pytest.raises(TypeError):
        pickle.dumps(piece)
    with pytest.raises(TypeError):
        copy.replace(piece, text="other") if sys.version_info >= (3, 13) else copy.deepcopy(piece)
    assert "text" not in repr(piece).replace("Outgoing", "")


def test_nobody_else_knows_the_token():
    folder = Path(gate_outgoing.__file__).parents[1]
    for path in folder.rglob("*.py"):
        if path.name in {"gate_outgoing.py", "gate.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module == "polypilot.workspace.gate_outgoing"
            ):
                assert not {"make", "_SEAL"} & {name.name for name in node.names}, path
            assert not (isinstance(node, ast.Name) and node.id == "_SEAL"), path


def test_pieces_are_cut_and_joined(bench: Any):
    uri = bench.open(bench.file("a.py"), f"one\r\ntwo {_token()}\rthree\n")
    piece = bench.gate.read_file(uri).text
    assert piece.lines(1, 2).text == "two REDACTED_GITHUB_TOKEN\r"
    assert piece.lines(0, 99).text == piece.text
    assert piece.slice(0, 3).text == "one"
    assert piece.slice(-6).text == "three\n"
    assert piece.named("other").part == "other"
    joined = assemble([piece.slice(0, 3), bench.gate.typed("hi")], part="all", newline=True)
    assert (joined.text, joined.part, joined.sources) == ("one\nhi", "all", (uri,))
    assert joined.redactions == 1
    assert not assemble([])
    with pytest.raises(TypeError):
        assemble(["text"])  # pyright: ignore[reportArgumentType] - what must fail


# -- caches ------------------------------------------------------------------------------


def test_caches_keyed_by_policy_do_not_cross_roots_or_policies(
    make_bench: Callable[..., Any], tmp_path: Path
):
    benches: list[Any] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        benches.append(make_bench(tmp_path / name))
    first, second = benches
    second.roots.add(str(first.root))
    cache: dict[tuple[str, str], str] = {}
    hits = 0

    def ask(bench: Any, uri: str) -> None:
        nonlocal hits
        piece = bench.gate.outgoing(uri, "same text", "prefix")
        key = (piece.policy, piece.text)
        hits += key in cache
        cache[key] = uri

    one, two = (bench.open(bench.file("a.py")) for bench in benches)
    second.open(one)
    ask(first, one)
    ask(first, one)
    assert hits == 1
    ask(second, two)
    changes: list[Callable[[], object]] = [
        lambda: first.file(".aiignore", "x\n"),
        lambda: first.file(".aiignore", "y\n"),
        lambda: first.set(exclude=("z",)),
        lambda: first.set(exclude=("z",), use_gitignore=False),
        lambda: first.set(redact_secrets=False),
        lambda: first.roots.add(str(first.root.parent)),
    ]
    for change in changes[:-1]:
        change()
        ask(first, one)
    assert hits == 1
    assert first.gate.policy_hash(one) == first.gate.outgoing(one, "t", "p").policy
    assert first.gate.policy_hash(one) != second.gate.policy_hash(two)
    assert first.gate.policy_hash() != second.gate.policy_hash()


def test_text_kept_in_a_conversation_can_lose_its_permission(bench: Any):
    uri = bench.open(bench.file("a.py"), CANARY)
    piece = bench.gate.read_file(uri).text
    assert bench.gate.still_allowed(piece)
    bench.file(".aiignore", "a.py\n")
    assert not bench.gate.still_allowed(piece)
    assert bench.gate.still_allowed(bench.gate.typed("x"))


@pytest.mark.skipif(sys.platform == "win32", reason="names with line breaks")
def test_reasons_are_one_line_whatever_a_repository_writes(bench: Any):
    evil = "a\nERROR forged \x1b[31m\u202e"
    bench.file(f"{evil}/x.py")
    bench.file(f"{evil}/.aiignore", "*.py\n")
    bench.file("y\x1b[2J\u2028.py")
    bench.file(".aiignore", "y*\n")
    for name in (f"{evil}/x.py", "y\x1b[2J\u2028.py"):
        verdict = bench.gate.admit_document(uri_of(str(bench.root / name)))
        assert not verdict.allowed
        assert verdict.reason.isprintable()


def test_nothing_heavy_is_imported_before_the_first_question():
    code = (
        "import sys\n"
        "from types import SimpleNamespace as N\n"
        "from polypilot.workspace.documents import DocumentStore\n"
        "from polypilot.workspace.gate import Gate\n"
        "from polypilot.workspace.roots import Roots\n"
        "from polypilot.workspace.trust import TrustStore\n"
        "privacy = N(exclude=('a',), use_gitignore=True, redact_secrets=True)\n"
        "Gate(Roots(['/']), privacy, DocumentStore())\n"
        "sys.exit('re2' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
