"""Providers made from rows: kept while they are the same, made anew when they are not."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from polypilot.backend.pool import ProviderPool
from polypilot.credentials import Credentials
from polypilot.embedded.catalog import catalog
from polypilot.embedded.runtime import Endpoint
from polypilot.settings import load
from polypilot.workspace.documents import DocumentStore
from polypilot.workspace.gate import Gate
from polypilot.workspace.roots import Roots
from polypilot_providers.base import Secret
from polypilot_providers.catalog import rows
from polypilot_providers.testing import ScriptedServer, reply, stream
from polypilot_providers.types import CompletionRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.embedded.catalog import Model
    from polypilot.embedded.runtime import Stage
    from polypilot.settings import Loaded

ANSWER = b'data: {"content":"x","stop":false}\n\ndata: {"content":"","stop":true}\n\n'


class Process:
    """Stands where the runtime does: says where a model answers at the moment."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.starting = asyncio.Event()
        self.ready = asyncio.Event()
        self.ready.set()

    async def ensure(
        self, model: Model, on_stage: Callable[[Stage], None] | None = None
    ) -> Endpoint:
        del model, on_stage
        self.starting.set()
        await self.ready.wait()
        return replace(self.endpoint)

    def restart(self, key: str, base_url: str = "") -> None:
        old = self.endpoint
        self.endpoint = replace(
            old, key=Secret(key), pid=old.pid + 1, base_url=base_url or old.base_url
        )


def endpoint(base_url: str) -> Endpoint:
    return Endpoint(
        base_url=base_url,
        key=Secret("first-key"),
        model_id="m",
        completion_mode="prefix",
        chat=True,
        context_tokens=2048,
        pid=1000,
    )


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """Settings without a file: the defaults."""
    return load(tmp_path / "config.toml", env={})


@pytest.fixture
def pool_for(loaded: Loaded) -> Callable[[Process], ProviderPool]:
    """Makes a pool whose embedded model is served by a process of the test's."""
    model = catalog()["smollm2-135m"]
    return lambda process: make(process, loaded, model)


def make(process: Process, loaded: Loaded, model: Model) -> ProviderPool:
    return ProviderPool(
        loaded,
        credentials=Credentials,
        runtime=process,
        embedded=lambda: model,
        on_stage=lambda _: None,
        gate=Gate(Roots(()), loaded.settings.privacy, DocumentStore()),
        env={},
        plugins={},
    )


async def ask(pool: ProviderPool) -> None:
    provider = await pool.provider("embedded")
    request = CompletionRequest("m", "", max_tokens=4)
    async with aclosing(provider.complete(request)) as events:
        async for _ in events:
            pass


async def test_a_process_that_came_back_at_its_port_is_asked_with_its_new_key(
    pool_for: Callable[[Process], ProviderPool],
):
    async with ScriptedServer(stream(ANSWER)) as server:
        process = Process(endpoint(server.url))
        pool = pool_for(process)
        await ask(pool)
        assert await pool.provider("embedded") is await pool.provider("embedded")
        process.restart("second-key")
        await ask(pool)
        keys = [request.headers["authorization"] for request in server.requests]
        assert keys == ["Bearer first-key", "Bearer second-key"]
        await pool.aclose()


async def test_a_process_that_came_back_elsewhere_is_asked_there(
    pool_for: Callable[[Process], ProviderPool],
):
    async with ScriptedServer(stream(ANSWER)) as old, ScriptedServer(stream(ANSWER)) as new:
        process = Process(endpoint(old.url))
        pool = pool_for(process)
        await ask(pool)
        process.restart("second-key", new.url)
        await ask(pool)
        assert len(old.requests) == 1
        assert [request.headers["authorization"] for request in new.requests] == [
            "Bearer second-key"
        ]
        await pool.aclose()


async def test_settings_that_change_while_the_process_starts_hold_for_it(
    pool_for: Callable[[Process], ProviderPool], loaded: Loaded, tmp_path: Path
):
    row = loaded.row("embedded").model_copy(update={"id_slot": 3})
    other = load(tmp_path / "config.toml", env={}, catalog=rows({}) | {"embedded": row})
    async with ScriptedServer(stream(ANSWER)) as server, asyncio.timeout(10):
        process = Process(endpoint(server.url))
        process.ready.clear()
        pool = pool_for(process)
        asking = asyncio.ensure_future(ask(pool))
        await process.starting.wait()
        await pool.configure(other)
        process.ready.set()
        await asking
        await ask(pool)
        assert [request.json["id_slot"] for request in server.requests] == [3, 3]
        await pool.aclose()


class SlowKeyring:
    """Stands where the keyring does: has no key, and says so when the test lets it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def get(self, *whose: object) -> None:
        del whose
        self.asked.set()
        await self.answers.wait()


async def test_a_request_under_way_takes_no_key_that_later_settings_name(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"

    def settings(url: str, variable: str) -> Loaded:
        row = f'wire = "openai-chat"\nbase_url = "{url}"\nkey_env = ["{variable}"]\n'
        file.write_text(f"[providers.team]\n{row}", "utf-8")
        return load(file, env={})

    keyring = SlowKeyring()
    async with (
        ScriptedServer(reply(200, {"data": []})) as old,
        ScriptedServer(reply(200, {"data": []})) as new,
    ):
        first = settings(old.url, "OLD_KEY")
        pool = ProviderPool(
            first,
            credentials=lambda: cast("Credentials", keyring),
            runtime=Process(endpoint(old.url)),
            embedded=lambda: catalog()["smollm2-135m"],
            on_stage=lambda _: None,
            gate=Gate(Roots(()), first.settings.privacy, DocumentStore()),
            env={"OLD_KEY": "canary-old-0123456789", "NEW_KEY": "canary-new-0123456789"},
            plugins={},
        )
        asking = asyncio.ensure_future((await pool.provider("team")).models())
        await keyring.asked.wait()
        await pool.configure(settings(new.url, "NEW_KEY"))
        keyring.answers.set()
        await asking
        await (await pool.provider("team")).models()
        keys = [each.requests[0].headers["authorization"] for each in (old, new)]
        assert keys == ["Bearer canary-old-0123456789", "Bearer canary-new-0123456789"]
        await pool.aclose()
