"""What it costs to import the provider layer, and to make one provider, beside its two libraries.

    python bench/provider_import.py [--runs 15] [--provider ID ...]

Each run is a fresh process; the kinds take turns, so that the machine's load hits all of them.
Printed: median CPU milliseconds from before the first import, and the ratio to the baseline,
which imports httpx2 and pydantic and makes one model of six fields; and to the same when it makes a
client of httpx2 as well, without any certificates.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

GOAL = 1.1

BASELINE = """
import httpx2, pydantic
class Row(pydantic.BaseModel):
    id: str
    base_url: str
    headers: dict[str, str] = {}
    models: tuple[str, ...] = ()
    limit: int | None = None
    free: bool = False
Row(id="x", base_url="y")
"""
CLIENT = f"""
import asyncio, ssl
{BASELINE}
httpx2.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)
"""
LAYER = """
import polypilot_providers.catalog, polypilot_providers.factory, polypilot_providers.http
"""
PROVIDER = """
from polypilot_providers.catalog import rows
from polypilot_providers.factory import build
from polypilot_providers.http import HttpClient
async def key():
    return None
build(rows({{}})["{provider}"], key, HttpClient(), base_url="https://api.example.org/v1")
"""
TIMED = """
import time
start = time.process_time()
{code}
print(time.process_time() - start)
"""


def run(code: str) -> float:
    program = [sys.executable, "-c", TIMED.format(code=code)]
    done = subprocess.run(program, capture_output=True, check=True, text=True)
    return float(done.stdout) * 1000


def main() -> None:
    """Run all kinds in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--provider", action="append")
    options = parser.parse_args()
    providers = options.provider or ["openai", "anthropic", "gemini", "bedrock", "ollama"]
    kinds = {"httpx2 and pydantic": BASELINE, "and a client of it": CLIENT, "import alone": LAYER}
    kinds |= {each: PROVIDER.format(provider=each) for each in providers}
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for code in kinds.values():  # compiles what has to be
        run(code)
    for _ in range(options.runs):
        for name, code in kinds.items():
            taken[name].append(run(code))
    bases = list(taken.values())[:2]
    for name, times in taken.items():
        ratios = [
            statistics.median(mine / other for mine, other in zip(times, base, strict=True))
            for base in bases
        ]
        print(
            f"{name:20} median {statistics.median(times):6.1f} ms  ratio {ratios[0]:.2f}, to one "
            f"with a client {ratios[1]:.2f}   (wanted: {GOAL})"
        )


if __name__ == "__main__":
    main()
