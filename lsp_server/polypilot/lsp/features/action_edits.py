"""Fix, Document, Rewrite and Optimise: the model's code takes the place of lines, in one edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.errors import UserError
from polypilot.lsp.features.action_answer import AnswerError, collect, ready, unless_lost, usable
from polypilot.lsp.features.action_lines import instruction
from polypilot.lsp.features.action_place import case_of
from polypilot.lsp.features.action_writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polypilot.backend import Backend
    from polypilot.lsp.features.action_offers import Order
    from polypilot.lsp.features.action_place import Case, Place
    from polypilot.lsp.features.action_work import Work, Works
    from polypilot.lsp.features.action_writer import Writers
    from polypilot.lsp.server import PolypilotServer
    from polypilot.workspace.roots import Root

LABELS = {
    "fix": "fix",
    "document": "document",
    "rewrite": "rewrite",
    "optimise": "optimise",
}
PRESETS: Mapping[str, str] = {
    "Simplify": "Make it simpler and easier to read, without changing what it does.",
    "Handle errors": "Handle the errors and edge cases that it lets through.",
    "Add types": "Add type annotations, in the language's usual form.",
    "Better names": "Give its local names better ones. Leave names alone that others may use.",
    "Split up": "Split it into smaller functions that each do one thing.",
}
"""To choose from where no comment says what to do: the protocol can't ask for a text."""
LOOK_S = 5.0
ASK = "Rewrite how? (For words of your own, write a comment 'AI: …' above the code.)"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to do with which code."""

    code: str
    """Without the comment that says it."""
    words: str = ""


class Edits:
    """Begins such work."""

    def __init__(self, server: PolypilotServer[Backend], works: Works, writers: Writers) -> None:
        self._server = server
        self._works = works
        self._writers = writers

    def begin(self, order: Order, place: Place) -> None:
        """Begin; from now on the lines are followed.

        Raises:
            UserError: ``busy``, the lines are being written already, or too much is going on.
        """
        if self._writers.overlaps(place.uri, place.start, place.end):
            raise UserError(
                "these lines are being worked on already", code="busy", cure="Wait, or stop it."
            )
        writer = Writer(self._server, self._writers, place.uri, (place.start, place.end))
        title = LABELS[order.does]

        async def do(work: Work) -> str:
            return await unless_lost(writer, self._run(work, order, place, writer))

        self._writers.add(writer)
        try:
            self._works.start(title, place.uri, do, lambda: self._writers.remove(writer))
        except UserError:
            self._writers.remove(writer)
            raise

    async def _run(self, work: Work, order: Order, place: Place, writer: Writer) -> str:
        backend = await self._server.backend()
        await backend.refresh()
        await ready()
        case = case_of(backend, order, place, work)
        await check_path(place.path, case.root)
        wish = await self._wish(order, place)
        if wish is None:
            return "nothing chosen"
        new = _new_text(await self._ask(case, wish), place, wish)
        if new == place.code:
            self._works.tell(f"Polypilot, {work.title}: the model would change nothing here")
            return "nothing to change"
        work.say("waiting for the editor")
        await writer.replace(new, f"Polypilot: {work.title}", confirm=True)
        return "done"

    async def _wish(self, order: Order, place: Place) -> _Wish | None:
        """What is wanted; None: the user wants nothing after all."""
        if order.does != "rewrite":
            return _Wish(place.code)
        if order.instruction:
            return _Wish(place.code, order.instruction)
        lines = place.code.split("\n")
        for at, line in enumerate(lines):
            if words := instruction(line):
                rest = "\n".join(lines[:at] + lines[at + 1 :])
                return _Wish(rest if rest.strip() else place.code, words)
        chosen = await self._works.choose(ASK, list(PRESETS))
        return _Wish(place.code, PRESETS[chosen]) if chosen else None

    async def _ask(self, case: Case, wish: _Wish) -> str:
        from polypilot.chat.values import Embedded  # noqa: PLC0415 - with the backend, not before

        place = case.place
        parts = (
            Embedded(place.uri, place.around, place.language),
            Embedded(place.uri, wish.code, place.language),
        )
        stream = case.question(_message(case.order, place, wish, case.name), parts)
        return usable(await collect(stream, case.work, self._works))


def _message(order: Order, place: Place, wish: _Wish, name: str) -> str:
    from polypilot_prompts.rewriting import (  # noqa: PLC0415 - not needed to start
        Problem,
        rewrite_message,
    )

    lines = (place.first, place.last)
    match order.does:
        case "fix" if order.problems:
            told = [Problem(each.line + 1, each.message, each.source) for each in order.problems]
            return rewrite_message("fix", name, lines, problems=told)
        case "fix":
            return rewrite_message("look", name, lines)
        case "document":
            return rewrite_message("document", name, lines)
        case "optimise":
            return rewrite_message("optimise", name, lines)
        case _:
            return rewrite_message("rewrite", name, lines, instruction=wish.words)


def _new_text(answer: str, place: Place, wish: _Wish) -> str:
    from polypilot_prompts.rewriting import code_in, fitted  # noqa: PLC0415 - as above

    code = code_in(answer)
    if not (code or "").strip():
        raise AnswerError(
            "the model gave no code block", cure="Ask again, or choose another model."
        )
    return fitted(
        code or "", wish.code, before=place.text[: place.start], after=place.text[place.end :]
    )


async def check_path(path: str | None, root: Root | None) -> None:
    """Raises UserError if a file is one that the model must not write."""
    from polypilot.tasks import run_blocking  # noqa: PLC0415 - not needed to start
    from polypilot.workspace.sensitive import refused  # noqa: PLC0415 - likewise

    if path is None:
        return
    reason = await run_blocking(refused, path, root, timeout=LOOK_S, name="sensitive")
    if reason:
        raise UserError(
            f"this file is not to be written by a model: {reason}",
            code="sensitive",
            cure="Change it yourself.",
        )
