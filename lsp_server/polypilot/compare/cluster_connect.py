"""Reaches a Ray cluster, or starts one on this machine; without its reports and its noise."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import importlib
import importlib.util
import logging
import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot.children import bare_environment
from polypilot.compare.cluster_folder import ClusterFolder
from polypilot.errors import UserError
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Generator

START_S = 120.0
_REACH_S = 5.0
_STOP_S = 30.0
"""For what was being started when the user had enough of it."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""Of HTTP/2, which a cluster's head speaks: the preface, and settings that set nothing."""
_FRAME, _SETTINGS = 9, 4
"""Bytes of a frame's head, and the type that a server's first frame has."""
_ADDRESS = re.compile(
    r"(?:auto|local:[1-9]\d{0,2}|(?!local:)[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5})"
)
_STORE = 256 << 20
"""Bytes of shared memory of a cluster of ours: for trees, which go to the disk beyond that."""
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""No report to its makers, no words on our stderr."""

_PAIR = r"Ray: ([\w.+-]+)\s+Python: ([\w.+-]+)"
_VERSIONS = re.compile(f"Version mismatch.*?{_PAIR}.*?{_PAIR}", re.DOTALL)
_CURE = "see that it runs (`ray status`) and has this Python and this Ray"
_START = "start it with `ray start --head`, or say local:4 for one on this machine"
_PORT = "say the address that `ray start --head` has told, or auto on a machine of the cluster"

_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray takes the machine's outer address even where 127.0.0.1 is asked for, but for this."""


class ClusterError(UserError):
    """The cluster can't be used."""

    code = "cluster"


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster that answers."""

    ray: Any
    """The library, which has no types that hold."""
    base: str
    """Where trees are unpacked: a folder of ours, or empty: each machine's own cache."""
    folder: ClusterFolder | None
    """What is removed with it."""
    over: threading.Event
    """Set when it has been left."""

    async def aclose(self) -> None:
        """Leave it; one that was started for us ends."""
        await run_blocking(self._close, timeout=START_S, name="ray")

    def _close(self) -> None:
        self.ray.shutdown()
        self.over.set()
        if self.folder is not None:
            self.folder.remove()


def check_address(address: str) -> str:
    """An address: ``auto``, ``HOST:PORT`` or ``local:NUMBER``.

    Raises:
        ClusterError: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise ClusterError(
            f"{address!r} is no address of a Ray cluster",
            cure="say auto, HOST:PORT, or local:4 for four processes on this machine",
        )
    return address


def require_ray() -> None:
    """See that the engine is installed.

    Raises:
        UserError: ``needs_extra``.
    """
    if importlib.util.find_spec("ray") is None:
        raise UserError(
            "a cluster needs a package that is not installed (ray)",
            code="needs_extra",
            cure="pip install 'polypilot[ray]'",
        )


async def connect(address: str) -> Connection:
    """Reach a cluster that runs, or start one of so many processes at ``local:NUMBER``.

    Raises:
        UserError: ``needs_extra``.
        ClusterError: it does not answer, or does not start, within a bound of time.
    """
    check_address(address)
    require_ray()
    if address != "auto" and not address.startswith("local:"):
        await _reach(address)
    try:
        return await _kept(address)
    except TimeoutError:
        raise ClusterError(f"Ray did not answer within {START_S:g} s", cure=_CURE) from None
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _refused(address, error) from error


def _refused(address: str, error: Exception) -> ClusterError:
    """What the library said, in words of ours: it holds addresses and advice for its own API."""
    found = _VERSIONS.search(str(error))
    if found:
        theirs, ours = (f"Ray {found[at]} with Python {found[at + 1]}" for at in (1, 3))
        return ClusterError(
            f"the cluster has {theirs}, this machine {ours}",
            cure="install Polypilot with the same two here, or on each machine of the cluster",
        )
    if address == "auto" and isinstance(error, ConnectionError):
        return ClusterError("no Ray cluster runs on this machine", cure=_START)
    kind = type(error).__name__
    return ClusterError(f"Ray could not be reached at {address} ({kind})", cure=_CURE)


async def _reach(address: str) -> None:
    """The library itself would try for a minute or two, whatever it is that listens there."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_REACH_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, OverflowError):
        raise ClusterError(f"nothing answers at {address}", cure=_START) from None
    try:
        if os.environ.get("RAY_USE_TLS", "0") == "0" and not await _greets(reader, writer):
            raise ClusterError(f"what answers at {address} is no Ray cluster", cure=_PORT)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the other side speaks HTTP/2: such a server begins with its settings."""
    try:
        async with asyncio.timeout(_REACH_S):
            writer.write(_GREETING)
            await writer.drain()
            head = await reader.readexactly(_FRAME)
    except (OSError, EOFError):
        return False
    return head[3] == _SETTINGS and not any(head[5:])


async def _kept(address: str) -> Connection:
    """Connect on a thread that lives as long as the connection does.

    Linux ends processes of a cluster of ours with the thread that has started them.
    """
    made: concurrent.futures.Future[Connection] = concurrent.futures.Future()
    over = threading.Event()

    def keep() -> None:
        try:
            connection = _connect(address, over)
        except Exception as error:  # noqa: BLE001  (handed to whoever awaits)
            made.set_exception(error)
        else:
            made.set_result(connection)
            over.wait()

    threading.Thread(target=keep, name="polypilot:ray", daemon=True).start()
    waiting = asyncio.wrap_future(made)
    try:
        async with asyncio.timeout(START_S):
            return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        # The library can't be stopped halfway; what it has started would stay.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_STOP_S):
                await (await waiting).aclose()
        raise


def _connect(address: str, over: threading.Event) -> Connection:
    os.environ.update(_QUIET)
    if address.startswith("local:"):
        os.environ |= _LOOPBACK
    ray = importlib.import_module("ray")
    # What it has to say of a dead process would go to stdout, among our JSON; no option keeps it.
    vars(importlib.import_module("ray._private.worker"))["print_to_stdstream"] = _say_nothing
    quiet = {"log_to_driver": False, "configure_logging": False, "logging_level": logging.CRITICAL}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if not address.startswith("local:"):
        ray.init(address=address, **quiet)
        return Connection(ray, "", None, over)
    folder = ClusterFolder()
    try:
        with _no_keys():
            ray.init(
                address="local",
                num_cpus=int(address.partition(":")[2]),
                include_dashboard=False,
                object_store_memory=_STORE,
                _node_ip_address="127.0.0.1",
                _temp_dir=str(folder.path),
                **quiet,
            )
    except BaseException:
        folder.remove()
        raise
    return Connection(ray, str(folder.path / "trees"), folder, over)


@contextlib.contextmanager
def _no_keys() -> Generator[None]:
    """The cluster's processes are started without the user's keys around them."""
    before = dict(os.environ)
    kept = bare_environment() | {
        name: value
        for name, value in before.items()
        if name.startswith(("RAY_", "POLYPILOT_")) or name in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    for name in before.keys() - kept.keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update({name: before[name] for name in before.keys() - kept.keys()})


def _say_nothing(*_: object, **__: object) -> None:
    """In place of a printing function."""
