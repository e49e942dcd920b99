"""Workspace roots, and what the URIs of an editor stand for.

Nothing here opens a file. `locate` does not even look at the disk: it says which path a URI
names, and every way in which a file system might read that name, so that a rule about names
can't be dodged by spelling one differently.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")
_SHORT_NAME = re.compile(r"[^.~/ ]{1,6}~[0-9]{1,4}(?:\.[^./]{0,3})?")
_DECODINGS = 3
_LONGEST = 32_768
# Code points that some file systems leave out when they compare names.
_IGNORED = dict.fromkeys(
    [0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)

Names = tuple[str, ...]
"""The components of a path, folded."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a URI, or a path, names."""

    uri: str
    scheme: str
    path: str | None
    """Absolute path on this machine, without ``.`` and ``..``; None if it names none."""
    readable: bool
    """Whether ``path`` may be looked at on disk at all: the scheme is ``file``."""
    readings: tuple[Names, ...]
    """Every way to read the name; a rule about names applies if it applies to one."""
    fault: str = ""
    """Why nothing may be done with it; empty if something may."""


@functools.lru_cache(maxsize=1024)
def locate(uri: str) -> Place:
    """What ``uri`` names. An absolute path is taken as one of this system."""
    if len(uri) > _LONGEST:
        return Place(uri[:80], "", None, False, (), "the name is too long")
    if "\0" in uri or "%00" in uri:
        return Place(uri, "", None, False, (), "the name contains a NUL")
    scheme, authority, rest = _split(uri)
    plain = rest.partition("#")[0].partition("?")[0] if scheme else rest
    texts = [plain, rest] if plain != rest else [plain]
    for _ in range(_DECODINGS if scheme else 0):
        decoded = [unquote(text, errors="surrogateescape") for text in texts]
        texts += [text for text in decoded if text not in texts]
    if any("\0" in text for text in texts):
        return Place(uri, scheme, None, False, (), "the name contains a NUL")
    readings = dict.fromkeys(names for text in texts for names in readings_of(text))
    path = _path(scheme, authority, unquote(plain, errors="surrogateescape") if scheme else plain)
    fault = "the name is a device" if path and _is_device(path) else ""
    return Place(uri, scheme or "file", path, scheme in {"", "file"}, tuple(readings), fault)


def _split(uri: str) -> tuple[str, str, str]:
    """Scheme, authority and the rest of a URI; a path has no scheme."""
    match = _SCHEME.match(uri)
    if match is None:  # one letter before the colon is a drive
        return "", "", uri
    scheme, rest = match[1].lower(), uri[match.end() :]
    if not rest.startswith("//"):
        return scheme, "", rest
    authority, slash, path = rest[2:].partition("/")
    return scheme, authority, slash + path


def _path(scheme: str, authority: str, text: str) -> str | None:
    text = _without_prefix(text)
    if sys.platform == "win32":
        if authority and scheme == "file":
            text = f"//{authority}{text}"
        elif text[2:3] == ":":
            text = text.lstrip("/")
        return os.path.normpath(text) if _is_windows_absolute(text) else None
    if authority not in {"", "localhost"} or not text.startswith("/"):
        return None
    return normal(text)


def _is_windows_absolute(text: str) -> bool:
    return text[1:3] in {":\\", ":/"} or text.startswith(("\\\\", "//"))


def _without_prefix(text: str) -> str:
    for prefix in ("\\\\?\\UNC\\", "//?/UNC/"):
        if text.upper().startswith(prefix):
            return "\\\\" + text[len(prefix) :]
    return text[4:] if text.startswith(("\\\\?\\", "//?/")) else text


def _is_device(path: str) -> bool:
    """Devices, and what the kernel shows of processes; not the RAM disk kept among them."""
    if path.startswith("/dev/shm/"):  # noqa: S108 - compared, not used
        return False
    return path.startswith(("\\\\.\\", "//./", "/dev/", "/proc/", "/sys/"))


def normal(path: str) -> str:
    """An absolute path without ``.``, ``..`` and doubled separators, without the disk."""
    path = os.path.normpath(path)
    # POSIX lets two leading slashes mean something of their own; nothing we run on does.
    return "/" + path.lstrip("/") if path.startswith("//") and sys.platform != "win32" else path


def fold(name: str) -> str:
    """A name as the most forgiving file system compares it: NFC, without case."""
    if name.isascii():
        return name.lower()
    name = unicodedata.normalize("NFC", name.translate(_IGNORED))
    return unicodedata.normalize("NFC", name.casefold())


def readings_of(path: str) -> Iterator[Names]:
    """The folded components of a path: as they are, and as Windows would read them.

    Windows drops dots and spaces at a name's end and takes what follows a colon for a
    stream of the file.
    """
    parts = _components(path.replace("\\", "/"))
    plain = tuple(fold(part) for part in parts)
    yield plain
    if "\\" in path:
        yield tuple(fold(part) for part in _components(path))
    if any(":" in part or part[-1:] in {".", " "} for part in plain):
        yield tuple(part.split(":", 1)[0].rstrip(". ") or part for part in plain)


def _components(path: str) -> list[str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def is_short_name(name: str) -> bool:
    """Whether a component has the form of a generated 8.3 alias, such as ``ENV~1``."""
    return _SHORT_NAME.fullmatch(name) is not None


def uri_of(path: str) -> str:
    """The ``file`` URI of an absolute path."""
    text = path.replace("\\", "/") if sys.platform == "win32" else path
    quoted = quote(os.fsencode(text), safe="/:" if sys.platform == "win32" else "/")
    if quoted.startswith("//"):
        return f"file:{quoted}"
    return f"file://{quoted}" if quoted.startswith("/") else f"file:///{quoted}"


@dataclass(frozen=True, slots=True)
class Root:
    """A workspace folder."""

    uri: str
    path: str
    """As the editor names it."""
    real: str
    """With links resolved when it was added."""

    def relative(self, path: str) -> str | None:
        """``path`` below this root, by either of its names; None if it is elsewhere."""
        for base in (self.path, self.real):
            if path == base:
                return ""
            prefix = base if base.endswith(os.sep) else base + os.sep
            if path.startswith(prefix) or _same_case(path, prefix):
                return path[len(prefix) :]
        return None


def _same_case(path: str, prefix: str) -> bool:
    insensitive = sys.platform in {"win32", "darwin"}
    return insensitive and fold(path[: len(prefix)]) == fold(prefix)


class Roots:
    """The workspace folders of the moment."""

    def __init__(self, locations: Iterable[str] = ()) -> None:
        # Never changed in place: other threads read it.
        self._roots: dict[str, Root] = {}
        for location in locations:
            self.add(location)

    def __iter__(self) -> Iterator[Root]:
        return iter(tuple(self._roots.values()))

    def __len__(self) -> int:
        return len(self._roots)

    def add(self, location: str) -> Root | None:
        """Adds a folder by URI or absolute path; None if that names none on this machine."""
        root = _root(location)
        if root is not None:
            self._roots = {**self._roots, root.path: root}
        return root

    def remove(self, location: str) -> None:
        """Removes a folder; one that is unknown is no error."""
        path = locate(location).path
        self._roots = {key: root for key, root in self._roots.items() if key != path}

    def replace(self, roots: Iterable[Root]) -> None:
        """Makes these the roots, see :func:`resolve`."""
        self._roots = {root.path: root for root in roots}

    def of(self, path: str) -> Root | None:
        """The innermost root that ``path`` is below, by name alone."""
        inside = [root for root in self if root.relative(path) is not None]
        return max(inside, key=lambda root: len(root.path), default=None)


def resolve(locations: Iterable[str]) -> list[Root]:
    """The roots at ``locations``, paths or URIs, without those that can't be one. Blocks."""
    return [root for root in map(_root, locations) if root is not None]


def _root(location: str) -> Root | None:
    place = locate(location)
    if place.path is None or not place.readable or place.fault:
        return None
    try:
        real = os.path.realpath(place.path)
    except (OSError, ValueError):
        real = place.path
    return Root(place.uri if place.uri != place.path else uri_of(place.path), place.path, real)
