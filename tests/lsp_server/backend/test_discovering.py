"""Servers on this machine are told apart, past every proxy, and only where rows expect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polypilot.backend.discovering import discover
from polypilot_providers import catalog
from polypilot_providers.http import HttpClient
from polypilot_providers.network import Network
from polypilot_providers.testing import ScriptedServer, Stall, reply

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from polypilot.backend import LocalServer

ROWS = catalog.rows({})
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
async def http() -> AsyncGenerator[HttpClient]:
    async with ScriptedServer(reply(502)) as proxy:
        client = HttpClient(Network(proxy=proxy.url, env={"HTTP_PROXY": proxy.url}))
        yield client
        await client.aclose()
        assert proxy.requests == []


async def find(http: HttpClient, url: str, *names: str) -> list[LocalServer]:
    """What is found if all these rows expect their servers at one address."""
    rows = {name: ROWS[name].model_copy(update={"base_url": url}) for name in names}
    return await discover(rows, ROWS, http, {"completion": "embedded", "chat": "ollama"})


@pytest.mark.parametrize(
    ("kind", "rows", "wanted"),
    [
        ("ollama", ("ollama", "apfel"), "ollama"),
        ("apfel", ("ollama", "apfel"), "apfel"),
        ("llama.cpp", ("llama.cpp", "mlx-lm"), "llama.cpp"),
        ("mlx-lm", ("llama.cpp", "mlx-lm"), "mlx-lm"),
        ("lmstudio", ("lmstudio",), "lmstudio"),
        ("vllm", ("vllm",), "vllm"),
    ],
)
async def test_two_that_share_a_port_are_told_apart(
    kind: str, rows: tuple[str, ...], wanted: str, serving: Any, http: HttpClient
) -> None:
    server = await serving(kind)
    (found,) = await find(http, server.url, *rows)
    assert found.id == wanted
    assert found.offer == f"polypilot use {wanted}"
    assert found.models
    assert not any("embed" in name for name in found.models)
    assert found.selected_for == (("chat",) if wanted == "ollama" else ())
    assert all(each.method == "GET" for each in server.requests)


async def test_a_server_without_a_row_is_offered_to_be_added(
    serving: Any, http: HttpClient
) -> None:
    server = await serving("openai")
    (found,) = await find(http, f"{server.url}/v1", "llama.cpp")
    assert found.id is None
    assert found.offer == f"polypilot providers add NAME --url {server.url}"


async def test_a_row_of_the_users_own_is_known_by_its_address(
    serving: Any, http: HttpClient
) -> None:
    server = await serving("openai", header=("authorization", "Bearer x"))
    own = ROWS["vllm"].model_copy(update={"id": "box", "base_url": f"{server.url}/v1"})
    (found,) = await discover({"box": own}, ROWS, http, {})
    assert (found.id, found.wants_key, found.models) == ("box", True, ())


async def test_what_is_no_server_of_models_is_left_out(http: HttpClient) -> None:
    page = reply(200, b"<!doctype html>", {"content-type": "text/html"})
    async with ScriptedServer(page) as web, ScriptedServer([Stall()]) as silent:
        for url in (web.url, silent.url, NOBODY):
            assert await find(http, url, "llama.cpp") == []


async def test_rows_elsewhere_are_not_asked(http: HttpClient) -> None:
    elsewhere = {
        name: row
        for name, row in ROWS.items()
        if "127.0.0.1" not in row.base_url and "localhost" not in row.base_url
    }
    # The tests' guard refuses every socket that leaves this machine.
    assert elsewhere
    assert await discover(elsewhere, ROWS, http, {}) == []
