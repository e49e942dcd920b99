"""From the path that a model wrote to a place below a workspace folder, by the name alone.

What a name leads to, links and all, the gate judges when it looks.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.chat.tools.arguments import ToolError
from polypilot.errors import printable
from polypilot.workspace.roots import locate, normal, uri_of

if TYPE_CHECKING:
    from polypilot.workspace.roots import Root, Roots

_LONGEST = 4_096
_OUTSIDE = "it is not below a workspace folder, and nothing else is read"


@dataclass(frozen=True, slots=True)
class Below:
    """A place below a root."""

    path: str
    """Absolute, without ``.`` and ``..``."""
    root: Root

    @property
    def uri(self) -> str:
        """As the gate is asked."""
        return uri_of(self.path)

    @property
    def shown(self) -> str:
        """For the model: below the root, with forward slashes."""
        return shown(self.root.relative(self.path) or ".")


def below(roots: Roots, base: str | None, path: str) -> Below:
    """Where ``path`` is: absolute, or relative to the root ``base`` (None: the first one).

    Raises:
        ToolError: it is not below a workspace folder, or no path.
    """
    written = path.strip()
    if len(written) > _LONGEST:
        raise ToolError("the path is too long")
    if any(ord(char) < ord(" ") for char in written):
        raise ToolError("the path holds a control character")
    if "://" in written or written.lower().startswith("file:"):
        raise ToolError("give a path, not a URL")
    if written.startswith(("//", "\\\\", "~")):
        raise ToolError(f"{printable(written)}: {_OUTSIDE}")
    absolute = written if _is_absolute(written) else _joined(roots, base, written)
    place = locate(normal(absolute))
    if place.path is None or not place.readable or place.fault:
        raise ToolError(f"{printable(written)}: {place.fault or _OUTSIDE}")
    root = roots.of(place.path)
    if root is None:
        raise ToolError(f"{printable(written)}: {_OUTSIDE}")
    return Below(place.path, root)


def shown(relative: str) -> str:
    """A name for the model: with forward slashes, and without what could pass for something else.

    Undecodable bytes and control characters are escaped.
    """
    return printable(relative.replace("\\", "/") if sys.platform == "win32" else relative)


def _is_absolute(path: str) -> bool:
    return os.path.isabs(path)  # noqa: PTH117 - strings: the name may be none that Path takes


def _joined(roots: Roots, base: str | None, path: str) -> str:
    folder = base if base is not None else next((root.path for root in roots), None)
    if folder is None:
        raise ToolError("no workspace folder is open")
    return os.path.join(folder, path or ".")  # noqa: PTH118 - likewise
