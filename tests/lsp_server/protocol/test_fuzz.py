"""The fuzzer finds nothing in a few seconds; it is run for longer by command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[3] / "bench" / "fuzz.py"


def test_a_few_seconds_of_damaged_sessions(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, FUZZ, "--seconds", "12", "--seed", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no finding" in done.stdout
