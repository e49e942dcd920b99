"""The gate's rules, asked folder by folder: what may be listed and what is worth walking.

The rules and their code are the gate's own. Added here is only what saves asking: a folder
in which nothing can be allowed is not entered.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.workspace.disk import SYSTEM
from polypilot.workspace.gate_policy import Policy
from polypilot.workspace.ignore import NameRules
from polypilot.workspace.roots import Root, Roots, readings_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polypilot.workspace.ignore import Around

NEVER_WALKED = frozenset((
    ".git", ".hg", ".svn", ".jj", ".bzr", "cvs", "node_modules", "bower_components",
    ".venv", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    ".hypothesis", ".eggs", "site-packages", ".gradle", ".terraform", ".next", ".nuxt",
    ".parcel-cache", ".svelte-kit", ".yarn", ".pnpm-store", ".direnv", ".dart_tool",
    ".stack-work", "deriveddata", ".build-cache", ".ccls-cache", ".clangd",
))  # fmt: skip
"""Folders that programs fill, whatever a repository says of them; compared without case."""
_MARKS = frozenset(("CACHEDIR.TAG", "pyvenv.cfg", ".noai"))
"""Names that say so of the folder that they are in."""
_ORDINARY = "an ordinary file of no kind"
"""A name that no pattern is made for: it is excluded where everything is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that decide, as they travel to the process that indexes."""

    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


@dataclass(frozen=True, slots=True)
class Entered:
    """A folder that is walked."""

    path: str
    state: str
    """Changes with anything that decides about what is directly in it."""
    around: Around


class FolderPolicy(Policy):
    """The gate's policy for the files below a root without links. For one thread."""

    def __init__(self, root: Root, roots: Iterable[str], rules: Rules) -> None:
        known = Roots(roots)
        known.replace([*known, root])
        super().__init__(known, rules, SYSTEM, NameRules(rules.exclude))
        self._root = root
        self._allows_again = any(line.startswith("!") for line in rules.exclude)

    def enter(self, folder: str, names: Iterable[str] = ()) -> Entered | None:
        """The folder, as an absolute path without links, if something in it may be allowed.

        ``names`` are the names in it. The root itself is entered whatever it is called.
        """
        name = os.path.basename(folder)  # noqa: PTH119 - strings: this runs per folder
        inner = folder != self._root.real
        if inner and (name.casefold() in NEVER_WALKED or not _MARKS.isdisjoint(names)):
            return None
        around = self._ignores.around(os.path.join(folder, _ORDINARY))  # noqa: PTH118 - likewise
        if around.known[-1].barred or (inner and self._is_ignored(folder, around)):
            return None
        if not self._allows_again and self._by_names(os.path.join(folder, _ORDINARY)):  # noqa: PTH118
            return None
        return Entered(folder, self._digest(self._root, (around,)), around)

    def lists(self, entered: Entered, path: str) -> bool:
        """Whether the name of a file in a folder that was entered may be told."""
        if self._by_names(path):
            return False
        use = self.privacy.use_gitignore
        return entered.around.judge(path, self._root.real, use_gitignore=use) is None

    def _by_names(self, path: str) -> bool:
        return self._by_name(tuple(readings_of(path)), self._root) is not None

    def _is_ignored(self, folder: str, around: Around) -> bool:
        """Whether the ignore files above a folder exclude it, and so all that is in it."""
        above = type(around)(around.folders[:-1], around.known[:-1])
        top, use = self._root.real, self.privacy.use_gitignore
        return above.judge(folder, top, use_gitignore=use, folder=True) is not None
