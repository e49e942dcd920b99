"""``polypilot compare``: which provider is best for the user's own code, and what it costs."""

from __future__ import annotations

import contextlib
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from polypilot.terminal import compare_kept
from polypilot.terminal.compare_asked import confirm
from polypilot.terminal.compare_types import KINDS, Dollars, Numbers
from polypilot.terminal.compare_view import Bars, show_bill, show_report
from polypilot.terminal.compare_watch import TASKS, Every, Watch, named_behind
from polypilot.terminal.program import FAILED, OK, Program, workspace_root

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from decimal import Decimal

    from polypilot.compare.comparing import Comparison
    from polypilot.compare.judging import Bench
    from polypilot.compare.orders import Order, Prepared, Result
    from polypilot.compare.running import Spread
    from polypilot.compare.values import Kind, Way
    from polypilot.compare.wishes import Wish
    from polypilot.terminal.program import Session


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command's options."""

    targets: tuple[str, ...]
    root: Path | None
    commit: str
    tasks: int
    kinds: tuple[tuple[str, int], ...]
    purpose: str
    seed: int
    newer_than: datetime | None
    test_command: str
    no_tests: bool
    ray: str
    way: str
    beside: int
    max_cost: Decimal | None
    allow_unpriced: bool
    dry_run: bool
    yes: bool
    anew: bool
    report: tuple[Path, ...]
    open_: bool
    json_mode: bool
    watch: float | None
    rounds: int | None


@click.command()
@click.argument("targets", nargs=-1, metavar="TARGET...")
@click.option("--root", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="The repository, or a folder of it. Default: the one you are in.")  # fmt: skip
@click.option("--commit", default="HEAD", show_default=True, help="Take the code of this commit.")
@click.option("-n", "--tasks", type=click.IntRange(1, 100_000),
              help="How many tasks to make; default: 300, with --watch 30.")  # fmt: skip
@click.option("--kind", "kinds", type=Numbers(), multiple=True,
              help="Only these kinds of tasks, with a number or in their usual shares: "
              f"{', '.join(KINDS)}.")  # fmt: skip
@click.option("--for", "purpose", type=click.Choice(("completion", "chat", "both")),
              default="both", show_default=True, help="What to compare for.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="The same seed and commit make the same tasks.")  # fmt: skip
@click.option("--newer-than", type=click.DateTime(("%Y-%m-%d",)),
              help="Prefer code changed since then, which models have not seen. "
              "Default: a year before the commit.")  # fmt: skip
@click.option("--test-command", default="",
              help="How the repository's tests are run; default: pytest.")  # fmt: skip
@click.option("--no-tests", is_flag=True, help="Run no tests of the repository.")
@click.option("--ray", metavar="ADDRESS", default="",
              help="Run tests and local models on a Ray cluster: auto, HOST:PORT, "
              "or local:4 for four processes on this machine.")  # fmt: skip
@click.option("--path", "way", type=click.Choice(("product", "bare")), default="product",
              show_default=True,
              help="Ask as the editor does, or without context and filters.")  # fmt: skip
@click.option("--beside", type=click.IntRange(1, 32), default=3, show_default=True,
              help="Questions at once to each target that is not on this machine.")  # fmt: skip
@click.option("--max-cost", type=Dollars(), help="Never spend more than this, in US dollars; "
              "with --watch: in each round.")  # fmt: skip
@click.option("--allow-unpriced", is_flag=True,
              help="With --max-cost, ask targets too whose price is not known.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what it would take; ask nobody.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask before money is spent.")
@click.option("--anew", is_flag=True, help="Begin again, though the same was compared before.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), multiple=True,
              help="Write the report to this file: .html, .md or .json; "
              "may be given again.")  # fmt: skip
@click.option("--open", "open_", is_flag=True, help="Show the report in the browser.")
@click.option("--watch", type=Every(), is_flag=False, flag_value="1d",
              help="Repeat a small sample every so often (6h, 30m; default 1d), and say what got "
              "slower, dearer, worse or better, and which models are new.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), help="With --watch: end after so many.")
@click.option("--list", "list_", is_flag=True, help="List the comparisons that are kept.")
@click.option("--delete", metavar="ID|all", default="", help="Forget comparisons.")
@click.option("--json", "json_mode", is_flag=True, help="The report as JSON on stdout.")
@click.pass_obj
def compare(program: Program, **options: Any) -> int:
    """Ask TARGETs for code that your repository has, and compare what comes.

    A TARGET is PROVIDER or PROVIDER/MODEL: `polypilot compare embedded mistral/codestral-latest`.
    Of the embedded provider it may be a file: embedded/FILE.gguf. Nothing is uploaded but what
    the editor would send. Stopped with Ctrl-C or by a limit, the same command goes on.
    """
    list_, delete = options.pop("list_"), options.pop("delete")
    if list_ or delete:
        return compare_kept.manage(program, delete, json_mode=options["json_mode"])
    options = named_behind(options)
    options["tasks"] = options["tasks"] or (TASKS if options["watch"] else 300)
    wanted = Wanted(**options)
    if wanted.rounds and not wanted.watch:
        raise click.UsageError("--rounds is for --watch")
    if not wanted.targets:
        raise click.UsageError("name at least one TARGET, such as `embedded`")
    _wish(wanted)  # before anything is opened
    root = (wanted.root or workspace_root(Path.cwd())).resolve()
    with program.session([root]) as session:
        return session.run(_compare(program, session, wanted, root))


async def _compare(program: Program, session: Session, wanted: Wanted, root: Path) -> int:
    # Imported here: no other command needs it.
    from polypilot.compare.comparing import Comparison  # noqa: PLC0415 - see above
    from polypilot.compare.store import Store  # noqa: PLC0415 - likewise

    store = Store(problems=lambda problem: program.output.note(problem.message))
    try:
        if wanted.watch:
            order = _order(wanted, root)
            async with _bench(wanted, workspace_root(root)) as (bench, spread):
                watch = Watch(
                    program, session.backend, store, bench=bench, spread=spread,
                    wanted=wanted, order=order,
                )  # fmt: skip
                return await watch.run()
        async with (
            _bench(wanted, workspace_root(root)) as (bench, spread),
            Comparison(
                _order(wanted, root), session.backend, store, bench, spread=spread
            ) as comparison,
        ):
            return await _run(program, wanted, comparison)
    finally:
        await store.aclose()


@contextlib.asynccontextmanager
async def _bench(wanted: Wanted, top: Path) -> AsyncGenerator[tuple[Bench, Spread | None]]:
    """Where tests run, and where else local targets are asked."""
    if not wanted.ray:
        from polypilot.compare.benches import LocalBench  # noqa: PLC0415 - as above

        yield LocalBench(top, tests=not wanted.no_tests), None
        return
    from polypilot.compare.cluster import Cluster, RayBench  # noqa: PLC0415 - as above

    cluster = await Cluster.open(wanted.ray)
    try:
        if not wanted.no_tests:
            await cluster.require_environment(top)
        yield RayBench(cluster, top, tests=not wanted.no_tests), cluster
    finally:
        await cluster.aclose()


async def _run(program: Program, wanted: Wanted, comparison: Comparison) -> int:
    from polypilot.compare.publishing import check  # noqa: PLC0415 - as above

    check(wanted.report)
    output = program.output
    with Bars(output) as bars:
        ready = await comparison.prepare(bars.step)
    show_bill(output, ready, alone=wanted.dry_run)
    if wanted.dry_run:
        return OK
    confirm(program.output, ready, yes=wanted.yes)
    with Bars(output) as bars:
        bars.begin(ready)
        result = await comparison.run(bars.answered, bars.judged)
    return _report(program, wanted, ready, result)


def _report(program: Program, wanted: Wanted, ready: Prepared, result: Result) -> int:
    from polypilot.compare.publishing import made, write  # noqa: PLC0415 - as above

    command = shlex.join(("polypilot", *sys.argv[1:]))
    report = made(result, command=command, seed=wanted.seed, begun=ready.begun)
    files = write(report, wanted.report, run=ready.run or 0)
    show_report(program.output, report, result.outcome, files)
    if wanted.open_:
        click.launch(files[0].as_uri())
    return OK if result.outcome.complete else FAILED


def _order(wanted: Wanted, root: Path) -> Order:
    from polypilot.compare.orders import Order  # noqa: PLC0415 - as above

    return Order(
        targets=wanted.targets,
        root=root,
        wish=_wish(wanted),
        way=cast("Way", wanted.way),
        beside=wanted.beside,
        cap=wanted.max_cost,
        allow_unpriced=wanted.allow_unpriced,
        anew=wanted.anew,
    )


def _wish(wanted: Wanted) -> Wish:
    from polypilot.compare.wishes import Wish  # noqa: PLC0415 - as above

    try:
        test_command = tuple(shlex.split(wanted.test_command))
    except ValueError as error:
        raise click.UsageError(f"--test-command is no command: {error}") from None
    kinds, numbers = _kinds(wanted)
    after = wanted.newer_than
    return Wish(
        total=wanted.tasks,
        kinds=kinds,
        numbers=numbers,
        seed=str(wanted.seed),
        revision=wanted.commit,
        newer_than=after.replace(tzinfo=UTC).timestamp() if after else None,
        test_command=test_command,
    )


def _kinds(wanted: Wanted) -> tuple[tuple[Kind, ...], dict[Kind, int]]:
    """The kinds that are wanted, none for all; if one has a number, the numbers of all.

    Raises:
        click.UsageError: they contradict each other, or ``--for``.
    """
    from polypilot.compare.sampling import SHARES, plan  # noqa: PLC0415 - as above
    from polypilot.compare.values import Kind  # noqa: PLC0415 - as above

    named = {Kind(kind): number for kind, number in wanted.kinds}
    if len(named) < len(wanted.kinds):
        raise click.UsageError("name each --kind once")
    for kind in named:
        if wanted.purpose not in ("both", kind.purpose):
            raise click.UsageError(f"--kind {kind} is none of --for {wanted.purpose}")
    exact = {kind: number for kind, number in named.items() if number >= 0}
    shared = tuple(kind for kind in named if kind not in exact)
    if exact:
        rest = plan(max(0, wanted.tasks - sum(exact.values())), shared)
        return (), {**exact, **rest}
    if not named and wanted.purpose != "both":
        return tuple(kind for kind in SHARES if kind.purpose == wanted.purpose), {}
    return shared, {}
