"""``polypilot providers add`` against servers of every kind, and against what is none."""

from __future__ import annotations

import json
import ssl
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from polypilot_providers.testing import reply

if TYPE_CHECKING:
    from pathlib import Path

KEY = "tp-canary-0123456789abcdef"
BEARER = ("authorization", f"Bearer {KEY}")
OLD = "# mine\n[chat]\nsystem = 'Be brief.' # really\n"


@pytest.fixture
def home(cli: Any, tmp_path: Path) -> Any:
    """The program, with a settings file and a keyring that is a file."""
    module = tmp_path / "modules"
    module.mkdir()
    store = module / "keys.json"
    (module / "plain_keyring.py").write_text(
        "import json, pathlib\n"
        "from keyring.backend import KeyringBackend\n"
        f"FILE = pathlib.Path({str(store)!r})\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 1\n"
        "    def _read(self):\n"
        "        return json.loads(FILE.read_text()) if FILE.exists() else {}\n"
        "    def get_password(self, service, username):\n"
        "        return self._read().get(username)\n"
        "    def set_password(self, service, username, password):\n"
        "        FILE.write_text(json.dumps(self._read() | {username: password}))\n"
        "    def delete_password(self, service, username):\n"
        "        kept = self._read()\n"
        "        del kept[username]\n"
        "        FILE.write_text(json.dumps(kept))\n",
        "utf-8",
    )
    cli.env |= {"PYTHONPATH": str(module), "PYTHON_KEYRING_BACKEND": "plain_keyring.Keyring"}
    cli.config.write_text(OLD + "[keyring]\nallow_insecure = true\n", "utf-8")
    cli.keys = store
    return cli


def row(cli: Any, name: str = "box") -> dict[str, Any]:
    """The row as it was written."""
    return tomllib.loads(cli.config.read_text("utf-8"))["providers"][name]


async def add(cli: Any, url: str, *more: str, stdin: str | None = None, name: str = "box") -> Any:
    return await cli.run("providers", "add", name, "--url", url, *more, stdin=stdin)


# --- what is added -------------------------------------------------------------


async def test_a_server_like_openais_is_added_tried_and_used(home: Any, serving: Any):
    server = await serving("openai")
    done = await add(home, server.url, "--yes", "--json")
    assert done.status == 0, done.err
    (told,) = done.events
    assert told["saved"] is True
    assert told["problem"] is None
    assert told["server"] == "OpenAI-compatible API"
    assert told["models"] == ["talker-1", "coder-1"]
    assert told["file"] == str(home.config)
    written = row(home)
    assert written["wire"] == "openai-chat"
    assert written["base_url"] == f"{server.url}/v1"
    assert written["auth"] == "none"
    assert written["chat_model"] == "talker-1"
    assert "completion" not in written, "what ignores a suffix is asked through chat"
    text = home.config.read_text("utf-8")
    assert text.startswith(OLD)
    assert text.endswith(told["toml"]), "what is shown is what is written"
    assert all(each["type"] == "progress" for each in done.errors)
    used = await home.run("use", "box", "--for", "chat")
    assert used.status == 0, used.err
    answered = await home.run("chat", "Hello")
    assert (answered.status, answered.out) == (0, "ok\n")


async def test_what_is_counted_when_a_suffix_is_given_completes_natively(home: Any, serving: Any):
    server = await serving("openai", heeds=True)
    assert (await add(home, f"{server.url}/v1/", "--yes")).status == 0
    assert row(home)["completion"] == "openai-completions"


async def test_parameters_it_refuses_are_not_in_its_row(home: Any, serving: Any, endpoints: Any):
    def refused(body: dict[str, Any]) -> str | None:
        return next((name for name in ("max_tokens", "stream_options") if name in body), None)

    chat = endpoints["chat"](refused)
    routes = {"GET /v1/models": endpoints["models"]("m"), "POST /v1/chat/completions": chat}
    server = await serving(routes)
    assert (await add(home, server.url, "--yes")).status == 0
    assert row(home)["max_tokens_field"] == "max_completion_tokens"
    assert row(home)["stream_usage"] is False


async def test_a_key_is_sent_only_after_the_server_was_seen_and_kept_for_its_origin(
    home: Any, serving: Any
):
    server = await serving("openai", header=BEARER)
    done = await add(home, server.url, "--yes", "--stdin", stdin=KEY + "\n")
    assert done.status == 0, done.err
    assert "auth" not in row(home)
    first = [each for each in server.requests if "authorization" not in each.headers]
    assert first
    assert server.requests[: len(first)] == first, "looked at without the key first"
    assert json.loads(home.keys.read_text()) == {f"box@{server.url}": KEY}
    assert KEY not in home.config.read_text("utf-8") + done.out + done.err


async def test_a_key_in_the_environment_is_named_and_not_stored(home: Any, serving: Any):
    server = await serving("openai", header=BEARER)
    home.env["BOX_KEY"] = KEY
    done = await add(home, server.url, "--yes", "--key-env", "BOX_KEY")
    assert done.status == 0, done.err
    assert row(home)["key_env"] == ["BOX_KEY"]
    assert not home.keys.exists()


async def test_a_key_that_was_stored_before_is_told_to_come_first(home: Any, serving: Any):
    server = await serving("openai", header=BEARER)
    assert (await add(home, server.url, "--yes", "--stdin", stdin=KEY)).status == 0
    home.env["BOX_KEY"] = KEY
    done = await add(home, server.url, "--yes", "--replace", "--key-env", "BOX_KEY")
    assert done.status == 0, done.err
    assert "used before BOX_KEY: `polypilot auth remove box`" in done.out


async def test_a_public_list_does_not_hide_that_questions_want_a_key(home: Any, serving: Any):
    server = await serving("openai", header=BEARER, public=("GET /v1/models",))
    done = await add(home, server.url, "--yes", "--json")
    assert (done.status, done.errors[-1]["code"]) == (3, "auth")
    assert "--stdin" in done.errors[-1]["cure"]
    assert (await add(home, server.url, "--yes", "--stdin", stdin=KEY)).status == 0


async def test_a_server_like_anthropics_is_known_by_its_refusals(home: Any, serving: Any):
    server = await serving("anthropic", header=("x-api-key", KEY))
    done = await add(home, server.url, "--yes", "--stdin", "--model", "claude-x", stdin=KEY)
    assert done.status == 0, done.err
    written = row(home)
    assert (written["wire"], written["base_url"]) == ("anthropic-messages", server.url)
    assert written["chat_model"] == "claude-x"
    assert "auth_header" not in written


async def test_without_a_list_it_is_looked_for_where_questions_go(
    home: Any, serving: Any, endpoints: Any
):
    server = await serving({"POST /v1/chat/completions": endpoints["chat"]()}, header=BEARER)
    done = await add(home, server.url, "--yes", "--stdin", "--model", "m-1", stdin=KEY)
    assert done.status == 0, done.err
    assert row(home)["base_url"] == f"{server.url}/v1"
    assert row(home)["completion_model"] == "m-1"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (
            "ollama",
            {
                "wire": "ollama",
                "completion": "ollama-generate",
                "completion_model": "qwen2.5-coder:1.5b-base",
                "chat_model": "llama3.2:3b",
                "free": True,
            },
        ),
        ("llama.cpp", {"wire": "llama-cpp", "completion": "llama-infill", "free": True}),
        (
            "lmstudio",
            {
                "wire": "openai-chat",
                "completion": "template:qwen",
                "chat_model": "qwen2.5-coder-7b-instruct",
            },
        ),
        ("vllm", {"wire": "openai-chat", "completion": "template:qwen"}),
        ("mlx-lm", {"wire": "openai-chat", "completion": "template:qwen"}),
        ("apfel", {"wire": "openai-chat", "prompt_tokens": 2500, "free": True}),
        ("litellm", {"wire": "openai-chat", "completion": "openai-completions", "forwards": True}),
    ],
)
async def test_a_known_server_gets_the_row_that_suits_it(
    kind: str, wanted: dict[str, Any], home: Any, serving: Any
):
    server = await serving(kind)
    done = await add(home, server.url, "--yes")
    assert done.status == 0, done.err
    written = row(home)
    assert {name: written.get(name) for name in wanted} == wanted
    native = kind in ("ollama", "llama.cpp")
    assert written["base_url"] == (server.url if native else f"{server.url}/v1")


async def test_a_llama_cpp_model_without_infill_completes_by_its_tokens(home: Any, serving: Any):
    server = await serving("llama.cpp", infill=False)
    assert (await add(home, f"{server.url}/v1/chat/completions", "--yes")).status == 0
    assert row(home)["completion"] == "template:qwen"


async def test_the_wire_can_be_insisted_on(home: Any, serving: Any, endpoints: Any):
    server = await serving({"POST /v1/chat/completions": endpoints["chat"]()})
    done = await add(home, server.url, "--yes", "--wire", "openai-responses")
    assert done.status == 0, done.err
    assert row(home)["wire"] == "openai-responses"


# --- a person at the terminal ----------------------------------------------------


async def test_at_a_terminal_everything_is_asked_and_the_key_is_not_shown(
    home: Any, serving: Any, terminal: Any
):
    server = await serving("openai", header=BEARER)
    screen = await terminal("providers", "add", "box", "--url", server.url)
    await screen.see(f"box is at {server.url}")
    await screen.see(f"Key for {server.url}")
    screen.type(KEY + "\n")
    await screen.see("for one token")
    assert "messages" not in b"".join(each.body for each in server.requests).decode()
    screen.type("y\n")
    await screen.see("protocol:")
    await screen.see("[providers.box]")
    await screen.see("Write it")
    assert "providers" not in home.config.read_text("utf-8")
    screen.type("y\n")
    await screen.see("Key stored in")
    await screen.see("polypilot use box")
    assert await screen.ended() == 0
    assert KEY not in screen.text
    assert row(home)["base_url"] == f"{server.url}/v1"


async def test_who_declines_pays_nothing_and_nothing_is_written(
    home: Any, serving: Any, terminal: Any
):
    server = await serving("openai")
    before = home.config.read_bytes()
    screen = await terminal("providers", "add", "box", "--url", server.url)
    await screen.see("for one token")
    screen.type("n\n")
    await screen.see("not known")
    await screen.see("Write it")
    screen.type("n\n")
    await screen.see("Nothing was written")
    assert await screen.ended() == 0
    assert home.config.read_bytes() == before
    assert all(each.body in (b"", b"{}") for each in server.requests), "empty requests cost nothing"


async def test_without_a_terminal_and_without_yes_it_is_a_look_only(home: Any, serving: Any):
    server = await serving("openai")
    done = await add(home, server.url, "--json")
    assert done.status == 2
    assert done.events[0]["saved"] is False
    assert "[providers.box]" in done.events[0]["toml"]
    assert "providers" not in home.config.read_text("utf-8")


# --- what can't be added -----------------------------------------------------------


async def refused(cli: Any, url: str, *more: str, stdin: str | None = None) -> dict[str, Any]:
    """The error that adding ends in; nothing is written then, and no key kept."""
    before = cli.config.read_bytes()
    done = await add(cli, url, "--yes", "--json", *more, stdin=stdin)
    assert done.status in (1, 2, 3), done
    assert cli.config.read_bytes() == before
    assert not cli.keys.exists()
    assert KEY not in done.err + done.out
    return done.errors[-1]


async def test_a_wrong_key_is_refused_and_not_kept(home: Any, serving: Any):
    server = await serving("openai", header=BEARER)
    error = await refused(home, server.url, "--stdin", stdin="sk-wrong-000000000000\n")
    assert error["code"] == "auth"


async def test_no_key_where_one_is_wanted(home: Any, serving: Any):
    server = await serving("openai", header=BEARER)
    error = await refused(home, server.url, "--no-key")
    assert (error["code"], error["cure"]) == ("auth", "Leave --no-key out.")


async def test_a_web_page_is_told_from_an_api(home: Any, serving: Any):
    page = reply(200, b"<!DOCTYPE html><title>Sign in</title>", {"content-type": "text/html"})
    server = await serving({}, otherwise=page, header=("", ""))
    error = await refused(home, server.url, "--stdin", stdin=KEY)
    assert "web pages" in error["message"]
    assert "/v1" in error["cure"]
    assert all("authorization" not in each.headers for each in server.requests)


async def test_a_server_that_has_nothing_there_says_where_was_looked(home: Any, serving: Any):
    server = await serving({})
    error = await refused(home, f"{server.url}/ai")
    assert "/ai/models and /ai/v1/models" in error["message"]


async def test_nobody_there(home: Any):
    error = await refused(home, "http://127.0.0.1:9")
    assert error["code"] == "network"
    assert "server runs" in error["cure"]


async def test_a_certificate_that_is_not_trusted_is_explained(home: Any, serving: Any):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - names pyOpenSSL
    server = await serving("openai", tls=context)
    error = await refused(home, f"https://localhost:{server.port}", "--stdin", stdin=KEY)
    assert "certificate" in error["message"]
    assert "network.ca_file" in error["cure"]


async def test_a_redirect_is_named_and_never_followed(home: Any, serving: Any):
    other = await serving("openai")
    moved = reply(307, b"", {"location": f"{other.url}/v1/models"})
    server = await serving({}, otherwise=moved)
    error = await refused(home, server.url, "--stdin", stdin=KEY)
    assert other.requests == []
    assert str(other.port) in error["message"]
    assert all("authorization" not in each.headers for each in server.requests)


async def test_a_redirect_of_a_question_does_not_take_the_key_along(
    home: Any, serving: Any, endpoints: Any
):
    other = await serving("openai")
    moved = reply(307, b"", {"location": f"{other.url}/v1/chat/completions"})
    routes = {"GET /v1/models": endpoints["models"]("m"), "POST /v1/chat/completions": moved}
    server = await serving(routes, header=BEARER)
    done = await add(home, server.url, "--yes", "--json", "--stdin", stdin=KEY)
    assert done.status == 0, done.err
    assert "redirects" in done.events[0]["notes"][0]
    assert other.requests == []


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("openai", "http://127.0.0.1:9", "providers set openai"),
        ("Box!", "http://127.0.0.1:9", "lower-case"),
        ("embedded", "http://127.0.0.1:9", "lower-case"),
        ("box", "http://example.com/v1", "https://"),
        ("box", "example.com", "https://host"),
        ("box", "https://user:hunter2@example.com", "https://host"),
    ],
)
async def test_what_can_not_be_is_said_before_anything_is_sent(
    name: str, url: str, said: str, home: Any
):
    done = await add(home, url, "--yes", "--json", name=name)
    assert done.status == 3
    assert said in done.errors[-1]["cure"]
    assert "hunter2" not in done.err


async def test_a_name_is_not_taken_twice_unless_asked_for(home: Any, serving: Any):
    first, second = await serving("openai"), await serving("vllm")
    assert (await add(home, first.url, "--yes")).status == 0
    done = await add(home, second.url, "--yes")
    assert done.status == 3
    assert "--replace" in done.err
    assert (await add(home, second.url, "--yes", "--replace")).status == 0
    assert row(home)["base_url"] == f"{second.url}/v1"
    assert row(home)["effort_field"] == "reasoning_effort"
    assert home.config.read_text("utf-8").startswith(OLD)


async def test_a_key_is_not_an_argument(home: Any):
    done = await home.run("providers", "add", "box", KEY, "--url", "http://127.0.0.1:9")
    assert done.status == 2
    assert KEY not in done.err


# --- and taken away again ------------------------------------------------------


async def test_a_key_can_be_removed_whose_provider_is_gone_or_elsewhere_now(
    home: Any, serving: Any
):
    first = await serving("openai", header=BEARER)
    second = await serving("openai", header=BEARER)
    assert (await add(home, first.url, "--yes", "--stdin", stdin=KEY)).status == 0
    again = ["--yes", "--stdin", "--replace"]
    assert (await add(home, second.url, *again, stdin=KEY)).status == 0
    assert len(json.loads(home.keys.read_text())) == 2
    done = await home.run("auth", "remove", "box")
    assert (done.status, second.url in done.out) == (0, True)
    (left,) = json.loads(home.keys.read_text())
    assert left.endswith(first.url), "the one in use goes first"
    assert (await home.run("providers", "remove", "box", "--yes")).status == 0
    done = await home.run("auth", "remove", "box")
    assert (done.status, first.url in done.out) == (0, True)
    assert json.loads(home.keys.read_text()) == {}
    assert (await home.run("auth", "remove", "box")).status == 3


async def test_a_provider_goes_with_every_key_it_had(home: Any, serving: Any):
    server = await serving("openai", header=BEARER)
    assert (await add(home, server.url, "--yes", "--stdin", stdin=KEY)).status == 0
    more = ["--account", "work", "--stdin"]
    assert (await home.run("auth", "set", "box", *more, stdin=KEY)).status == 0
    done = await home.run("providers", "remove", "box", "--yes", "--with-key", "--json")
    assert done.events[0]["keys_removed"] == 2
    assert json.loads(home.keys.read_text()) == {}


async def test_a_name_that_is_none_of_a_variable_is_refused_before_anything_is_asked(
    home: Any, serving: Any
):
    server = await serving("openai", header=BEARER)
    for wrong in (KEY, "box_key"):
        done = await add(home, server.url, "--yes", "--key-env", wrong)
        assert done.status == 2
        assert wrong not in done.out + done.err
    assert server.requests == []


async def test_names_that_no_model_can_have_are_passed_over(home: Any, serving: Any):
    names = b'"a\\ud800", "b\\n[providers.c]", "\\u202ed", "good"'
    data = b",".join(b'{"id": %s, "object": "model"}' % name for name in names.split(b", "))
    models = reply(200, b'{"object": "list", "data": [%s]}' % data)
    server = await serving({"GET /v1/models": models})
    done = await add(home, server.url, "--json", "--yes")
    assert done.events[0]["models"] == ["good"]
