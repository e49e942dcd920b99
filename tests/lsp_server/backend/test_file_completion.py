"""Completing in a file on disk, as the command line does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from polypilot.errors import UserError
from polypilot_providers.errors import AuthError, ConfigurationError
from polypilot_providers.testing import ScriptedServer, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")


def completing(text: str) -> list[bytes]:
    """A completion, as an OpenAI-compatible server sends it."""
    events: list[dict[str, object]] = [
        {"id": "c", "choices": [{"text": text}]},
        {"id": "c", "choices": [{"text": "", "finish_reason": "stop"}]},
        {"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
    ]
    return [f"data: {json.dumps(each)}\n\n".encode() for each in events] + [b"data: [DONE]\n\n"]


async def test_it_says_who_answered_and_what_it_cost(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    async with ScriptedServer(stream(*completing("a + b"))) as a:
        configure(a=a.url)
        backend = backends(roots=[tmp_path])
        code = tmp_path / "add.py"
        code.write_bytes(b"\xef\xbb\xbfdef add(a, b):\r\n    return \r\n# \xff\r\n")
        found = await backend.complete_file(code, 2, 12)
        assert (found.text, found.provider, found.model) == ("a + b", "a", "coder")
        assert found.usage is not None
        assert (found.usage.input_tokens, found.usage.output_tokens) == (7, 3)
        assert str(a.requests[0].json["prompt"]).startswith("def add(a, b):")
        assert len(backend.documents) == 0


async def test_having_nothing_to_say_is_no_failure_and_a_refusal_is(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    async with ScriptedServer(stream(*completing("")), reply(401, {"error": "no"})) as a:
        configure(a=a.url)
        backend = backends(roots=[tmp_path])
        code = tmp_path / "add.py"
        code.write_text("x = \n", "utf-8")
        found = await backend.complete_file(code, 1, 5)
        assert (found.text, found.provider, found.model) == ("", "a", "coder")
        with pytest.raises(AuthError):
            await backend.complete_file(code, 1, 3)
        assert len(backend.documents) == 0


async def test_completing_a_file_tells_why_it_can_not(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    configure(a="https://team.example")
    backend = backends(roots=[tmp_path])
    code, secret = tmp_path / "a.py", tmp_path / ".env"
    code.write_bytes(b"\xef\xbb\xbfx = \xff\r\n")
    secret.write_text("KEY=1\n", encoding="utf-8")
    with pytest.raises(UserError, match="no line 9"):
        await backend.complete_file(code, 9, 1)
    with pytest.raises(UserError) as caught:
        await backend.complete_file(secret, 1, 3)
    assert caught.value.code == "excluded"
    with pytest.raises(FileNotFoundError):
        await backend.complete_file(tmp_path / "none.py", 1, 1)
    configure("[privacy]\nlocal_only = true\n", a="https://team.example")
    await backend.reload()
    with pytest.raises(ConfigurationError, match="only local"):
        await backend.complete_file(code, 1, 5)
    assert len(backend.documents) == 0
