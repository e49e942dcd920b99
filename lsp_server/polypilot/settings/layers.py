"""One source read and flattened: every value under one spelling of its dotted key.

All checks work on this form only, so that no way of writing a key (nested, dotted, quoted,
camelCase, upper case, as an array of tables) can get past one of them.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from polypilot.errors import printable, redact
from polypilot.settings.lines import key_lines, line_of
from polypilot.settings.model import KEYS, SECTIONS
from polypilot.settings.source import ProblemCode, SettingsProblem, Source, SourceKind
from polypilot_providers.catalog import ProviderRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Key = tuple[str, ...]

USER_FILE_LIMIT = 1_000_000
WORKSPACE_FILE_LIMIT = 65_536
_MAX_DEPTH = 12
_MAX_LEAVES = 5000
_MAX_PROBLEMS = 30
_MAX_KEY = 120
_MAX_SCAN = 4000
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)  # a named pipe would hang the open


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is no table, and the line it was written on."""

    value: object
    line: int | None


@dataclass(slots=True)
class Layer:
    """Everything one source says, and what was found wrong with it."""

    kind: SourceKind
    file: str
    leaves: dict[Key, Leaf] = field(default_factory=dict[Key, Leaf])
    problems: list[SettingsProblem] = field(default_factory=list[SettingsProblem])
    digest: str = ""
    ok: bool = True
    """False if there is a file and nothing of it could be used."""
    suppressed: int = 0

    def source(self, line: int | None) -> Source:
        """Provenance of a value on ``line``."""
        return Source(self.kind, None if self.kind == "editor" else self.file, line)

    def report(
        self,
        key: Key | str,
        message: str,
        cure: str,
        *,
        code: ProblemCode,
        line: int | None = None,
        severity: Literal["error", "warning"] = "error",
    ) -> SettingsProblem:
        """Note a problem. A hostile file can't flood the user: the rest is only counted."""
        problem = SettingsProblem(
            self.file, line, show(key), message, cure, severity=severity, code=code
        )
        if not self.full:
            self.problems.append(problem)
        else:
            self.suppressed += 1
        return problem

    @property
    def full(self) -> bool:
        """Whether further problems are only counted; not worth any search for their cure."""
        return len(self.problems) >= _MAX_PROBLEMS

    def closing(self) -> Iterator[SettingsProblem]:
        """All problems, and how many more there were."""
        yield from self.problems
        if self.suppressed:
            yield SettingsProblem(
                self.file,
                None,
                "",
                f"there are {self.suppressed} more problems",
                "Put the ones above right first",
                code="more",
            )


def show(key: Key | str) -> str:
    """A key as it may be shown: someone may have written a secret where a name belongs."""
    text = key if isinstance(key, str) else ".".join(key)
    clean = printable(redact(text[:_MAX_SCAN]))
    return clean if len(clean) <= _MAX_KEY else clean[:_MAX_KEY] + "..."


# --- reading


def read_file(path: Path, kind: SourceKind, limit: int) -> Layer:
    """Read a TOML file. A file that is not there is an empty layer; none raises."""
    layer = Layer(kind, printable(str(path)))
    data = _read_bytes(path, limit, layer)
    if data is None:
        return layer
    layer.digest = hashlib.sha256(data).hexdigest()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        _unusable(layer, "is not UTF-8 text", "Save it with the encoding UTF-8", "unreadable", line)
        return layer
    try:
        # tomllib takes \r\n; its line numbers and ours count \n.
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as exc:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(exc))
        where = f" near column {found[2]}" if found else ""
        line = int(found[1]) if found else text.count("\n") + 1
        message = f"is not valid TOML{where}"
        _unusable(layer, message, "Correct the line; strings need quotes", "syntax", line)
        return layer
    flatten(tree, layer, key_lines(text) if tree else {})
    return layer


def read_mapping(tree: Mapping[str, object], kind: SourceKind, name: str) -> Layer:
    """Take settings that arrived as a tree, such as the editor's."""
    layer = Layer(kind, name)
    flatten(tree, layer, {})
    return layer


def _read_bytes(path: Path, limit: int, layer: Layer) -> bytes | None:
    cure = "Make it a readable text file, or remove it"
    try:
        fd = os.open(path, os.O_RDONLY | _NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "bad path"
        _unusable(layer, f"can't be opened ({reason})", cure, "unreadable")
        return None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            what = "a folder" if stat.S_ISDIR(info.st_mode) else "not an ordinary file"
            _unusable(layer, f"is {what}", cure, "unreadable")
        elif info.st_size > limit:
            message = f"is {info.st_size:,} bytes long; at most {limit:,} are read"
            _unusable(layer, message, "Shorten it; settings are a page or two", "unreadable")
        else:
            return _read_all(fd, limit)
    except OSError as exc:
        _unusable(layer, f"can't be read ({exc.strerror})", cure, "unreadable")
    finally:
        os.close(fd)
    return None


def _read_all(fd: int, limit: int) -> bytes:
    data = b""
    while len(data) <= limit and (more := os.read(fd, 65_536)):
        data += more
    return data[:limit]


def _unusable(
    layer: Layer, message: str, cure: str, code: ProblemCode, line: int | None = None
) -> None:
    layer.ok = False
    layer.report("", message, cure, code=code, line=line)


# --- flattening


def squash(name: str) -> str:
    """``maxFileBytes``, ``max_file_bytes`` and ``MAX-FILE-BYTES`` are one name."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[_\-\s]", "", folded)


_KNOWN: dict[Key, Key] = {
    (squash(section), squash(name)): (section, name) for section, name, _ in KEYS.values()
}
_SECTION_NAMES: dict[str, str] = {
    squash(name): name for name in (*SECTIONS, "providers", "accounts")
}
_ROW_FIELDS: dict[str, str] = {squash(name): name for name in ProviderRow.model_fields}


def flatten(tree: Mapping[str, object], layer: Layer, lines: Mapping[Key, int]) -> None:
    """Put every leaf of ``tree`` into ``layer`` under its canonical key."""
    written: set[Key] = set()
    stack: list[tuple[Key, Key, object]] = [((), (), tree)]  # canonical so far, as written, value
    while stack:
        key, raw, value = stack.pop()
        table = _table(value)
        if table is not None and len(raw) <= _MAX_DEPTH:
            children = [_child(key, raw, str(name), below) for name, below in table.items()]
            stack.extend(reversed(children))  # first written comes first out
            continue
        line = line_of(lines, raw)
        name = canonical(key)
        if name in written:
            message = "is given twice, in different spellings; the first is used"
            layer.report(name, message, "Remove one", code="duplicate_key", line=line)
        elif len(written) >= _MAX_LEAVES:
            layer.report(name, "is one too many", "Shorten the file", code="more", line=line)
        else:
            written.add(name)
            layer.leaves[name] = Leaf(value, line)


def _table(value: object) -> Mapping[object, object] | None:
    return cast("Mapping[object, object]", value) if isinstance(value, Mapping) else None


def _child(key: Key, raw: Key, name: str, value: object) -> tuple[Key, Key, object]:
    """One step down. A name with dots is a path, but the id of a provider's table may have them,
    and so may the folders of ``accounts``.
    """  # noqa: D205 - one sentence
    is_row_id = len(key) == 1 and squash(key[0]) == "providers" and _table(value) is not None
    whole = is_row_id or (bool(key) and squash(key[0]) == "accounts")
    parts = (name,) if whole else tuple(name.split("."))
    if not key and len(parts) >= 1 and squash(parts[0]) == "polypilot":
        parts = parts[1:]  # editors may send the section with its prefix
    return (*key, *parts), (*raw, name), value


def canonical(key: Key) -> Key:
    """The key's own spelling if it is known; as written, else."""
    if len(key) == 2:  # noqa: PLR2004  (section and name)
        known = _KNOWN.get((squash(key[0]), squash(key[1])))
        if known is not None:
            return known
    if key and squash(key[0]) in _SECTION_NAMES:
        head = _SECTION_NAMES[squash(key[0])]
        if head == "providers" and len(key) == 3:  # noqa: PLR2004  (providers, id, field)
            return (head, key[1], _ROW_FIELDS.get(squash(key[2]), key[2]))
        return (head, *key[1:])
    return key
