"""What :class:`~polypilot_providers.scripted.ScriptedServer` plays, and what it is asked."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes as they are."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on when the test sets the event."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class Tick:
    """Send ``data`` every ``seconds``, until the client goes away."""

    data: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Do nothing until the client goes away."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection in order."""


Step = Send | Wait | Tick | Stall | Reset | Close


@dataclass(slots=True)
class Request:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    connection: int
    """Number of the connection it came over, from 0."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the connection ends, whoever ended it."""
    gone_at: float | None = None
    """Loop time of that."""
    answered: bool = False
    """The whole script was carried out before the client went away."""

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        return cast("dict[str, object]", json.loads(self.body))


def reply(
    status: int,
    body: bytes | Mapping[str, object] | list[object] = b"",
    headers: Mapping[str, str] | None = None,
) -> list[Step]:
    """A whole answer with a Content-Length; JSON unless ``headers`` say otherwise."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-type": "application/json", "content-length": str(len(data))}
    return [Send(_head(status, fields | dict(headers or {})) + data)]


def stream(
    *pieces: bytes | Step,
    headers: Mapping[str, str] | None = None,
    end: bool = True,
) -> list[Step]:
    """A chunked answer of server-sent events; each piece of bytes is one chunk.

    Without ``end`` the last chunk is missing: add Close, Reset or Stall.
    """
    fields = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    steps: list[Step] = [Send(_head(200, fields | dict(headers or {})))]
    for piece in pieces:
        if isinstance(piece, bytes):
            steps.append(Send(_chunk(piece)))
        elif isinstance(piece, Tick):
            steps.append(Tick(_chunk(piece.data), piece.seconds))
        else:
            steps.append(piece)
    if end:
        steps.append(Send(b"0\r\n\r\n"))
    return steps


def aws_frame(payload: bytes | Mapping[str, object], headers: Mapping[str, str]) -> bytes:
    """One frame of an AWS event stream; its headers are strings."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    fields = b"".join(
        struct.pack(">B", len(name)) + name + struct.pack(">BH", 7, len(text)) + text
        for name, text in ((name.encode(), text.encode()) for name, text in headers.items())
    )
    prelude = struct.pack(">II", len(data) + len(fields) + 16, len(fields))
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + fields + data
    return frame + struct.pack(">I", zlib.crc32(frame))


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
