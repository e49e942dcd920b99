"""``polypilot use`` says what speaks against a choice."""

from __future__ import annotations

from typing import Any


async def test_a_model_that_always_reasons_is_taken_with_a_warning(cli: Any) -> None:
    done = await cli.run("use", "meta", "--for", "completion")
    assert done.status == 0, done.err
    assert "completion: meta with muse-spark-1.3" in done.out
    assert "warning: muse-spark-1.3 always reasons" in " ".join(done.out.split())
    (choice,) = (await cli.run("use", "meta", "--json")).events
    assert choice["saved"] is True
    assert "slow and costly" in choice["warning"]
    (choice,) = (await cli.run("use", "meta", "--for", "chat", "--json")).events
    assert choice["warning"] == ""


async def test_a_service_that_ended_is_refused_with_what_to_use(cli: Any) -> None:
    done = await cli.run("use", "github-models")
    assert done.status == 3
    told = " ".join(done.err.split())
    assert "GitHub Models was shut down on 2026-07-30" in told
    assert "foundry" in told
