"""The workspace folders, as the editor names them and as they are on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polypilot.backend.refreshing import FILES_S
from polypilot.tasks import run_blocking
from polypilot.workspace.roots import Roots, locate, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from polypilot.backend.reloading import Sources
    from polypilot.workspace.roots import Root


class Folders:
    """Keeps the workspace's roots in step with the folders that the editor names.

    A folder that it closes is out at once. One that it opens is in when the disk has told
    where it really is.

    Args:
        sources: the folders as they are named. Looks at the disk, in the caller's thread.
        find: looks up folders on disk; may hang.
        within: seconds that it may take.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        find: Callable[[Iterable[str]], list[Root]] = resolve,
        within: float = FILES_S,
    ) -> None:
        self._sources = sources
        self._find = find
        self._within = within
        self.roots = Roots(sources.roots)
        """Always this object; the gate goes by it."""
        self._found: tuple[str, ...] | None = sources.roots
        """The names that the roots were made of; None if folders have changed since."""

    @property
    def settled(self) -> bool:
        """Whether all folders are in that are named."""
        return self._found is not None

    def want(self, named: tuple[str, ...]) -> None:
        """Take other folders: what is not among them is out. Does not look at the disk."""
        self._sources.roots = named
        self._found = None
        paths = {locate(each).path for each in named}
        self.roots.replace([root for root in self.roots if root.path in paths])

    async def settle(self) -> None:
        """Look up the folders that are named now, unless that was done. Not twice at a time.

        Raises:
            TimeoutError: a disk hangs; folders that were not in stay out.
        """
        while not self.settled:
            named = self._sources.roots
            found = await run_blocking(self._find, named, timeout=self._within, name="roots")
            # Folders may have changed again meanwhile.
            if self._sources.roots is named:
                self.roots.replace(found)
                self._found = named
