"""The first look at a server: what it is, without a key and for nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polypilot.backend.unrecognised import unreached, unrecognised
from polypilot_providers.answer import Answer
from polypilot_providers.detect import (
    Kind,
    exists,
    is_anthropic,
    is_list,
    model_id,
    models,
    recognise,
    speaks,
)
from polypilot_providers.detect_row import ENDPOINTS, inserts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from polypilot.backend.probing import Prober
    from polypilot_providers.base import Secret
    from polypilot_providers.detect import Place
    from polypilot_providers.detect_row import Found
    from polypilot_providers.errors import ProviderError
    from polypilot_providers.origin import Origin

_SHOWN = 20
"""Models of Ollama that are asked what they can do, one request each."""
_QUESTIONS = {name: ENDPOINTS[name] for name in ("chat", "messages", "responses")}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a first look saw."""

    base: str
    kind: Kind | None
    listed: Answer
    """The answer to the request for its models below ``base``."""
    trouble: ProviderError
    """Why nothing was recognised, if that is so."""


async def first_look(prober: Prober, origin: Origin, where: Place) -> Seen:
    """Ask for what is free, and judge by the answers.

    Raises:
        ProviderError: nobody answers.
    """
    lists, marks = await asyncio.gather(lists_of(prober, where), prober.marks(where.root))
    answers = [*lists.values(), *marks.values()]
    if not any(each.status for each in answers):
        raise unreached(answers)
    base, answer = likeliest(lists)
    kind = recognise(answer, marks)
    if kind is None:
        base, kind = await _by_endpoints(prober, where, answers)
    return Seen(base, kind, answer, unrecognised(origin, where, answers))


async def lists_of(prober: Prober, where: Place) -> dict[str, Answer]:
    """What is answered to requests for the models, by the path below which they were made."""
    answers = await prober.ask_all(f"{base}/models" for base in where.bases)
    return {base: answers[f"{base}/models"] for base in where.bases}


def likeliest(lists: Mapping[str, Answer]) -> tuple[str, Answer]:
    """Where the API seems to begin, and what it answered there."""
    for fits in (is_list, speaks):
        for base, answer in lists.items():
            if fits(answer):
                return base, answer
    return next(iter(lists)), Answer()


async def _by_endpoints(
    prober: Prober, where: Place, answers: list[Answer]
) -> tuple[str, Kind | None]:
    """A server without a list of models is known by where it takes questions.

    They are empty, so that nothing can come of them; what came is added to ``answers``.
    """
    asked = await prober.ask_all(
        (base + path for base in where.bases for path in _QUESTIONS.values()), {}
    )
    answers += asked.values()
    for base in where.bases:
        by_name = {name: asked[base + path] for name, path in _QUESTIONS.items()}
        there = {name for name, answer in by_name.items() if exists(answer) and speaks(answer)}
        if there and ("chat" not in there or is_anthropic(by_name["messages"])):
            kind = Kind.ANTHROPIC if "messages" in there else Kind.OPENAI
            return base, kind
        if there:
            return base, Kind.OPENAI
    return where.bases[0], None


def names_in(entries: Iterable[Mapping[str, object]], key: Secret | None) -> list[str]:
    """The models' ids. A server may say anything, the key that it was just shown too."""
    secret = key.reveal() if key is not None else ""
    names = [model_id(entry) for entry in entries]
    return [name for name in names if not secret or secret not in name]


async def look_at_ollama(prober: Prober, found: Found) -> None:
    """Its models, and which of them complete before a suffix."""
    root = found.place.root
    tags = models(await prober.ask(f"{root}/api/tags"))
    found.names = names_in(tags, prober.key) or found.names
    names = found.writers[:_SHOWN]
    shown = await asyncio.gather(
        *(prober.ask(f"{root}/api/show", {"model": name}) for name in names)
    )
    able = zip(names, shown, strict=True)
    found.inserts = [name for name, answer in able if inserts(answer)]
