"""``polypilot use`` says what speaks against a choice."""

from __future__ import annotations

import struct
import tomllib
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


def _gguf(name: str) -> bytes:
    """A GGUF file's header with one text, as the format's description has it (version 3)."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    pairs = [("general.architecture", "llama"), ("general.name", name)]
    written = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + written


async def test_a_file_of_the_users_own_is_run_in_place_of_the_embedded_model(cli: Any) -> None:
    file = cli.folder / "mine.gguf"
    file.write_bytes(_gguf("Mine"))
    done = await cli.run("use", "embedded/mine.gguf", "--json")
    assert done.status == 0, done.err
    written = tomllib.loads(cli.config.read_text("utf-8"))
    assert written["embedded"] == {"model_file": str(file)}
    assert written["completion"]["provider"] == "embedded"
    assert (await cli.run("use", "embedded/none.gguf")).status == 3
    assert tomllib.loads(cli.config.read_text("utf-8")) == written
