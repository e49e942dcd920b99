"""A Markdown file as a conversation: the answer is streamed into it, by edits of the editor's.

See `document_chat_text` for what is a question, and `action_writer` for how text gets in.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.lsp.features.action_answer import AnswerError, collect, unless_lost
from polypilot.lsp.features.action_place import case_of
from polypilot.lsp.features.action_writer import Writer
from polypilot.lsp.features.document_chat_text import YOU, AnswerText, Asked, asked_at, transcript

if TYPE_CHECKING:
    from polypilot.backend import Backend
    from polypilot.chat import events
    from polypilot.chat.values import Mode
    from polypilot.lsp.features.action_offers import Order
    from polypilot.lsp.features.action_place import Case, Place, Stream
    from polypilot.lsp.features.action_work import Work, Works
    from polypilot.lsp.features.action_writer import Writers
    from polypilot.lsp.server import PolypilotServer

FLUSH_S = 0.1
"""Between two edits: each is one step of the editor's undo, where it joins none."""
LABEL = "Polypilot: answer"
_LANGUAGES = frozenset({"markdown", "quarto", "rmd", "mdx"})


def is_chat(uri: str, language: str) -> bool:
    """Whether a document may be a conversation."""
    return language.lower() in _LANGUAGES or uri.lower().endswith((".md", ".markdown"))


class _Page:
    """An answer between the model, which writes it, and the document, into which it is written."""

    def __init__(self, writer: Writer, asked: Asked, *, streamed: bool) -> None:
        self._writer = writer
        self._filter = AnswerText()
        self._streamed = streamed
        self._waiting = asked.lead
        self._tail = asked.tail
        self._more = asyncio.Event()
        self._done = False

    @property
    def begun(self) -> bool:
        """Whether the model has said anything."""
        return not self._filter.empty

    def take(self, text: str) -> None:
        """More of the answer."""
        self._waiting += self._filter.feed(text)
        if self.begun and self._streamed:
            self._more.set()

    def finish(self, remark: str = "") -> None:
        """There is no more."""
        if self.begun:
            self._waiting += self._filter.finish() + remark + self._tail
        else:
            self._waiting = ""
        self._done = True
        self._more.set()

    async def write(self) -> None:
        """Write until all is written. One edit at a time, and never faster than `FLUSH_S`."""
        loop = asyncio.get_running_loop()
        while not (self._done and not self._waiting):
            await self._more.wait()
            self._more.clear()
            text, self._waiting = self._waiting, ""
            if text:
                began = loop.time()
                await self._writer.append(text, LABEL)
                if not self._done:
                    await asyncio.sleep(FLUSH_S - (loop.time() - began))


class Chats:
    """Begins such work."""

    def __init__(self, server: PolypilotServer[Backend], works: Works, writers: Writers) -> None:
        self._server = server
        self._works = works
        self._writers = writers

    def begin(self, order: Order, place: Place) -> None:
        """Begin; from now on the place of the answer is followed.

        Raises:
            UserError: there is no question here, an answer is being written already, or too
                much is going on.
        """
        asked = asked_at(place.text, order.first)
        if asked is None:
            raise UserError(
                "there is no open question here",
                code="empty",
                cure=f"Write one below a heading '{YOU}' at the end.",
            )
        if any(work.title == "answer" for work in self._works.on(place.uri)):
            raise UserError(
                "an answer is being written into this file", code="busy", cure="Wait, or stop it."
            )
        writer = Writer(self._server, self._writers, place.uri, (asked.at, asked.at))
        page = _Page(writer, asked, streamed=order.does == "answer")

        async def do(work: Work) -> str:
            return await unless_lost(writer, self._run(work, order, place, asked, page))

        self._writers.add(writer)
        try:
            self._works.start("answer", place.uri, do, lambda: self._writers.remove(writer))
        except UserError:
            self._writers.remove(writer)
            raise

    async def _run(self, work: Work, order: Order, place: Place, asked: Asked, page: _Page) -> str:
        backend = await self._server.backend()
        await backend.refresh()
        case = case_of(backend, order, place, work)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(case, asked, page))
            work.on_stop(reading.cancel)
            await page.write()
        if reading.cancelled():
            return "stopped"
        if (failure := reading.result()) is not None:
            raise failure
        return "done"

    async def _read(self, case: Case, asked: Asked, page: _Page) -> Exception | None:
        """Take the answer in, to its end. What went wrong: it is told when all is written."""
        failure: Exception | None = None
        remark = ""
        try:
            end = await collect(self._ask(case, asked), case.work, self._works, page.take)
        except asyncio.CancelledError:
            page.finish("\n*Stopped.*\n")
            raise
        except Exception as error:  # noqa: BLE001 - handed on
            failure = error
        else:
            if end.stop_reason == "length":
                remark = "\n*Cut off: it is too long for the model.*\n"
            failure = failure_of(end)
        page.finish("\n*Incomplete.*\n" if failure is not None else remark)
        return failure

    def _ask(self, case: Case, asked: Asked) -> Stream:
        from polypilot.chat.values import (  # noqa: PLC0415 - with the backend, not before
            Embedded,
            Question,
            Scene,
        )
        from polypilot.lsp.features.chat_client import EditorClient  # noqa: PLC0415 - likewise

        uri, root = case.place.uri, case.root.path if case.root else None
        before = (Embedded(uri, transcript(asked.before), "markdown"),) if asked.before else ()
        mode: Mode = "plain" if case.backend.settings.chat.mode == "plain" else "ask"
        question = Question(
            text=_words(asked), attachments=before, root=root, mode=mode, keep=False
        )
        return case.backend.chat.send(question, EditorClient(self._server, Scene(None, uri)))


def failure_of(end: events.End) -> AnswerError | None:
    """Why an answer failed; None: it did not."""
    if end.error is not None:
        return AnswerError(end.error.message, code=end.error.code, cure=end.error.cure)
    if end.stop_reason == "refusal" and not end.text:
        return AnswerError("the model has declined to answer")
    return None


def _words(asked: Asked) -> str:
    """The question. Files that were mentioned earlier are meant still."""
    from polypilot_prompts.mentions import parse  # noqa: PLC0415 - not needed to start

    known = {each.key for each in parse(asked.question)}
    earlier: list[str] = []
    for message in asked.before:
        for each in parse(message.text) if message.role != "model" else ():
            if each.kind == "file" and each.key not in known:
                known.add(each.key)
                earlier.append(message.text[each.start : each.end])
    if not asked.before:
        return asked.question
    # Behind it: a command is one only at the very beginning.
    named = f" Mentioned in it: {' '.join(earlier)}" if earlier else ""
    return f"{asked.question}\n\n(Attached is our conversation so far.{named})"
