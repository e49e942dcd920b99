"""The pages below editors/ show what the command writes, and say what was tried."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.setup import EDITORS, Machine, guide

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "editors"
MACHINE = Machine(system="linux", home=Path("/home/me"), env={"PATH": ""}, program="polypilot")
SHOWN = ("helix", "kakoune", "kate", "sublime", "zed", "jetbrains", "eclipse", "visual-studio")
LANGUAGES = {"helix": ["python", "markdown"]}
TRIED = {"helix": "**Tried live**", "kakoune": "**The configuration was tried live**"}


def page_of(editor: str) -> str:
    return (PAGES / editor / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    """tests/feature_matrix.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("matrix", ROOT / "tests" / "feature_matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("editor", SHOWN)
def test_a_page_has_the_configuration_and_the_steps(editor: str) -> None:
    page, made = page_of(editor), guide(editor, MACHINE, LANGUAGES.get(editor, ()))
    for file in made.files:
        assert f"\n{file.edit.put('')}```\n" in page
    lines = [line.strip() for line in page.splitlines()]
    for line in "\n".join(made.steps).splitlines() if editor not in TRIED else ():
        assert any(each.endswith(line.strip()) for each in lines), line
    assert f"polypilot setup {editor}" in page
    assert made.page == f"editors/{editor}/README.md"


@pytest.mark.parametrize("editor", SHOWN)
def test_a_page_says_whether_it_was_tried(editor: str, matrix: ModuleType) -> None:
    wanted = TRIED.get(editor, "**Not tried live")
    assert wanted in page_of(editor)
    marked = {name for name, _ in matrix.marks()}
    assert (editor in marked) == (editor in TRIED)


@pytest.mark.parametrize("editor", [each for each in EDITORS if each != "copilot"])
def test_the_overview_leads_to_every_page(editor: str) -> None:
    overview = (PAGES / "README.md").read_text("utf-8")
    assert f"({editor}/README.md)" in overview


def test_links_lead_somewhere() -> None:
    for page in (PAGES / "README.md", *(PAGES / editor / "README.md" for editor in SHOWN)):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), (page, link)


def test_the_matrix_is_what_the_marks_say() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "feature_matrix.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + "run: python tests/feature_matrix.py"


def test_a_mark_is_read_and_a_wrong_one_refused(matrix: Any, tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    mark = "import pytest\npytestmark = pytest.mark.feature({})\n"
    file.write_text(mark.format('"vim", "chat", "status"'), encoding="utf-8")
    found = matrix.marks(tmp_path)
    assert found == {("vim", "chat"): ["test_x.py"], ("vim", "status"): ["test_x.py"]}
    assert "| chat | ✓ |" in matrix.table(found)
    for wrong in ('"vi", "chat"', '"vim", "chatting"', '"vim"', "EDITOR, FEATURE", ""):
        file.write_text(mark.format(wrong), encoding="utf-8")
        with pytest.raises(matrix.UnknownNameError, match=r"test_x\.py:2"):
            matrix.marks(tmp_path)
