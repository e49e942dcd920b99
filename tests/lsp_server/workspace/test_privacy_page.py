"""The documentation says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from polypilot.workspace.ignore_defaults import as_markdown
from polypilot.workspace.ignore_state import AI_FILES, SWITCH

_DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def page() -> str:
    pages = [_DOCS / "privacy.md"]
    return "\n".join(path.read_text(encoding="utf-8") for path in pages if path.exists())


def test_the_list_of_names_is_the_codes(page: str):
    assert as_markdown() in page


def test_every_ignore_file_is_named(page: str):
    assert all(f"`{name}`" in page for name in (*AI_FILES, SWITCH, ".gitignore"))
