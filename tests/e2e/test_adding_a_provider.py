"""The package that docs/adding-a-provider.md shows, as a stranger would make it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from polypilot_providers.testing import ScriptedServer, stream

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-provider.md"
_BLOCK = re.compile(r"^```(?:toml|python)\n(# (\S+\.\w+)\n.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWER = b'{"say": "Hel"}\n{"say": "lo"}\n{"end": "stop", "read": 3, "written": 2}\n'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with the page's files."""
    folder = tmp_path / "polypilot-acme"
    folder.mkdir()
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert [name for _, name in blocks] == ["pyproject.toml", "polypilot_acme.py", "test_acme.py"]
    for text, name in blocks:
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(*command: str, cwd: Path, **env: str) -> str:
    """What a command of Python's prints, which has to succeed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_its_tests_pass(package: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto")
    scope = ("-o", "asyncio_default_fixture_loop_scope=function")
    said = run("-m", "pytest", *options, *scope, ".", cwd=package, PYTHONPATH=str(package))
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) >= 14


async def test_installed_it_is_a_provider_like_any_other(package: Path, tmp_path: Path) -> None:
    there = tmp_path / "site"
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run("-m", "pip", "install", "--quiet", *offline, "--target", str(there), ".", cwd=package)
    async with ScriptedServer(stream(ANSWER)) as server:
        _configure(f'[providers.acme]\nbase_url = "{server.url}"\nauth = "none"\n')
        polypilot = ("-c", "import sys; from polypilot.cli import main; sys.exit(main())")
        rows = await _away(*polypilot, "providers", "--json", cwd=tmp_path, site=there)
        assert "Acme" in [row["name"] for row in json.loads(rows)]
        said = await _away(
            *polypilot, "chat", "hi?", "--provider", "acme", "--json", cwd=tmp_path, site=there
        )
        events = [json.loads(line) for line in said.splitlines()]
        assert "".join(each["text"] for each in events if each["type"] == "text") == "Hello"
        assert [each["type"] for each in events[-2:]] == ["usage", "stop"]
        (request,) = server.requests
        assert request.json["turns"] == [{"by": "user", "text": "hi?"}]


def _configure(text: str) -> None:
    folder = Path(os.environ["POLYPILOT_CONFIG_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(text, encoding="utf-8")


async def _away(*command: str, cwd: Path, site: Path) -> str:
    """:func:`run` while the server on this loop goes on answering."""
    return await asyncio.to_thread(run, *command, cwd=cwd, PYTHONPATH=str(site))
