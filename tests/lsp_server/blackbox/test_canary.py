"""Keys and code are in no log, error, message, argument or environment, at the debug level.

A canary key and canary code go through every fault that a supplier can produce, and are then
looked for, in every spelling, in all that the server left behind.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.parse
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from polypilot_providers.testing import Close, Reset, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from polypilot_providers.testing import ScriptedServer, Step

pytestmark = pytest.mark.e2e

KEY = "canary+key/ZQ8x=7f&3_0123456789"
CODE = 'canary_code_7f3a = "väl/ue+1&2"'


def spellings(secret: str) -> Iterator[bytes]:
    """The forms in which a text may turn up somewhere else."""
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(json.dumps(secret))[3:-3].encode()
    yield urllib.parse.quote(secret).encode()
    yield urllib.parse.quote_plus(secret).encode()
    yield repr(secret)[1:-1].encode()
    yield raw.hex().encode()
    for shift in range(3):
        # Three alignments; the ends depend on the neighbours and are left out.
        yield base64.b64encode(b"\0" * shift + raw)[4:-4]


def faults(chunk: bytes) -> list[list[Step]]:
    """What a supplier may answer, several of them with what it was sent in the text."""
    echo = {"error": {"message": f"no such thing as {KEY} or {CODE}", "type": "x", "code": "y"}}
    return [
        reply(400, echo),
        reply(401, echo),
        reply(403, {"message": KEY}),
        reply(404, echo),
        reply(413, echo),
        reply(422, {"detail": [{"loc": ["body"], "msg": CODE}]}),
        reply(307, b"", {"location": f"http://127.0.0.1:9/{urllib.parse.quote(KEY)}"}),
        reply(500, CODE.encode(), {"content-type": "text/html"}),
        reply(529, echo),
        reply(200, b"not a stream", {"content-type": "text/plain"}),
        stream(b"data: {not json " + CODE.encode() + b"\n\n"),
        stream(chunk, b"data: " + json.dumps(echo).encode() + b"\n\n"),
        stream(chunk, Reset()),
        stream(chunk, Close(), end=False),
        stream(chunk),
        [Reset()],
        reply(429, echo, {"retry-after": "0"}),
    ]


@pytest.fixture
def key_command(tmp_path: Path) -> list[str]:
    """A command of the user's that prints the key: it is in nobody's environment."""
    script = tmp_path / "token.py"
    encoded = base64.b85encode(KEY.encode()).decode()
    script.write_text(
        f"import base64, sys\nsys.stdout.buffer.write(base64.b85decode({encoded!r}))\n",
        "utf-8",
    )
    return [sys.executable, str(script)]


async def test_no_trace_of_key_or_code_in_anything_the_server_leaves_behind(
    editor: Any,
    supplier: ScriptedServer,
    key_command: list[str],
    chat_events: Callable[..., list[bytes]],
    completion_events: Callable[..., list[bytes]],
) -> None:
    editor.team(
        supplier.url,
        '[chat_log]\nnothing = 1\n[log]\nlevel = "debug"\n[keyring]\nallow_insecure = false\n',
    )
    text = editor.config.read_text("utf-8").replace(
        'auth = "none"', f'auth = "command"\ncommand = {json.dumps(key_command)}'
    )
    editor.settings(text)
    editor.env |= {"PYTHONUTF8": "1", "PYTHONASYNCIODEBUG": "1"}
    await editor.start()
    uri = editor.open("a.py", f"{CODE}\ndef add(a, b):\n    ")
    context = [{"kind": "document", "uri": uri}]
    for number, script in enumerate(faults(chat_events("text")[0])):
        supplier.play(script)
        await editor.ask("polypilot/chat/send", {"text": CODE, "context": context})
        supplier.play(faults(completion_events("text")[0])[number])
        editor.change(uri, f"{CODE}\n# {number}\ndef add(a, b):\n    ")
        await editor.suggestion(uri, 3, 4)
        await editor.status()
    # Messages that are wrong, with the code in them.
    await editor.ask("textDocument/inlineCompletion", {"text": CODE})
    await editor.ask(f"nosuch/{KEY}", {"text": CODE})
    await editor.ask("workspace/executeCommand", {"command": KEY, "arguments": [CODE]})
    editor.notify("textDocument/didChange", {"textDocument": {"uri": uri}, "text": CODE})
    editor.notify("$/unknown", {"text": CODE})
    await editor.result("polypilot/doctor")
    await editor.result("polypilot/providers")

    # The key was used and the code sent: else there would be nothing to find.
    used = [each for each in supplier.requests if "authorization" in each.headers]
    assert used
    assert any(CODE[:16].encode() in each.body for each in supplier.requests)
    assert b"DEBUG" in editor.stderr

    process = psutil.Process(editor.process.pid)
    seen = {
        "stderr": editor.stderr,
        "stream": editor.wire,
        "arguments": " ".join(process.cmdline()).encode(),
        "environment": json.dumps(process.environ()).encode(),
    }
    await editor.stop()
    seen["stderr"] = editor.stderr
    for file in editor.home.rglob("*"):
        if file.is_file():
            seen[str(file)] = file.read_bytes()
    found = [
        (where, what)
        for where, data in seen.items()
        # Conversations are kept on purpose, and are the user's alone.
        for secret in ((KEY,) if "chat.db" in where else (KEY, CODE))
        for what in spellings(secret)
        if what in data
    ]
    assert found == []


def test_the_search_finds_what_is_there() -> None:
    """The test above could pass by looking for nothing."""
    for secret in (KEY, CODE):
        everywhere = b" ".join(
            (
                secret.encode(),
                json.dumps({"a": secret}).encode(),
                base64.b64encode(secret.encode()),
            )
        )
        assert sum(what in everywhere for what in spellings(secret)) >= 3
