"""The VS Code extension's own checks: its settings are the server's, its types, style, units."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import vscode_extension
from vscode_install import NODE, UnavailableError, cache_folder

from polypilot.settings.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).parents[3] / "editors" / "vscode"
MADE = shutil.ignore_patterns("node_modules", "dist", "server")


def run(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """One program of Node's, in the extension's folder."""
    return subprocess.run(
        [str(NODE), *arguments],
        cwd=folder,
        env={**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def check_settings(schema: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """Whether the extension's settings are what this schema makes; nothing is written."""
    return run(SOURCE, "scripts/settings.mjs", "--check", stdin=json.dumps(schema))


def test_the_extension_offers_the_settings_of_the_server() -> None:
    done = check_settings(json_schema())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("change", ["default", "description", "x-workspace"])
def test_a_setting_that_changes_in_the_server_is_noticed(change: str) -> None:
    schema = json_schema()
    schema["$defs"]["CompletionSettings"]["properties"]["enabled"][change] = "another"
    done = check_settings(schema)
    assert done.returncode == 1
    assert "package.json" in done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's source, with the packages of its lock."""
    try:
        vsix = vscode_extension.build(cache_folder())
    except UnavailableError as error:
        reason = f"the extension's packages can't be had: {error}"
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    copy = tmp_path_factory.mktemp("extension") / "vscode"
    shutil.copytree(SOURCE, copy, ignore=MADE)
    (copy / "node_modules").symlink_to(vsix.parent / "node_modules")
    return copy


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "arguments",
    [
        ("node_modules/typescript/bin/tsc", "--noEmit"),
        ("node_modules/eslint/bin/eslint.js", "."),
    ],
    ids=["types", "style"],
)
def test_types_and_style(tree: Path, arguments: tuple[str, ...]) -> None:
    done = run(tree, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_units(tree: Path) -> None:
    built = run(tree, "scripts/build.mjs", "--test")
    assert built.returncode == 0, built.stderr
    files = sorted((tree / "dist" / "test").glob("*.test.js"))
    assert len(files) > 5
    done = run(tree, "--test", *(str(each.relative_to(tree)) for each in files))
    assert done.returncode == 0, done.stdout + done.stderr
