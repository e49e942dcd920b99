"""A real server whose editor stops reading in the middle of an answer."""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from polypilot_providers.testing import ScriptedServer, stream

if TYPE_CHECKING:
    from pathlib import Path

    from polypilot_providers.testing import Request, Step

# The folder of that module is on pytest's path alone.
support: Any = importlib.import_module("protocol_support")

PIECES = [f"{number} " + "word " * 200 for number in range(1800)]
"""1.8 million characters: more than pipe and queue take, less than an answer's limit."""
CONFIG = """
[completion]
provider = "team"
model = "m"
prefetch = "off"
[chat]
provider = "team"
model = "m"
mode = "plain"
history = false
[providers.team]
wire = "openai-chat"
completion = "openai-completions"
base_url = "{url}/v1"
auth = "none"
"""


def _sse(*choices: object) -> list[Step]:
    events = [{"id": "c", "choices": [each]} for each in choices]
    lines = [f"data: {json.dumps(each)}\n\n".encode() for each in events]
    return stream(*lines, b"data: [DONE]\n\n")


class Supplier(ScriptedServer):
    """Chats at length, and completes at once."""

    def next_script(self, request: Request) -> list[Step]:
        """See ScriptedServer."""
        super().next_script(request)
        if request.path.endswith("/chat/completions"):
            said = [{"index": 0, "delta": {"content": each}} for each in PIECES]
            return _sse(*said, {"index": 0, "delta": {}, "finish_reason": "stop"})
        return _sse({"index": 0, "text": "1", "finish_reason": "stop"})

    async def asked(self, path: str) -> None:
        """Returns when this was asked for."""
        count = len(self.requests)
        while not any(each.path.endswith(path) for each in self.requests):
            count += 1
            await self.wait_for_requests(count, 30)


async def test_an_editor_that_does_not_read_its_answer_still_gets_completions(
    tmp_path: Path,
) -> None:
    async with Supplier([]) as supplier:
        (tmp_path / "config.toml").write_text(CONFIG.format(url=supplier.url), "utf-8")
        env = {f"POLYPILOT_{name}_DIR": str(tmp_path) for name in ("CONFIG", "DATA", "CACHE")}
        env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
        command = (sys.executable, "-P", "-m", "polypilot.cli", "--stdio")
        process: Any = await support.Process.spawn(*command, env=env)
        try:
            await process.initialize(workspaceFolders=[{"uri": tmp_path.as_uri(), "name": "w"}])
            uri = (tmp_path / "a.py").as_uri()
            process.open(uri, "x = \n")
            params = {"text": "hi", "partialResultToken": "t", "workDoneToken": "w"}
            asked = process.start("polypilot/chat/send", params)
            async with asyncio.timeout(30):
                await process.replies.until(lambda: process.replies.notifications("$/progress"))
            process.pause_reading()
            place = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 4}}
            context = {"context": {"triggerKind": 1}}
            completion = process.start("textDocument/inlineCompletion", {**place, **context})
            await supplier.asked("/v1/completions")
            process.resume_reading()
            (item,) = (await process.reply(completion))["result"]["items"]
            assert item["insertText"] == "1"
            result = (await process.reply(asked))["result"]
            assert result["stopReason"] == "end"
            deltas = [each["params"] for each in process.replies.notifications("$/progress")]
            texts = [each["value"].get("text", "") for each in deltas if each["token"] == "t"]
            assert "".join(texts) == "".join(PIECES)
        finally:
            await process.aclose()


def test_nothing_of_the_chat_is_imported_before_initialize_is_answered() -> None:
    code = (
        "import sys, polypilot.lsp.entry;"
        "print(*(name for name in sys.modules if name.startswith('polypilot')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(done.stdout.split())
    assert "polypilot.lsp.features.chat" in loaded
    chat = {"polypilot.lsp.chat_methods", "polypilot.lsp.chat_kept", "polypilot.lsp.lm_methods"}
    assert not loaded & chat
    assert not [name for name in loaded if name.startswith(("polypilot.chat", "polypilot.backend"))]
