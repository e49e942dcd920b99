"""Adding is bounded in time, and what it writes holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polypilot import paths
from polypilot.credentials import CredentialError
from polypilot.settings import SettingsError
from polypilot_providers.base import Secret
from polypilot_providers.errors import TimedOut
from polypilot_providers.testing import ScriptedServer, Stall, reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
KEY = Secret("tp-canary-0123456789abcdef")
BEARER = ("authorization", f"Bearer {KEY.reveal()}")


def begin(backend: Backend, url: str, **options: Any) -> Any:
    return backend.own_rows.add("box", url, say=lambda _: None, **options)


async def test_a_server_that_is_silent_is_given_up(backends: Callable[..., Backend]) -> None:
    async with ScriptedServer([Stall()]) as server:
        adding = begin(backends(), server.url, each=0.2)
        with pytest.raises(TimedOut):
            await adding.look()
        await adding.aclose()


async def test_all_of_it_has_a_limit_too(
    serving: Any, endpoints: Any, backends: Callable[..., Backend]
) -> None:
    slow = {"GET /v1/models": endpoints["models"]("m-1")}
    server = await serving(slow, otherwise=[Stall()])
    adding = begin(backends(), server.url, each=0.4, whole=0.5)
    await adding.look()
    await adding.prove()
    assert adding.found.notes == ["m-1 did not answer: there was no time left to ask this too"]
    assert len([each for each in server.requests if b"messages" in each.body]) == 0
    await adding.aclose()


async def test_without_a_keyring_nothing_is_written(
    serving: Any, backends: Callable[..., Backend]
) -> None:
    server = await serving("openai", header=BEARER)
    backend = backends()
    adding = begin(backend, server.url)
    await adding.look()
    assert adding.needs_key
    adding.use_key(KEY)
    await adding.look()
    with pytest.raises(CredentialError):
        await backend.own_rows.save(adding)
    assert not paths.config_file().exists()
    await adding.aclose()


async def test_a_file_that_can_not_be_changed_leaves_no_key_behind(
    serving: Any, backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    server = await serving("openai", header=BEARER)
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    file.write_text("[keyring]\nallow_insecure = true\n", "utf-8")
    backend = backends(env=plain_keyring)
    adding = begin(backend, server.url)
    adding.use_key(KEY)
    await adding.look()
    file.write_text("[broken", "utf-8")
    with pytest.raises(SettingsError):
        await backend.own_rows.save(adding)
    assert await backend.credentials.get("box", adding.origin) is None
    await adding.aclose()


async def test_a_row_that_can_not_be_replaced_keeps_its_key(
    serving: Any, backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    server = await serving("openai", header=BEARER)
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    file.write_text("[keyring]\nallow_insecure = true\n", "utf-8")
    backend = backends(env=plain_keyring)
    adding = begin(backend, server.url)
    await backend.credentials.set("box", adding.origin, "tp-canary-of-the-one-before")
    adding.use_key(KEY)
    await adding.look()
    file.write_text("[broken", "utf-8")
    with pytest.raises(SettingsError):
        await backend.own_rows.save(adding)
    kept = await backend.credentials.get("box", adding.origin)
    assert kept is not None
    assert kept.reveal() == "tp-canary-of-the-one-before"
    await adding.aclose()


async def test_a_key_that_travels_in_another_header_says_so_in_its_row(
    serving: Any, backends: Callable[..., Backend]
) -> None:
    server = await serving("openai", header=("api-key", KEY.reveal()))
    adding = begin(backends(), server.url)
    await adding.look()
    adding.use_key(KEY)
    await adding.look()
    await adding.prove()
    assert adding.fields()["auth_header"] == "api-key"
    assert adding.found.question is not None
    await adding.aclose()


async def test_a_server_that_says_the_key_as_a_model_is_not_repeated(
    serving: Any, endpoints: Any, backends: Callable[..., Backend]
) -> None:
    listed = endpoints["models"](f"m-{KEY.reveal()}", "m-1")
    server = await serving({"GET /v1/models": listed}, header=BEARER)
    adding = begin(backends(), server.url)
    await adding.look()
    adding.use_key(KEY)
    await adding.look()
    assert adding.found.names == ["m-1"]
    await adding.aclose()


async def test_an_ollama_that_says_the_key_as_a_model_is_not_repeated(
    serving: Any, backends: Callable[..., Backend]
) -> None:
    server = await serving("ollama", header=BEARER)
    names = [f"m-{KEY.reveal()}", "coder"]
    server.routes["GET /api/tags"] = reply(200, {"models": [{"name": name} for name in names]})
    adding = begin(backends(), server.url)
    await adding.look()
    adding.use_key(KEY)
    await adding.look()
    assert KEY.reveal() not in repr(adding.found) + repr(adding.fields())
    assert adding.found.names == ["coder"]
    await adding.aclose()


async def test_a_list_that_the_key_does_not_open_is_told(
    serving: Any, endpoints: Any, backends: Callable[..., Backend]
) -> None:
    away = endpoints["reply"](307, b"", {"location": "https://elsewhere.example/v1/models"})
    server = await serving({"GET /v1/models": away}, header=BEARER)
    adding = begin(backends(), server.url)
    await adding.look()
    adding.use_key(KEY)
    await adding.look()
    assert adding.found.names == []
    (note,) = adding.found.notes
    assert "redirects to elsewhere.example" in note
    await adding.aclose()


async def test_a_protected_runtime_is_known_once_it_takes_the_key(
    serving: Any, backends: Callable[..., Backend]
) -> None:
    server = await serving("vllm", header=BEARER)
    adding = begin(backends(), server.url)
    await adding.look()
    assert adding.needs_key
    adding.use_key(KEY)
    await adding.look()
    assert adding.found.kind == "vLLM"
    assert adding.question is None, "what it takes is known"
    await adding.aclose()


async def test_the_catalogs_own_addresses_are_recognised(backends: Callable[..., Backend]) -> None:
    adding = begin(backends(), "https://api.mistral.ai/v1")
    assert backends().own_rows.known_as(adding.origin) == ["mistral"]
    await adding.aclose()
