"""The package itself, in batch: it compiles without a warning, and its functions are right."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "editors" / "emacs"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy, so that nothing is left beside the sources."""
    folder = tmp_path / "polypilot"
    folder.mkdir()
    for each in PACKAGE.glob("*.el"):
        shutil.copy(each, folder)
    return folder


def batch(emacs: str, folder: Path, *arguments: str) -> str:
    """What an Emacs in batch says; it must end well."""
    done = subprocess.run(
        [emacs, "-Q", "--batch", "-L", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_compiles_without_warnings_and_is_documented_well(
    emacs_program: str, package: Path
) -> None:
    files = [str(each) for each in sorted(package.glob("*.el"))]
    strict = ("--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile")
    for each in files:  # alone: what a module needs it must load itself
        assert batch(emacs_program, package, *strict, each).strip() == ""
    check = "(progn (require 'checkdoc) (mapc #'checkdoc-file command-line-args-left))"
    assert batch(emacs_program, package, "--eval", check, *files).strip() == ""


def test_functions(emacs_program: str, package: Path) -> None:
    tests = str(HERE / "polypilot-tests.el")
    said = batch(emacs_program, package, "-l", tests, "-f", "ert-run-tests-batch-and-exit")
    assert "0 unexpected" in said


def test_it_is_installed_by_emacs_own_package_manager(emacs_program: str, package: Path) -> None:
    """As a folder with a main file: what `package-install-file` takes."""
    home = str(package.parent / "elpa")
    form = (
        f'(progn (setq package-user-dir "{home}")'
        " (require 'package) (package-initialize)"
        f' (package-install-file "{package}")'
        " (princ (package-desc-version (cadr (assq 'polypilot package-alist))))"
        " (princ (fboundp 'polypilot-chat)) (princ (featurep 'polypilot)))"
    )
    # Autoloads only: nothing is loaded yet.
    assert "(0 1 0)tnil" in batch(emacs_program, package.parent, "--eval", form)
