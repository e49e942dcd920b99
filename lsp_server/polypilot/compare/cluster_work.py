"""What a cluster's processes do for a comparison: run tests, ask a local model.

Plain values come in and go out, never a class of ours, so that nothing depends on how the other
side's version is made. A tree is fetched from the engine's store once for each process.
"""

from __future__ import annotations

import asyncio
import atexit
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polypilot import __version__
from polypilot.compare import sandbox, sandbox_plan, scratch
from polypilot.compare.asking import ask
from polypilot.compare.cluster_tree import unpack
from polypilot.compare.desk import Desk
from polypilot.compare.forms import as_json, from_json
from polypilot.compare.targets import Target, TargetError
from polypilot.compare.values import Task, TestRun
from polypilot.errors import UserError, describe
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polypilot.compare.values import Way

UNPACK_S = 300.0
_trees: dict[str, Path] = {}
"""Those that this process has unpacked, by their digests."""


def versions() -> dict[str, str]:
    """Of what runs here."""
    return {"polypilot": __version__, "python": platform.python_version()}


def has_environment(repository: str) -> bool:
    """Whether the repository's own interpreter is on this machine, at the same path. Blocks."""
    return sandbox_plan.own_interpreter(Path(repository)) is not None


def clear(base: str, run: str) -> None:
    """Remove a run's trees here, since its processes will be killed, not ended. Blocks."""
    scratch.remove_all(Path(base) if base else scratch.default(), run)


def tree_of(sent: Mapping[str, Any]) -> Path:
    """The tree that was sent: ``digest``, ``base``, ``run``, ``packed`` (a list of a reference).

    Blocks.

    Raises:
        TreeError: it did not arrive whole.
    """
    digest: str = sent["digest"]
    if digest not in _trees:
        fetch: Callable[[Any], bytes] = _ray_get()
        folder = unpack(fetch(sent["packed"][0]), digest, sent["base"], sent["run"])
        atexit.register(scratch.remove, folder)
        _trees[digest] = folder
    return _trees[digest]


def _ray_get() -> Callable[[Any], bytes]:
    import ray  # pyright: ignore[reportMissingImports]  # noqa: PLC0415 - an extra

    return ray.get  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def judge(sent: Mapping[str, Any], run: Mapping[str, Any], overlay: Mapping[str, str]) -> Any:
    """Run tests on the tree in the sandbox; ``passed``, ``note``, ``seconds`` and ``shown``.

    ``repository`` of the run: where the user's is. What is installed for it there is used.
    """
    tree, repository = tree_of(sent), Path(run["repository"])
    test = TestRun(
        tuple(run["command"]),
        tuple((path, text) for path, text in run["files"]),
        run["seconds"],
        run["megabytes"],
        tuple(run["expects"]),
    )
    place = repository if repository.is_dir() else None
    found = asdict(asyncio.run(sandbox.run(test, tree, overlay=overlay, repository=place)))
    # What a test prints may quote the user's code, and nobody asks for it.
    return {name: found[name] for name in ("passed", "note", "seconds", "shown")}


class Clerk:
    """Asks an embedded model in a process of the cluster, at a desk without any key.

    Args:
        target: label, model and file.
    """

    def __init__(self, target: Mapping[str, str], way: Way) -> None:
        self._target = Target(**target)
        self._way: Way = way
        self._desk: Desk | None = None

    async def ask(self, sent: Mapping[str, Any], task: str) -> dict[str, Any]:
        """Ask a question; ``reply`` (JSON), ``again`` and ``failure``, or ``failure`` alone."""
        try:
            self._desk = self._desk or await self._open(sent)
        except (UserError, OSError, TimeoutError, ValueError) as error:
            problem = describe(error)
            return {"failure": (problem.code, problem.message, problem.cure)}
        asked = await ask(self._desk, from_json(Task, task))
        problem = describe(asked.failure) if asked.failure else None
        return {
            "reply": as_json(asked.reply),
            "again": asked.again,
            "failure": (problem.code, problem.message, problem.cure) if problem else None,
        }

    async def keys(self) -> list[str]:
        """Names of variables that look like a supplier's key, in this process."""
        import os  # noqa: PLC0415 - for this alone

        return sorted(name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN")))

    async def _open(self, sent: Mapping[str, Any]) -> Desk:
        if not self._target.embedded:
            # Its key would have to be on that machine.
            raise TargetError("only the embedded provider is asked on a cluster")
        tree = await run_blocking(tree_of, sent, timeout=UNPACK_S, name="tree")
        return await Desk.open(self._target, self._way, tree, {})
