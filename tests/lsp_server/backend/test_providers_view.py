"""The list of providers that a picker shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polypilot_providers.errors import AuthError
from polypilot_providers.testing import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend

pytestmark = pytest.mark.allow_blocking("the tests write settings files")
NOWHERE = "http://127.0.0.1:9"


async def test_the_chosen_come_first_then_what_stays_on_this_machine(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    file = configure(a="https://team.example", b=NOWHERE)
    text = file.read_text("utf-8").replace('[chat]\nprovider = "a"', '[chat]\nprovider = "openai"')
    file.write_text(text, "utf-8")
    states = await backends(env={"ANTHROPIC_API_KEY": "k" * 20}).provider_states()
    by_id = {each.id: each for each in states}
    assert {each.id for each in states[:2]} == {"a", "openai"}
    assert (by_id["a"].selected_for, by_id["openai"].selected_for) == (("completion",), ("chat",))
    assert (by_id["a"].local, by_id["b"].local, by_id["embedded"].local) == (False, True, True)
    rest = [each.local for each in states[2:]]
    assert rest == sorted(rest, reverse=True)
    assert by_id["anthropic"].key_stored is True
    assert by_id["openai"].key_stored is False
    assert by_id["a"].key_stored is None
    assert by_id["openai"].key_page
    assert "k" * 20 not in repr(states)


async def test_a_stored_key_is_known_without_touching_the_keyring(
    configure: Callable[..., Path],
    backends: Callable[..., Backend],
    plain_keyring: dict[str, str],
) -> None:
    configure("[keyring]\nallow_insecure = true\n")
    storing = backends(env=plain_keyring)
    await storing.credentials.set("openai", storing.origin("openai"), "a-key-of-mine")
    looking = backends()
    states = {each.id: each for each in await looking.provider_states()}
    assert states["openai"].key_stored is True
    assert looking.credentials.known_backend == ""


async def test_a_key_that_is_missing_says_where_keys_are_made(
    configure: Callable[..., Path], backends: Callable[..., Backend], plain_keyring: dict[str, str]
) -> None:
    configure("[keyring]\nallow_insecure = true\n")
    with pytest.raises(AuthError, match="no key for OpenAI") as caught:
        await backends(env=plain_keyring).list_models("openai")
    assert "polypilot auth set openai" in caught.value.cure
    assert "https://" in caught.value.cure


async def test_a_provider_without_keys_is_sent_none(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(200, {"data": []})) as a:
        configure(a=a.url)
        assert await backends(env={"OPENAI_API_KEY": "k" * 20}).list_models("a") == []
        assert "authorization" not in a.requests[0].headers


@pytest.mark.parametrize("auth", ["command", "keyring"])
async def test_a_token_and_a_key_of_the_environment_reach_the_supplier(
    configure: Callable[..., Path], backends: Callable[..., Backend], auth: str
) -> None:
    async with ScriptedServer(reply(200, {"data": [{"id": "m"}]})) as a:
        file = configure(a=a.url)
        # A token that stood in the file as it is would be taken for a key, and the row not used.
        given = (
            'command = ["printf", "%s%s", "tok", "-en-1"]'
            if auth == "command"
            else 'key_env = ["TEAM_KEY"]'
        )
        text = file.read_text("utf-8").replace('"none"', f'"{auth}"\n{given}')
        file.write_text(text, "utf-8")
        backend = backends(env={"TEAM_KEY": "tok-en-2"})
        assert [each.id for each in await backend.list_models("a")] == ["m"]
        expected = "tok-en-1" if auth == "command" else "tok-en-2"
        assert a.requests[0].headers["authorization"] == f"Bearer {expected}"
