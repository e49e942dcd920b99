"""The SDKs judge from outside: no module of the product imports one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

EVERYTHING = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""
SDKS = {"openai", "anthropic", "google.genai", "mistralai", "httpx", "requests"}


@pytest.mark.parametrize("package", ["polypilot_providers", "polypilot_prompts", "polypilot"])
def test_the_product_imports_no_sdk(package: str):
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING, package], capture_output=True, check=True, timeout=100
    )
    loaded = set(json.loads(done.stdout))
    assert f"{package}" in loaded
    assert len([name for name in loaded if name.startswith(f"{package}.")]) > 5
    assert not SDKS & loaded
