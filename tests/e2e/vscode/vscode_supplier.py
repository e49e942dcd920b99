"""A supplier on loopback that sends the bytes of OpenAI's wires, however often it is asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from polypilot_providers.scripted import ScriptedServer
from polypilot_providers.testing import reply, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polypilot_providers.testing import Request, Step


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def suggestion(*pieces: str | Step) -> list[Step]:
    """A stream of ``/v1/completions``; a step stands between its pieces."""
    steps: list[bytes | Step] = []
    for piece in pieces:
        if isinstance(piece, str):
            steps.append(_event({"id": "c", "choices": [{"index": 0, "text": piece}]}))
        else:
            steps.append(piece)
    end = {"index": 0, "text": "", "finish_reason": "stop"}
    steps.append(_event({"id": "c", "choices": [end]}))
    return stream(*steps, b"data: [DONE]\n\n")


def answer(*pieces: str | Step) -> list[Step]:
    """A stream of ``/v1/chat/completions``; a step stands between its pieces."""
    steps: list[bytes | Step] = []
    for piece in pieces:
        if isinstance(piece, str):
            delta = {"index": 0, "delta": {"content": piece}}
            steps.append(_event({"id": "c", "choices": [delta]}))
        else:
            steps.append(piece)
    end: dict[str, object] = {"index": 0, "delta": {}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
    steps.append(_event({"id": "c", "choices": [end]}))
    steps.append(_event({"id": "c", "choices": [], "usage": usage}))
    return stream(*steps, b"data: [DONE]\n\n")


def embedded(*lines: str) -> str:
    """The ``config.toml`` of a user who has the small model; ``lines``: where from."""
    return "\n".join(
        (
            '[completion]\nprovider = "embedded"\n[chat]\nprovider = "embedded"',
            '[embedded]\nmodel = "smollm2-135m"\nidle_minutes = 1',
            *lines,
            "",
        )
    )


class Supplier(ScriptedServer):
    """Lists its models, completes always with the same text, and plays its answers in turn."""

    def __init__(self, text: str = "", answers: Sequence[list[Step]] = ()) -> None:
        super().__init__(*answers or [answer("Hel", "lo.")])
        self.text = text
        self.rest: Sequence[str | Step] = ()
        """What follows ``text`` in a suggestion."""
        models = {"object": "list", "data": [{"id": "quick"}, {"id": "wise"}]}
        self._models = reply(200, models)
        self.completions: list[Request] = []
        self.chats: list[Request] = []
        self.others: list[Request] = []

    def next_script(self, request: Request) -> list[Step]:
        """By the path."""
        if request.path.endswith("/chat/completions"):
            self.chats.append(request)
            return super().next_script(request)
        if request.path.endswith("/completions"):
            self.completions.append(request)
            return suggestion(self.text, *self.rest)
        self.others.append(request)
        return self._models

    def config(self, *, auth: str = "keyring", select: bool = True) -> str:
        """The ``config.toml`` of a user who has this supplier as their own row."""
        chosen = '[completion]\nprovider = "team"\n[chat]\nprovider = "team"\n' if select else ""
        return f"""{chosen}
[providers.team]
name = "Team"
wire = "openai-chat"
completion = "openai-completions"
base_url = "{self.url}/v1"
auth = "{auth}"
completion_model = "quick"
chat_model = "wise"
"""
