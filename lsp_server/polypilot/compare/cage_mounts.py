"""What a caged process sees of the disk: everything to read, its own tree and folders to write.

Runs as the first process of new namespaces, with all rights in them and none outside.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypilot.compare import cage_files
from polypilot.compare.cage_files import SCRATCH
from polypilot.compare.cage_linux import (
    BIND,
    NO_DEVICES,
    NO_PROGRAMS,
    NO_SETUID,
    PRIVATE,
    READ_ONLY,
    RECURSIVE,
    all_read_only,
    bind,
    keeps_attributes,
    mount,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


HOME = f"{SCRATCH}/home"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_SET_INTERFACE, _UP = 0x8914, 0x1


def build(plan: Mapping[str, Any]) -> None:
    """Replace the view of the disk by the plan's.

    ``plan``: ``tree`` (the folder that is shown, and never written), ``place`` (where it is
    shown), ``hide`` and ``show`` (folders), ``disk`` (bytes for all that is written), ``files``.

    Raises:
        OSError: the system does not allow it.
        ValueError: a path leads out of the work tree.
    """
    mount("none", "/", flags=RECURSIVE | PRIVATE)
    held = {path: _hold(path) for path in plan["show"]}
    devices = {name: _hold(f"/dev/{name}") for name in _DEVICES}
    lower = _hold(plan["tree"])
    all_read_only()
    options = f"size={plan['disk']},mode=755"
    mount("tmpfs", SCRATCH, "tmpfs", NO_SETUID | NO_DEVICES, options)
    own = _hold(SCRATCH)  # it will be covered itself
    base = f"/proc/self/fd/{own}"
    tree = _tree(base, lower, plan["disk"], shares_owner=plan["shares_owner"])
    _hide(base, plan["hide"])
    for path, descriptor in held.items():
        _show(descriptor, path)
    _show(tree, plan["place"])
    for path, descriptor in held.items():
        if Path(path).is_relative_to(plan["place"]):  # the tree has just covered it
            _show(descriptor, path)
    _devices(f"{base}/dev", devices)
    _processes()
    for descriptor in (*held.values(), *devices.values(), lower, tree, own):
        os.close(descriptor)
    os.mkdir(HOME)  # noqa: PTH102  (a path of the cage's own)
    _raise_loopback()
    cage_files.write(Path(plan["place"]), plan["files"])


def _hold(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _tree(base: str, lower: int, disk: int, *, shares_owner: bool) -> int:
    """The work tree with changes kept apart from it: by an overlay, or else as a copy."""
    names = [f"{base}/{name}" for name in ("upper", "work", "tree")]
    for name in names:
        Path(name).mkdir()
    upper, work, tree = names
    if shares_owner and keeps_attributes(upper):
        options = f"lowerdir=/proc/self/fd/{lower},upperdir={upper},workdir={work},userxattr"
        try:
            mount("overlay", tree, "overlay", NO_SETUID | NO_DEVICES, options)
        except OSError:  # an old kernel, or a file system that does not go with it
            pass
        else:
            return _hold(tree)
    mount("tmpfs", tree, "tmpfs", NO_SETUID | NO_DEVICES, f"size={disk},mode=755")
    cage_files.copy(Path(f"/proc/self/fd/{lower}/"), Path(tree))
    return _hold(tree)


def _hide(base: str, folders: Sequence[str]) -> None:
    """Empty folders in place of these; sockets of the user's programs can't be reached either."""
    for number, folder in enumerate([*folders, SCRATCH]):
        if not os.path.isdir(folder):  # noqa: PTH112  (it was below one that is hidden now)
            continue
        empty = f"{base}/empty{number}"
        os.mkdir(empty)  # noqa: PTH102  (a path of the cage's own)
        os.chmod(empty, 0o1777)  # noqa: PTH101, S103  (as above; it stands for /tmp and the like)
        mount(empty, folder, flags=BIND)


def _show(descriptor: int, path: str) -> None:
    if not os.path.lexists(path):
        os.makedirs(path)  # noqa: PTH103  (in a folder that was just made empty)
    bind(descriptor, path)


def _devices(top: str, held: Mapping[str, int]) -> None:
    """Devices without effect alone: as root's child, a disk could be written otherwise."""
    for folder in ("", "/shm", "/pts"):
        Path(top + folder).mkdir()
    Path(f"{top}/shm").chmod(0o1777)
    for name, descriptor in held.items():
        Path(f"{top}/{name}").touch()
        bind(descriptor, f"{top}/{name}", recursive=False)
    options = "newinstance,ptmxmode=0666,mode=620"
    mount("devpts", f"{top}/pts", "devpts", NO_SETUID | NO_PROGRAMS, options)
    links = {"fd": "/proc/self/fd", "ptmx": "pts/ptmx"}
    standard = {
        name: f"/proc/self/fd/{at}" for at, name in enumerate(("stdin", "stdout", "stderr"))
    }
    for name, target in (links | standard).items():
        Path(f"{top}/{name}").symlink_to(target)
    mount(top, "/dev", flags=BIND | RECURSIVE)


def _processes() -> None:
    """Only the cage's own processes; nothing, where the system has covered parts of it."""
    try:
        mount("proc", "/proc", "proc", NO_SETUID | NO_DEVICES | NO_PROGRAMS | READ_ONLY)
    except OSError:
        mount("tmpfs", "/proc", "tmpfs", NO_SETUID | NO_DEVICES | READ_ONLY, "size=4k")


def _raise_loopback() -> None:
    """A test's own server on 127.0.0.1 is not the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        fcntl.ioctl(channel, _SET_INTERFACE, struct.pack("16sH22x", b"lo", _UP))
