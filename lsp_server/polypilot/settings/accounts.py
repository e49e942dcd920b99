"""Which of several keys is used in which folder: ``[accounts."/folder"]`` in the user's file.

Whose account pays is the user's to say, so nothing but that file is asked. What is chosen here
takes the place of the row's own ``account`` while the folder, or one below it, is open.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot.settings.layers import Key, Layer, Leaf
    from polypilot.settings.rows import Rows
    from polypilot.settings.source import ProblemCode, SettingsProblem, Source

_NAME = re.compile(r"[A-Za-z0-9._-]{0,64}")
_FORGIVING = sys.platform in {"win32", "darwin"}
"""Whether this system's disks take `Work` and `work` for one folder."""
_PARTS = 3  # accounts, folder, provider


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line: in this folder this account of this provider."""

    provider: str
    account: str
    parts: tuple[str, ...]
    """Of the folder, links resolved."""
    line: int | None


class Accounts:
    """Reads one layer's ``accounts``. ``tree`` and ``sources`` are what it says."""

    def __init__(self, layer: Layer, rows: Rows) -> None:
        self._layer = layer
        self._rows = rows
        self.tree: dict[str, dict[str, str]] = {}
        self.sources: dict[str, Source] = {}

    def build(self, leaves: Mapping[Key, Leaf], folder: Path | None) -> None:
        """Take every ``accounts.FOLDER.PROVIDER`` and give the rows what holds in ``folder``.

        Of several folders that ``folder`` is below, the innermost that names a provider
        decides about it. Blocks on the disk.
        """
        here = None if folder is None else parts_of(str(folder))
        best: dict[str, _Entry] = {}
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for key, leaf in leaves.items():
            entry = self._entry(key, leaf)
            if entry is None:
                continue
            self.tree.setdefault(key[1], {})[key[2]] = entry.account
            self.sources[".".join(key)] = self._layer.source(leaf.line)
            if (entry.provider, entry.parts) in seen:
                message = "the same folder is there in another spelling; that one is used"
                self._report(key, leaf, message, "Remove one", code="duplicate_key")
                continue
            seen.add((entry.provider, entry.parts))
            if here is None or here[: len(entry.parts)] != entry.parts:
                continue
            before = best.get(entry.provider)
            if before is None or len(before.parts) < len(entry.parts):
                best[entry.provider] = entry
        for entry in best.values():
            self._choose(entry)

    def _choose(self, entry: _Entry) -> None:
        row = self._rows.rows.get(entry.provider)
        if row is None:  # blocked
            return
        self._rows.rows[entry.provider] = row.model_copy(update={"account": entry.account})
        name = f"providers.{entry.provider}.account"
        self._rows.sources[name] = self._layer.source(entry.line)

    def _entry(self, key: Key, leaf: Leaf) -> _Entry | None:
        """The entry, if it is one; else the provider is not used: another key would pay."""
        if len(key) != _PARTS:
            cure = 'Write [accounts."/absolute/folder"] and below it PROVIDER = "NAME"'
            self._report(key, leaf, "must be a table of folders", cure)
            return None
        _, folder, provider = key
        if provider not in self._rows.rows and provider not in self._rows.blocked:
            message = "names a provider that does not exist; ignored"
            cure = "`polypilot providers` lists them"
            self._report(key, leaf, message, cure, code="unknown_provider")
            return None
        parts = parts_of(folder)
        if parts is None:
            return self._refuse(key, leaf, "must be in the table of an absolute folder")
        if not isinstance(leaf.value, str) or not _NAME.fullmatch(leaf.value):
            return self._refuse(key, leaf, "must be the name of a key, as `auth list` shows it")
        return _Entry(provider, leaf.value, parts, leaf.line)

    def _refuse(self, key: Key, leaf: Leaf, message: str) -> None:
        cure = "Correct or remove it; this provider is not used until then"
        problem = self._report(key, leaf, message, cure)
        self._rows.block(key[2], problem)
        self._rows.rows.pop(key[2], None)

    def _report(
        self,
        key: Key,
        leaf: Leaf,
        message: str,
        cure: str,
        *,
        code: ProblemCode = "bad_value",
    ) -> SettingsProblem:
        return self._layer.report(key, message, cure, code=code, line=leaf.line)


def parts_of(folder: str, *, forgiving: bool = _FORGIVING) -> tuple[str, ...] | None:
    """The folder's parts for comparison, links resolved; None if it is not absolute.

    Blocks on the disk; a folder that is not there has the parts of its name.
    """
    path = os.path.expanduser(folder)  # noqa: PTH111 - Path would fold what is no path
    if not os.path.isabs(path):  # noqa: PTH117 - as above
        return None
    try:
        real = os.path.realpath(path)
    except (OSError, ValueError):
        real = os.path.normpath(path)
    real = unicodedata.normalize("NFC", real)
    return Path(real.casefold() if forgiving else real).parts


def spelling(folders: Iterable[str], folder: Path) -> str:
    """How the user's file spells ``folder``, if it does; else its own name, links resolved.

    Blocks on the disk.
    """
    wanted = parts_of(str(folder))
    return next(
        (each for each in folders if parts_of(each) == wanted),
        os.path.realpath(folder),
    )
