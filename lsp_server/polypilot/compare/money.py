"""What a comparison will cost, and the limit that it keeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from polypilot.compare.desk import place
from polypilot.completion.values import Ask, Trigger
from polypilot.errors import UserError
from polypilot.workspace.gate import ExcludedError
from polypilot_prompts.budget import estimate as tokens_of
from polypilot_providers.errors import StreamBroken, TimedOut

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from polypilot.backend.pricing import Tariff
    from polypilot.compare.desk import Desk
    from polypilot.compare.values import Kind, Reply, Task

_SAMPLE = 6
"""Tasks of a kind whose prompts are made to see how long they are; nothing is sent."""
_SYSTEM_TOKENS = 900
"""A conversation's own instructions."""
_ANSWER_TOKENS = 600
"""What a chat answer takes, reasoning left out: measured answers to such questions are shorter."""
_LONGEST_ANSWER = 8_000
_LONGEST_COMPLETION = 256
_MILLION = Decimal(1_000_000)
_COMPUTED = frozenset({TimedOut.code, StreamBroken.code})
"""Failures of requests that a supplier had begun to answer, and may charge for."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a target's tasks of one kind will take, for each."""

    tokens_in: int
    tokens_out: int
    most_in: int
    """The longest question, as far as it was looked at."""
    most_out: int
    """The most that may be answered."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What one target will cost, before anything is sent."""

    target: str
    requests: int
    tokens_in: int
    tokens_out: int
    dollars: Decimal | None
    """Expected; None if the price is not known."""
    most: Decimal | None
    """If every answer is as long as it may be, at the dearest hour."""
    free: bool
    """Whether it costs nothing, however much it is asked."""
    each: Mapping[Kind, Decimal | None]
    """The most that one task of a kind may cost."""


async def estimate(desk: Desk, tasks: Sequence[Task], done: Collection[str] = ()) -> Bill:
    """What asking a target for these tasks takes; makes some prompts and sends none.

    ``done``: ids of tasks that are answered; ``each`` tells of their kinds, too.

    Raises:
        ProviderError, UserError: the target can't be asked at all.
    """
    found: dict[Kind, Estimate] = {}
    left = [task for task in tasks if task.id not in done]
    for kind in dict.fromkeys(task.kind for task in (tasks if left else ())):
        found[kind] = await _of_kind(desk, [task for task in tasks if task.kind is kind])
    free = desk.backend.spending.free(desk.target.provider)
    now, dearest = await _tariffs(desk)
    counts = {kind: sum(task.kind is kind for task in left) for kind in found}
    expected = [_cost(now, kind, each.tokens_in, each.tokens_out, free=free)
                for kind, each in found.items()]  # fmt: skip
    most = {
        kind: _cost(dearest, kind, each.most_in, each.most_out, free=free)
        for kind, each in found.items()
    }
    return Bill(
        desk.target.label,
        len(left),
        sum(each.tokens_in * counts[kind] for kind, each in found.items()),
        sum(each.tokens_out * counts[kind] for kind, each in found.items()),
        _sum(zip(expected, counts.values(), strict=True)),
        _sum((most[kind], counts[kind]) for kind in found),
        free,
        most,
    )


def _sum(parts: Iterable[tuple[Decimal | None, int]]) -> Decimal | None:
    total = Decimal(0)
    for dollars, count in parts:
        if dollars is None and count:
            return None
        total += (dollars or Decimal(0)) * count
    return total


async def _tariffs(desk: Desk) -> tuple[Mapping[str, Tariff], Mapping[str, Tariff]]:
    """Prices by purpose, for the model that is asked for it: now, and the dearest of a day."""
    backend = desk.backend
    found: dict[str, Tariff] = {}
    dearest: dict[str, Tariff] = {}
    if backend.spending.free(desk.target.provider):
        return found, dearest
    for purpose in ("completion", "chat"):
        target = backend.target(purpose)
        row = backend.row(target.provider_id)
        tariffs = await backend.prices.tariffs(row, [target.model])
        if target.model in tariffs:
            found[purpose] = tariffs[target.model]
            dearest[purpose] = await backend.prices.dearest(row, target.model)
    return found, dearest


def _cost(
    tariffs: Mapping[str, Tariff], kind: Kind, tokens_in: int, tokens_out: int, *, free: bool
) -> Decimal | None:
    """Of one request, as if nothing came from the supplier's cache."""
    if free:
        return Decimal(0)
    tariff = tariffs.get(kind.purpose)
    if tariff is None or tariff.input is None or tariff.output is None:
        return None
    return (tokens_in * tariff.input + tokens_out * tariff.output) / _MILLION


async def _of_kind(desk: Desk, tasks: Sequence[Task]) -> Estimate:
    # What a conversation sends is known without making it; of the others a sample is made.
    chat = tasks[0].kind.purpose == "chat"
    sample = tasks if chat else tasks[:: max(1, len(tasks) // _SAMPLE)][:_SAMPLE]
    made = [each for task in sample if (each := await _of(desk, task)) is not None]
    made = made or [Estimate(0, 0, 0, 0)]
    return Estimate(
        sum(each.tokens_in for each in made) // len(made),
        sum(each.tokens_out for each in made) // len(made),
        max(each.most_in for each in made),
        max(each.most_out for each in made),
    )


async def _of(desk: Desk, task: Task) -> Estimate | None:
    if task.kind.purpose == "chat":
        sent = tokens_of(task.question) + sum(tokens_of(text) for _, text in task.attached)
        sent += _SYSTEM_TOKENS
        return Estimate(sent, _ANSWER_TOKENS, sent, _LONGEST_ANSWER)
    async with desk.document(task) as uri:
        snapshot = desk.backend.snapshot(uri, place(task))
        if snapshot is None:
            return None
        try:
            found = await desk.backend.engine.prompt(
                Ask(snapshot, place(task), Trigger.INVOKED, ahead=False)
            )
        except ExcludedError:  # it will not be asked either
            return None
    if found is None:
        raise UserError(
            f"{desk.target.label} may not be asked",
            code="configuration",
            cure="switch `privacy.local_only` off, or leave it out",
        )
    prompt = found[1]
    most = prompt.request.max_tokens or _LONGEST_COMPLETION
    sent = sum(part.tokens for part in prompt.parts)
    return Estimate(sent, min(most, 2 * tokens_of(task.truth) + 8), sent, most)


class CapError(UserError):
    """The limit of money can't be kept."""

    code = "cap"


def charged(reply: Reply, most: Decimal | None) -> Decimal:
    """US dollars that a reply counts as: what it cost, or if nobody knows, what it may have."""
    if reply.dollars is not None:
        return reply.dollars
    refused = reply.error and reply.error not in _COMPUTED
    return Decimal(0) if refused else most or Decimal(0)


class Cap:
    """Keeps what a comparison spends below a limit, requests under way included.

    A request is let out only if it fits even when its answer is as long as it may be. One
    whose cost stays unknown counts as that much.
    """

    def __init__(self, limit: Decimal | None, spent: Decimal = Decimal(0)) -> None:
        self.limit = limit
        self.spent = spent
        """US dollars, as far as they are known."""
        self.reached = False
        """Whether a request was held back for good."""
        self._held = Decimal(0)
        self._settled = asyncio.Event()

    async def take(self, most: Decimal | None) -> bool:
        """Whether a request that may cost so much may go out; then it is held for it.

        Where it fits only if those under way take less than they may, they are waited for.
        """
        most = most or Decimal(0)
        while self.limit is not None and self.spent + self._held + most > self.limit:
            if not self._held:
                self.reached = True
                return False
            await self._settled.wait()
        self._held += most
        return True

    def settle(self, most: Decimal | None, reply: Reply | None) -> None:
        """It has ended, with this reply; None: it did not go out, or was cut off."""
        self._held -= most or Decimal(0)
        if reply is not None:
            self.spent += charged(reply, most)
        self._settled.set()
        self._settled = asyncio.Event()
