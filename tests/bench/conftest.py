"""The benches' modules, which are scripts in a folder of their own."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BENCH = Path(__file__).parents[2] / "bench"
PATIENCE = 100


@pytest.fixture
def bench_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])
    return importlib.import_module


@pytest.fixture
def run_bench(tmp_path: Path) -> Callable[..., Any]:
    """Runs a bench as one does at a terminal; what its JSON says."""

    def run(name: str, *arguments: object) -> Any:
        done = subprocess.run(
            [sys.executable, BENCH / name, *map(str, arguments), "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    return run
