"""The same comparison on a cluster: Ray spreads runs of tests and local models over it.

Ray places the work, notices dead processes and does their work again; nothing of that is ours.
Suppliers are asked from the user's machine alone: keys never leave it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from polypilot.compare import cluster_work, sandbox_plan
from polypilot.compare.asking import Asked
from polypilot.compare.cluster_connect import ClusterError, connect
from polypilot.compare.cluster_tree import pack
from polypilot.compare.forms import as_json, from_json
from polypilot.compare.sandbox import Outcome
from polypilot.compare.values import Reply
from polypilot.errors import UserError
from polypilot.tasks import run_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from polypilot.compare.cluster_connect import Connection
    from polypilot.compare.targets import Target
    from polypilot.compare.tested import Runs
    from polypilot.compare.values import Task, TestRun, Way

_PACK_S = 300.0
_CHECK_S = 120.0
_CLEAR_S = 20.0
_SEAT_CPUS = 2
"""Of one local model: its runtime computes with several threads."""
_ASKED_AGAIN = 5
"""How often a question is asked again whose process died: the machine may be too small for it."""


class Cluster:
    """A cluster that is connected, with the same Polypilot on each of its machines."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ray = connection.ray
        self._trees: dict[Path, asyncio.Future[Mapping[str, Any]]] = {}
        self._packed: dict[str, Any] = {}
        self._clerks: list[Any] = []
        self._run = f"{secrets.token_hex(8)}-"
        """What the names of this run's folders begin with, on each machine."""
        judge = self._ray.remote(cluster_work.judge)
        # A run in a sandbox does no harm if it is done twice.
        self._judge = judge.options(num_cpus=1, max_retries=-1)
        self._clerk = self._ray.remote(cluster_work.Clerk).options(
            num_cpus=_SEAT_CPUS,
            max_restarts=-1,
            max_task_retries=_ASKED_AGAIN,
            max_concurrency=1,
        )

    @classmethod
    async def open(cls, address: str) -> Self:
        """Connect to ``auto``, ``HOST:PORT`` or ``local:NUMBER``, and compare versions.

        Raises:
            UserError: ``needs_extra``.
            ClusterError: it can't be reached, or a machine of it has another Polypilot.
        """
        connection = await connect(address)
        made = cls(connection)
        try:
            await made._check()
        except BaseException:
            await connection.aclose()
            raise
        return made

    @property
    def cpus(self) -> int:
        """Of all its machines."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    async def require_environment(self, repository: Path) -> None:
        """See that tests find the repository's own ``.venv`` on each machine, if it has one here.

        Raises:
            ClusterError: a machine lacks it: its verdicts would not be this machine's.
        """
        if await run_blocking(sandbox_plan.own_interpreter, repository, timeout=_CHECK_S) is None:
            return
        place = str(repository)
        async for node, found in self._everywhere(_CHECK_S, cluster_work.has_environment, place):
            if not found:
                raise ClusterError(
                    f"the cluster's machine {node} lacks the .venv of the repository",
                    cure=f"make it there too, at {place}, or say --no-tests",
                )

    async def judge(
        self, run: TestRun, tree: Path, overlay: Mapping[str, str], repository: Path
    ) -> Outcome:
        """Run tests somewhere in the cluster; a process that dies is replaced by Ray.

        Raises:
            ClusterError: the cluster is gone.
        """
        sent = await self._sent(tree)
        plain: dict[str, Any] = {
            "command": list(run.command),
            "files": [list(each) for each in run.files],
            "seconds": run.seconds,
            "megabytes": run.megabytes,
            "expects": list(run.expects),
            "repository": str(repository),
        }
        found = await self._result(self._judge.remote(sent, plain, dict(overlay)))
        return Outcome(
            found["passed"], found["note"], found["seconds"], shown=tuple(found["shown"])
        )

    async def seats(self, target: Target, way: Way, tree: Path) -> Sequence[RaySeat]:
        """Where an embedded target is asked; none for all others, which are asked from here."""
        if not target.embedded:
            return ()
        sent = await self._sent(tree)
        plain = {
            "label": target.label, "provider": target.provider,
            "model": target.model, "file": target.file,
        }  # fmt: skip
        options = self._clerk if self.cpus >= _SEAT_CPUS else self._clerk.options(num_cpus=1)
        number = max(1, self.cpus // _SEAT_CPUS)
        made = [options.remote(plain, way) for _ in range(number)]
        self._clerks += made
        return [RaySeat(self, target, clerk, sent) for clerk in made]

    async def leave(self) -> None:
        """Give the processors back that the models had: tests come next."""
        clerks, self._clerks = self._clerks, []
        for clerk in clerks:
            await run_blocking(self._ray.kill, clerk, timeout=_CHECK_S, name="ray")

    async def aclose(self) -> None:
        """Leave the cluster, with no file of ours on it; one that was started for us ends."""
        try:
            if self._trees and not self._connection.base:  # one of ours takes its folder along
                async for _ in self._everywhere(_CLEAR_S, cluster_work.clear, "", self._run):
                    pass
        finally:
            await self._connection.aclose()

    async def answer(self, clerk: Any, sent: Mapping[str, Any], task: Task) -> Mapping[str, Any]:
        """What a clerk says to a task.

        Raises:
            ClusterError: its process died again and again, or the cluster is gone.
        """
        return await self._result(clerk.ask.remote(sent, as_json(task)))

    # -- inside ------------------------------------------------------------------------------

    async def _result(self, reference: Any) -> Any:
        try:
            return await asyncio.wrap_future(reference.future())
        except asyncio.CancelledError:
            self._ray.cancel(reference, force=False)
            raise
        except self._ray.exceptions.RayError as error:
            raise ClusterError(
                f"the cluster could not do its part ({type(error).__name__})",
                cure="look at `ray status`, then run the same command again: it goes on",
            ) from error

    async def _sent(self, tree: Path) -> Mapping[str, Any]:
        """The tree in the engine's store, put there once; it does not change while it is used."""
        if tree not in self._trees:
            self._trees[tree] = asyncio.ensure_future(self._send(tree))
        return await asyncio.shield(self._trees[tree])

    async def _send(self, tree: Path) -> Mapping[str, Any]:
        packed, digest = await run_blocking(pack, tree, timeout=_PACK_S, name="packing")
        reference = await run_blocking(self._ray.put, packed, timeout=_PACK_S, name="ray")
        # In a list it is fetched by whoever needs it, and not with each task.
        return {"packed": [reference], "digest": digest,
                "base": self._connection.base, "run": self._run}  # fmt: skip

    async def _check(self) -> None:
        """See that each machine has this version of Polypilot."""
        ours = cluster_work.versions()
        async for node, theirs in self._everywhere(_CHECK_S, cluster_work.versions):
            check_versions(node, ours, theirs)

    async def _everywhere(
        self, seconds: float, work: Callable[..., Any], *given: object
    ) -> AsyncGenerator[tuple[str, Any]]:
        """Each machine's name, and what comes of this work there; None if nothing does."""
        strategies = self._ray.util.scheduling_strategies
        remote = self._ray.remote(work)
        asked: list[tuple[str, Any]] = []
        for node in self._ray.nodes():
            if node["Alive"]:
                place = strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                options = remote.options(num_cpus=0, scheduling_strategy=place)
                asked.append((str(node["NodeManagerHostname"]), options.remote(*given)))
        for name, reference in asked:
            found = None
            with contextlib.suppress(self._ray.exceptions.RayError, ImportError, TimeoutError):
                async with asyncio.timeout(seconds):
                    found = await asyncio.wrap_future(reference.future())
            yield name, found


def check_versions(node: str, ours: Mapping[str, str], theirs: Mapping[str, str] | None) -> None:
    """See that a machine has our version of Polypilot.

    Raises:
        ClusterError: it has another, or none.
    """
    version = ours["polypilot"]
    cure = f"on {node}: pip install 'polypilot[ray,compare]=={version}'"
    if theirs is None:
        raise ClusterError(f"the cluster's machine {node} has no Polypilot that runs", cure=cure)
    if theirs["polypilot"] != version:
        raise ClusterError(
            f"the cluster's machine {node} has Polypilot {theirs['polypilot']}, this one {version}",
            cure=cure,
        )


@dataclass(frozen=True, slots=True)
class RayBench:
    """The cluster, one run of tests for each of its processors."""

    cluster: Cluster
    repository: Path = Path()
    """Top folder of the user's repository, absolute: what is installed for it is used."""
    tests: bool = True

    @property
    def run(self) -> Runs | None:
        """Runs tests in a sandbox on the cluster; None: none are to be run."""
        return self._run if self.tests else None

    @property
    def at_once(self) -> int:
        """How many runs there may be at a time."""
        return self.cluster.cpus

    async def _run(self, run: TestRun, tree: Path, *, overlay: Mapping[str, str]) -> Outcome:
        return await self.cluster.judge(run, tree, overlay, self.repository)


@dataclass(frozen=True, slots=True)
class RaySeat:
    """A local model in a process of the cluster, for the runner."""

    cluster: Cluster
    target: Target
    clerk: Any
    sent: Mapping[str, Any]
    """The tree, as tasks are told of it."""

    @property
    def label(self) -> str:
        """The target's."""
        return self.target.label

    @property
    def local(self) -> bool:
        """It has its processors for itself: one such target after the other."""
        return True

    async def ask(self, task: Task) -> Asked:
        """Ask one question. Asked again, by Ray, where the process died: it costs nothing."""
        try:
            answer = await self.cluster.answer(self.clerk, self.sent, task)
        except ClusterError as error:
            return self._failed(task, error)
        failure = UserError(answer["failure"][1], code=answer["failure"][0],
                            cure=answer["failure"][2]) if answer["failure"] else None  # fmt: skip
        if failure is not None and "reply" not in answer:
            return self._failed(task, failure)
        return Asked(from_json(Reply, answer["reply"]), answer["again"], failure)

    def _failed(self, task: Task, error: UserError) -> Asked:
        reply = Reply(task.id, self.target.label, time.time(), error=error.code)
        return Asked(reply, failure=error)
