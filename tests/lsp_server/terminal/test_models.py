"""``polypilot models`` and what answers cost, as a person and a script see them."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from polypilot.terminal.usage import usage_words
from polypilot_providers.types import Cost, Usage

if TYPE_CHECKING:
    from polypilot_providers.testing import ScriptedServer

KEYED = 'key_env = ["TEAM_KEY"]\nprices = "openai"\n'
LIST = {"object": "list", "data": [{"id": "gpt-5.6-luna"}, {"id": "home-made"}]}
HOUR = 3600


@pytest.fixture
def keyed(cli: Any, server: ScriptedServer, answers: Any) -> None:
    """The provider wants a key, which the environment has, and lists two models."""
    cli.team(server.url, KEYED)
    text = cli.config.read_text("utf-8").replace('auth = "none"', 'auth = "keyring"')
    cli.config.write_text(text, "utf-8")
    cli.env["TEAM_KEY"] = "tk-0123456789abcdef"
    server.play(answers["reply"](200, json.dumps(LIST).encode()))


def age(cli: Any, seconds: float) -> None:
    """Make the list that is kept so much older."""
    (file,) = (cli.home / "cache" / "models").glob("*.json")
    kept = json.loads(file.read_text("utf-8"))
    kept["read"] = kept["began"] = time.time() - seconds
    for each in kept["models"]:
        each["since"] = kept["began"]
    file.write_text(json.dumps(kept), "utf-8")


@pytest.mark.usefixtures("keyed")
async def test_a_list_is_kept_with_its_age_and_prices(
    cli: Any, server: ScriptedServer, answers: Any
) -> None:
    first = await cli.run("models", "team")
    assert first.status == 0, first.err
    assert "$0.2 / $1.2+" in first.out
    assert "genai-prices 0." in first.err
    assert "ago" not in first.err
    age(cli, 3.5 * HOUR)
    again = await cli.run("models", "team")
    assert again.out == first.out
    assert "team: the list of 3 hours ago; --refresh asks again." in again.err
    assert len(server.requests) == 1
    server.play(answers["reply"](200, json.dumps({"data": [{"id": "newer"}]}).encode()))
    changed = await cli.run("models", "team", "--refresh", "--json")
    (rows,) = changed.events
    states = {row["id"]: row["state"] for row in rows}
    assert states == {"newer": "new", "gpt-5.6-luna": "gone", "home-made": "gone"}
    assert (rows[1]["input_price"], rows[1]["output_price"]) == ("0.2", "1.2")
    assert rows[1]["as_of"].endswith("+00:00")


@pytest.mark.usefixtures("keyed")
async def test_an_old_list_stands_in_for_a_supplier_that_is_out(
    cli: Any, server: ScriptedServer, answers: Any
) -> None:
    await cli.run("models", "team")
    age(cli, 50 * HOUR)
    server.play(answers["reply"](503, b""))
    done = await cli.run("models", "team")
    assert done.status == 0
    assert "home-made" in done.out
    assert "this is the list of 2 days ago." in done.err


async def test_the_embedded_models_cost_nothing(cli: Any) -> None:
    done = await cli.run("models", "embedded")
    assert (done.status, "free" in done.out) == (0, True)


@pytest.mark.usefixtures("keyed")
async def test_chat_says_what_it_cost_and_what_the_cache_saved(
    cli: Any, server: ScriptedServer, answers: Any, terminal: Any
) -> None:
    counts = {
        "prompt_tokens": 2000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 1024},
        "completion_tokens_details": {"reasoning_tokens": 300},
    }
    text = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    pieces = [f"data: {json.dumps(each)}\n\n".encode() for each in (text, {"usage": counts})]
    server.play(answers["stream"](*pieces, b"data: [DONE]\n\n"))
    done = await cli.run("chat", "--json", "--model", "gpt-5.6-luna", "Hello?")
    usage = done.events[-2]
    assert (usage["cost"], usage["cost_source"]) == ("0.00081568", "prices")
    assert (usage["cache_read_tokens"], usage["reasoning_tokens"]) == (1024, 300)
    shown = await terminal("chat", "--model", "gpt-5.6-luna", "Hello?")
    await shown.see("1,024 of 2,000 input tokens from the cache")
    await shown.see("$0.0008")
    assert await shown.ended() == 0


async def test_a_completion_is_explained_on_stderr(
    cli: Any, server: ScriptedServer, answers: Any
) -> None:
    server.play(answers["completion"]("sum(items)"))
    (cli.folder / "app.py").write_text("def total(items):\n    return \n", "utf-8")
    done = await cli.run("complete", "app.py:2:12", "--explain")
    assert (done.status, done.out) == (0, "sum(items)\n")
    assert done.err.endswith("team · coder · no cost\n")


def test_words_on_usage() -> None:
    usage = Usage(2000, 500, cache_read_tokens=1024, reasoning_tokens=300)
    assert usage_words(usage, Cost(Decimal("0.00123"), "prices")) == [
        "2,000 in, 500 out tokens",
        "1,024 of 2,000 input tokens from the cache",
        "300 of 500 output tokens for reasoning",
        "$0.0012",
    ]
    assert usage_words(Usage(output_tokens=3), None) == ["3 out tokens", "cost unknown"]
    assert usage_words(None, Cost(Decimal(0), "prices")) == ["no cost"]
