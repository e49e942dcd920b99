"""What of real requests and their outcomes comes into the record."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from polypilot import paths
from polypilot.backend.recording import Recorder
from polypilot.chat.values import Question
from polypilot.completion.values import (
    Accepted,
    PartlyAccepted,
    Placed,
    Rejected,
    Seen,
    Shown,
    Source,
)
from polypilot.tasks import Tasks
from polypilot.usage import Entry, Stay, Writer, storing
from polypilot.usage.schema import open_database
from polypilot.workspace.documents import Change, DocumentStore, Position
from polypilot_providers.testing import ScriptedServer, Stall, reply, stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from polypilot.backend import Backend
    from polypilot_providers.testing import Step

pytestmark = pytest.mark.allow_blocking("the tests write settings files")

URI = "untitled:secret-name.py"
CODE = "def canary_of_the_user():\n    "
TEXT = "return canary_of_the_model()"
COUNTS = {
    "prompt_tokens": 2000,
    "completion_tokens": 500,
    "prompt_tokens_details": {"cached_tokens": 1024},
    "completion_tokens_details": {"reasoning_tokens": 7},
}


def answer(text: str = TEXT) -> list[Step]:
    """An answer to a chat message and to a completion alike, with token counts."""
    events: list[dict[str, object]] = [
        {"choices": [{"index": 0, "text": text, "delta": {"content": text}}]},
        {"choices": [{"index": 0, "text": "", "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": COUNTS},
    ]
    lines = [f"data: {json.dumps({'id': 'c', **each})}\n\n".encode() for each in events]
    return stream(*lines, b"data: [DONE]\n\n")


async def recorded(path: Path | None = None) -> list[Entry]:
    """All that is in the file."""
    async with aclosing(open_database(path)) as database:
        return await database.read(partial(storing.after, number=-1, most=1_000))


async def test_a_completion_that_is_taken_and_stays(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(answer()) as server:
        configure('prices = "openai"\n', team=server.url)
        backend = backends()
        backend.documents.open(URI, "python", 1, CODE)
        (found,) = await backend.complete(URI, Position(1, 4))
        backend.engine.shown(found.id)
        backend.documents.change(URI, 2, [Change(found.text, Position(1, 4), Position(1, 4))])
        backend.engine.accepted(found.id)
        await backend.aclose()
    request, shown = sorted(await recorded(), key=lambda each: each.source)
    assert shown.source == "network"
    assert (shown.provider, shown.model, shown.language) == ("team", "coder", "python")
    assert (shown.suggested, shown.saved, shown.kept) == (len(TEXT),) * 3
    assert (shown.seen, shown.accepted, shown.rejected) == (True, True, False)
    assert (shown.stay30, shown.stay120, shown.stay600) == (Stay.SAME,) * 3
    assert (request.provider, request.language, request.error) == ("team", "python", "")
    assert (request.input, request.output, request.cached, request.reasoning) == (
        2000,
        500,
        1024,
        7,
    )
    assert request.first_ms is not None
    assert request.total_ms is not None
    assert request.total_ms >= request.first_ms


async def test_nothing_of_text_names_or_paths_is_in_the_file(
    configure: Callable[..., Path], backends: Callable[..., Backend], tmp_path: Path
) -> None:
    own = tmp_path / "canary-folder" / "own-model.gguf"
    async with ScriptedServer(answer()) as server:
        file = configure(team=server.url)
        text = file.read_text("utf-8").replace('"coder"', json.dumps(str(own)))
        file.write_text(text + "[keyring]\nallow_insecure = false\n", "utf-8")
        backend = backends(roots=[tmp_path])
        backend.documents.open(URI, "python canary of a language", 1, CODE)
        (found,) = await backend.complete(URI, Position(1, 4))
        backend.engine.accepted(found.id)
        async for _ in backend.chat.send(Question("canary question")):
            pass
        # Before the file is closed, so that its log is looked at as well.
        await backend._recorder.aclose()  # pyright: ignore[reportPrivateUsage] - the moment before the end
        files = [each for each in paths.data_dir().iterdir() if each.name.startswith("usage.db")]
        held = b"".join(each.read_bytes() for each in files)
        assert {each.name for each in files} >= {"usage.db", "usage.db-wal"}
    assert b"team" in held, "else there would be nothing to find"
    assert b"own-model.gguf" in held
    for secret in ("canary", "secret-name", "untitled", str(tmp_path), "return", "file:"):
        assert secret.encode() not in held, secret


async def test_chat_requests_with_their_times_tokens_and_errors(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(reply(401, {"error": {"message": "no"}}), answer()) as server:
        configure(team=server.url)
        backend = backends()
        for _ in range(2):
            async for _event in backend.chat.send(Question("q")):
                pass
        await backend.aclose()
    failed, answered = await recorded()
    assert (failed.purpose, failed.error, failed.input) == ("chat", "auth", None)
    assert (answered.purpose, answered.error, answered.input) == ("chat", "", 2000)
    assert answered.first_ms is not None
    assert answered.language == ""


async def test_a_provider_that_fails_and_who_stands_in_for_it(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with (
        ScriptedServer(reply(503, {"error": "out"})) as first,
        ScriptedServer(answer()) as second,
    ):
        file = configure(dear=first.url, cheap=second.url)
        fallback = 'provider = "dear"\nfallback = ["cheap/small"]\n'
        file.write_text(file.read_text("utf-8").replace('provider = "dear"\n', fallback), "utf-8")
        backend = backends()
        backend.documents.open(URI, "python", 1, CODE)
        assert await backend.complete(URI, Position(1, 4))
        async for _event in backend.chat.send(Question("q")):
            pass
        await backend.aclose()
    asked = [each for each in await recorded() if not each.source]
    told = sorted((each.purpose, each.provider, each.model, bool(each.error)) for each in asked)
    # While the first is paused nobody asks it, and that is no error of it.
    assert ("completion", "dear", "coder", True) in told
    assert ("completion", "cheap", "small", False) in told
    assert ("chat", "cheap", "small", False) in told


async def test_an_answer_that_is_stopped_is_given_up_and_no_error(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    started = stream(
        b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n', Stall()
    )
    async with ScriptedServer(started) as server:
        configure(team=server.url)
        backend = backends()
        talk = backend.chat.send(Question("q"))
        while (await anext(talk)).kind != "text":
            pass
        await talk.aclose()
        await backend.aclose()
    (asked,) = await recorded()
    assert (asked.cancelled, asked.error, asked.total_ms) == (True, "", None)


async def test_without_a_record_the_budgets_money_is_kept_alone(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    async with ScriptedServer(answer()) as server:
        file = configure('prices = "openai"\n[usage]\nenabled = false\n', team=server.url)
        file.write_text(file.read_text("utf-8").replace('"coder"', '"gpt-5.6-luna"'), "utf-8")
        backend = backends()
        booked = asyncio.Event()
        backend.board.listen(lambda status: booked.set() if status.spent_today else None)
        backend.documents.open(URI, "python", 1, CODE)
        assert await backend.complete(URI, Position(1, 4))
        async for _event in backend.chat.send(Question("q")):
            pass
        async with asyncio.timeout(30):
            await booked.wait()
        report = await backend.usage.report(1)
        await backend.aclose()
    assert await recorded() == []
    assert report.empty
    assert not report.enabled
    assert report.spent_today > 0


async def test_a_disk_that_fails_costs_no_answer(
    configure: Callable[..., Path], backends: Callable[..., Backend]
) -> None:
    paths.data_dir().mkdir(parents=True, exist_ok=True)
    (paths.data_dir() / "usage.db").mkdir()
    async with ScriptedServer(answer()) as server:
        configure(team=server.url)
        backend = backends()
        backend.documents.open(URI, "python", 1, CODE)
        assert await backend.complete(URI, Position(1, 4))
        await backend.aclose()


# --- the outcomes, one after the other


class Desk:
    """A recorder over a file, told of events by hand."""

    def __init__(self, path: Path) -> None:
        self.database, self.tasks = open_database(path), Tasks()
        self.writer = Writer(self.database, self.tasks)
        self.documents = DocumentStore(encoding="utf-32")
        self.documents.open(URI, "python", 1, "x = one + two\n")
        self.recorder = Recorder(self.writer, self.documents, self.tasks, enabled=lambda: True)

    def tell(self, *events: object) -> None:
        for event in events:
            self.recorder.observe(event)  # pyright: ignore[reportArgumentType] - any of them

    async def entries(self) -> list[Entry]:
        await self.writer.flush()
        return await self.database.read(partial(storing.after, number=-1, most=99))

    async def aclose(self) -> None:
        await self.tasks.aclose()
        await self.recorder.aclose()
        await self.database.aclose()


def placed(text: str, column: int = 4) -> Placed:
    return Placed(URI, Position(0, column), "x = "[:column], text)


SHOWN = Shown("s1", "team", "coder", Source.CACHE, "python", 9)


async def test_taken_word_by_word_adds_up(tmp_path: Path) -> None:
    async with aclosing(Desk(tmp_path / "usage.db")) as desk:
        part = partial(PartlyAccepted, "s1", "team", "coder")
        desk.tell(SHOWN, Seen("s1", "team", "coder"))
        desk.tell(part(3, placed("one")), part(5, placed("one +")))
        (entry,) = await desk.entries()
        assert (entry.partly, entry.saved, entry.seen) == (5, 5, True)
        # The rest is offered anew, where the first part ends.
        desk.tell(part(4, placed(" two", 9)), Rejected("s1", "team", "coder"))
        (entry,) = await desk.entries()
        assert (entry.partly, entry.saved, entry.accepted) == (9, 9, False)
        assert not entry.rejected
        desk.tell(Accepted("s1", "team", "coder", placed(" two", 9)))
        (entry,) = await desk.entries()
        assert (entry.saved, entry.accepted) == (9, True)


async def test_turned_down_and_taken_after_all(tmp_path: Path) -> None:
    async with aclosing(Desk(tmp_path / "usage.db")) as desk:
        desk.tell(SHOWN, Rejected("s1", "team", "coder"))
        (entry,) = await desk.entries()
        assert (entry.rejected, entry.source) == (True, "cache")
        desk.tell(Accepted("s1", "team", "coder", placed("one")))
        (entry,) = await desk.entries()
        assert (entry.rejected, entry.accepted, entry.saved) == (False, True, 3)


async def test_one_of_several_that_is_taken_is_counted_then(tmp_path: Path) -> None:
    async with aclosing(Desk(tmp_path / "usage.db")) as desk:
        desk.tell(Rejected("s7", "team", "coder"))
        assert await desk.entries() == []
        desk.tell(Accepted("s7", "team", "coder", placed("one")))
        (entry,) = await desk.entries()
        assert (entry.suggested, entry.saved, entry.language) == (3, 3, "python")
