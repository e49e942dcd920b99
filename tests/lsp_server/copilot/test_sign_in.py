"""Signing in as Copilot's clients show it: a command that asks for a provider's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.e2e

KEY = "canary+key/ZQ8x=7f&3_0123456789"
CODE = "def add(a, b):\n    "


@pytest.fixture
async def keyless(
    client: Any, supplier: Any, keyrings_alt: Path, new_client: Callable[[], Any]
) -> Any:
    """A client whose provider wants a key that is not there, started; with a keyring.

    The keyring is a file, which the product refuses unless its user insists.
    """
    del new_client
    client.team(
        supplier.url,
        'key_page = "https://team.example/keys"\n[keyring]\nallow_insecure = true',
        "keyring",
    )
    client.env |= {
        "PYTHONPATH": str(keyrings_alt),
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "XDG_DATA_HOME": str(client.home / "keyring"),
    }
    info = {"name": "Editor", "version": "1.0"}
    await client.initialize(
        {
            "capabilities": {"window": {"showDocument": {"support": True}}},
            "workspaceFolders": [client.folder],
            "initializationOptions": {"editorInfo": info, "editorPluginInfo": info},
        }
    )
    return client


async def store(client: Any) -> None:
    """What the user does in a terminal with the command that was shown."""
    status, _, errors = await client.run("auth", "set", "team", "--stdin", "--no-check", stdin=KEY)
    assert status == 0, errors


async def complete(client: Any, name: str = "a.py") -> Any:
    uri = client.open(name, CODE)
    doc = {"uri": uri, "position": {"line": 1, "character": 4}}
    return (await client.result("getCompletionsCycling", {"doc": doc}))["completions"]


async def test_a_key_is_given_in_a_terminal_and_never_on_this_connection(
    keyless: Any, supplier: Any
) -> None:
    client = keyless
    assert await client.result("checkStatus", {}) == {"status": "NotSignedIn"}
    assert await complete(client) == []
    told = await client.state("Error")
    assert told["command"]["command"] == "polypilot.finishSignIn"

    how = await client.result("signInInitiate", {})
    assert how["status"] == "PromptUserDeviceFlow"
    assert how["userCode"] == "polypilot auth set team"
    assert how["verificationUri"] == "https://team.example/keys"
    assert "github" not in str(how).lower()
    _, confirmed = client.send("signInConfirm", {"userCode": how["userCode"]})
    assert (await client.result("checkStatus", {}))["status"] == "NotSignedIn"
    assert not confirmed.done()
    await store(client)
    done = (await client.soon(confirmed))["result"]
    assert done == {"status": "OK", "user": "Team (coder)"}
    await client.state("Normal")
    assert await client.result("checkStatus", {}) == done
    assert await complete(client, "b.py")
    assert supplier.completions[-1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(client.received)
    assert KEY.encode() not in client.stderr

    # Signing out takes no key away: other editors use it.
    await client.result("signOut", {})
    assert (await client.result("signInConfirm", {}))["status"] == "OK"


async def test_the_command_of_newer_clients_opens_the_page_and_waits(keyless: Any) -> None:
    client = keyless
    shown: list[Any] = []

    def show(params: Any) -> Any:
        shown.append(params)
        return {"success": True}

    client.answers["window/showDocument"] = show
    how = await client.result("signIn", {})
    command = {key: how["command"][key] for key in ("command", "arguments")}
    _, finished = client.send("workspace/executeCommand", command)
    await client.until(lambda: shown)
    assert shown == [{"uri": "https://team.example/keys", "external": True}]
    await store(client)
    assert (await client.soon(finished))["result"] == {"status": "OK", "user": "Team (coder)"}


async def test_waiting_can_be_given_up(keyless: Any) -> None:
    client = keyless
    number, confirmed = client.send("signInConfirm", {"userCode": "x"})
    assert (await client.result("checkStatus", {}))["status"] == "NotSignedIn"
    client.notify("$/cancelRequest", {"id": number})
    assert (await client.soon(confirmed))["error"]["code"] == -32800
    assert (await client.result("checkStatus", {}))["status"] == "NotSignedIn"


async def test_who_signs_in_again_waits_once_and_hears_of_it_once(keyless: Any) -> None:
    """By either way, the newest click is the one that waits."""
    client = keyless
    command = (await client.result("signIn", {}))["command"]
    again: dict[str, Any] = {"command": command["command"], "arguments": []}
    clicks = [("signInConfirm", {"userCode": "x"}), ("workspace/executeCommand", again)]
    waiting = [client.send(*clicks[number])[1] for number in (0, 0, 1, 1, 0)]
    for earlier in waiting[:-1]:
        assert (await client.soon(earlier))["error"]["code"] == -32800
    assert not waiting[-1].done()
    await store(client)
    assert (await client.soon(waiting[-1]))["result"]["status"] == "OK"


async def test_signing_out_ends_the_waiting(keyless: Any) -> None:
    client = keyless
    _, confirmed = client.send("signInConfirm", {"userCode": "x"})
    await client.result("signOut", {})
    assert (await client.soon(confirmed))["error"]["code"] == -32800
    await store(client)
    assert await client.result("checkStatus", {}) == {"status": "NotSignedIn"}
