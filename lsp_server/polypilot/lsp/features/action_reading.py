"""Explain and Review, whose answer is a text, and Write tests, whose answer is a file's."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from polypilot.errors import trace
from polypilot.lsp.features import action_tests, action_transcript
from polypilot.lsp.features.action_answer import AnswerError, collect, ready, usable
from polypilot.lsp.features.action_edits import check_path
from polypilot.lsp.features.action_place import case_of
from polypilot.lsp.features.action_region import plain
from polypilot.lsp.features.action_writer import (
    CONFIRMED_WITHIN_S,
    EditError,
    Writer,
)
from polypilot.lsp.features.applying import WRITTEN, text_edit, workspace_edit
from polypilot.lsp.features.document_chat_text import ANSWERED, YOU, AnswerText

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from polypilot.backend import Backend
    from polypilot.chat import events
    from polypilot.chat.values import Attach
    from polypilot.lsp.features.action_offers import Order
    from polypilot.lsp.features.action_place import Case, Place, Stream
    from polypilot.lsp.features.action_work import Work, Works
    from polypilot.lsp.features.action_writer import Writers
    from polypilot.lsp.server import PolypilotServer

log = logging.getLogger(__name__)

MOST_QUOTED = 200
"""Lines that a transcript repeats; more are only named."""
READ_S = 5.0
_VERBS = {"explain": "Explain", "review": "Review", "tests": "Write tests for"}
TITLES = {"explain": "explain", "review": "review", "tests": "write tests"}


@dataclass(slots=True)
class _Answer:
    """What has arrived."""

    filter: AnswerText
    text: str = ""

    def take(self, text: str) -> None:
        self.text += self.filter.feed(text)


class Readings:
    """Begins such work."""

    def __init__(self, server: PolypilotServer[Backend], works: Works, writers: Writers) -> None:
        self._server = server
        self._works = works
        self._writers = writers

    def begin(self, order: Order, place: Place) -> None:
        """Begin.

        Raises:
            UserError: ``busy``, too much is going on.
        """

        async def do(work: Work) -> str:
            backend = await self._server.backend()
            await backend.refresh()
            await ready()
            case = case_of(backend, order, place, work)
            if order.does == "tests" and (file := await _test_file(case)):
                return await self._add_tests(case, file)
            return await self._transcript(case)

        self._works.start(TITLES[order.does], place.uri, do)

    # -- an answer to read -----------------------------------------------------------------

    async def _transcript(self, case: Case) -> str:
        answer = _Answer(AnswerText())
        stream = _stream(case, _message(case.order))
        try:
            end = await collect(stream, case.work, self._works, answer.take)
        except BaseException:
            # Stopped. What has arrived is the user's, but nothing may be waited for here.
            if not answer.filter.empty:
                show = self._show(case, answer, "\n*Stopped.*\n")
                self._server.protocol.spawn(_quietly(show), "transcript")
            raise
        if answer.filter.empty:
            usable(end)
        return await self._show(case, answer, _ending(end))

    async def _show(self, case: Case, answer: _Answer, ending: str) -> str:
        text = f"{_head(case)}{answer.text}{answer.filter.finish()}{ending}\n{YOU}\n\n"
        history = case.backend.settings.chat.history
        title = f"{case.order.does}-{case.name.rsplit('/', 1)[-1]}"
        kept = action_transcript.KEPT if history else 1
        return await action_transcript.show(self._server, self._works, title, text, kept=kept)

    # -- tests at the end of a file --------------------------------------------------------

    async def _add_tests(self, case: Case, file: Path) -> str:
        from polypilot.chat.values import Attach  # noqa: PLC0415 - with the backend, not before
        from polypilot.workspace.roots import uri_of  # noqa: PLC0415 - not needed to start
        from polypilot_prompts.rewriting import (  # noqa: PLC0415 - likewise
            code_in,
            fitted,
            tests_message,
        )

        await check_path(str(file), case.root)
        uri = next(
            (each.uri for each in self._server.documents if each.path == str(file)),
            uri_of(str(file)),
        )
        relative = file.relative_to(case.root.path).as_posix() if case.root else file.name
        stream = _stream(case, tests_message(relative), Attach(uri))
        code = code_in(usable(await collect(stream, case.work, self._works)))
        if code is None:
            raise AnswerError("the model gave no code block", cure="Ask again.")
        case.work.say("waiting for the editor")
        await self._append(uri, file, fitted(code, "\n"))
        return "done"

    async def _append(self, uri: str, file: Path, new: str) -> None:
        """Add to the end of a file, open or not, after one empty line."""
        label = "Polypilot: write tests"
        document = self._server.documents.current(uri)
        if document is not None:
            text = plain(document.text)
            with Writer(self._server, self._writers, uri, (len(text), len(text))) as writer:
                await writer.replace(_joined(text, new), label, confirm=True)
            return
        from polypilot.tasks import run_blocking  # noqa: PLC0415 - not needed to start

        raw = await run_blocking(_read, file, timeout=READ_S, name="tests")
        text = plain(raw)
        eol = "\r\n" if "\r\n" in raw else "\n"
        encoding = self._server.documents.encoding
        end = len(text)
        edit = workspace_edit(
            self._server.client_capabilities,
            uri,
            [text_edit(text, (end, end), _joined(text, new), eol, encoding)],
            label=label,
            description=WRITTEN,
            confirm=True,
        )
        params = types.ApplyWorkspaceEditParams(edit, label=label)
        async with asyncio.timeout(CONFIRMED_WITHIN_S):
            answer = await self._server.workspace_apply_edit_async(params)
        if not answer.applied:
            raise EditError("the editor did not make the edit", code="refused")


def _message(order: Order) -> str:
    from polypilot_prompts import rewriting  # noqa: PLC0415 - not needed to start

    told = [rewriting.Problem(each.line + 1, each.message, each.source) for each in order.problems]
    match order.does:
        case "explain":
            return rewriting.explain_message(told)
        case "review":
            return rewriting.review_message(told)
        case _:
            return rewriting.new_tests_message()


def _stream(case: Case, text: str, *first: Attach) -> Stream:
    from polypilot.chat.values import Embedded  # noqa: PLC0415 - with the backend, not before

    place = case.place
    around = Embedded(place.uri, place.around, place.language)
    code = Embedded(place.uri, place.code, place.language)
    whole = place.code == place.around
    return case.question(text, (*first, code) if whole else (around, *first, code))


def _ending(end: events.End) -> str:
    """What the transcript says about an answer that is not whole."""
    if end.error is not None:
        return f"\n*Incomplete: {end.error.message}*\n"
    return "\n*Cut off: it is too long for the model.*\n" if end.stop_reason == "length" else ""


async def _test_file(case: Case) -> Path | None:
    """Where tests of this document are already."""
    from polypilot.tasks import run_blocking  # noqa: PLC0415 - not needed to start

    if case.root is None:
        return None
    root = Path(case.root.path)
    found = await run_blocking(action_tests.existing, root, case.name, timeout=READ_S, name="tests")
    return root / found if found else None


def _joined(text: str, new: str) -> str:
    """What to add so that one empty line is between."""
    if not text.strip():
        return new
    missing = 2 - (len(text) - len(text.rstrip("\n")))
    return "\n" * max(0, missing) + new


def _read(file: Path) -> str:
    return file.read_bytes().decode(errors="replace")


async def _quietly(show: Coroutine[object, object, str]) -> None:
    """To the end, or not: nobody waits for it."""
    try:
        await show
    except Exception as error:  # noqa: BLE001 - the disk, mostly
        log.warning("what had arrived was not shown: %s", trace(error))


def _head(case: Case) -> str:
    """The question as the transcript has it."""
    from polypilot_prompts.breaking import one_line  # noqa: PLC0415 - not needed to start
    from polypilot_prompts.chat import fence_for  # noqa: PLC0415 - likewise

    place, verb = case.place, _VERBS[case.order.does]
    name = one_line(case.name).replace("`", "'")
    if place.last - place.first >= MOST_QUOTED:
        said = f'{verb} #file:"{name}":{place.first}-{place.last}'
    else:
        fence = fence_for(place.code)
        body = place.code if place.code.endswith("\n") else f"{place.code}\n"
        said = f"{verb} lines {place.first} to {place.last} of `{name}`:\n\n"
        said += f"{fence}{place.language}\n{body}{fence}"
    return f"{YOU}\n\n{said}\n\n{ANSWERED}\n\n"
