"""Unpacks a newer Neovim beside the system, for tests against the version distributions ship next.

Run as a program it prints the path of the `nvim` it made: `python fetch_nvim.py [CACHE]`.

The package and everything it needs come from the Debian suite `testing` (or the one named by
`POLYPILOT_TEST_NVIM_SUITE`), through the mirror, proxy and keyring this machine's own apt is
configured with, checked by apt against the archive's signatures. They are unpacked into a cache
folder and pointed at that suite's own loader and libraries, so neither the host's packages nor
apt's state are touched, and no root is needed. Folder: `POLYPILOT_TEST_CACHE`, else
`~/.cache/polypilot-tests`.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 300
ONE_LINE = re.compile(r"(?m)^deb[ \t]+(?:\[([^\]]*)\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+(.+)$")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class UnavailableError(Exception):
    """This machine can't have that Neovim; the text says why, for a skip's reason."""


class Archive(NamedTuple):
    """One Debian archive that this machine's apt reads: mirror address and keyring file."""

    uri: str
    keyring: Path


class Program(NamedTuple):
    """A program of a Debian package, and what its shell wrapper sets and how it is tried."""

    name: str
    package: str
    binary: str
    environment: str
    trial: tuple[str, ...] = ("--version",)


_NVIM = """export VIMRUNTIME='{root}/usr/share/nvim/runtime'
export LUA_PATH='{root}/usr/share/lua/5.1/?.lua;;' LUA_CPATH='{library}/lua/5.1/?.so;;'
"""


def cache_folder() -> Path:
    """Where unpacked editors are kept between runs."""
    named = os.environ.get("POLYPILOT_TEST_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "polypilot-tests"


def fetch(cache: Path | None = None) -> Path:
    """Path of a runnable `nvim` of the newer suite, unpacking it when the cache has none.

    Raises:
        UnavailableError: no Debian machine, a tool missing, or the mirror out of reach.
    """
    trial = ("--headless", "--clean", "+qa!")
    return unpacked(Program("nvim", "neovim", "usr/bin/nvim", _NVIM, trial), cache)


def unpacked(program: Program, cache: Path | None = None) -> Path:
    """Path of a runnable program of the newer suite, unpacking it when the cache has none.

    Raises:
        UnavailableError: as `fetch`.
    """
    suite = os.environ.get("POLYPILOT_TEST_NVIM_SUITE", "testing")
    cache = cache_folder() if cache is None else cache
    root = cache / f"{program.name}-{suite}"
    wrapper = root / program.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / f"{program.name}-{suite}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # The wrapper is written last: its presence means the tree is whole.
            if not wrapper.exists():
                shutil.rmtree(root, ignore_errors=True)
                _unpack(root, suite, (program.package, "patchelf"))
                _relocate(root, root / program.binary)
                _write_wrapper(root, wrapper, program)
    except OSError as error:
        raise UnavailableError(f"the cache folder {cache} can't be used: {error}") from error
    return wrapper


def archive(sources: Path = Path("/etc/apt")) -> Archive:
    """The Debian archive this machine's apt uses, from its own configuration.

    Raises:
        UnavailableError: there is none.
    """
    for row in _rows(sources):
        suites = row.get("suites", "").split()
        # Security and backports archives lack the suite we want; vendors' archives aren't Debian's.
        if "main" in row.get("components", "").split() and any(
            re.fullmatch(r"[a-z]+(-updates)?", suite) for suite in suites
        ):
            uri = row.get("uris", "").split()[0]
            signed = Path(row.get("signed-by") or KEYRING)
            if "debian" in uri and "security" not in uri and signed.exists():
                return Archive(uri, signed)
    raise UnavailableError(f"no Debian archive in {sources}: Neovim 0.12 is unpacked from one")


def _rows(sources: Path) -> Iterator[dict[str, str]]:
    """Every source as deb822 fields with lower-case names; one-line sources are translated."""
    for file in sorted(sources.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            fields = re.findall(r"(?m)^([A-Za-z-]+):[ \t]*(.*)$", stanza)
            row = {name.lower(): value.strip() for name, value in fields}
            if "deb" in row.get("types", "").split() and row.get("enabled", "yes") != "no":
                yield row
    for file in (sources / "sources.list", *sorted(sources.glob("sources.list.d/*.list"))):
        if file.exists():
            for options, uri, suite, components in re.findall(
                r"(?m)^deb[ \t]+(?:\[([^\]]*)\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+(.+)$",
                file.read_text(encoding="utf-8"),
            ):
                signed = re.search(r"signed-by=(\S+)", options)
                yield {
                    "uris": uri,
                    "suites": suite,
                    "components": components,
                    "signed-by": signed[1] if signed else "",
                }


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            encoding="utf-8",
        )
    except FileNotFoundError as error:
        raise UnavailableError(f"{command[0]} isn't installed here") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{command[0]} took longer than {TIMEOUT_S} s") from error
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise UnavailableError(f"{command[0]} failed with status {done.returncode}: {why[0]}")


def _unpack(root: Path, suite: str, packages: tuple[str, ...]) -> None:
    """Downloads the packages with all they depend on, and unpacks them below `root`."""
    source = archive()
    apt = root.with_name(root.name + ".apt")
    shutil.rmtree(apt, ignore_errors=True)
    for folder in (root, apt / "lists" / "partial", apt / "archives" / "partial"):
        folder.mkdir(parents=True)
    # An empty status file: apt believes nothing is installed, and so fetches libc too.
    (apt / "status").write_text("", encoding="utf-8")
    line = f"deb [signed-by={source.keyring}] {source.uri} {suite} main\n"
    (apt / "sources.list").write_text(line, encoding="utf-8")
    settings = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": apt,
        "Dir::State::Lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Cache::archives": apt / "archives",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",  # the folder is ours; apt's own user may not read it
        "APT::Update::Error-Mode": "any",  # else an unreachable mirror counts as success
        "Acquire::Retries": "2",
        "Debug::NoLocking": "true",
    }
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    try:
        _run(["apt-get", *options, "-qq", "update"])
        _run(["apt-get", *options, "-qq", "-y", "--download-only", "install", *packages])
        for package in sorted((apt / "archives").glob("*.deb")):
            _run(["dpkg-deb", "-x", str(package), str(root)])
    finally:
        shutil.rmtree(apt, ignore_errors=True)


def _relocate(root: Path, binary: Path) -> None:
    """Makes the program use the unpacked loader and libraries.

    Starting it through the loader instead would do for headless use, but the terminal interface
    starts `/proc/self/exe` again, which would then be the loader.
    """
    library = _library(root)
    loaders = [*root.glob("usr/lib64/ld-linux-*.so.*"), *root.glob("usr/lib/ld-linux-*.so.*")]
    if not loaders:
        raise UnavailableError("the unpacked libc has no loader where one is expected")
    loader = str(loaders[0])
    patchelf = [loader, "--library-path", str(library), str(root / "usr/bin/patchelf")]
    rpath = ["--force-rpath", "--set-rpath", str(library)]
    _run([*patchelf, "--set-interpreter", loader, *rpath, str(binary)])


def _library(root: Path) -> Path:
    found = sorted(root.glob("usr/lib/*-linux-gnu*"))
    if not found:
        raise UnavailableError("the unpacked tree has no library folder")
    return found[0]


def _write_wrapper(root: Path, wrapper: Path, program: Program) -> None:
    environment = program.environment.format(root=root, library=_library(root))
    text = f"#!/bin/sh\n{environment}exec '{root / program.binary}' \"$@\"\n"
    fresh = wrapper.with_name(f"{program.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o755)
    _run([str(fresh), *program.trial])
    fresh.replace(wrapper)


if __name__ == "__main__":
    try:
        print(fetch(Path(sys.argv[1]) if len(sys.argv) > 1 else None))  # noqa: T201  # its result
    except UnavailableError as error:
        sys.exit(f"fetch_nvim: {error}")
