"""The embedded model as the one who is typed with: its process, and how to ask it directly."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from polypilot.embedded.catalog import choose
from polypilot.embedded.runtime import CHAT_SLOT, Runtime
from polypilot.embedded.store import ModelStore
from typing_naive import LINE_TOKENS, Body, Provider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from typing_server import Server

PATIENCE = 60.0
_COUNTERS = {
    "llamacpp:prompt_tokens_total": "prompt_tokens",
    "llamacpp:tokens_predicted_total": "generated_tokens",
    "llamacpp:requests_processing": "running",
}
SETTINGS = '[embedded]\nmodel = "{model}"\n'


def infill(prefix: str, suffix: str) -> Body:
    """A request as the runtime takes it, in the slot that our completions do not use."""
    body = {"input_prefix": prefix, "input_suffix": suffix, "n_predict": LINE_TOKENS}
    more = {"stop": ["\n"], "stream": True, "temperature": 0, "cache_prompt": True}
    return {**body, **more, "id_slot": CHAT_SLOT}


@contextlib.asynccontextmanager
async def embedded(data: Path, models: Path | None, name: str) -> AsyncGenerator[Provider]:
    """The model's process, started where a server whose data is in ``data`` finds it."""
    store, model = ModelStore(models), choose(name)
    store.pull(model)
    (data / "models").symlink_to(store.folder)
    runtime = Runtime(store, idle_seconds=600, folder=data / "run")
    try:
        endpoint = await runtime.ensure(model)
        port = int(endpoint.base_url.rsplit(":", 1)[1])
        key = {"Authorization": f"Bearer {endpoint.key.reveal()}"}
        yield Provider(port, "/infill", infill, key)
    finally:
        await runtime.stop(model)
        await runtime.aclose()


async def requests(server: Server) -> int:
    """How many requests for completions the server has had answered to the end."""
    status: dict[str, Any] = await server.ask("polypilot/status") or {}
    rows: list[dict[str, Any]] = status.get("spent", [])
    return sum(row.get("requests", 0) for row in rows)


async def counters(provider: Provider) -> dict[str, int]:
    """Tokens that the model's process has read (its caches apart) and written so far.

    It counts them at a request's end, so this waits until none runs.
    """
    async with asyncio.timeout(PATIENCE):
        while (found := await _metrics(provider)).pop("running"):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.1)
    return found


async def _metrics(provider: Provider) -> dict[str, int]:
    fields = "".join(f"{name}: {value}\r\n" for name, value in provider.headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
    writer.write(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode())
    found: dict[str, int] = {}
    async with asyncio.timeout(PATIENCE):
        while len(found) < len(_COUNTERS) and (line := await reader.readline()):
            name, _, value = line.decode().strip().rpartition(" ")
            if name in _COUNTERS:
                found[_COUNTERS[name]] = int(float(value))
    writer.close()
    return found
