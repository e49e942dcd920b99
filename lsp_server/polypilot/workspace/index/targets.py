"""Which workspace roots a question names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.workspace.index.values import SearchError
from polypilot.workspace.roots import locate

if TYPE_CHECKING:
    from polypilot.workspace.roots import Root, Roots


def targets(roots: Roots, name: str | None) -> list[Root]:
    """The root with a path or URI; all of them without.

    Raises:
        SearchError: ``unknown_root``.
    """
    if name is None:
        return list(roots)
    path = locate(name).path
    found = [each for each in roots if path in {each.path, each.real}]
    if not found:
        raise _unknown(name)
    return found[:1]


def within(roots: Roots, folder: str) -> tuple[Root, str]:
    """The root that a folder is in, and the folder's path below it.

    Raises:
        SearchError: ``unknown_root``.
    """
    path = locate(folder).path
    root = roots.of(path) if path else None
    if root is None or path is None:
        raise _unknown(folder)
    return root, root.relative(path) or ""


def _unknown(root: str) -> SearchError:
    """No such root is open."""
    return SearchError(
        f"{root!r} is not an open workspace folder",
        code="unknown_root",
        cure="open the folder in the editor",
    )
