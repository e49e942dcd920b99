"""``polypilot auth`` where no keyring is needed to see what it does."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot_providers.testing import ScriptedServer

KEY = "sk-proj-1234567890abcdefghijkl"


def with_row(cli: Any, old: str, new: str) -> None:
    text = cli.config.read_text("utf-8")
    assert old in text
    cli.config.write_text(text.replace(old, new), "utf-8")


async def test_an_account_is_chosen_for_a_folder_and_taken_back(
    cli: Any, server: ScriptedServer
) -> None:
    with_row(cli, 'auth = "none"', 'auth = "keyring"')
    before = cli.config.read_text("utf-8")
    done = await cli.run("auth", "use", "team", "work", "--folder", ".")
    assert done.status == 0, done.err
    assert "polypilot auth set team --account work" in done.err
    tree = tomllib.loads(cli.config.read_text("utf-8"))
    assert tree["accounts"] == {str(cli.folder.resolve()): {"team": "work"}}
    assert cli.config.read_text("utf-8").startswith("# my own")
    shown = (await cli.run("providers", "--json")).events[0]
    assert [row["account"] for row in shown if row["id"] == "team"] == ["work"]
    assert "none (work)" in (await cli.run("providers")).out
    assert (await cli.run("auth", "use", "team", "--default", "--folder", ".")).status == 0
    assert "work" not in cli.config.read_text("utf-8")
    done = await cli.run("auth", "use", "team", "play")
    assert tomllib.loads(cli.config.read_text("utf-8"))["providers"]["team"]["account"] == "play"
    assert (await cli.run("auth", "use", "team", "--default")).status == 0
    assert tomllib.loads(cli.config.read_text("utf-8")) == tomllib.loads(before)
    assert server.requests == []


async def test_a_folder_that_is_not_the_root_of_its_repository_is_told(
    cli: Any, server: ScriptedServer
) -> None:
    assert server
    with_row(cli, 'auth = "none"', 'auth = "keyring"')
    inner = cli.folder / "inner"
    inner.mkdir()
    (cli.folder / ".git").mkdir()
    done = await cli.run("auth", "use", "team", "work", "--folder", str(inner))
    assert done.status == 0
    assert f"{cli.folder.resolve()} instead" in done.err


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["use", "team"], 2, "NAME"),
        (["use", "team", "work", "--default"], 2, "NAME"),
        (["use", "team", "work"], 2, "needs no key"),
        (["use", "nobody", "work"], 3, "nobody"),
        (["use", "openai", "two words"], 2, "A name has"),
        (["use", "openai", KEY], 2, "known to others"),
        (["use", "openai", "work", "--folder", "/no/such/folder"], 2, "does not exist"),
        (["set", "openai", "--account", KEY, "--stdin"], 2, "known to others"),
        (["set", "openai", "--account", "a/b", "--stdin"], 2, "A name has"),
        (["check", "--account", "work"], 2, "PROVIDER"),
        (["remove", "openai", "--account", "a b"], 2, "A name has"),
    ],
)
async def test_what_makes_no_sense_is_told_and_nothing_is_written(
    cli: Any, server: ScriptedServer, arguments: list[str], status: int, word: str
) -> None:
    before = cli.config.read_text("utf-8")
    done = await cli.run("auth", *arguments, stdin=f"{KEY}\n")
    assert done.status == status
    assert word in done.err
    assert KEY not in done.out + done.err
    assert cli.config.read_text("utf-8") == before
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, ("auth", "missing or refused", 3)),
        (403, ("permission", "may not do this", 3)),
        (402, ("quota_exhausted", "no credit", 1)),
        (404, ("configuration", "settings are wrong", 3)),
        (429, ("rate_limited", "too many requests", 1)),
        (503, ("unavailable", "nothing is said of the key", 1)),
    ],
)
async def test_a_check_tells_whose_fault_it_is(
    cli: Any, server: ScriptedServer, answers: Any, status: int, expected: tuple[str, str, int]
) -> None:
    code, word, exit_status = expected
    server.play(answers["reply"](status))
    done = await cli.run("auth", "check", "team")
    assert done.status == exit_status
    assert word in done.out
    assert done.err
    as_json = await cli.run("auth", "check", "team", "--json")
    (told,) = as_json.events
    assert told["message"]
    del told["message"]
    assert told == {"provider": "team", "account": "", "ok": False, "code": code}


async def test_without_a_provider_those_with_a_command_are_checked_too(
    cli: Any, server: ScriptedServer, answers: Any, tmp_path: Path
) -> None:
    program = tmp_path / "mint"
    program.write_text("#!/bin/sh\necho token-of-mine", "utf-8")
    program.chmod(0o755)
    command = f'auth = "command"\ncommand = {json.dumps([str(program)])}'
    with_row(cli, 'auth = "none"', command)
    server.play(answers["reply"](200, {"data": [{"id": "a"}, {"id": "b"}]}))
    done = await cli.run("auth", "check", "--json")
    assert done.events == [{"provider": "team", "account": "", "ok": True, "said": "2 models"}]
    assert server.requests[0].headers["authorization"] == "Bearer token-of-mine"
    plain = await cli.run("auth", "check")
    assert "team: ok (2 models)" in plain.out


async def test_without_any_key_there_is_nothing_to_check(cli: Any, server: ScriptedServer) -> None:
    done = await cli.run("auth", "check")
    assert done.status == 0
    assert "No keys" in done.err
    assert server.requests == []


async def test_a_key_of_the_environment_is_checked_if_its_provider_is_selected(
    cli: Any, server: ScriptedServer, answers: Any
) -> None:
    with_row(cli, 'auth = "none"', 'auth = "keyring"\nkey_env = ["TEAM_API_KEY"]')
    cli.env["TEAM_API_KEY"] = "key-of-the-environment"
    cli.env["ANTHROPIC_API_KEY"] = "key-of-another"
    server.play(answers["reply"](200, {"data": []}))
    done = await cli.run("auth", "check", "--json")
    assert [each["provider"] for each in done.events] == ["team"]


async def test_doctor_online_proves_the_key_as_the_row_says(
    cli: Any, server: ScriptedServer, answers: Any
) -> None:
    with_row(cli, 'auth = "none"', 'auth = "none"\ncheck = "GET /user/balance"')
    balance: dict[str, object] = {"is_available": False, "balance_infos": []}
    server.play(answers["reply"](200, balance))
    done = await cli.run("doctor", "--online", "--json")
    checks = {each["check"]: each for each in done.events[0]}
    assert checks["reach team"]["ok"] is False
    assert "no credit" in checks["reach team"]["detail"]
    assert server.requests[-1].path == "/v1/user/balance"


async def test_a_key_of_the_environment_whose_address_lacks_something_is_listed(
    cli: Any, server: ScriptedServer
) -> None:
    assert server
    cli.env["AZURE_OPENAI_API_KEY"] = KEY
    done = await cli.run("auth", "list", "--json")
    assert done.status == 0, done.err
    found = {key["provider"]: key for key in done.events[0]}
    assert found["azure"]["source"] == "environment (AZURE_OPENAI_API_KEY)"
    assert (found["azure"]["origin"], found["azure"]["in_use"]) == ("", False)
    assert KEY not in done.out + done.err
