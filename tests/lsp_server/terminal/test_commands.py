from __future__ import annotations

import asyncio
import json
import signal
import ssl
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from polypilot.terminal.clean import clean
from polypilot_providers.testing import ScriptedServer, Stall

if TYPE_CHECKING:
    from pathlib import Path

Answers = "dict[str, Callable[..., list[Step]]]"
KEY = "tp-canary-0123456789abcdef"


# --- chat: the JSON contract --------------------------------------------------


async def test_chat_prints_one_json_line_per_event_and_ends_in_usage_and_stop(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(answers["chat"]("Use ", "`sum`."))
    done = await cli.run("chat", "--json", "How?")
    assert done.status == 0, done.err
    assert "".join(event["text"] for event in done.events if event["type"] == "text") == (
        "Use `sum`."
    )
    usage, stop = done.events[-2:]
    assert (usage["type"], usage["input_tokens"], usage["output_tokens"]) == ("usage", 11, 7)
    assert (stop["type"], stop["reason"], stop["provider"], stop["model"]) == (
        "stop",
        "end",
        "team",
        "m-1",
    ), "the model that really answered"
    assert {event["type"] for event in done.events} <= {"text", "usage", "stop"}
    assert done.err == ""


async def test_provider_and_model_can_be_named(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["chat"]("ok"))
    done = await cli.run("chat", "--json", "--provider", "team", "--model", "other", "How?")
    assert done.status == 0, done.err
    assert server.requests[0].json["model"] == "other"


async def test_the_question_comes_from_stdin_where_there_is_no_terminal(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(answers["chat"]("ok"))
    done = await cli.run("chat", stdin="Why is the sky blue?\n")
    assert (done.status, done.out) == (0, "ok\n")
    assert "Why is the sky blue?" in server.requests[0].body.decode()


async def test_a_file_goes_along_and_a_secret_one_does_not(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(answers["chat"]("ok"))
    (cli.folder / "app.py").write_text("def canary_function(): ...\n", encoding="utf-8")
    (cli.folder / ".env").write_text("PASSWORD=canary-secret\n", encoding="utf-8")
    done = await cli.run("chat", "--json", "Why?", "--file", "app.py", "--file", ".env")
    assert done.status == 0, done.err
    sent = server.requests[0].body.decode()
    assert "canary_function" in sent
    assert "canary-secret" not in sent
    assert [note["type"] for note in done.errors] == ["notice"]
    assert ".env was not attached" in done.errors[0]["message"]


async def test_a_model_cannot_steer_the_terminal(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["chat"]("red \x1b[31", "mtext\x1b]0;title\x07\x9b2J", " end"))
    done = await cli.run("chat", "Hello")
    assert done.status == 0, done.err
    assert done.out.startswith("red ")
    assert done.out.endswith(" end\n")
    assert set(done.out).isdisjoint("\x1b\x07\x9b")


# --- chat: how it fails -------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [(401, "auth", 3), (400, "request_refused", 1), (402, "quota_exhausted", 1)],
)
async def test_a_refusal_is_typed_on_both_streams_and_in_the_exit_status(
    case: tuple[int, str, int], cli: Any, server: ScriptedServer, answers: Any
):
    status, code, exit_status = case
    server.play(answers["reply"](status, {"error": {"message": "no"}}))
    done = await cli.run("chat", "--json", "Hello")
    assert done.status == exit_status
    assert done.errors[-1]["type"] == "error"
    assert done.errors[-1]["code"] == code
    error, usage, stop = done.events[-3:]
    assert error == done.errors[-1]
    assert (usage["type"], stop["type"], stop["reason"]) == ("usage", "stop", "error")


async def test_an_unreachable_provider_is_a_network_error(cli: Any):
    cli.team("http://127.0.0.1:1")
    done = await cli.run("chat", "--json", "Hello")
    assert done.status == 1
    assert done.errors[-1]["code"] == "network"
    plain = await cli.run("chat", "Hello")
    assert plain.status == 1
    assert plain.err.startswith("error: ")
    assert "Traceback" not in plain.err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nosuchcommand"], 2),
        (["--nosuchoption"], 2),
        (["complete", "app.py"], 2),
        (["complete", "missing.py:1:1"], 2),
        (["complete", "app.py:1:" + "9" * 5000], 2),
        (["complete", "a" * 5000 + ".py:1:1"], 2),
        (["chat", "--file", "missing.py", "hi"], 2),
        (["use"], 2),
        (["use", "nosuch"], 3),
        (["chat", "--provider", "nosuch", "hi"], 3),
        (["auth", "set", "embedded", "--stdin"], 2),
        (["models", "pull", "nosuch"], 1),
    ],
)
async def test_what_cannot_be_understood_names_itself(arguments: list[str], status: int, cli: Any):
    done = await cli.run(*arguments)
    assert (done.status, done.out) == (status, "")
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err


async def test_a_usage_error_is_json_where_json_was_asked_for(cli: Any):
    done = await cli.run("chat", "--json", "--file", "missing.py", "hi")
    assert done.status == 2
    assert [error["code"] for error in done.errors] == ["usage"]


async def test_a_broken_setting_is_named_with_its_line_and_the_rest_holds(
    cli: Any, server: ScriptedServer, answers: Any
):
    cli.team(server.url, "[completion.nosuch]\nx = 1\n")
    server.play(answers["chat"]("still here"))
    done = await cli.run("chat", "Hello")
    assert (done.status, done.out) == (0, "still here\n")
    assert f"{cli.config}:" in done.err


# --- complete -----------------------------------------------------------------


async def test_chat_takes_an_effort(cli: Any, server: ScriptedServer, answers: Any):
    """By option, else by setting; each supplier's own field, the nearest level of the model's."""
    row = (
        f'[providers.openai]\nbase_url = "{server.url}/v1"\nwire = "openai-chat"\nauth = "none"\n'
        '[chat]\nprovider = "openai"\nmodel = "gpt-5.4-nano"\neffort = "minimal"\n'
    )
    cli.config.write_text(row, encoding="utf-8")
    server.play(answers["chat"]("hi"))
    await cli.run("chat", "why?", "--effort", "high")
    await cli.run("chat", "why?")
    sent = [request.json["reasoning_effort"] for request in server.requests]
    assert sent == ["high", "low"]
    refused = await cli.run("chat", "why?", "--effort", "lots")
    assert (refused.status, len(server.requests)) == (2, 2)


async def test_a_gateway_is_shown_the_certificate_that_its_row_names(
    cli: Any, answers: Any, tmp_path: Path
):
    authority = trustme.CA()
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(asking)  # pyright: ignore[reportUnknownMemberType] - names pyOpenSSL
    authority.configure_trust(asking)  # pyright: ignore[reportUnknownMemberType] - likewise
    asking.verify_mode = ssl.CERT_REQUIRED
    mine = tmp_path / "me.pem"
    authority.issue_cert("me.example.org").private_key_and_cert_chain_pem.write_to_path(str(mine))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with ScriptedServer(answers["chat"]("hi"), tls=asking) as gateway:
        row = (
            f'[network]\nca_file = "{tmp_path / "ca.pem"}"\n'
            '[chat]\nprovider = "gate"\nmodel = "m"\n[providers.gate]\nwire = "openai-chat"\n'
            f'base_url = "{gateway.url}"\nauth = "none"\n'
        )
        cli.config.write_text(row, encoding="utf-8")
        assert (await cli.run("chat", "why?")).status == 1
        cli.config.write_text(f'{row}client_cert = "{mine}"\n', encoding="utf-8")
        done = await cli.run("chat", "why?")
        assert (done.status, done.out.strip()) == (0, "hi"), done.err
        assert len(gateway.requests) == 1


async def test_complete_prints_the_text_alone(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["completion"]("sum(", "items)"))
    file = cli.folder / "app.py"
    file.write_text("def total(items):\n    return \n", encoding="utf-8")
    done = await cli.run("complete", "app.py:2:12")
    assert (done.status, done.out) == (0, "sum(items)\n"), done.err
    assert str(server.requests[0].json["prompt"]).endswith("    return")
    assert file.read_text("utf-8") == "def total(items):\n    return \n"


async def test_complete_speaks_json(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["completion"]("sum(items)"))
    (cli.folder / "app.py").write_text("def total(items):\n    return \n", encoding="utf-8")
    done = await cli.run("complete", "app.py:2:12", "--json")
    assert done.status == 0, done.err
    text, usage, stop = done.events
    assert (text["type"], text["text"]) == ("text", "sum(items)")
    assert usage["type"] == "usage"
    assert (stop["type"], stop["provider"], stop["model"]) == ("stop", "team", "coder")


async def test_a_coding_model_of_a_local_server_is_asked_in_its_own_tokens(
    cli: Any, server: ScriptedServer, answers: Any
):
    """Its name is all that is known of it; what the user says of the row counts more."""
    (cli.folder / "app.py").write_text("def total(items):\n    return \n", encoding="utf-8")
    row = (
        '[completion]\nprovider = "vllm"\nmodel = "Qwen/Qwen2.5-Coder-7B"\n'
        f'[providers.vllm]\nbase_url = "{server.url}/v1"\n'
    )
    cli.config.write_text(row, encoding="utf-8")
    server.play(answers["completion"]("sum(items)"))
    done = await cli.run("complete", "app.py:2:12")
    assert (done.status, done.out) == (0, "sum(items)\n"), done.err
    assert server.requests[0].path == "/v1/completions"
    prompt = str(server.requests[0].json["prompt"])
    assert prompt.index("<|fim_prefix|>") < prompt.index("<|fim_suffix|>")
    assert prompt.endswith("<|fim_middle|>")
    cli.config.write_text(row + 'completion = "chat"\n', encoding="utf-8")
    server.play(answers["chat"]("sum(items)"))
    await cli.run("complete", "app.py:2:12")
    assert server.requests[-1].path == "/v1/chat/completions"


async def test_an_excluded_file_is_not_completed_and_nothing_is_sent(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(answers["completion"]("x"))
    (cli.folder / ".env").write_text("PASSWORD=\n", encoding="utf-8")
    done = await cli.run("complete", ".env:1:10", "--json")
    assert done.status == 3
    assert done.errors[-1]["code"] == "excluded"
    assert server.requests == []


# --- providers, models, use, settings -----------------------------------------


async def test_providers_and_models_as_json(cli: Any, server: ScriptedServer, answers: Any):
    server.play(answers["reply"](200, {"object": "list", "data": [{"id": "coder"}, {"id": "t"}]}))
    providers = await cli.run("providers", "--json")
    (rows,) = providers.events
    team = next(row for row in rows if row["id"] == "team")  # pyright: ignore[reportArgumentType] - JSON
    assert team["selected_for"] == ["completion", "chat"]  # pyright: ignore[reportArgumentType] - JSON
    models = await cli.run("models", "--json")
    (listed,) = models.events
    assert [(row["provider"], row["id"]) for row in listed] == [("team", "coder"), ("team", "t")]  # pyright: ignore[reportArgumentType] - JSON
    assert (await cli.run("models", "team")).out.count("team") == 2


async def test_use_writes_the_choice_and_keeps_the_rest_of_the_file(cli: Any):
    cli.team("http://127.0.0.1:1")
    before = cli.config.read_text("utf-8")
    done = await cli.run("use", "embedded", "--for", "completion", "--json")
    assert done.status == 0, done.err
    assert done.events[0]["provider"] == "embedded"
    assert done.events[0]["file"] == str(cli.config)
    after = cli.config.read_text("utf-8")
    assert "# my own" in after
    tree = tomllib.loads(after)
    assert tree["completion"]["provider"] == "embedded"
    assert tree["chat"] == tomllib.loads(before)["chat"]
    assert tree["providers"] == tomllib.loads(before)["providers"]


async def test_settings_say_where_each_value_came_from(cli: Any):
    cli.team("http://127.0.0.1:1")
    done = await cli.run("settings", "--sources")
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert f"{cli.config}:3" in lines["completion.provider"]
    assert lines["privacy.redact_secrets"].split()[1:] == ["true", "default"]
    schema = json.loads((await cli.run("settings", "--schema")).out)
    assert "completion" in schema["properties"]


async def test_doctor_reports_each_link_and_its_status_says_whether_one_is_broken(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(answers["reply"](200, {"object": "list", "data": [{"id": "coder"}]}))
    done = await cli.run("doctor", "--json", "--online")
    (checks,) = done.events
    assert {"check", "ok", "detail", "cure"} <= set(checks[0])  # pyright: ignore[reportArgumentType] - JSON
    broken = [check for check in checks if check["ok"] is False]  # pyright: ignore[reportArgumentType] - JSON
    assert done.status == (1 if broken else 0)
    assert len(server.requests) > 0, "--online asks the provider"
    cli.team("http://127.0.0.1:1")
    down = await cli.run("doctor", "--online")
    assert down.status == 1
    assert "failed" in down.out
    assert "→" in down.out, "a broken link comes with its cure"


async def test_doctor_sends_nothing_unless_asked(cli: Any, server: ScriptedServer):
    await cli.run("doctor", "--json")
    assert server.requests == []


async def test_a_workspace_is_trusted_as_it_is_until_it_changes(cli: Any):
    file = cli.folder / ".polypilot.toml"
    file.write_text("[completion]\nenabled = false\n", encoding="utf-8")
    assert "untrusted" in (await cli.run("trust", "--show")).out
    trusted = await cli.run("trust")
    assert trusted.status == 0, trusted.err
    assert "enabled = false" in trusted.out, "the user sees what the decision is about"
    assert (await cli.run("trust", "--show")).out.strip().endswith(": trusted")
    file.write_text("[completion]\nenabled = true\n", encoding="utf-8")
    assert "changed" in (await cli.run("trust", "--show")).out
    await cli.run("trust", "--revoke")
    assert "untrusted" in (await cli.run("trust", "--show")).out


# --- keys ---------------------------------------------------------------------


async def test_without_a_keyring_a_key_is_refused_and_never_shown(cli: Any, server: Any):
    cli.team(server.url)
    text = cli.config.read_text("utf-8").replace('auth = "none"', 'auth = "keyring"')
    cli.config.write_text(text, encoding="utf-8")
    done = await cli.run("auth", "set", "team", "--stdin", stdin=KEY + "\n")
    assert done.status == 3
    assert "keyring" in done.err
    assert KEY not in done.out + done.err
    for path in cli.home.rglob("*"):
        assert not path.is_file() or KEY not in path.read_text("utf-8", errors="replace")


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "a\tb"])
async def test_what_is_no_key_is_not_stored(key: str, cli: Any):
    done = await cli.run("auth", "set", "anthropic", "--stdin", stdin=key + "\n")
    assert done.status == 2
    assert "othing was stored" in done.err
    assert not key or key not in done.err


async def test_a_key_cannot_be_given_as_an_argument(cli: Any):
    done = await cli.run("auth", "set", "anthropic", KEY)
    assert done.status == 2
    assert "never given as an argument" in done.err
    assert KEY not in done.out + done.err


async def test_a_key_in_the_environment_is_listed_by_its_variable(cli: Any):
    cli.env["ANTHROPIC_API_KEY"] = KEY
    done = await cli.run("auth", "list", "--json")
    assert done.events == [
        [
            {
                "provider": "anthropic",
                "account": "",
                "origin": "https://api.anthropic.com",
                "source": "environment (ANTHROPIC_API_KEY)",
                "in_use": True,
            }
        ]
    ]
    assert KEY not in done.out + done.err


# --- the demo, through the real language server ---------------------------------


async def test_the_demo_completes_and_answers_through_the_language_server(
    cli: Any, server: ScriptedServer, answers: Any
):
    server.play(
        answers["completion"]("sum(item.price * item.quantity for item in basket)"),
        answers["chat"]("```python\n", "def test_total(): ...\n", "```\n"),
    )
    picture = cli.home / "demo.svg"
    done = await cli.run("demo", "--provider", "team", "--record", str(picture))
    assert done.status == 0, done.err
    shown = clean(done.out)
    assert "sum(item.price * item.quantity for item in basket)" in shown
    assert "def test_total(): ..." in shown
    assert "polypilot --stdio" in shown
    svg = picture.read_text("utf-8")
    assert "item.quantity" in svg.replace("&#160;", " ")
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


async def test_ctrl_c_stops_the_answer_and_closes_the_providers_socket(
    cli: Any, server: ScriptedServer, answers: Any
):
    head = answers["chat"]("begun ")[:2]
    server.play([*head, Stall()])
    process = await cli.start("chat", "--json", "Hello")
    async with asyncio.timeout(60):
        first = json.loads(await process.stdout.readline())
        assert first == {"type": "text", "text": "begun "}
        process.send_signal(signal.SIGINT)
        await server.requests[0].gone.wait()
        out, _ = await process.communicate()
    assert process.returncode == 130
    events = [json.loads(line) for line in out.decode().splitlines()]
    assert [event["type"] for event in events] == ["usage", "stop"]
    assert events[-1]["reason"] == "cancelled"
