"""Fetching a model file, as the person who waits for it sees it."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from polypilot.embedded.catalog import ModelFile
from polypilot.embedded.errors import EmbeddedError
from polypilot.embedded.store import ModelStore
from polypilot.terminal.output import Output
from polypilot.terminal.pull import pull

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 40_000


@pytest.fixture
def model() -> ModelFile:
    return ModelFile(
        id="tiny",
        name="Tiny",
        file="tiny.gguf",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        completion="prefix",
        chat=True,
        context_tokens=100,
    )


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(CONTENT)
    return folder


def output(*, terminal: bool) -> tuple[Output, io.StringIO]:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=100)
    return Output(err=console), shown


@pytest.mark.parametrize("terminal", [True, False])
def test_the_file_arrives_and_its_name_and_source_are_shown(
    tmp_path: Path, mirror: Path, model: ModelFile, *, terminal: bool
):
    out, shown = output(terminal=terminal)
    path = pull(ModelStore(tmp_path / "models", mirror=str(mirror)), model, out)
    assert path.read_bytes() == CONTENT
    assert "Tiny" in shown.getvalue()
    assert terminal or "from the mirror folder" in shown.getvalue()


def test_a_log_gets_a_line_for_each_tenth_and_no_more(
    tmp_path: Path, mirror: Path, model: ModelFile
):
    out, shown = output(terminal=False)
    pull(ModelStore(tmp_path / "models", mirror=str(mirror)), model, out)
    assert "10 of 10 MB" in shown.getvalue()
    assert len(shown.getvalue().splitlines()) <= 16


def test_what_is_there_is_not_fetched_again(tmp_path: Path, mirror: Path, model: ModelFile):
    store = ModelStore(tmp_path / "models", mirror=str(mirror))
    pull(store, model, output(terminal=False)[0])
    (mirror / "tiny.gguf").unlink()
    out, shown = output(terminal=False)
    assert pull(store, model, out).read_bytes() == CONTENT
    assert "MB" not in shown.getvalue()


def test_without_a_source_it_says_which_were_asked(tmp_path: Path, model: ModelFile):
    out, _ = output(terminal=False)
    with pytest.raises(EmbeddedError, match="the mirror folder"):
        pull(ModelStore(tmp_path / "models", mirror=str(tmp_path)), model, out)
