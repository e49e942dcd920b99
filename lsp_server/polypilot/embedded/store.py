"""The models' files on disk: where they are, whether they are whole, how they get there.

A file is fetched into ``NAME.part``, which stays when the fetching is interrupted and is
continued from whichever source answers next: all of them have the same bytes. Only what has
the pinned SHA-256 gets its name. Everything here blocks.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polypilot.embedded.catalog import Model, ModelFile, UserFile
from polypilot.embedded.errors import PULL_CURE, EmbeddedError
from polypilot.embedded.fetch import FolderSource, WrongContent, digest, disk_full_told, fetch
from polypilot.embedded.locks import FileLock
from polypilot.embedded.registry import RegistrySource
from polypilot.embedded.transfer import Progress, Source, SourceFailed, Transfer
from polypilot.paths import data_dir, ensure_private, write_private
from polypilot_providers.network import Network

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

log = logging.getLogger(__name__)

State = Literal["ready", "missing", "partial", "broken"]

_LOCK_POLL = 0.2


@dataclass(frozen=True, slots=True)
class Status:
    """What is there of a model."""

    state: State
    """``ready`` (checked or of the right size), ``missing``, ``partial`` (a fetching was
    interrupted), ``broken`` (a file of the wrong size)."""
    done: int
    """Bytes there."""
    total: int
    path: Path


class ModelStore:
    """The folder of model files.

    Args:
        folder: where they lie; by default ``models`` in ``paths.data_dir()``.
        mirror: the setting ``embedded.mirror``: a folder, or an https address to which a
            model's file name is appended. Asked first.
        proxy, ca_file: the ``network`` settings.
    """

    def __init__(
        self, folder: Path | None = None, *, mirror: str = "", proxy: str = "", ca_file: str = ""
    ) -> None:
        self.folder = folder or data_dir() / "models"
        self._mirror = mirror.strip()
        self._proxy = proxy
        self._ca_file = ca_file

    def path_of(self, model: Model) -> Path:
        """Where the model's file is, or would be."""
        return model.path if isinstance(model, UserFile) else self.folder / model.file

    def status(self, model: Model) -> Status:
        """What is there of ``model``; looks at sizes only."""
        path = self.path_of(model)
        size = _size(path)
        if isinstance(model, UserFile):
            return Status("missing" if size is None else "ready", size or 0, size or 0, path)
        if size == model.size:
            return Status("ready", model.size, model.size, path)
        part = _size(_part(path))
        if size is None and part is None:
            return Status("missing", 0, model.size, path)
        state: State = "broken" if size is not None else "partial"
        return Status(state, part or size or 0, model.size, path)

    def look(self, model: Model) -> Path:
        """The path of a file that seems whole, by its size.

        Raises:
            EmbeddedError: ``needs_model`` if it is absent, cut short or too long.
        """
        status = self.status(model)
        if status.state in {"missing", "partial"}:
            raise _absent(model, status)
        if status.state == "broken":
            raise EmbeddedError(
                f"the file of {model.id} is cut short or not the right one "
                f"({status.done:,} of {status.total:,} bytes)",
                code="needs_model",
                cure=PULL_CURE,
            )
        return status.path

    def require(self, model: Model) -> Path:
        """The path of a file that may be loaded.

        The first time, and after any change of it, the whole file is read and compared with
        its SHA-256 (0.5 GB: one to two seconds).

        Raises:
            EmbeddedError: ``needs_model`` if it is absent or cut short, ``model_corrupt`` if
                its content is not the pinned one.
        """
        path = self.look(model)
        if isinstance(model, UserFile):
            return path
        if not _is_stamped(path, model):
            if digest(path, Transfer(model.size), "") != model.sha256:
                raise EmbeddedError(
                    f"the content of {path} is not that of {model.id}",
                    code="model_corrupt",
                    cure=f"remove the file and {PULL_CURE}",
                )
            _stamp(path, model)
        return path

    def pull(
        self,
        model: Model,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Path:
        """Have ``model`` here, fetching what is missing from the first source that delivers.

        May be interrupted at any moment (``cancel``, Ctrl-C, a crash): the next call goes on
        from there. Two callers at once, in whatever processes, do not disturb each other.

        Raises:
            EmbeddedError: ``no_source``, ``model_corrupt``, ``disk_full``, ``cancelled``;
                ``needs_model`` for a file of the user's that is not there.
            OSError: the folder can't be written.
        """
        if isinstance(model, UserFile):
            return self.require(model)
        transfer = Transfer(model.size, progress, cancel)
        ensure_private(self.folder)
        with FileLock(self.folder / f".{model.file}.lock") as lock:
            while not lock.acquire():
                transfer.report("waiting", "", self.status(model).done)
                time.sleep(_LOCK_POLL)
            path = self.path_of(model)
            if not self._is_there(model, transfer):
                with disk_full_told(self.folder):
                    self._fetch(model, transfer)
            transfer.report("done", "", model.size)
            return path

    def remove(self, model: ModelFile) -> int:
        """Delete the model's file and what an interrupted fetching left; returns bytes freed."""
        path = self.path_of(model)
        freed = 0
        for each in (path, _part(path), _stamp_of(path)):
            freed += _size(each) or 0
            each.unlink(missing_ok=True)
        return freed

    def sources(self, model: ModelFile) -> list[Source]:
        """Where ``model`` can be had, in the order in which they are asked."""
        from polypilot.embedded.web import WebSource  # noqa: PLC0415  (TLS: not at a server's start)

        found: list[Source] = []
        network = Network(proxy=self._proxy, ca_file=self._ca_file)
        if self._mirror.startswith(("https://", "http://")):
            url = f"{self._mirror.rstrip('/')}/{model.file}"
            found.append(WebSource("the mirror", url, model.size, network))
        elif self._mirror:
            found.append(FolderSource(Path(self._mirror).expanduser() / model.file, model.size))
        if model.hub:
            found.append(WebSource("the model's hub", model.hub, model.size, network))
        if model.parts:
            staging = self.folder / f".{model.file}.fetch"
            found.append(
                RegistrySource(model.parts, staging, proxy=self._proxy, ca_file=self._ca_file)
            )
        return found

    def _is_there(self, model: ModelFile, transfer: Transfer) -> bool:
        """Whether the file is whole. One that is cut short becomes the beginning of a new one."""
        path = self.path_of(model)
        size = _size(path)
        if size is None:
            return False
        if size == model.size:
            if _is_stamped(path, model) or digest(path, transfer, "") == model.sha256:
                _stamp(path, model)
                return True
            path.unlink()
        elif size < model.size and size > (_size(_part(path)) or 0):
            path.replace(_part(path))
        else:
            path.unlink()
        return False

    def _fetch(self, model: ModelFile, transfer: Transfer) -> None:
        path = self.path_of(model)
        failures: list[str] = []
        refused = False
        for source in self.sources(model):
            try:
                fetch(source, _part(path), model, transfer)
            except SourceFailed as exc:
                log.info("%s did not deliver %s: %s", source.name, model.id, exc)
                failures.append(f"{source.name}: {exc}")
            except WrongContent:
                log.warning("%s delivered a wrong file for %s", source.name, model.id)
                failures.append(
                    f"{source.name}: what it delivered has another SHA-256 and was removed"
                )
                refused = True
            else:
                _part(path).replace(path)
                _stamp(path, model)
                return
        raise EmbeddedError(
            f"{model.id} could not be fetched; {'; '.join(failures) or 'it has no source'}",
            code="model_corrupt" if refused else "no_source",
            cure="check the network, or set embedded.mirror to a folder or address "
            f"that has {model.file}",
        )


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _stamp_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.checked")


def _fingerprint(path: Path, model: ModelFile) -> str:
    info = path.stat()
    return json.dumps([model.sha256, info.st_size, info.st_mtime_ns])


def _stamp(path: Path, model: ModelFile) -> None:
    """Remember that this very file has been compared with its SHA-256."""
    with contextlib.suppress(OSError):  # then it is compared again
        write_private(_stamp_of(path), _fingerprint(path, model).encode())


def _is_stamped(path: Path, model: ModelFile) -> bool:
    try:
        return _stamp_of(path).read_text("utf-8") == _fingerprint(path, model)
    except (OSError, ValueError):
        return False


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _absent(model: Model, status: Status) -> EmbeddedError:
    if isinstance(model, UserFile):
        return EmbeddedError(
            f"the model file {str(model.path)!r} is not there",
            code="needs_model",
            cure="check the setting embedded.model_file",
        )
    there = (
        f" ({status.done / 1e6:,.0f} of {status.total / 1e6:,.0f} MB are)" if status.done else ""
    )
    return EmbeddedError(
        f"the model {model.id} is not downloaded yet{there}", code="needs_model", cure=PULL_CURE
    )
