"""A comparison's work on a real Ray cluster of several processes, one of them killed midway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(600)]


@pytest.mark.parametrize("workers", ["2", "4"])
def test_a_killed_worker_loses_no_verdict(workers: str, drive: Callable[..., Any]) -> None:
    said = drive("judge", workers, "40", "1.0", "kill")

    assert said["killed"]
    assert len(said["ray"]) == 40
    assert said["ray"] == said["local"]
    assert {True, False} == set(said["ray"])
    assert {each.removeprefix("::ffff:") for each in said["open_to"]} == {"127.0.0.1"}


def test_a_killed_model_is_asked_again(drive: Callable[..., Any], smollm2: Path) -> None:
    calm = drive("ask", str(smollm2), "no", MISTRAL_API_KEY="no-real-key")
    said = drive("ask", str(smollm2), "kill", MISTRAL_API_KEY="no-real-key")

    assert said["killed"]
    assert said["seats"] == 2
    assert said["errors"] == [""] * 4
    assert any(said["texts"])
    assert said["texts"] == calm["texts"]
    assert said["keys"] == []
    assert said["refused"]["failure"][0] == "target"
    assert said["missing"] == "needs_model"
