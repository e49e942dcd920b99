"""``polypilot providers set``, ``show``, ``remove`` and ``discover``."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

TEAM = """\
# mine
[providers.team]            # at work
wire = "openai-chat"
base_url = "http://127.0.0.1:9/{site}/v1"
auth = "none"

[providers.team.headers]
X-Team = "1"

# what follows is about chat
[chat]
system = "Be brief."
"""


def read(cli: Any) -> dict[str, Any]:
    return tomllib.loads(cli.config.read_text("utf-8"))


# --- set -------------------------------------------------------------------------


async def test_what_an_address_leaves_open_is_set_by_name(cli: Any):
    cli.config.write_text(TEAM, "utf-8")
    done = await cli.run("providers", "set", "vertex", "project=acme-1", "location=europe-west1")
    assert done.status == 0, done.err
    assert read(cli)["providers"]["vertex"] == {
        "variables": {"project": "acme-1", "location": "europe-west1"}
    }
    assert cli.config.read_text("utf-8").startswith(TEAM)
    shown = await cli.run("providers", "show", "vertex", "--json")
    assert shown.events[0]["missing"] == []


async def test_a_row_that_lacks_something_names_the_command(cli: Any):
    done = await cli.run("models", "vertex", "--json")
    assert "polypilot providers set vertex" in done.errors[-1]["cure"]
    half = await cli.run("providers", "set", "vertex", "project=acme-1", "--json")
    assert half.events[0]["missing"] == ["location"]


async def test_fields_of_every_kind_are_set_and_taken_back(cli: Any):
    cli.config.write_text(TEAM, "utf-8")
    done = await cli.run(
        *("providers", "set", "team", "site=north", "free=true", "requests_per_minute=30"),
        *("chat_model=m-1", "key_env=A_KEY, B_KEY", "headers.X-Other=2", "account=work"),
    )
    assert done.status == 0, done.err
    team = read(cli)["providers"]["team"]
    assert team["variables"] == {"site": "north"}
    assert (team["free"], team["requests_per_minute"]) == (True, 30)
    assert team["key_env"] == ["A_KEY", "B_KEY"]
    assert team["headers"] == {"X-Team": "1", "X-Other": "2"}
    done = await cli.run("providers", "set", "team", "--unset", "free", "--unset", "site")
    assert done.status == 0, done.err
    team = read(cli)["providers"]["team"]
    assert "free" not in team
    assert not team.get("variables")
    assert "# at work" in cli.config.read_text("utf-8")


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("base_url=http://example.com", "plain http"),
        ("base_url=nonsense", "base_url"),
        ("free=perhaps", "free is true or false"),
        ("requests_per_minute=many", "requests_per_minute is a whole number"),
        ("requests_per_minute=0", "requests_per_minute"),
        ("site=a/../b", "site of Team"),
        ("completion=template", "completion"),
        ("color=red", "no 'color'"),
        ("wire=gopher", "wire"),
        ("headers.Authorization=Bearer", "headers"),
        ("chat_model=sk-proj-0123456789abcdefghij0123456789abcdefghij", "keys are not written"),
    ],
)
async def test_a_bad_value_names_itself_and_nothing_is_written(pair: str, said: str, cli: Any):
    cli.config.write_text(TEAM, "utf-8")
    done = await cli.run("providers", "set", "team", "name=Team", pair)
    assert done.status == 3, done
    assert said in done.err
    assert cli.config.read_text("utf-8") == TEAM


async def test_who_is_not_there_can_not_be_set(cli: Any):
    for name in ("nobody", "embedded"):
        done = await cli.run("providers", "set", name, "free=true")
        assert done.status == 3, name
    assert (await cli.run("providers", "set", "openai", "secret-canary")).status == 2
    assert (await cli.run("providers", "set", "openai")).status == 2


async def test_a_broken_row_can_be_mended(cli: Any):
    cli.config.write_text(TEAM.replace("http://127", "http://example.com:127"), "utf-8")
    assert (await cli.run("providers", "show", "team")).status == 3
    done = await cli.run("providers", "set", "team", "base_url=http://127.0.0.1:9/v1")
    assert done.status == 0, done.err
    assert (await cli.run("providers", "show", "team")).status == 0


# --- show ------------------------------------------------------------------------


async def test_a_row_is_shown_with_where_each_value_comes_from(cli: Any):
    cli.config.write_text('[providers.mistral]\nchat_model = "m-9"\n', "utf-8")
    done = await cli.run("providers", "show", "mistral", "--json")
    fields = done.events[0]["fields"]
    assert fields["chat_model"] == {"value": "m-9", "from": f"{cli.config}:2"}
    assert fields["wire"]["from"] == "catalog"
    plain = await cli.run("providers", "show", "mistral")
    assert "as of: 2026" in plain.out
    assert "source: " in plain.out
    assert "notes: " in plain.out


# --- remove ----------------------------------------------------------------------


async def test_only_the_row_is_removed(cli: Any):
    cli.config.write_text(TEAM, "utf-8")
    assert (await cli.run("providers", "remove", "team")).status == 2
    assert cli.config.read_text("utf-8") == TEAM
    done = await cli.run("providers", "remove", "team", "--yes")
    assert done.status == 0, done.err
    assert cli.config.read_text("utf-8") == (
        '# mine\n\n# what follows is about chat\n[chat]\nsystem = "Be brief."\n'
    )
    again = await cli.run("providers", "remove", "team", "--yes")
    assert again.status == 3


async def test_the_catalogs_rows_can_not_be_removed(cli: Any):
    done = await cli.run("providers", "remove", "mistral", "--yes")
    assert done.status == 3
    assert "--unset" in done.err


async def test_a_person_is_asked_and_told_what_still_names_it(cli: Any, terminal: Any):
    cli.config.write_text(TEAM.replace("[chat]", '[chat]\nprovider = "team"'), "utf-8")
    screen = await terminal("providers", "remove", "team")
    await screen.see("chat.provider")
    screen.type("n\n")
    await screen.see("Nothing was changed")
    await screen.ended()
    assert "team" in read(cli)["providers"]
    screen = await terminal("providers", "remove", "team")
    await screen.see("Remove team?")
    screen.type("y\n")
    await screen.see("still names it")
    assert await screen.ended() == 0
    assert "providers" not in read(cli)


# --- discover --------------------------------------------------------------------


async def test_what_runs_nearby_is_found_and_offered_but_not_used(cli: Any, serving: Any):
    server = await serving("ollama")
    cli.config.write_text(f'[providers.ollama]\nbase_url = "{server.url}"\n', "utf-8")
    done = await cli.run("providers", "discover", "--json")
    assert done.status == 0, done.err
    (found,) = [each for each in done.events[0] if each["url"] == server.url]
    assert (found["id"], found["name"], found["offer"]) == (
        "ollama",
        "Ollama",
        "polypilot use ollama",
    )
    assert found["models"] == ["llama3.2:3b", "qwen2.5-coder:1.5b-base"]
    assert found["selected_for"] == []
    plain = await cli.run("providers", "discover")
    assert "polypilot use ollama" in plain.out
    checked = await cli.run("doctor", "--json")
    (nearby,) = [each for each in checked.events[0] if each["check"] == "local servers"]
    assert "polypilot use ollama" in nearby["detail"]
