"""A test that fails in the whole run gets one more run, alone; a fault stays a failure."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPTS = Path(__file__).parents[2] / "scripts"
UNSTEADY = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_fails_once(number):
    ran = Path(__file__).parent / f"ran-{{number}}"
    before = ran.exists()
    ran.touch()
    assert before

def test_passes():
    with (Path(__file__).parent / "passed").open("a") as file:
        file.write("x")
"""


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    checks = importlib.import_module("checks")
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    cache = tmp_path / ".pytest_cache" / "v" / "cache" / "lastfailed"
    monkeypatch.setattr(checks, "LAST_FAILED", cache)
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return checks


def run(checks: ModuleType, tmp_path: Path, source: str) -> int:
    (tmp_path / "test_it.py").write_text(source, "utf-8")
    return checks._tests(["test_it.py"], os.environ)


def test_what_passes_alone_is_named_and_the_others_are_not_run_again(
    checks: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(checks, tmp_path, UNSTEADY.format(count=2)) == 0
    assert "UNSTEADY" in capsys.readouterr().out
    assert (tmp_path / "passed").read_text("utf-8") == "x"


def test_what_fails_again_is_a_failure(checks: ModuleType, tmp_path: Path):
    assert run(checks, tmp_path, "def test_it():\n    assert False\n") == 1


def test_many_failures_are_no_accident(checks: ModuleType, tmp_path: Path):
    assert run(checks, tmp_path, UNSTEADY.format(count=4)) == 1


def test_a_file_that_can_not_be_read_is_a_failure_each_time(checks: ModuleType, tmp_path: Path):
    assert run(checks, tmp_path, "def test_it(:\n") != 0


def test_failures_of_an_earlier_run_are_not_taken_for_this_ones(
    checks: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    checks.LAST_FAILED.parent.mkdir(parents=True)
    checks.LAST_FAILED.write_text('{"test_gone.py::test_it": true}', "utf-8")
    assert run(checks, tmp_path, "def test_it():\n    pass\n") == 0
    assert "UNSTEADY" not in capsys.readouterr().out
