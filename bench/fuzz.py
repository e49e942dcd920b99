"""Mutated sessions against the server, in this process: nothing may raise, hang or be forgotten.

    python bench/fuzz.py --seconds 60
    python bench/fuzz.py --executions 1000000 --seed 7

Each execution takes a whole session as an editor would hold it, damages it (bytes, fields,
types, order, headers), feeds it in random pieces, and checks that

- nothing escapes into the event loop, and no handler's task is left behind;
- every request that could be read was answered exactly once;
- the server either still answers or has said, in one line, why it ended;
- the end of the input ends it.

A finding is written to ``fuzz-SEED-NUMBER.bin`` in the current folder with exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import logging
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lsp_server" / "protocol"))
# The tests' in-process client; dynamically, since that folder is no package.
support: Any = importlib.import_module("protocol_support")

Message = dict[str, Any]
URI = "file:///w/a.py"
AT = {"line": 1, "character": 3}
DOCUMENT = {"textDocument": {"uri": URI}, "position": AT, "context": {"triggerKind": 2}}
STRANGE: list[Any] = [
    None, True, 0, -1, 2**31, 2**64, 1.5, "", "x", "\ud83d", "\x00", [], {}, [[]], {"uri": 5},
    {"jsonrpc": "2.0", "id": 1, "method": "exit"}, "x" * 3000,
]  # fmt: skip
SHORT_BYTES = [
    b"",
    b"\x00",
    b"\xff",
    b"\r\n",
    b"\n",
    b'"',
    b"{",
    b"]",
    b"\\u",
    b"Content-Length: 5",
]


class FindingError(Exception):
    """The server did what it must not."""


def request(number: int | str, method: str, params: Any = None) -> Message:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def note(method: str, params: Any) -> Message:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def edit(version: int, text: str, line: int, start: int, end: int) -> Message:
    places = [{"line": line, "character": each} for each in (start, end)]
    change = {"range": {"start": places[0], "end": places[1]}, "text": text}
    document = {"uri": URI, "version": version}
    return note("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


def opened(text: str) -> Message:
    item = {"uri": URI, "languageId": "python", "version": 1, "text": text}
    return note("textDocument/didOpen", {"textDocument": item})


def start() -> list[Message]:
    capabilities = {
        "general": {"positionEncodings": ["utf-8", "utf-16"]},
        "textDocument": {"inlineCompletion": {"dynamicRegistration": True}},
        "notebookDocument": {"synchronization": {"dynamicRegistration": True}},
        "workspace": {"configuration": True, "workspaceFolders": True},
    }
    params = {
        "processId": None,
        "clientInfo": {"name": "fuzz"},
        "rootUri": "file:///w",
        "capabilities": capabilities,
        "initializationOptions": {"polypilot": {"completion": {"enabled": True}}},
        "workspaceFolders": [{"uri": "file:///w", "name": "w"}],
        "trace": "off",
    }
    return [request(0, "initialize", params), note("initialized", {})]


def sessions() -> list[list[Message]]:
    """What editors say: typing, chatting, cancelling, notebooks, failures, leaving."""
    typing: list[Message] = [opened("def f():\n    é🙂\r\n\x0cend\r")]
    for version in range(2, 12):
        typing.append(edit(version, "x\r\n" if version % 3 else "", 1, version % 4, version % 6))
        typing.append(request(version, "textDocument/inlineCompletion", DOCUMENT))
        if version % 2:
            typing.append(note("$/cancelRequest", {"id": version}))
    chat = {"text": "hi", "context": [{"kind": "selection", "uri": URI}], "partialResultToken": 1}
    chatting = [
        request("a", "polypilot/chat/send", chat),
        request("b", "test/ask"),
        request("c", "test/slow", {"seconds": 0.001}),
        note("$/cancelRequest", {"id": "b"}),
        request("d", "polypilot/select", {"for": "chat", "provider": "x"}),
        request("e", "workspace/executeCommand", {"command": "test.add", "arguments": [1, 2]}),
        note("workspace/didChangeConfiguration", {"settings": {"polypilot": {}}}),
    ]
    failing = [
        request(f"f{n}", "test/raise", {"what": what})
        for n, what in enumerate(["exit", "memory", "exception", "cancelled", "user"])
    ]
    cell = {"uri": "cell:1", "languageId": "python", "version": 1, "text": "x"}
    book = {
        "uri": "file:///n.ipynb",
        "notebookType": "jupyter",
        "version": 1,
        "cells": [{"kind": 2, "document": "cell:1"}],
    }
    notebook = [
        note("notebookDocument/didOpen", {"notebookDocument": book, "cellTextDocuments": [cell]}),
        note(
            "notebookDocument/didChange",
            {
                "notebookDocument": {"uri": book["uri"], "version": 2},
                "change": {"cells": {"structure": {"array": {"start": 0, "deleteCount": 1}}}},
            },
        ),
        request("n", "test/document", {"uri": "cell:1"}),
    ]
    leaving = [request("s", "shutdown"), request("late", "test/echo", [1]), note("exit", None)]
    saving = [note("textDocument/didSave", {"textDocument": {"uri": URI}, "text": "saved"})]
    return [
        [*typing, *saving, request("x", "test/document", {"uri": URI})],
        [*chatting, *failing],
        [*notebook, *typing[:6], *leaving],
        [*failing, *chatting, *typing, *leaving],
    ]


def mutate_value(value: Any, chance: random.Random) -> Any:
    """``value`` with one thing inside it changed."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        fields = dict(cast("Message", value))
        key = chance.choice(list(fields))
        roll = chance.random()
        if roll < 0.15:
            del fields[key]
        elif roll < 0.25:
            fields[chance.choice(["jsonrpc", "id", "method", "params", "uri", "x"])] = fields[key]
        else:
            fields[key] = mutate_value(fields[key], chance)
        return fields
    if isinstance(value, list) and value and chance.random() < 0.8:
        items = list(cast("list[Any]", value))
        place = chance.randrange(len(items))
        items[place] = mutate_value(items[place], chance)
        return items * chance.choice([1, 1, 2])
    if isinstance(value, int) and chance.random() < 0.5:
        return value + chance.choice([-1, 1, 7, 2**31])
    return chance.choice(STRANGE)


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    end = min(place + chance.choice([0, 1, 1, 5, 50]), len(data))
    return data[:place] + chance.choice(SHORT_BYTES) + data[end:]


def damaged(messages: list[Message], chance: random.Random) -> bytes:
    """The bytes of a session with something wrong in it."""
    found: list[Any] = list(messages)
    for _ in range(chance.choice([0, 1, 1, 2, 5])):
        place = chance.randrange(len(found))
        roll = chance.random()
        if roll < 0.6:
            found[place] = mutate_value(found[place], chance)
        elif roll < 0.75:
            found.insert(chance.randrange(len(found)), found[place])
        elif roll < 0.85:
            found.pop(place)
        else:
            other = chance.randrange(len(found))
            found[place], found[other] = found[other], found[place]
        if not found:
            break
    data = b"".join(support.frame(json.dumps(each).encode()) for each in found)
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        data = mutate_bytes(data, chance)
    return data


async def execute(data: bytes, chance: random.Random) -> None:
    """One session.

    Raises:
        FindingError: the server did what it must not.
    """
    escaped: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: escaped.append(repr(context.get("exception") or context["message"]))
    )
    session = support.Session()
    session.connection._stall = 0.001  # noqa: SLF001 -- half a second would be most of the time
    while data:
        cut = chance.choice([1, 7, 100, 5000, len(data)])
        session.write(data[:cut])
        data = data[cut:]
        if chance.random() < 0.2:
            await asyncio.sleep(0)
    await settle(session)
    if session.code is None and not session.connection._framer.inside:  # noqa: SLF001 - what a session left unread is in no public place
        await check_answers(session)
    session.connection.end()
    try:
        async with asyncio.timeout(5):
            await session.ended.wait()
            await session.server.protocol.finish(0.01)
            await session.aclose()
    except TimeoutError:
        raise FindingError("the end of input did not end it") from None
    stats = session.server.protocol.stats
    if stats.requests + unread_requests(session) != stats.replies:
        raise FindingError(f"{stats.requests} requests, {stats.replies} replies")
    if escaped:
        raise FindingError(f"escaped: {escaped}")
    if "\n" in session.broken:
        raise FindingError("the reason is longer than a line")


def unread_requests(session: Any) -> int:
    """Answers with an id to messages that are no requests (a wrong version, say)."""
    refused = Counter(
        each["id"]
        for each in session.replies.all
        if "method" not in each
        and each["id"] is not None
        and each.get("error", {}).get("message") in {"jsonrpc is not 2.0", "not a JSON-RPC message"}
    )
    return sum(refused.values())


async def settle(session: Any) -> None:
    for _ in range(2000):
        if not session.connection.backlog or session.code is not None:
            return
        await asyncio.sleep(0)
    raise FindingError("messages are not read any more")


async def check_answers(session: Any) -> None:
    session.start("test/echo", ["probe"], msg_id="probe-of-the-fuzzer")
    try:
        await session.reply("probe-of-the-fuzzer", 5)
    except TimeoutError:
        raise FindingError("no answer any more") from None


def memory() -> int:
    """Resident memory in MB, where the system tells."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(
        each for each in status.read_text(encoding="utf-8").splitlines() if each.startswith("VmRSS")
    )
    return int(line.split()[1]) // 1024


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the language server's protocol layer.")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--executions", type=int, default=0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    seeds = [[*start(), *each] for each in sessions()]
    began, number, early = time.monotonic(), 0, 0
    with asyncio.Runner() as runner:
        while True:
            chance = random.Random(f"{options.seed} {number}")
            data = damaged(chance.choice(seeds), chance)
            try:
                runner.run(execute(data, chance))
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is a finding
                name = f"fuzz-{options.seed}-{number}.bin"
                Path(name).write_bytes(data)
                print(f"finding in execution {number} of seed {options.seed}: {error!r} ({name})")
                return 1
            number += 1
            if number == 200:
                gc.collect()
                early = memory()
            seconds = time.monotonic() - began
            if options.executions and number >= options.executions:
                break
            if not options.executions and seconds >= (options.seconds or 60):
                break
    gc.collect()
    print(
        f"{number} executions in {seconds:.0f} s, seed {options.seed}: no finding;"
        f" memory {early} MB after 200, {memory()} MB at the end"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
