"""A person at a real (pseudo-)terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polypilot_providers.testing import Stall

if TYPE_CHECKING:
    from polypilot_providers.testing import ScriptedServer


async def test_a_conversation_goes_on_after_a_stopped_and_after_a_failed_answer(
    server: ScriptedServer, answers: Any, terminal: Any
):
    begun = answers["chat"]("It began ")[:2]
    server.play(
        answers["chat"]("A **bold** start.\n"),
        [*begun, Stall()],
        answers["reply"](400, {"error": {"message": "no"}}),
        answers["chat"]("Back again."),
    )
    person = await terminal("chat")
    await person.see("> ")
    person.type("Begin\n")
    await person.see("A bold start.")
    await person.see("> ")
    person.type("And then?\n")
    await person.see("It began")
    person.type("\x03")
    await server.requests[1].gone.wait()
    await person.see("Stopped.")
    await person.see("> ")
    person.type("Still there?\n")
    await person.see("error: ")
    await person.see("> ")
    person.type("And now?\n")
    await person.see("Back again.")
    await person.see("> ")
    person.type("/quit\n")
    assert await person.ended() == 0
    sent = server.requests[3].body.decode()
    assert "Begin" in sent, "the conversation is one"
    assert "It began" in sent, "what arrived of a stopped answer is kept"


async def test_ctrl_c_at_the_prompt_drops_the_line_and_ctrl_d_ends(
    server: ScriptedServer, terminal: Any
):
    person = await terminal("chat")
    await person.see("> ")
    person.type("never sent")
    await person.see("never sent")
    await person.interrupt("> ")
    await person.see("> ")
    person.type("\x04")
    assert await person.ended() == 0
    assert server.requests == []


async def test_a_line_that_ends_in_a_backslash_goes_on(
    server: ScriptedServer, answers: Any, terminal: Any
):
    server.play(answers["chat"]("ok, read"))
    person = await terminal("chat")
    await person.see("> ")
    person.type("first\\\n")
    await person.see("... ")
    person.type("second\n")
    await person.see("ok, read")
    assert "first\\nsecond" in server.requests[0].body.decode()


async def test_a_key_is_typed_unseen(terminal: Any):
    person = await terminal("auth", "set", "anthropic", "--no-check")
    # The prompt itself: what is typed before it is thrown away.
    await person.see("Key: ")
    person.type("canary-key-0123456789\n")
    await person.ended()
    assert "canary" not in person.text


async def test_a_key_from_the_environment_is_offered(cli: Any, terminal: Any):
    cli.env["ANTHROPIC_API_KEY"] = "canary-key-0123456789"
    person = await terminal("auth", "set", "anthropic", "--no-check")
    await person.see("ANTHROPIC_API_KEY")
    person.type("y\n")
    await person.ended()
    assert "canary" not in person.text


async def test_ctrl_c_at_the_key_prompt_ends_at_once(terminal: Any):
    person = await terminal("auth", "set", "anthropic")
    await person.see("Key")
    await person.interrupt("Stopped.")
    assert await person.ended() == 130


async def test_without_arguments_a_person_gets_help_instead_of_a_silent_server(terminal: Any):
    person = await terminal()
    await person.see("Usage: polypilot")
    assert await person.ended() == 0
