"""Streams as the wires make them: a head, many pieces of text, an end. For the other benches."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polypilot_providers.testing import aws_frame
from polypilot_providers.wires.anthropic_messages import AnthropicParser
from polypilot_providers.wires.bedrock_stream import ConverseParser
from polypilot_providers.wires.gemini_stream import GeminiParser
from polypilot_providers.wires.llama_cpp import LlamaParser
from polypilot_providers.wires.ollama_stream import OllamaParser
from polypilot_providers.wires.openai_chat import OpenAIParser
from polypilot_providers.wires.responses_stream import ResponsesParser

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator
    from multiprocessing.connection import Connection

    from polypilot_providers.call import StreamParser
    from polypilot_providers.failures import Peer

Json = dict[str, Any]


def sse(value: Json) -> bytes:
    name = value.get("type")
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def line(value: Json) -> bytes:
    return json.dumps(value).encode() + b"\n"


def frame(value: Json) -> bytes:
    ((name, payload),) = value.items()
    kind = {":message-type": "event", ":event-type": name, ":content-type": "application/json"}
    return aws_frame(payload, kind)


@dataclass(frozen=True)
class Stream:
    """One wire's way of streaming text."""

    parser: Callable[[Peer], StreamParser]
    text: Callable[[str], Json]
    write: Callable[[Json], bytes] = sse
    head: tuple[Json, ...] = ()
    end: tuple[Json, ...] = ()
    done: bytes = b""

    def pieces(self, count: int) -> list[bytes]:
        """A whole answer of ``count`` pieces of text, as the supplier would send them."""
        texts = [self.text(f" piece{number}") for number in range(count)]
        return [*map(self.write, [*self.head, *texts, *self.end]), *filter(None, [self.done])]


def _chat(text: str) -> Json:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    facts = {"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1795000000}
    return {**facts, "model": "m-1", "choices": [choice], "usage": None}


def _responses(text: str) -> Json:
    return {
        "type": "response.output_text.delta",
        "sequence_number": 7,
        "item_id": "msg_0123456789",
        "output_index": 0,
        "content_index": 0,
        "delta": text,
        "logprobs": [],
    }


_ANSWER: Json = {"id": "r", "object": "response", "model": "m-1", "output": [], "usage": None}

STREAMS: dict[str, Stream] = {
    "openai-chat": Stream(
        OpenAIParser,
        _chat,
        end=({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},),
        done=b"data: [DONE]\n\n",
    ),
    "openai-responses": Stream(
        ResponsesParser,
        _responses,
        end=({"type": "response.completed", "response": {**_ANSWER, "status": "completed"}},),
    ),
    "anthropic-messages": Stream(
        AnthropicParser,
        lambda text: {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text},
        },
        head=(
            {"type": "message_start", "message": {"model": "m-1", "usage": {"input_tokens": 1}}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
        ),
        end=(
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
            {"type": "message_stop"},
        ),
    ),
    "gemini": Stream(
        GeminiParser,
        lambda text: {
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}],
            "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
            "modelVersion": "m-1",
        },
        end=({"candidates": [{"finishReason": "STOP", "index": 0}]},),
    ),
    "bedrock-converse": Stream(
        ConverseParser,
        lambda text: {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": text}}},
        write=frame,
        head=({"messageStart": {"role": "assistant"}},),
        end=(
            {"contentBlockStop": {"contentBlockIndex": 0}},
            {"messageStop": {"stopReason": "end_turn"}},
            {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}},
        ),
    ),
    "ollama": Stream(
        OllamaParser,
        lambda text: {
            "model": "m-1",
            "created_at": "2026-11-22T08:00:00.000000000Z",
            "message": {"role": "assistant", "content": text},
            "done": False,
        },
        write=line,
        end=({"model": "m-1", "message": {"content": ""}, "done": True, "done_reason": "stop"},),
    ),
    "llama-cpp": Stream(
        LlamaParser,
        lambda text: {
            "index": 0,
            "content": text,
            "tokens": [17],
            "stop": False,
            "id_slot": 0,
            "tokens_predicted": 9,
            "tokens_evaluated": 90,
        },
        end=({"content": "", "stop": True, "stop_type": "eos", "model": "m-1"},),
    ),
}

# --- a server of such streams, in a process of its own


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: dict[str, bytes]
) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = head.lower().split(b"\r\n")
            size = sum(int(each[15:]) for each in fields if each.startswith(b"content-length:"))
            await reader.readexactly(size)
            body = answers[head.split()[1].decode().strip("/")]
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body)
            await writer.drain()
    writer.close()


async def _serve(answers: dict[str, bytes], ready: Connection, tls: ssl.SSLContext | None) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _answer(reader, writer, answers), "127.0.0.1", 0, ssl=tls
    )
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run(answers: dict[str, bytes], ready: Connection) -> None:
    asyncio.run(_serve(answers, ready, None))


@contextmanager
def served(answers: dict[str, list[bytes]]) -> Generator[str]:
    """The address of a server that sends ``answers`` by path, each piece a chunk, at once."""
    bodies = {
        name: b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        for name, pieces in answers.items()
    }
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(bodies, theirs), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
