"""``polypilot auth`` by itself, as a person sees it whom an editor has sent to a terminal."""

from __future__ import annotations

from typing import Any

import pytest

KEY = "canary-login-0123456789"


@pytest.mark.parametrize("arguments", [("auth",), ("acp", "auth")])
async def test_it_asks_whose_key_it_is(terminal: Any, cli: Any, arguments: tuple[str, ...]):
    cli.config.write_text('[chat]\nprovider = "mistral"\n', encoding="utf-8")
    person = await terminal(*arguments)
    await person.see("Provider [mistral]: ")
    person.type("nobody\n")
    await person.see("There is no such provider")
    person.type("ollama\n")
    await person.see("takes no key")
    person.type("\n")
    await person.see("Key: ")
    person.type(f"{KEY}\n")
    # There is no keyring here: nothing is stored, and that is said.
    assert await person.ended() == 3
    assert "keyring" in person.text
    assert KEY not in person.text


async def test_without_a_terminal_it_is_help(cli: Any):
    done = await cli.run("auth")
    assert (done.status, done.out) == (2, "")
    assert "polypilot auth [OPTIONS] COMMAND" in done.err or "Usage: polypilot auth" in done.err
