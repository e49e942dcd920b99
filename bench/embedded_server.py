"""The other half of ``embedded.py``: the same completions asked for as an editor does.

A real server is started over stdio beside the runtime's process, which it joins. Each line is
first asked for through the server, then of the runtime directly with the same prompt in
another slot, so that both read and generate the same tokens under the same load.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from polypilot.embedded.runtime import CHAT_SLOT, COMPLETION_SLOT
from polypilot_prompts.completion import LINE_TOKENS
from polypilot_prompts.fim import COMMON_STOPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from embedded import Case, Direct

AUTOMATIC, INVOKED = 2, 1
_STOPS = ("\n", *COMMON_STOPS)[:4]


class Editor:
    """Starts the server and types into one document."""

    def __init__(self, env: Mapping[str, str], workspace: Path) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-P", "-m", "polypilot.cli", "--stdio"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(env),
            cwd=workspace,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._ids = 0
        self._version = 1
        self._uri = (workspace / "typed.py").as_uri()
        self._text = ""
        root = {"uri": workspace.as_uri(), "name": "work"}
        hello: dict[str, Any] = {"processId": None, "workspaceFolders": [root], "capabilities": {}}
        self.answer(self.ask("initialize", hello))
        self._send({"method": "initialized", "params": {}})
        document = {"uri": self._uri, "languageId": "python", "version": 1, "text": ""}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})

    def type(self, text: str) -> None:
        """Make the document ``text``, by one change behind what stays the same."""
        same = 0
        while text[same : same + 1] == self._text[same : same + 1] != "":
            same += 1
        spot = {"start": _position(self._text[:same]), "end": _position(self._text)}
        self._version += 1
        document = {"uri": self._uri, "version": self._version}
        changes = [{"range": spot, "text": text[same:]}]
        params = {"textDocument": document, "contentChanges": changes}
        self._send({"method": "textDocument/didChange", "params": params})
        self._text = text

    def complete(self, kind: int) -> int:
        """Ask at the document's end; the request's number."""
        return self.ask(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": self._uri},
                "position": _position(self._text),
                "context": {"triggerKind": kind},
            },
        )

    def cancel(self, number: int) -> None:
        """Cancel a request."""
        self._send({"method": "$/cancelRequest", "params": {"id": number}})

    def ask(self, method: str, params: object = None) -> int:
        """Send a request; its number."""
        self._ids += 1
        self._send({"id": self._ids, "method": method, "params": params})
        return self._ids

    def answer(self, number: int) -> Any:
        """The result of a request; None after an error. What the server asks is answered null."""
        while True:
            message = self._receive()
            if "method" in message and "id" in message:
                self._send({"id": message["id"], "result": None})
            elif message.get("id") == number and "method" not in message:
                return message.get("result")

    def close(self) -> None:
        """End the server in order."""
        self.answer(self.ask("shutdown"))
        self._send({"method": "exit"})
        self._process.wait(10)
        self._in.close()
        self._out.close()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._in.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._out.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self._out.read(length))


def _position(text: str) -> dict[str, int]:
    """Of the end of (ASCII) text."""
    return {"line": text.count("\n"), "character": len(text) - text.rfind("\n") - 1}


def measure_typing(
    editor: Editor,
    direct: Direct,
    prepared: Sequence[Case],
    summary: Callable[[list[float]], str],
) -> None:
    """Key to answer beside the runtime's own time, line by line.

    Each key comes after a rest, so that it is asked for at once: the wait for a next key while
    one types on is the typist's, and not in here.
    """
    walls: list[float] = []
    owns: list[float] = []
    same = 0
    for number, each in enumerate(prepared):
        case = replace(each, max_tokens=LINE_TOKENS, stop=_STOPS, slot=CHAT_SLOT)
        begin = time.perf_counter()
        editor.type(case.prompt)
        result = editor.answer(editor.complete(AUTOMATIC))
        wall = (time.perf_counter() - begin) * 1000
        sample = direct.complete(case)
        items: list[dict[str, Any]] = result["items"] if result else []
        if number == 0:  # nothing is in either slot's cache
            print(f"  cold: {wall:.0f} ms through the server, the runtime's own {sample.own:.0f}")
        elif sample.text.strip():
            walls.append(wall)
            owns.append(sample.own)
            same += bool(items) and items[0]["insertText"] == sample.text.rstrip()
    total, own = statistics.median(walls), statistics.median(owns)
    print(f"  key to answer     {summary(walls)}")
    print(f"  runtime own       {summary(owns)}")
    print(f"  the same text in {same} of {len(walls)} answers")
    ratios = [wall / mine for wall, mine in zip(walls, owns, strict=True)]
    print(
        f"  ratio: median of pairs {statistics.median(ratios):.3f}, of medians "
        f"{total / own:.3f}   (wanted: at most 1.15)"
    )
    over = [wall - mine for wall, mine in zip(walls, owns, strict=True)]
    print(f"  more than the runtime's own: {statistics.median(over):.0f} ms (median)")


def measure_cancel(
    editor: Editor, direct: Direct, source: str, runs: int, summary: Callable[[list[float]], str]
) -> None:
    """From the editor's cancel to the completion slot being idle."""
    for what, fresh in (("generating", False), ("reading", True)):
        took: list[float] = []
        for number in range(runs):
            at = 2600 * number if fresh else 0
            start = source.index("\ndef ", at) + 1 if not fresh else source.index("\n", at) + 1
            head = source[start : start + 2400].rpartition("\n")[0]
            editor.type(f"{head}\n\n\ndef case_{number}(first, second):\n    ")
            request = editor.complete(INVOKED)
            if not _wait(partial(_works, direct, reading=fresh)):
                editor.answer(request)
                continue
            begin = time.perf_counter()
            editor.cancel(request)
            while direct.slot(COMPLETION_SLOT)["is_processing"]:
                time.sleep(0.001)
            took.append((time.perf_counter() - begin) * 1000)
            editor.answer(request)
        wanted = "   (wanted: under 150)" if not fresh else ""
        print(f"  cancel, {what:<10} {summary(took)}{wanted}" if took else f"  no {what} seen")


def _works(direct: Direct, *, reading: bool) -> bool:
    """Whether the slot for completions reads, or has begun to write."""
    slot = direct.slot(COMPLETION_SLOT)
    following: list[dict[str, Any]] = slot.get("next_token") or [{}]
    return slot["is_processing"] and (reading or following[0].get("n_decoded", 0) > 3)


def _wait(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
