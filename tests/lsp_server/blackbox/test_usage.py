"""From typing and accepting in an editor to `polypilot usage`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from polypilot_providers.testing import ScriptedServer

pytestmark = pytest.mark.e2e

CODE = "def add(a, b):\n    "
TEXT = "return a + b"


async def usage(editor: Any, *arguments: str) -> bytes:
    """What the command prints."""
    command = (sys.executable, "-P", "-m", "polypilot.cli", "usage", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command, env=editor.env, cwd=editor.workspace, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out


async def test_what_is_typed_and_taken_is_in_the_report(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    _, future = editor.complete(uri, 1, 4)
    item = (await future)["result"]["items"][0]
    editor.change(uri, CODE + TEXT)
    command = item["command"]
    taken = {"command": command["command"], "arguments": command["arguments"]}
    await editor.result("workspace/executeCommand", taken)
    assert await editor.stop() == 0
    report = json.loads(await usage(editor, "--json"))
    total = report["total"]
    assert (total["shown"], total["accepted"], total["saved_chars"]) == (1, 1, len(TEXT))
    assert total["stayed"] == {"30": 1.0, "120": 1.0, "600": 1.0}
    assert total["requests"] >= 1  # and what was asked ahead
    assert set(total["latency_ms"]) == {"completion_first", "completion_total"}
    (line,) = report["by"]["model"]
    assert line["name"] == "team/" + line["name"].partition("/")[2]
    assert [each["name"] for each in report["by"]["language"]] == ["python"]
    said = (await usage(editor)).decode()
    assert "1 suggestion shown, 1 accepted (100%)" in said
    assert "Today: $0" in said


async def test_a_server_that_is_killed_loses_the_last_seconds_at_most(
    editor: Any, supplier: ScriptedServer
) -> None:
    editor.team(supplier.url)
    await editor.start()
    uri = editor.open("a.py", CODE)
    assert await editor.suggestion(uri, 1, 4) == TEXT
    async with asyncio.timeout(60):  # another process writes it
        while not json.loads(await usage(editor, "--json"))["total"]["shown"]:
            pass
    await editor.kill()
    assert json.loads(await usage(editor, "--json"))["total"]["shown"] == 1
