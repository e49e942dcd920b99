"""What the policy gate costs: per 8 KB, per 2,000 lines, on hostile text, per request.

Run: ``.venv/bin/python bench/gate.py``. Prints the figures beside named baselines; asserts
nothing. Times are of this thread, in milliseconds, best and 95th percentile of many runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polypilot.workspace import secrets
from polypilot.workspace.documents import DocumentStore, Position
from polypilot.workspace.gate import MARGIN, Gate
from polypilot.workspace.linear import Finder
from polypilot.workspace.roots import Roots, uri_of
from polypilot.workspace.secrets_rules import PEM, PEM_MARK, RULES

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Privacy:
    """Default settings."""

    exclude: tuple[str, ...] = ()
    use_gitignore: bool = True
    redact_secrets: bool = True


def timed(run: Callable[[], object], times: int = 400) -> str:
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    taken.sort()
    middle, high = taken[times // 2], taken[int(times * 0.95)]
    return f"p50 {middle * 1e3:8.3f}   p95 {high * 1e3:8.3f} ms"


def once(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.thread_time()
        run()
        best = min(best, time.thread_time() - start)
    return best * 1e3


def library() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    found = [*root.glob("*.py"), *root.glob("*/*.py")]
    return sorted(path for path in found if "site-packages" not in path.parts)


def hostile() -> dict[str, str]:
    path = HERE.parent / "tests/lsp_server/workspace/test_secrets_hostile.py"
    spec = importlib.util.spec_from_file_location("hostile", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    texts: dict[str, str] = module.HOSTILE
    return texts


def scans() -> None:
    start = time.perf_counter()
    secrets.scan("")
    spent = 1e3 * (time.perf_counter() - start)
    print(f"first scan (import re2, compile {len(RULES)} rules)  {spent:.1f} ms")
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in library()[:40])
    lines = "".join(text.splitlines(keepends=True)[:2_000])
    print(f"scan of 8 KB                 {timed(lambda: secrets.scan(text[:8192]))}")
    print(f"scan of a window with margin {timed(lambda: secrets.scan(text[: 8192 + 2 * MARGIN]))}")
    print(f"scan of 2,000 lines ({len(lines) // 1024} KB)  {timed(lambda: secrets.scan(lines))}")
    token = "ghp" + "_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7"
    seventeen = lines.replace("\n", f" {token}\n", 17)
    print(f"the same with 17 secrets     {timed(lambda: secrets.redact(seventeen))}")
    plain = re.compile(
        "|".join(f"(?:{rule.pattern})" for rule in RULES if "(?i:" not in rule.pattern)
    )
    backtracking = timed(lambda: list(plain.finditer(text[:8192])), 20)
    print(f"baseline: rules in re, 8 KB  {backtracking}")


def alarms() -> None:
    lines = 0
    found: list[str] = []
    for path in library():
        text = path.read_text(encoding="utf-8", errors="replace")
        lines += text.count("\n")
        found += [
            f"{path.name}:{text.count(chr(10), 0, f.start) + 1} {f.kind}"
            for f in secrets.scan(text)
        ]
    print(
        f"false alarms in {lines:,} lines of the standard library: {len(found)}",
        *found,
        sep="\n    ",
    )


def adversarial() -> None:
    texts = hostile()
    print(f"\nhostile texts of 200 KB ({len(texts)}), all rules at once")
    print("    baseline: one naive JWT rule in re took 146 s on the first of them")
    for name, text in texts.items():
        print(f"    {name:34} {once(lambda text=text: secrets.scan(text)):8.2f} ms")
    worst: list[tuple[float, str, str]] = []
    for kind, pattern in [(rule.kind, rule.pattern) for rule in RULES] + [(PEM, PEM_MARK)]:
        finder = Finder(pattern)
        for name, text in texts.items():
            data = text.encode()
            worst.append((once(lambda f=finder, d=data: list(f.spans(d))), kind, name))
    worst.sort(reverse=True)
    print("each rule alone, the five slowest pairs of rule and text")
    for cost, kind, name in worst[:5]:
        print(f"    {kind:24} {name:34} {cost:8.2f} ms")


def requests() -> None:
    with tempfile.TemporaryDirectory() as folder:
        deep = Path(folder, "src/package/module/inner")
        deep.mkdir(parents=True)
        Path(folder, ".gitignore").write_text("build/\n*.log\n__pycache__/\n", encoding="utf-8")
        Path(folder, ".aiignore").write_text("private-*\n", encoding="utf-8")
        uri = uri_of(str(deep / "a.py"))
        text = "x = function(argument, other)  # a line\n" * 10_000
        (deep / "a.py").write_text(text, encoding="utf-8")
        documents = DocumentStore()
        documents.open(uri, "python", 1, text)
        gate = Gate(Roots([folder]), Privacy(), documents)
        gate.warm()
        snapshot = documents.snapshot(uri, Position(5_000, 4), 6_000 + MARGIN, 2_000 + MARGIN)
        assert snapshot is not None
        print("\na request, file four folders deep, two ignore files, 10,000 lines")
        print(f"    admit, folders just changed    {timed(lambda: gate.admit_document(uri))}")
        for path in (folder, *map(str, Path(folder).rglob("*"))):
            os.utime(path, (1, 1))
        time.sleep(2.6)  # until the cached times are older than a file system's coarsest tick
        print(f"    admit                          {timed(lambda: gate.admit_document(uri))}")
        whole = timed(lambda: gate.windows(snapshot, 6_000, 2_000))
        print(f"    admit + scan + cut the windows {whole}")
        print(
            f"    baseline: os.path.realpath     {timed(lambda: os.path.realpath(deep / 'a.py'))}"
        )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    scans()
    alarms()
    adversarial()
    requests()
    code = (
        "import time; start = time.perf_counter(); import asyncio; base = time.perf_counter()\n"
        "import polypilot.workspace.gate, polypilot.workspace.trust; end = time.perf_counter()\n"
        "print(f'{1e3 * (end - base):.1f} ms; baseline: asyncio {1e3 * (base - start):.1f}')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    print(f"\nimport of gate and trust after asyncio: {run.stdout.strip()} ms")


if __name__ == "__main__":
    main()
