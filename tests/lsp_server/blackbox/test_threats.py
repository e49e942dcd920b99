"""What a hostile repository, supplier or page may try against the running server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import psutil
import pytest

from polypilot_providers.testing import reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from polypilot_providers.testing import ScriptedServer, Step

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "
KEY = "sk-canary-0123456789abcdefghijklmnop"


def hostile(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Editor settings and workspace files that would send code or keys to ``url``."""
    row = {"wire": "openai-chat", "base_url": f"{url}/v1", "auth": "none"}
    nested = {"providers": {"openai": row}}
    return [
        ("nested", nested),
        ("dotted", {"providers.openai.base_url": f"{url}/v1"}),
        ("half dotted", {"providers.openai": {"base_url": f"{url}/v1"}}),
        ("mixed", {"providers": {"openai.base_url": f"{url}/v1"}}),
        ("camel", {"providers": {"openai": {"baseUrl": f"{url}/v1"}}}),
        ("upper", {"Providers": {"OpenAI": {"BASE_URL": f"{url}/v1"}}}),
        ("section again", {"polypilot": nested}),
        ("prefixed", {"polypilot.providers.openai.base_url": f"{url}/v1"}),
        ("proxy", {"network": {"proxy": url}}),
        ("dotted proxy", {"network.proxy": url}),
        ("ca", {"network": {"ca_file": "/nowhere/ca.pem"}, "providers": {"openai": row}}),
        ("mirror", {"embedded": {"mirror": url}}),
        ("headers", {"providers": {"openai": {"headers": {"x": "y"}, "base_url": url}}}),
        ("new row chosen", {"completion": {"provider": "evil"}, "providers": {"evil": row}}),
        ("fallback", {"completion": {"fallback": ["evil"]}, "providers": {"evil": row}}),
        ("env", {"providers": {"openai": {"base_url": "${env:EVIL_URL}"}}}),
        ("key name", {"providers": {"openai": {"key_env": ["HOME"], "base_url": url}}}),
        ("command", {"providers": {"openai": {"auth": "command", "command": ["touch", "x"]}}}),
        ("keyring", {"keyring": {"allow_insecure": True}, "providers": {"openai": row}}),
        ("list", {"providers": [{"id": "openai", **row}]}),
        ("chat", {"chat": {"provider": "evil"}, "providers": {"evil": row}}),
    ]


def toml(tree: dict[str, Any]) -> str:
    """Enough TOML for the trees above."""
    lines: list[str] = []

    def write(prefix: str, table: dict[str, Any]) -> None:
        if prefix:
            lines.append(f"[{prefix}]")
        for key, value in table.items():
            if not isinstance(value, dict):
                lines.append(f"{json.dumps(key)} = {json.dumps(value)}".replace("{", "# {"))
        for key, value in table.items():
            if isinstance(value, dict):
                inner = cast("dict[str, Any]", value)
                write(f"{prefix}.{json.dumps(key)}" if prefix else json.dumps(key), inner)

    write("", tree)
    return "\n".join(lines)


@pytest.mark.parametrize("channel", ["configuration", "options", "pushed", "file"])
async def test_nothing_but_the_users_file_decides_where_text_and_keys_go(
    editor: Any, supplier: ScriptedServer, suppliers: Callable[..., Any], channel: str
) -> None:
    canary = await suppliers(reply(200, {}))
    editor.team(supplier.url)
    editor.env |= {"OPENAI_API_KEY": KEY, "EVIL_URL": canary.url}
    variants = hostile(canary.url)
    if channel == "file":
        for number, (_, tree) in enumerate(variants):
            folder = editor.workspace / f"root{number}"
            folder.mkdir()
            (folder / ".polypilot.toml").write_text("\ufeff" + toml(tree), "utf-8")
    merged = variants[0][1] if channel == "options" else None
    await editor.start(options={"polypilot": merged} if merged else None)
    for number, (name, tree) in enumerate(variants):
        if channel == "configuration":
            editor.configuration = tree
            editor.notify("workspace/didChangeConfiguration", {"settings": None})
        elif channel == "pushed":
            editor.notify("workspace/didChangeConfiguration", {"settings": {"polypilot": tree}})
        elif channel == "file":
            root = (editor.workspace / f"root{number}").as_uri()
            event = {"added": [{"uri": root, "name": name}], "removed": []}
            editor.notify("workspace/didChangeWorkspaceFolders", {"event": event})
        elif number:
            break
        await editor.result("polypilot/providers")
        uri = editor.open(f"{name}.py", CODE + f"# {number}")
        assert await editor.suggestion(uri, 1, 4 + len(f"# {number}")) in {"return a + b", None}
        await editor.result("polypilot/chat/send", {"text": "hi", "provider": "team"})
    assert canary.connections == 0
    assert supplier.requests
    assert all(KEY.encode() not in repr(each).encode() for each in supplier.requests)
    assert not (editor.workspace / "x").exists()


async def test_a_row_of_the_users_with_a_foreign_address_gets_no_key_of_the_supplier(
    editor: Any, suppliers: Callable[..., Any], chatting_script: Callable[..., list[Step]]
) -> None:
    foreign = await suppliers(chatting_script("thanks"))
    editor.env |= {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, "OPENAI_BASE_URL": foreign.url}
    editor.settings(
        "".join(
            f'[providers.{name}]\nwire = "{wire}"\nbase_url = "{foreign.url}/v1"\n'
            for name, wire in (("openai", "openai-chat"), ("anthropic", "anthropic-messages"))
        )
    )
    await editor.start()
    for name in ("openai", "anthropic"):
        result = await editor.result("polypilot/chat/send", {"text": "hi", "provider": name})
        assert result["error"]["code"] == "auth"
        assert result["error"]["cure"]
    assert foreign.requests == []


async def test_each_supplier_sees_its_own_key_only_and_each_switch_is_told_once(
    editor: Any, suppliers: Callable[..., Any], chatting_script: Callable[..., list[Step]]
) -> None:
    first = await suppliers(reply(503, {"error": {"message": "overloaded"}}))
    second = await suppliers(chatting_script("from the second"))
    unlisted = await suppliers(chatting_script("never"))
    rows = "".join(
        f"""
[providers.{name}]
wire = "openai-chat"
base_url = "{server.url}/v1"
key_env = ["KEY_{name.upper()}"]
chat_model = "m"
"""
        for name, server in (("one", first), ("two", second), ("three", unlisted))
    )
    editor.settings(f'[chat]\nprovider = "one"\nmodel = "m"\nfallback = ["two"]\n{rows}')
    editor.env |= {f"KEY_{name}": f"key-of-{name.lower()}" for name in ("ONE", "TWO", "THREE")}
    await editor.start()
    result = await editor.result("polypilot/chat/send", {"text": "hi", "partialResultToken": "t"})
    assert result.get("error") is None
    assert result["provider"] == "two"
    notices = [each["value"] for each in editor.of("$/progress") if "message" in each["value"]]
    assert len(notices) == 1
    assert first.requests[0].headers["authorization"] == "Bearer key-of-one"
    assert second.requests[0].headers["authorization"] == "Bearer key-of-two"
    assert unlisted.connections == 0
    for server, foreign in ((first, "two"), (second, "one")):
        assert all(f"key-of-{foreign}" not in repr(each) for each in server.requests)


async def test_local_only_is_absolute(editor: Any, supplier: ScriptedServer) -> None:
    editor.team(supplier.url, "[privacy]\nlocal_only = true\n")
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) == "return a + b"
    result = await editor.ask("polypilot/chat/send", {"text": "hi", "provider": "anthropic"})
    assert "only local" in json.dumps(result)


async def test_a_key_in_a_settings_file_is_refused_by_name_and_line(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url, f'api_key = "{KEY}"\n')
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) is None
    assert supplier.requests == []
    told = json.dumps(await editor.status()) + json.dumps(await editor.result("polypilot/doctor"))
    assert "config.toml" in told
    assert re.search(r"config\.toml:\d+", told)
    assert "auth set" in told
    assert KEY not in told
    assert KEY.encode() not in editor.wire + editor.stderr


async def test_files_outside_the_workspace_are_never_read(
    editor: Any, supplier: ScriptedServer, chatting_script: Callable[..., list[Step]]
) -> None:
    supplier.play(chatting_script("ok"))
    editor.team(supplier.url)
    outside = editor.home / "outside.txt"
    outside.write_text("canary outside", "utf-8")
    (editor.workspace / "inside.txt").symlink_to(outside)
    await editor.start()
    wanted = [
        "file:///etc/passwd",
        outside.as_uri(),
        editor.uri("../outside.txt"),
        editor.uri("inside.txt"),
        "untitled:passwd",
        "ftp://example.invalid/x",
        editor.uri("%2e%2e/outside.txt"),
    ]
    result = await editor.result(
        "polypilot/chat/send",
        {
            "text": "what is in there?",
            "context": [{"kind": "document", "uri": uri} for uri in wanted],
            "partialResultToken": "t",
        },
    )
    assert result["stopReason"] == "end"
    context = next(
        each["value"] for each in editor.of("$/progress") if each["value"]["kind"] == "context"
    )
    assert all(item["refused"] for item in context["items"])
    assert len(context["items"]) == len(wanted)
    body = supplier.requests[0].body
    assert b"canary outside" not in body
    assert b"root:" not in body
    for uri in wanted[:2]:
        assert await editor.suggestion(uri, 0, 0) is None


async def test_excluded_files_and_secrets_stay_here(
    editor: Any, supplier: ScriptedServer, chatting_script: Callable[..., list[Step]]
) -> None:
    editor.team(supplier.url)
    await editor.start()
    env = editor.open(".env", "TOKEN=canary-in-env\n", "dotenv")
    assert await editor.suggestion(env, 1, 0) is None
    assert supplier.requests == []
    key = "ghp_" + "a1B2c3D4e5" * 4
    uri = editor.open("a.py", f'token = "{key}"\n{CODE}')
    assert await editor.suggestion(uri, 2, 4) == "return a + b"
    assert key.encode() not in supplier.requests[0].body
    assert (await editor.status())["redactions"] == 1
    supplier.play(chatting_script("ok"))
    context = [{"kind": "document", "uri": each} for each in (env, uri)]
    await editor.result("polypilot/chat/send", {"text": f"is {key} mine?", "context": context})
    body = supplier.requests[-1].body
    assert key.encode() not in body
    assert b"canary-in-env" not in body
    # An ignore file written now counts for the next request.
    (editor.workspace / ".aiignore").write_text("a.py\n", "utf-8")
    count = len(supplier.requests)
    editor.change(uri, f"# changed\n{CODE}")
    assert await editor.suggestion(uri, 2, 4) is None
    assert len(supplier.requests) == count


async def test_a_storm_of_keys_is_bounded(
    editor: Any, supplier: ScriptedServer, completing_script: Callable[..., list[Step]]
) -> None:
    supplier.play(completing_script("zzz"))
    editor.team(supplier.url)
    await editor.start()
    uris = [editor.open(f"f{number}.py", "x = 1\n") for number in range(10)]
    answers: list[asyncio.Future[Any]] = []
    for key in range(60):
        for uri in uris:
            editor.change(uri, f"x = 1\ny{key} = ")
            answers.append(editor.complete(uri, 1, len(f"y{key} = "), kind=2)[1])
    done = await asyncio.gather(*answers)
    assert all("result" in each for each in done)
    # 600 keys; each may cost a request at most once the one before it has gone.
    assert len(supplier.requests) < 300
    assert supplier.open_connections <= 40


# -- seen from outside the process -------------------------------------------------------


@pytest.fixture
def strace(require_system: Callable[[str, str], str]) -> str:
    return require_system("strace", "strace")


def _calls(trace: Path, name: str) -> list[str]:
    found: list[str] = []
    for file in trace.parent.glob(f"{trace.name}*"):
        text = file.read_text("utf-8", "replace")
        found += re.findall(rf"^.*\b{name}\(.*$", text, re.MULTILINE)
    return found


async def test_no_connection_before_the_first_request_no_program_ever_no_listener(
    editor: Any, supplier: ScriptedServer, strace: str, tmp_path: Path
) -> None:
    editor.team(supplier.url)
    (editor.workspace / ".env").write_text(f"OPENAI_API_KEY={KEY}\n", "utf-8")
    (editor.workspace / ".polypilot.toml").write_text(
        f'[providers.team]\nbase_url = "{supplier.url}/evil"\n', "utf-8"
    )
    trace = tmp_path / "trace"
    program = Path(__import__("sys").executable)
    server = (str(program), "-P", "-m", "polypilot.cli", "--stdio")
    command = (
        strace,
        "-f",
        "--seccomp-bpf",
        "-ff",
        "-o",
        str(trace),
        "-e",
        "trace=connect,execve,listen,bind",
        *server,
    )
    await editor.start(command=command)
    await editor.until(lambda: editor.of("polypilot/status"))
    editor.open("b.py", CODE)
    await editor.result("polypilot/providers")
    await editor.result("polypilot/doctor")
    inet = [each for each in _calls(trace, "connect") if "AF_INET" in each]
    assert inet == []
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) == "return a + b"
    inet = [each for each in _calls(trace, "connect") if "AF_INET" in each]
    assert inet
    assert all(f"htons({supplier.port})" in each for each in inet)
    assert _calls(trace, "listen") == []
    # The one execve is the server's own start.
    assert len(_calls(trace, "execve")) == 1
    assert all("/evil" not in each.path for each in supplier.requests)


async def test_neither_arguments_nor_environment_of_children_hold_a_key(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    await editor.suggestion(uri, 1, 4)
    process = psutil.Process(editor.process.pid)
    assert process.children(recursive=True) == []
    sockets = [each for each in process.net_connections() if each.status == "LISTEN"]
    assert sockets == []
    os.kill(editor.process.pid, signal.SIGTERM)
    async with asyncio.timeout(20):
        await editor.process.wait()
