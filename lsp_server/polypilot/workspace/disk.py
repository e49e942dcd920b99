"""The questions to the disk with which every look begins.

A file system that hangs (a network mount whose server has gone) hangs here, before anything
is listed or read; so these three are what a test has to replace to make one.
"""

from __future__ import annotations

import os
from typing import Protocol


class Disk(Protocol):
    """What the gate asks of the file system. Each method blocks, and may raise OSError."""

    def stat(self, path: str) -> os.stat_result:
        """Status of what a path leads to."""
        ...

    def lstat(self, path: str) -> os.stat_result:
        """Status of a path itself, which may be a link."""
        ...

    def real(self, path: str) -> str:
        """The path without links; what does not exist is left as it is.

        Raises:
            ValueError: no file can have this name.
        """
        ...


class SystemDisk:
    """The file system of this machine."""

    def stat(self, path: str) -> os.stat_result:
        """Status of what a path leads to."""
        return os.stat(path)  # noqa: PTH116 - strings: this runs per keystroke

    def lstat(self, path: str) -> os.stat_result:
        """Status of a path itself."""
        return os.lstat(path)

    def real(self, path: str) -> str:
        """The path without links."""
        return os.path.realpath(path)


SYSTEM = SystemDisk()
