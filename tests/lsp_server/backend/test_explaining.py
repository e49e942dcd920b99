"""A prompt is shown as it is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.errors import UserError
from polypilot.workspace.documents import Position
from polypilot.workspace.roots import uri_of
from polypilot_prompts.budget import estimate
from polypilot_providers.errors import ConfigurationError
from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot.backend.explaining import Explained

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

CODE = "".join(f"value_{n} = compute({n})\n" for n in range(900))


def completing(text: str) -> list[bytes]:
    piece = {"choices": [{"text": text, "finish_reason": "stop"}]}
    return [f"data: {json.dumps(piece)}\n\n".encode(), b"data: [DONE]\n\n"]


@pytest.mark.parametrize("mode", ["openai-completions", "prefix", "template:qwen", "chat"])
async def test_the_prompt_shown_is_the_one_sent(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    say: Callable[..., list[bytes]],
    tmp_path: Path,
    mode: str,
) -> None:
    answer = say("<MISSING>1</MISSING>") if mode == "chat" else completing("1")
    async with ScriptedServer(stream(*answer)) as a:
        row = f'[[providers.a.models]]\nid = "coder"\ncompletion = "{mode}"\n'
        configure(row, a=a.url)
        backend = backends(roots=[tmp_path])
        code = tmp_path / "a.py"
        code.write_text(f"{CODE}x = \n{CODE}", "utf-8")
        told: list[Explained] = []
        await backend.complete_file(code, 901, 5, told.append)
        (shown,) = told
        body: Any = a.requests[0].json
    if mode == "chat":
        sent = "".join(message["content"] for message in body["messages"])
    else:
        sent = body.get("suffix", "") + body["prompt"]
    assert "".join(part.text for part in shown.parts) == sent
    assert (shown.provider, shown.model, shown.mode) == ("a", "coder", mode)
    assert shown.tokens == sum(part.tokens for part in shown.parts) <= shown.budget == 8000
    assert [part.tokens for part in shown.parts] == [estimate(part.text) for part in shown.parts]
    told_json = json.loads(json.dumps(shown.as_json()))
    assert "".join(part["text"] for part in told_json["parts"]) == sent
    assert told_json["budget"] == 8000


async def test_nothing_is_sent_to_explain(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    async with ScriptedServer() as a:
        configure(a=a.url)
        backend = backends(roots=[tmp_path])
        uri = uri_of(str(tmp_path / "a.py"))
        backend.documents.open(uri, "python", 1, "x = \n")
        told = await backend.explain_completion(uri, Position(0, 4))
        assert [part.name for part in told.parts] == ["suffix", "prefix"]
        assert a.requests == []


async def test_what_may_not_be_sent_is_not_shown_as_if_it_were(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    configure(a="https://team.example")
    backend = backends(roots=[tmp_path])
    uri = uri_of(str(tmp_path / ".env"))
    backend.documents.open(uri, "plaintext", 1, "KEY=1\n")
    with pytest.raises(UserError) as caught:
        await backend.explain_completion(uri, Position(0, 4))
    assert caught.value.code == "excluded"
    with pytest.raises(UserError) as caught:
        await backend.explain_completion("file:///nowhere.py", Position(0, 0))
    assert caught.value.code == "stale"
    configure("[privacy]\nlocal_only = true\n", a="https://team.example")
    await backend.reload()
    code = uri_of(str(tmp_path / "a.py"))
    backend.documents.open(code, "python", 1, "x = \n")
    with pytest.raises(ConfigurationError, match="not on this machine"):
        await backend.explain_completion(code, Position(0, 4))
