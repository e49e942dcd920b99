"""The two commands for a fresh machine, and what they say where they can't go on."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
LOCKS = [ROOT / "requirements" / f"{kind}.txt" for kind in ("base", "demo", "dev")]


def run_demo(venv: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPTS / "demo", "--setup-only"],
        env={**os.environ, "POLYPILOT_VENV": str(venv), **environment},
        cwd=SCRIPTS.parent.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    return importlib.import_module("checks")


@pytest.mark.parametrize("name", ["demo", "test"])
def test_an_old_python_can_read_the_script_and_is_told_what_to_do(name: str):
    source = (SCRIPTS / name).read_text("utf-8")
    tree = ast.parse(source, feature_version=(3, 7))
    guard, imports = tree.body[2], tree.body[3]
    assert isinstance(guard, ast.If)
    assert "Python 3.11 or newer" in ast.unparse(guard)
    assert isinstance(imports, ast.Import), "nothing newer may be imported before the guard"


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path):
    folder = tmp_path / "my thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("precious", encoding="utf-8")
    done = run_demo(folder)
    assert done.returncode != 0
    assert "is not a virtual environment" in done.stderr
    assert "Cure: set POLYPILOT_VENV" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["chapter.txt"]


def test_without_a_registry_it_says_so_and_leaves_no_stamp(tmp_path: Path):
    venv = tmp_path / "with a space" / "venv"
    venv.parent.mkdir()
    done = run_demo(
        venv,
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
        PIP_EXTRA_INDEX_URL="",
        PIP_RETRIES="0",
        PIP_INDEX_URL="http://127.0.0.1:1/simple",
    )
    assert done.returncode != 0
    assert "registry can't be reached" in done.stderr
    assert "Cure: check the network" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(venv.glob("*.stamp"))


@pytest.mark.skipif(os.name == "nt", reason="needs /dev/full's file system semantics")
def test_where_nothing_may_be_written_it_names_the_folder_and_the_cure(tmp_path: Path):
    (tmp_path / "file").touch()
    done = run_demo(tmp_path / "file" / "venv")
    assert done.returncode != 0
    assert "Cure:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_a_hash_and_no_address(lock: Path):
    text = lock.read_text("utf-8")
    requirements = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]
    assert requirements
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", requirement), requirement[:80]
        assert "--hash=sha256:" in requirement, requirement[:80]
    assert "://" not in text
    assert "--index" not in text


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "base": project["project"]["dependencies"],
        "demo": project["project"]["optional-dependencies"]["embedded"],
        "dev": project["dependency-groups"]["dev"],
    }
    locked: set[str] = set()
    for kind, requirements in wanted.items():
        text = (ROOT / "requirements" / f"{kind}.txt").read_text("utf-8")
        names = set(re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE))
        assert locked <= names, "each lock holds the smaller one"
        locked = names
        asked = {re.split(r"[\[<>=~!; ]", requirement)[0].lower() for requirement in requirements}
        assert asked <= names


@pytest.mark.parametrize("fault", ["extra", "missing", "changed", "startup"])
def test_a_wheel_that_differs_from_the_tree_is_found(
    fault: str, tmp_path: Path, checks: ModuleType, capsys: pytest.CaptureFixture[str]
):
    wheel = tmp_path / "polypilot-0-py3-none-any.whl"
    files = dict(checks._tree_files())
    with zipfile.ZipFile(wheel, "w") as archive:
        for number, (name, path) in enumerate(sorted(files.items())):
            if number == 0 and fault == "missing":
                continue
            changed = number == 0 and fault == "changed"
            archive.writestr(name, b"x" if changed else path.read_bytes())
        if fault == "extra":
            archive.writestr("polypilot/leftover.py", "")
        if fault == "startup":
            archive.writestr("polypilot.pth", "import os")
    assert not checks._wheel_is_the_tree(wheel)
    assert capsys.readouterr().out


def test_a_wheel_that_is_the_tree_passes(tmp_path: Path, checks: ModuleType):
    wheel = tmp_path / "polypilot-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, path in checks._tree_files().items():
            archive.write(path, name)
    assert checks._wheel_is_the_tree(wheel)
