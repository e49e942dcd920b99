"""Tasks from a whole repository: real git, real tests, a real gate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from compare_support import SHAPES, Ended, Plain, gate_of, small_repository

from polypilot.compare import chat_tasks
from polypilot.compare.collecting import Collected, Wish, collect
from polypilot.compare.cutting_functions import Function
from polypilot.compare.mutating import broken
from polypilot.compare.repository_parts import Commit
from polypilot.compare.test_files import PythonTests, pytest_run
from polypilot.compare.values import Kind, Task, TestRun
from polypilot.errors import UserError
from polypilot.tasks import start_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from git_support import Repository as Git

    from polypilot.workspace.gate import Gate

CHAT = (Kind.EXPLAIN, Kind.WRITE_TEST, Kind.COMMIT)
HOLES = (Kind.LINE, Kind.REST, Kind.BLOCK, Kind.FUNCTION)
KEY = "AKIA" + "QYLPMN5HNM4OXKWB"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return small_repository(tmp_path)


@pytest.fixture
def gate(git: Git) -> Gate:
    return gate_of(git.root)


def of(found: Collected, kind: Kind) -> list[Task]:
    return [task for task in found.tasks if task.kind is kind]


def is_whole(task: Task, git: Git) -> bool:
    return task.prefix + task.truth + task.suffix == git.run("show", f"HEAD:{task.path}")


# -- holes and chat --------------------------------------------------------------------------------


async def test_tasks_are_made_of_the_repository_as_committed(git: Git, gate: Gate) -> None:
    git.write("pkg/shapes.py", "changed = 1\n")
    found = await collect(git.root, Wish(kinds=(*HOLES, *CHAT), total=30), gate=gate)
    assert found.commit == git.run("rev-parse", "HEAD").strip()
    assert set(found.mix) == {*HOLES, *CHAT}
    assert {task.path for task in found.tasks} <= {
        "pkg/shapes.py", "pkg/more.py", "tests/test_shapes.py", ""
    }  # fmt: skip
    for task in found.tasks:
        assert task.kind is Kind.COMMIT or is_whole(task, git)
        assert task.changed is not None
    assert found.newer_share == 1.0
    assert "1 of 3 tasks of the kind commit were found" in found.problems
    assert found.skipped == {"too small": 1}


async def test_the_same_seed_gives_the_same_tasks_in_another_clone(
    git: Git, gate: Gate, tmp_path: Path
) -> None:
    wish = Wish(kinds=(*HOLES, *CHAT), total=20)
    first = await collect(git.root, wish, gate=gate)
    git.run("clone", "-q", str(git.root), str(tmp_path / "clone"))
    clone = await start_blocking(gate_of, tmp_path / "clone")
    assert (await collect(tmp_path / "clone", wish, gate=clone)).tasks == first.tasks
    other = await collect(git.root, Wish(kinds=(*HOLES, *CHAT), total=20, seed="2"), gate=gate)
    assert other.tasks != first.tasks
    assert len({task.id for task in first.tasks}) == len(first.tasks)


async def test_numbers_are_obeyed_and_progress_is_told(git: Git, gate: Gate) -> None:
    told: list[tuple[str, int, int]] = []

    def tell(what: str, done: int, whole: int) -> None:
        told.append((what, done, whole))

    wish = Wish(numbers={Kind.LINE: 4, Kind.EXPLAIN: 2})
    found = await collect(git.root, wish, gate=gate, progress=tell)
    assert found.mix == {Kind.LINE: 4, Kind.EXPLAIN: 2}
    assert told[-1][1] == told[-1][2]
    (attached,) = of(found, Kind.EXPLAIN)[0].attached
    assert attached[0] in of(found, Kind.EXPLAIN)[0].question


async def test_a_commit_is_asked_for_its_message(git: Git, gate: Gate) -> None:
    found = await collect(git.root, Wish(numbers={Kind.COMMIT: 5}), gate=gate)
    (task,) = found.tasks
    assert task.truth == "Add discs, since circles are not enough"
    ((_, diff),) = task.attached
    assert "+class Disc:" in diff
    assert "1 of 5 tasks of the kind commit were found" in found.problems


async def test_the_files_around_are_written_for_who_asks(
    git: Git, gate: Gate, tmp_path: Path
) -> None:
    (git.root / "out").symlink_to("/etc/passwd")
    git.commit("Add a link that leads out")
    found = await collect(git.root, Wish(total=5), gate=gate, tree=tmp_path / "tree")
    assert (tmp_path / "tree/pkg/more.py").read_text() == git.run("show", "HEAD:pkg/more.py")
    assert any("1 files are not in the copy" in problem for problem in found.problems)


async def test_only_what_is_below_the_folder_is_taken(git: Git) -> None:
    gate = await start_blocking(gate_of, git.root / "tests")
    found = await collect(git.root / "tests", Wish(total=4), gate=gate)
    assert {task.path for task in found.tasks} == {"tests/test_shapes.py"}


async def test_a_folder_without_git_gives_tasks_without_dates_or_commits(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "shapes.py").write_text(SHAPES, "utf-8")
    gate = await start_blocking(gate_of, folder)
    found = await collect(folder, Wish(total=10), gate=gate)
    assert len(found.tasks) == 10
    assert {task.path for task in found.tasks} == {"shapes.py"}
    assert (found.commit, found.cutoff, found.newer_share) == ("", None, None)
    assert {task.changed for task in found.tasks} == {None}


# -- what must not become a task -------------------------------------------------------------------


async def test_what_the_gate_refuses_becomes_no_task(git: Git) -> None:
    git.write("secret/inner.py", SHAPES)
    git.write("keyed.py", f'{SHAPES}\nAWS_ACCESS_KEY_ID = "{KEY}"\n')
    git.write(".aiignore", "ignored.py\n")
    git.write("ignored.py", SHAPES)
    git.commit(f"Add files and the key {KEY} by mistake")
    git.write("secret/inner.py", SHAPES + "# more\n")
    git.commit("Change a file that is kept back")
    gate = await start_blocking(lambda: gate_of(git.root, exclude=("secret/",)))
    found = await collect(git.root, Wish(total=60, kinds=(*HOLES, *CHAT)), gate=gate)
    assert found.tasks
    assert not {task.path for task in found.tasks} & {"secret/inner.py", "keyed.py", "ignored.py"}
    assert KEY not in repr([(task.prefix, task.suffix, task.attached) for task in found.tasks])
    assert {task.truth for task in of(found, Kind.COMMIT)} == {
        "Add discs, since circles are not enough"
    }
    assert found.skipped["excluded by the privacy settings"] == 2
    assert found.skipped["secrets in them"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="names and links are POSIX's")
async def test_a_hostile_repository_gives_its_harmless_tasks(git: Git, gate: Gate) -> None:
    git.write("odd\nname.py", SHAPES)
    git.write(b"bad-\xff.py".decode("utf-8", "surrogateescape"), SHAPES)
    git.write("huge.py", "value = 1\n" * 400_000)
    git.write("latin.py", SHAPES.replace("area", "fläche").encode("latin-1"))
    git.write("wrong.py", SHAPES + "def (:\n")
    git.write("nul.py", SHAPES.encode() + b"\0")
    (git.root / "link.py").symlink_to("/etc/passwd")
    head = git.run("rev-parse", "HEAD").strip()
    git.run("update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    git.run("add", "-A", "--", ":!sub")
    git.run("commit", "-q", "-m", "Everything odd at once")
    found = await collect(git.root, Wish(total=60), gate=gate)
    assert {task.path for task in found.tasks} == {
        "pkg/shapes.py", "pkg/more.py", "tests/test_shapes.py", ""
    }  # fmt: skip
    assert found.skipped["a name with unusual characters"] == 2
    assert found.skipped["links, not files"] == 1
    assert found.skipped["too big"] == 1
    assert found.skipped["not UTF-8 text"] == 2


async def test_where_nothing_can_be_made_it_is_said_why(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "README.md").write_text("words\n" * 100)
    gate = await start_blocking(gate_of, folder)
    with pytest.raises(UserError) as raised:
        await collect(folder, Wish(total=10), gate=gate)
    assert raised.value.code == "no_tasks"
    assert "not code: 1" in raised.value.message
    assert raised.value.cure


# -- tests that judge ------------------------------------------------------------------------------


async def test_functions_that_tests_judge_are_kept_and_others_are_not(
    git: Git, gate: Gate, tmp_path: Path
) -> None:
    runs = Plain()
    wish = Wish(numbers={Kind.TESTED: 10})
    found = await collect(git.root, wish, gate=gate, runs=runs, tree=tmp_path / "tree")
    names = {task.prefix.rsplit("def ", 1)[1].split("(")[0] for task in found.tasks}
    assert names == {"__init__", "area", "total"}
    assert {task.path for task in found.tasks} == {"pkg/shapes.py"}
    assert found.runs == runs.calls
    for task in found.tasks:
        assert is_whole(task, git)
        assert task.tests is not None
        assert task.tests.command[-1] == "tests/test_shapes.py"
        assert (await runs(task.tests, tmp_path / "tree", overlay={})).passed
        hollow = {task.path: f"{task.prefix}pass{task.suffix}"}
        assert (await runs(task.tests, tmp_path / "tree", overlay=hollow)).passed is False


async def test_a_broken_function_fails_its_tests_and_the_truth_mends_it(
    git: Git, gate: Gate, tmp_path: Path
) -> None:
    runs = Plain()
    wish = Wish(numbers={Kind.FIX: 2})
    found = await collect(git.root, wish, gate=gate, runs=runs, tree=tmp_path / "tree")
    assert len(found.tasks) == 2
    for task in found.tasks:
        ((path, shown),) = task.attached
        assert is_whole(task, git)
        assert shown != task.prefix + task.truth + task.suffix
        assert task.tests is not None
        assert (await runs(task.tests, tmp_path / "tree", overlay={path: shown})).passed is False
        assert task.truth.lstrip().startswith("def ")
        assert "tests/test_shapes.py" in task.question
    again = await collect(git.root, wish, gate=gate, runs=runs, tree=tmp_path / "again")
    assert again.tasks == found.tasks


async def test_a_written_test_goes_beside_those_that_are_there(git: Git, gate: Gate) -> None:
    found = await collect(git.root, Wish(numbers={Kind.WRITE_TEST: 9}), gate=gate)
    assert len(found.tasks) == 4
    for task in found.tasks:
        assert task.tests is not None
        assert task.tests.command[-1] == f"tests/{chat_tasks.TEST_NAME}"
        assert task.tests.command[-1] in task.question
        start = len(task.prefix)
        text = task.prefix + task.truth + task.suffix
        assert broken(text, start, start + len(task.truth), "python", "1")


async def test_the_user_can_name_the_command(git: Git, gate: Gate, tmp_path: Path) -> None:
    body = "\twide := size * 2\n\treturn wide + 1\n"
    git.write("go/box.go", f"package box\n\nfunc Wide(size int) int {{\n{body}}}\n" + "// x\n" * 40)
    git.commit("Add a box in another language")
    command = ("{python}", "-c", "assert 'wide := size * 2' in open('go/box.go').read()")
    found = await collect(
        git.root,
        Wish(numbers={Kind.TESTED: 9}, test_command=command, test_seconds=7.0),
        gate=gate,
        runs=Plain(),
        tree=tmp_path / "tree",
    )
    (task,) = found.tasks
    assert (task.path, task.truth) == ("go/box.go", "wide := size * 2\n\treturn wide + 1")
    assert task.tests == TestRun(command, seconds=7.0)


async def test_tests_that_give_no_verdict_give_no_task_and_are_told_of(
    git: Git, gate: Gate, tmp_path: Path
) -> None:
    async def hang(run: TestRun, tree: Path, *, overlay: Mapping[str, str]) -> Ended:
        del run, tree, overlay
        return Ended(None, "it took longer than 60 s")

    wish = Wish(total=20, kinds=(Kind.TESTED, Kind.LINE))
    found = await collect(git.root, wish, gate=gate, runs=hang, tree=tmp_path / "tree")
    assert set(found.mix) == {Kind.LINE}
    assert any("it took longer than 60 s" in problem for problem in found.problems)


async def test_what_no_test_notices_is_no_task(git: Git, gate: Gate, tmp_path: Path) -> None:
    async def content(run: TestRun, tree: Path, *, overlay: Mapping[str, str]) -> Ended:
        del run, tree, overlay
        return Ended(True)

    wish = Wish(numbers={Kind.TESTED: 3, Kind.FIX: 3, Kind.LINE: 1})
    found = await collect(git.root, wish, gate=gate, runs=content, tree=tmp_path / "tree")
    assert found.mix == {Kind.LINE: 1}
    assert "0 of 3 tasks of the kind fix were found" in found.problems


async def test_a_runner_that_fails_is_no_verdict(git: Git, gate: Gate, tmp_path: Path) -> None:
    async def fail(run: TestRun, tree: Path, *, overlay: Mapping[str, str]) -> Ended:
        del run, tree, overlay
        raise OSError(28, "the disk is full")

    wish = Wish(numbers={Kind.TESTED: 3})
    with pytest.raises(OSError, match="full"):
        await collect(git.root, wish, gate=gate, runs=fail, tree=tmp_path / "tree")


async def test_without_a_runner_other_kinds_stand_in(git: Git, gate: Gate) -> None:
    found = await collect(git.root, Wish(total=12, kinds=(Kind.TESTED, Kind.LINE)), gate=gate)
    assert found.mix == {Kind.LINE: 12}
    with pytest.raises(UserError):
        await collect(git.root, Wish(numbers={Kind.TESTED: 3}), gate=gate)


async def test_standard_sets_come_when_they_are_named(git: Git, gate: Gate) -> None:
    wish = Wish(total=20, kinds=(Kind.HUMANEVAL, Kind.INFILL))
    found = await collect(git.root, wish, gate=gate)
    assert found.mix == {Kind.HUMANEVAL: 10, Kind.INFILL: 10}


# -- parts -----------------------------------------------------------------------------------------


def test_tests_are_found_by_what_they_import_and_name() -> None:
    tests = PythonTests({
        "tests/test_shapes.py": "from pkg.shapes import Circle\nCircle(1).area()\n",
        "tests/test_all.py": "import pkg\npkg.total([])\n",
        "tests/test_other.py": "from pkg import other\nother.total()\n",
        "tests/e2e/test_all.py": "from pkg.shapes import total\ntotal([])\n",
        "tests/test_alien.py": "from requests.shapes import area\narea()\n",
    })  # fmt: skip

    def of(name: str, owner: str = "") -> tuple[str, ...]:
        return tests.of("src/pkg/shapes.py", Function(name, 0, 1, 2, owner))

    assert of("area", "Circle") == ("tests/test_shapes.py",)
    assert of("nothing") == ("tests/test_shapes.py",)
    assert of("total") == ("tests/test_shapes.py",)
    assert tests.of("src/pkg/other.py", Function("total", 0, 1, 2)) == ("tests/test_other.py",)
    assert tests.of("else/where.py", Function("area", 0, 1, 2)) == ()
    assert not PythonTests({})
    assert pytest_run(("-x.py",)).command[-1] == "./-x.py"


@pytest.mark.parametrize(
    ("text", "author", "kept"),
    [
        ("Mend the gate for long names", "A", "Mend the gate for long names"),
        ("Mend the gate\n\nCo-authored-by: B <b@x>\nChange-Id: I1\n", "A", "Mend the gate"),
        ("Bump x from 1 to 2 in the lock", "A", ""),
        ("Update the packages of the site", "renovate[bot]", ""),
        ('Revert "Mend the gate for all"', "A", ""),
        ("fixup! Mend the gate", "A", ""),
        ("wip", "A", ""),
        ("Fix it.", "A", ""),
        ("x y " * 2_000, "A", ""),
    ],
)
def test_only_what_a_person_has_said_is_a_message(text: str, author: str, kept: str) -> None:
    found = chat_tasks.message(Commit("a" * 40, 1.0, author, text))
    assert (found.text if found else "") == kept
