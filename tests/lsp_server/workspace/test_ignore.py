"""Names and ignore files that keep a file from being sent."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.workspace.ignore_defaults import ALLOWED, DEFAULTS, FILES, FOLDERS, STORES
from polypilot.workspace.ignore_patterns import Rules
from polypilot.workspace.ignore_state import (
    AI_FILES,
    MAX_BYTES,
    Folder,
    IgnoreFile,
    Listing,
    _settled,  # pyright: ignore[reportPrivateUsage] - its cases can't be made on every disk
    _stamp,  # pyright: ignore[reportPrivateUsage] - likewise
)
from polypilot.workspace.roots import uri_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The longest published list of this kind, a sample for each of its patterns: Continue,
# core/indexing/ignore.ts at d0a3c0b6. Left out: config.json, config.yaml, config.yml and
# settings.json, which in most projects hold no secret.
_PUBLISHED_FILES = [
    "prod.env",
    ".env.local",
    "a.env.b",
    ".env",
    ".envrc",
    "appsettings.json",
    "appsettings.Production.json",
    "server.key",
    "cert.pem",
    "store.p12",
    "store.pfx",
    "ca.crt",
    "ca.cer",
    "app.jks",
    "app.keystore",
    "app.truststore",
    "app.db",
    "app.sqlite",
    "app.sqlite3",
    "old.mdb",
    "old.accdb",
    "api.secret",
    "app.secrets",
    "auth.json",
    "access.token",
    "a.bak",
    "a.backup",
    "a.old",
    "a.orig",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "key.ppk",
    "x.gpg",
]
_PUBLISHED_FOLDERS = [
    ".env",
    "env",
    ".aws",
    ".gcp",
    ".azure",
    ".kube",
    ".docker",
    "secrets",
    ".secrets",
    "private",
    ".private",
    "certs",
    "certificates",
    "keys",
    ".ssh",
    ".gnupg",
    ".gpg",
    "tmp/secrets",
    "temp/secrets",
    ".tmp",
]
_PUBLISHED_PATTERNS = 42 + 20
_MORE = [
    ".netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    "prod.tfvars",
    "a.tfstate",
    "a.tfstate.backup",
    "kubeconfig",
    "vault.kdbx",
    ".htpasswd",
    "credentials",
    "credentials.json",
    "service-account.json",
    "service-account-prod.json",
    ".git/config",
    ".config/gcloud/x.json",
    ".dev.vars",
    "secrets.yml",
]
_ORDINARY = [
    "settings.json",
    ".vscode/settings.json",
    "config.json",
    "config.yaml",
    "config.yml",
    ".env.example",
    ".env.sample",
    ".env.template",
    "web/.env.example",
    "main.py",
    "environment.py",
    "env.py",
    "keys.py",
    "key.py",
    "token.py",
    "tokens.ts",
    "secrets.py",
    "secret_santa.py",
    "private.h",
    "certs.go",
    "id_rsa.pub",
    "package.json",
    "README.md",
    "Makefile",
    ".gitignore",
    ".editorconfig",
    "docker-compose.yml",
    "src/keyboard/layout.c",
    "auth.py",
    "auth.ts",
    "backup.sh",
    "db.py",
    "credential_manager.py",
    ".github/workflows/ci.yml",
]


@pytest.mark.parametrize("name", _PUBLISHED_FILES + _MORE)
def test_files_that_usually_hold_secrets_are_excluded(bench: Any, name: str):
    bench.file(name)
    bench.file(f"deep/down/{name}")
    assert not bench.allowed(name)
    assert not bench.allowed(f"deep/down/{name}")
    assert not bench.allowed(name.upper())


@pytest.mark.parametrize("name", _PUBLISHED_FOLDERS)
def test_folders_that_usually_hold_secrets_are_excluded(bench: Any, name: str):
    bench.file(f"{name}/main.py")
    bench.file(f"a/{name}/b/main.py")
    assert not bench.allowed(f"{name}/main.py")
    assert not bench.allowed(f"a/{name}/b/main.py")


@pytest.mark.parametrize("name", _ORDINARY)
def test_ordinary_files_are_not(bench: Any, name: str):
    bench.file(name)
    assert bench.allowed(name)


def test_the_list_is_at_least_as_long_as_the_longest_published():
    assert len({*FILES, *FOLDERS, *STORES}) >= _PUBLISHED_PATTERNS
    assert len(DEFAULTS) == len({*DEFAULTS})
    assert all(line.startswith("!") for line in ALLOWED)


def test_ordinary_folder_names_count_below_the_root_only(
    make_bench: Callable[..., Any], tmp_path: Path
):
    root = tmp_path / "private" / "env" / "project"
    root.mkdir(parents=True)
    bench = make_bench(root)
    bench.file("main.py")
    assert bench.allowed("main.py")


@pytest.mark.parametrize("store", [".ssh", ".aws", ".kube", ".gnupg"])
def test_a_store_of_secrets_stays_one_when_it_is_the_root(
    make_bench: Callable[..., Any], tmp_path: Path, store: str
):
    root = tmp_path / store
    root.mkdir()
    bench = make_bench(root)
    bench.file("config")
    assert not bench.allowed("config")


def test_the_users_patterns_are_added(bench: Any):
    for name in ("a.sql", "gen/x.py", "gen/keep.py", "src/gen2/x.py", "x.py"):
        bench.file(name)
    bench.set(exclude=("*.sql", "/gen/", "!/gen/keep.py"))
    names = ("a.sql", "gen/x.py", "gen/keep.py", "src/gen2/x.py")
    assert [bench.allowed(name) for name in names] == [False, False, True, True]


def test_the_user_may_allow_a_default_again(bench: Any):
    for name in ("keys/public.py", "keys/other.py", ".npmrc", ".env"):
        bench.file(name)
    bench.set(exclude=("!keys/public.py", "!.npmrc"))
    assert bench.allowed("keys/public.py")
    assert bench.allowed(".npmrc")
    assert not bench.allowed("keys/other.py")
    assert not bench.allowed(".env")


def test_allowing_a_folder_does_not_allow_what_is_in_it_for_another_reason(bench: Any):
    for name in ("keys/a.py", "keys/a.pem", "gen/.env.example", "gen/x.py", "gen/a.md"):
        bench.file(name)
    bench.set(exclude=("!keys/", "gen/", "!*.md"))
    assert bench.allowed("keys/a.py")
    assert not bench.allowed("keys/a.pem")
    assert not bench.allowed("gen/.env.example")
    assert not bench.allowed("gen/x.py")
    assert bench.allowed("gen/a.md")


def test_the_user_can_not_allow_what_an_ignore_file_excludes(bench: Any):
    bench.file("a.sql")
    bench.file(".aiignore", "*.sql\n")
    bench.set(exclude=("!*.sql", "!*"))
    assert not bench.allowed("a.sql")


@pytest.mark.parametrize("ignore", AI_FILES)
def test_a_workspace_can_not_allow_a_default(bench: Any, ignore: str):
    bench.file(".env")
    bench.file(ignore, "!.env\n!*\n")
    assert not bench.allowed(".env")


def test_a_pattern_of_the_users_that_can_not_be_used_excludes_all(bench: Any):
    bench.file("main.py")
    bench.set(exclude=("x" * 5_000,))
    verdict = bench.gate.admit_document(uri_of(str(bench.root / "main.py")))
    assert not verdict.allowed
    assert "privacy.exclude" in verdict.reason


def test_without_a_root_the_users_patterns_count_for_the_whole_path(bench: Any, tmp_path: Path):
    bench.set(exclude=("**/clients/**",))
    uri = uri_of(str(tmp_path / "clients" / "a" / "b" / "c" / "d" / "x.py"))
    bench.open(uri)
    assert not bench.gate.admit_document(uri).allowed


# -- ignore files ------------------------------------------------------------------------


@pytest.mark.parametrize("ignore", [*AI_FILES, ".gitignore"])
def test_each_kind_of_ignore_file(bench: Any, ignore: str):
    for name in ("a.sql", "b.py", "sub/a.sql", "sub/deep/secret.py", "sub/deep/open.py"):
        bench.file(name)
    bench.file(ignore, "*.sql\n!sub/a.sql\n")
    bench.file(f"sub/{ignore}", "deep/*\n!deep/open.py\n")
    verdicts = [bench.allowed(n) for n in ("a.sql", "b.py", "sub/a.sql", "sub/deep/secret.py")]
    assert verdicts == [False, True, True, False]
    assert bench.allowed("sub/deep/open.py")


def test_gitignore_is_a_setting(bench: Any):
    bench.file("a.log")
    bench.file(".gitignore", "*.log\n")
    assert not bench.allowed("a.log")
    bench.set(use_gitignore=False)
    assert bench.allowed("a.log")


def test_kinds_do_not_undo_each_other(bench: Any):
    bench.file("a.sql")
    bench.file(".aiignore", "*.sql\n")
    bench.file(".cursorignore", "!*.sql\n")
    assert not bench.allowed("a.sql")


def test_noai_excludes_everything_below(bench: Any):
    for name in ("a.py", "sub/b.py", "sub/deep/c.py"):
        bench.file(name)
    bench.file("sub/.noai", "")
    assert [bench.allowed(n) for n in ("a.py", "sub/b.py", "sub/deep/c.py")] == [True, False, False]
    bench.file(".noai", "")
    assert not bench.allowed("a.py")


def test_ignore_files_above_the_root_count(make_bench: Callable[..., Any], tmp_path: Path):
    (tmp_path / ".aiignore").write_text("project/secret.py\n", encoding="utf-8")
    (tmp_path / "project").mkdir()
    bench = make_bench(tmp_path / "project")
    bench.file("secret.py")
    bench.file("open.py")
    assert not bench.allowed("secret.py")
    assert bench.allowed("open.py")


def test_gitignore_counts_from_the_repository_down(make_bench: Callable[..., Any], tmp_path: Path):
    (tmp_path / ".gitignore").write_text("*\n", encoding="utf-8")  # a home folder kept in git
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "repository/.gitignore").write_text("made/\n", encoding="utf-8")
    (tmp_path / "repository/package").mkdir()
    bench = make_bench(tmp_path / "repository/package")
    bench.file("made/x.py")
    bench.file("x.py")
    assert not bench.allowed("made/x.py")
    assert bench.allowed("x.py")


def test_a_saved_change_counts_at_the_next_request(bench: Any):
    bench.file("a.sql")
    path = bench.root / ".aiignore"
    # Written again and again without a pause: same size, same inode, often the same tick.
    for round_ in range(200):
        path.write_text("*.sql\n" if round_ % 2 else "*.abc\n", encoding="utf-8")
        assert bench.allowed("a.sql") is (round_ % 2 == 0)
    path.unlink()
    assert bench.allowed("a.sql")
    for round_ in range(50):  # made, replaced by a rename, removed
        other = bench.root / "other"
        other.write_text("*.sql\n", encoding="utf-8")
        other.replace(path)
        assert not bench.allowed("a.sql")
        path.unlink()
        assert bench.allowed("a.sql"), round_


def test_what_was_read_while_fresh_is_read_again(tmp_path: Path):
    now = time.time_ns()
    assert not _settled((now, now - 9_000_000_000, 1, 1, 1))
    assert not _settled((now - 9_000_000_000, now - 1_000_000_000, 1, 1, 1))
    assert _settled((now - 9_000_000_000, now - 3_000_000_000, 1, 1, 1))
    path = tmp_path / ".aiignore"
    path.write_text("new\n", encoding="utf-8")
    listing = Listing()
    for settled in (True, False):
        # As a file system with coarse times shows it: other content, the same stamp.
        folder = Folder()
        old = IgnoreFile(str(path), Rules(["old"]), "digest", _stamp(path.stat()), settled)
        listing._read(str(tmp_path), ".aiignore", folder, old)  # pyright: ignore[reportPrivateUsage] - likewise
        assert (folder.files[".aiignore"] is old) is settled


def test_an_old_change_counts_too(bench: Any):
    bench.file("a.sql")
    path = bench.root / ".aiignore"
    for number, text in enumerate(["*.sql\n", "*.abc\n", "*.sql\n"]):
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(1_000_000_000 * number, 1_000_000_000))  # a clock that stands still
        assert bench.allowed("a.sql") is (text != "*.sql\n")


_SPOILT: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "huge": lambda path: path.write_text("x" * (MAX_BYTES + 1), encoding="utf-8"),
    "long line": lambda path: path.write_text("y" * 10_000, encoding="utf-8"),
    "many": lambda path: path.write_text("a\n" * 6_000, encoding="utf-8"),
}


@pytest.mark.parametrize("spoil", _SPOILT)
def test_an_ignore_file_that_can_not_be_used_excludes_its_folder(bench: Any, spoil: str):
    bench.file("sub/a.py")
    bench.file("b.py")
    path = bench.root / "sub/.aiignore"
    _SPOILT[spoil](path)
    verdict = bench.gate.admit_document(uri_of(str(bench.root / "sub/a.py")))
    assert not verdict.allowed
    assert ".aiignore" in verdict.reason
    assert bench.allowed("b.py")
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert bench.allowed("sub/a.py")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX users")
def test_an_ignore_file_that_may_not_be_read_excludes_its_folder(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to read as another user")
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("x", encoding="utf-8")
    ignore = root / ".aiignore"
    ignore.write_text("b\n", encoding="utf-8")
    ignore.chmod(0o600)
    for folder in (root, *root.parents):
        if stat.S_IMODE(folder.stat().st_mode) & 0o055 != 0o055 and folder.stat().st_uid == 0:
            folder.chmod(0o755)
    code = (
        "import os, sys\n"
        "from polypilot.workspace.ignore import IgnoreFiles\n"
        "path, root = sys.argv[1:]\n"
        "IgnoreFiles().around('/x/y')\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "found = IgnoreFiles().around(path).judge(path, root, use_gitignore=True)\n"
        "sys.stdout.write(found.reason if found else 'allowed')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(root / "a.py"), str(root)],
        capture_output=True, text=True, check=False, cwd="/", encoding="utf-8",
    )  # fmt: skip
    assert "Permission denied" in run.stdout, run.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_an_encoding_are_understood(bench: Any, encoding: str):
    bench.file("a.sql")
    (bench.root / ".aiignore").write_text("*.sql\n", encoding=encoding)
    assert not bench.allowed("a.sql")


def test_windows_line_ends(bench: Any):
    bench.file("a.sql")
    (bench.root / ".aiignore").write_bytes(b"*.sql\r\nb\r\n")
    assert not bench.allowed("a.sql")


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names must be any bytes")
def test_names_that_are_not_text(bench: Any):
    name = os.fsdecode(b"\xff\xfe.sql")
    path = bench.root / name
    path.write_text("x", encoding="utf-8")
    (bench.root / ".aiignore").write_bytes(b"\xff\xfe.sqlx\nx\xff\xfe.sql\n"[2:])
    assert bench.gate.admit_document(str(path)).allowed
    for line in (b"*.sql\n", b"#\n\xff\xfe.sql\n", b"[\xff]\xfe.sql\n"):
        (bench.root / ".aiignore").write_bytes(line)
        assert not bench.gate.admit_document(str(path)).allowed, line
