"""An editor asks which servers run on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


async def test_an_editor_is_told_what_runs_nearby(
    editor: Any, settings: Callable[..., None], serving: Any
) -> None:
    server = await serving("vllm")
    settings("http://127.0.0.1:9", f'[providers.vllm]\nbase_url = "{server.url}/v1"\n')
    await editor.start()
    assert server.requests == [], "not before it is asked to"
    found = await editor.result("polypilot/discover")
    (nearby,) = [each for each in found if each["url"] == server.url]
    assert nearby == {
        "id": "vllm",
        "name": "vLLM",
        "url": server.url,
        "models": ["Qwen/Qwen2.5-Coder-7B"],
        "wantsKey": False,
        "selectedFor": [],
        "offer": "polypilot use vllm",
    }
