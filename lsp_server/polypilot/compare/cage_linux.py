"""Linux calls that Python's library has not, or not yet: namespaces, mounts, capabilities.

Imported by the cage's own process alone (:mod:`polypilot.compare.cage`).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct

NEW_MOUNTS = 0x00020000
NEW_NAMES = 0x04000000
NEW_TALK = 0x08000000
NEW_USER = 0x10000000
NEW_PROCESSES = 0x20000000
NEW_NETWORK = 0x40000000
NEW_ALL = NEW_MOUNTS | NEW_NAMES | NEW_TALK | NEW_USER | NEW_PROCESSES | NEW_NETWORK

READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 0x1, 0x2, 0x4, 0x8
BIND, RECURSIVE, PRIVATE = 0x1000, 0x4000, 0x40000

_MOUNT_SETATTR = 442  # the same number on every architecture that Python runs on
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_DIE_WITH_PARENT, _SECURE_BITS, _NO_NEW_PRIVILEGES, _REAPER, _AMBIENT = 1, 28, 38, 36, 47
_KEEP_RIGHTS = 0x4
"""A change of the user leaves rights as they are; access(2) then counts them as open(2) does."""
_AMBIENT_RAISE = 2
_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_JOIN_SESSION = 1
_CAPS_VERSION = 0x20080522
_OWNERS = (0, 1, 2, 3)
"""CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER: files as their owner sees them, nothing else."""

NOBODY = 65534


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` name.

    Raises:
        OSError: the system does not allow it.
    """
    _check(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount, as the system call of this name does.

    Raises:
        OSError: with the kind or the target, never with what is in a file.
    """
    arguments = (source.encode(), os.fsencode(target), kind.encode() or None)
    result = _libc().mount(*arguments, ctypes.c_ulong(flags), os.fsencode(options) or None)
    _check(result, f"mount {kind or 'bind'}")


def bind(descriptor: int, target: str, *, recursive: bool = True) -> None:
    """Show what an open file or folder is at ``target``, even if its own place is hidden now."""
    mount(f"/proc/self/fd/{descriptor}", target, flags=BIND | (RECURSIVE if recursive else 0))


def all_read_only() -> None:
    """Nothing that is mounted so far can be written to by files' names.

    Raises:
        OSError: the kernel is older than 5.12.
    """
    wanted = struct.pack("QQQQ", READ_ONLY | NO_SETUID, 0, 0, 0)
    number = ctypes.c_long(_MOUNT_SETATTR)
    size = ctypes.c_size_t(len(wanted))
    result = _libc().syscall(number, _AT_FDCWD, b"/", _AT_RECURSIVE, wanted, size)
    _check(result, "mount_setattr")


def die_with_parent() -> None:
    """Be killed when the process that made this one ends, however it does."""
    _control(_DIE_WITH_PARENT, 9)


def adopt_orphans() -> None:
    """Processes below this one whose parents end become its own children."""
    _control(_REAPER, 1)


def _control(option: int, *values: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)][:4]
    _check(_libc().prctl(option, *padded), "prctl")


def keyctl(command: int, argument: bytes | None) -> None:
    """Ask the kernel for something about its keyrings; nothing where its number is not known.

    Raises:
        OSError: it is refused.
    """
    number = _KEYCTL.get(os.uname().machine)
    if number is not None:
        result = _libc().syscall(ctypes.c_long(number), ctypes.c_long(command), argument)
        _check(min(result, 0), "keyctl")


def forget_keys() -> None:
    """Leave the session's keyring, which a new namespace of users does not: keys may be in it."""
    with contextlib.suppress(OSError):  # a kernel without keyrings, or one that gives none
        keyctl(_JOIN_SESSION, None)


def own_map(kind: str) -> str:
    """The lines for ``uid_map`` or ``gid_map`` by which every number stands for itself."""
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:  # noqa: PTH123  (no file of a user's)
        rows = [line.split() for line in file]
    return "".join(f"{inside} {inside} {count}\n" for inside, _, count in rows)


def drop_privileges(*, root: bool) -> None:
    """Give up everything but, for root, the right to its files.

    Limits on the number of processes do not hold for root, and devices and settings of the
    system would be its own: so it goes on as nobody, to whom root's files are open.
    """
    _control(_NO_NEW_PRIVILEGES, 1)
    kept = _OWNERS if root else ()
    if root:
        _control(_SECURE_BITS, _KEEP_RIGHTS)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    mask = sum(1 << number for number in kept)
    header = struct.pack("Ii", _CAPS_VERSION, 0)
    _check(_libc().capset(header, struct.pack("IIIIII", mask, mask, mask, 0, 0, 0)), "capset")
    for number in kept:
        _control(_AMBIENT, _AMBIENT_RAISE, number)


def keeps_attributes(folder: str) -> bool:
    """Whether files there can have the attributes with which an overlay notes removed folders."""
    try:
        os.setxattr(folder, "user.polypilot", b"1")
        os.removexattr(folder, "user.polypilot")
    except OSError as exc:
        if exc.errno in {errno.ENOTSUP, errno.EPERM, errno.EACCES}:
            return False
        raise
    return True
